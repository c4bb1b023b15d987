//! The methods on confirmations: open, load, decide, save, answer.

use platform::{Allowed, Open, Result, Store, secret::Keys};
use proto::identity::v1::{self as pb, confirmation_service_server::ConfirmationService};
use tonic::{Request, Response, Status};

use crate::{
    account::SchoolLetter,
    across::confirming::{self, Case},
    password::throttle::{Occasion, Throttle},
};

/// The methods on confirmations.
#[derive(Clone)]
pub struct Confirmations {
    /// Identity's data.
    pub store: Store,
    /// The keys codes are derived with.
    pub keys: Keys,
    /// Limits guesses of codes, and mails to schools.
    pub throttle: Throttle,
}

#[tonic::async_trait]
impl ConfirmationService for Confirmations {
    async fn ask_school(
        &self,
        request: Request<pb::AskSchoolRequest>,
    ) -> Result<Response<pb::AskSchoolResponse>, Status> {
        let (ctx, _) = request.open()?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let case = Case::load_to_change(&tx, ctx.account()?).await?;
        let school = case.askable(&ctx)?;
        // what one teacher may send is asked first: who has used it up takes nothing from what a school may be sent
        self.throttle.school_asked(&ctx)?;
        if self.throttle.letter_to_anybody(&ctx, Occasion::School, school)? {
            confirming::ask(&tx, &case).await?;
        }
        tx.answer(pb::AskSchoolResponse {}).await
    }

    async fn confirm_as_school(
        &self,
        request: Request<pb::ConfirmAsSchoolRequest>,
    ) -> Result<Response<pb::ConfirmAsSchoolResponse>, Status> {
        let (ctx, req) = request.open()?;
        let id = self.throttle.typed(&ctx, || SchoolLetter::read_code(&ctx, &self.keys, &req.code))?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        confirming::redeem(&tx, id).await?;
        tx.answer(pb::ConfirmAsSchoolResponse {}).await
    }

    async fn confirm_as_colleague(
        &self,
        request: Request<pb::ConfirmAsColleagueRequest>,
    ) -> Result<Response<pb::Confirmation>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let (own, case) = confirming::colleagues(&tx, ctx.account()?, req.account_id.parse()?).await?;
        let tx = tx.allowed(case.account().vouched_by(own.account())?).await?;
        let confirmation = confirming::as_colleague(&tx, own.account().id(), case.account().id()).await?;
        tx.answer(confirmation.into()).await
    }

    async fn confirm_teacher(
        &self,
        request: Request<pb::ConfirmTeacherRequest>,
    ) -> Result<Response<pb::Confirmation>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let case = Case::load(&tx, req.account_id.parse()?).await?;
        let tx = tx.allowed(case.account().confirmed_by(&ctx, case.school())?).await?;
        let confirmation = confirming::as_coordinator(&tx, case.account().id()).await?;
        tx.answer(confirmation.into()).await
    }

    async fn revoke_confirmation(
        &self,
        request: Request<pb::RevokeConfirmationRequest>,
    ) -> Result<Response<pb::RevokeConfirmationResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let case = Case::load(&tx, req.account_id.parse()?).await?;
        let tx = tx.allowed(case.account().confirmed_by(&ctx, case.school())?).await?;
        confirming::take_back(&tx, case.account().id()).await?;
        tx.answer(pb::RevokeConfirmationResponse {}).await
    }
}
