//! The methods on what is known of a person.

use platform::{
    Open, Peers, Result, Store,
    audit::Pieces,
    subject::{Parts, Subjects, gather},
};
use proto::identity::v1::{self as pb, data_subject_service_server::DataSubjectService};
use tonic::{Request, Response, Status};

use crate::{
    account,
    across::{entry, erasing, erasure},
};

/// The methods on what is known of a person.
#[derive(Clone)]
pub struct DataSubjects {
    /// Identity's data.
    pub store: Store,
    /// What identity has of people.
    pub subjects: Subjects,
    /// The channels to the other services.
    pub peers: Peers,
}

#[tonic::async_trait]
impl DataSubjectService for DataSubjects {
    type ExportOwnDataStream = Pieces;
    type DescribeSubjectStream = Parts;

    async fn export_own_data(&self, request: Request<pb::ExportOwnDataRequest>) -> Result<Response<Pieces>, Status> {
        let (ctx, _) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let account = account::store::person(&db, ctx.account()?).await?;
        entry::refuse_half(&db, &account).await?;
        drop(db);
        Ok(gather(&self.peers, &ctx)?)
    }

    async fn erase_account(&self, request: Request<pb::EraseAccountRequest>) -> Result<Response<pb::Erasure>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let account = account::store::person(&tx, req.account_id.parse()?).await?;
        let tx = tx.allowed(account.helped_by(&ctx)?).await?;
        let erasure = erasing::begin(&tx, &self.subjects, account.id(), None).await?;
        tx.answer(erasure.into()).await
    }

    async fn get_erasure(&self, request: Request<pb::GetErasureRequest>) -> Result<Response<pb::Erasure>, Status> {
        let (ctx, req) = request.open()?;
        let erasure = erasure::store::get(&self.store.read(&ctx).await?, req.account_id.parse()?).await?;
        Ok(Response::new(erasure.into()))
    }

    async fn describe_subject(&self, request: Request<pb::DescribeSubjectRequest>) -> Result<Response<Parts>, Status> {
        let (ctx, _) = request.open()?;
        let account = account::store::get(&self.store.glance(&ctx).await?, ctx.account()?).await?;
        Ok(self.subjects.describe(&ctx, Some(account.login().as_str())).await?)
    }
}
