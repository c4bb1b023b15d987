//! The methods on consents: open, load, decide, save, answer.

use platform::{Id, Open, PageRequest, Result, Store, page::Sizes, wire};
use proto::lessons::v1::{self as pb, consent_service_server::ConsentService};
use tonic::{Request, Response, Status};

use super::{Channel, Consent, store};
use crate::{
    across::shelf,
    twinning::{
        pair::{self, Pair},
        side::Side,
        sighting::{Kind, witness::Witness},
    },
    work::file::{self, File},
};

/// The methods on consents.
#[derive(Clone)]
pub struct Consents {
    /// The data of lessons.
    pub store: Store,
    /// Records who sees what of a class abroad.
    pub witness: Witness,
}

const SIZES: Sizes = Sizes { usual: 50, most: 500 };

#[tonic::async_trait]
impl ConsentService for Consents {
    async fn register_consent(
        &self,
        request: Request<pb::RegisterConsentRequest>,
    ) -> Result<Response<pb::Consent>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let pair = pair::store::get_to_change(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.owned_by(&ctx)?).await?;
        let is_known = file::store::is_of_any(&tx, pair.seats(), req.file_id.parse()?).await?;
        let consent = Consent::register(&ctx, &pair, is_known, (&req).try_into()?)?;
        store::add(&tx, &consent).await?;
        tx.note("register consent", format!("consent {}", consent.id), format!("file {}", consent.file));
        tx.answer(consent.into()).await
    }

    async fn withdraw_consent(
        &self,
        request: Request<pb::WithdrawConsentRequest>,
    ) -> Result<Response<pb::Consent>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let pair = pair::store::get_to_change(&tx, req.pair_id.parse()?).await?;
        let mut consent = store::own(&tx, &pair, req.consent_id.parse()?).await?;
        let tx = tx.allowed(pair.owned_by(&ctx)?).await?;
        consent.withdraw(&ctx);
        store::close(&tx, &consent).await?;
        pair::effects::forget_answers(&tx, &pair).await?;
        tx.note("withdraw consent", format!("consent {}", consent.id), format!("file {}", consent.file));
        tx.answer(consent.into()).await
    }

    async fn list_consents(
        &self,
        request: Request<pb::ListConsentsRequest>,
    ) -> Result<Response<pb::ListConsentsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let file: Option<Id<File>> = wire::optional(&req.file_id)?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, req.pair_id.parse()?).await?;
        pair.check_together(&ctx)?;
        let page = store::list(&db, &pair, &shelf::of_pair(&db, &pair).await?, file, page).await?;
        drop(db);
        self.witness.saw(&ctx, Kind::Consents, who_stated(&pair, &page.items)).await?;
        let page = page.map(pb::Consent::from);
        Ok(Response::new(pb::ListConsentsResponse { consents: page.items, next_page_token: page.next }))
    }

    async fn get_publication(
        &self,
        request: Request<pb::GetPublicationRequest>,
    ) -> Result<Response<pb::Publication>, Status> {
        let (ctx, req) = request.open()?;
        let channel = Channel::try_from(req.channel())?;
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, req.pair_id.parse()?).await?;
        pair.check_together(&ctx)?;
        let file = shelf::find(&db, &pair, req.file_id.parse()?).await?;
        let publication = store::publication(&db, &pair, file.id(), channel).await?;
        Ok(Response::new(publication.into()))
    }
}

/// The classes that have made one of these statements.
fn who_stated<'a>(pair: &'a Pair, consents: &'a [Consent]) -> impl Iterator<Item = &'a Side> {
    pair.there().filter(|side| consents.iter().any(|consent| consent.team == side.team))
}
