//! The methods on offers: open, load, decide, save, answer.

use platform::{Open, PageRequest, Result, Store, Tx, Violations, page::Sizes};
use proto::lessons::v1::{self as pb, offer_service_server::OfferService};
use tonic::{Request, Response, Status};

use super::{Offer, store, wire};
use crate::{
    reason::Reason,
    twinning::{
        pair, project,
        side::Side,
        sighting::{Kind, witness::Witness},
    },
    year::edition,
};

/// The methods on offers.
#[derive(Clone)]
pub struct Offers {
    /// The data of lessons.
    pub store: Store,
    /// Records who sees what of a class abroad.
    pub witness: Witness,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl OfferService for Offers {
    async fn publish_offer(&self, request: Request<pb::PublishOfferRequest>) -> Result<Response<pb::Offer>, Status> {
        let (ctx, req) = request.open()?;
        let side = Side::crossed(&ctx)?;
        let tx = self.store.write(&ctx).await?;
        let (track, edition) = edition::store::track(&tx, req.track_id.parse()?).await?;
        let tx = tx.allowed(edition.seen_by(&ctx)?).await?;
        let mut offer = Offer::publish(&ctx, track.id(), side, req.try_into()?)?;
        check_projects(&tx, &offer).await?;
        store::add(&tx, &mut offer).await?;
        tx.note("publish offer", format!("offer {}", offer.id), "");
        tx.answer(offer.into()).await
    }

    async fn get_offer(&self, request: Request<pb::GetOfferRequest>) -> Result<Response<pb::Offer>, Status> {
        let (ctx, req) = request.open()?;
        let offer = store::get(&self.store.read(&ctx).await?, req.offer_id.parse()?).await?;
        self.witness.saw(&ctx, Kind::Offer, [offer.side()]).await?;
        Ok(Response::new(offer.into()))
    }

    async fn list_offers(
        &self,
        request: Request<pb::ListOffersRequest>,
    ) -> Result<Response<pb::ListOffersResponse>, Status> {
        let (ctx, req) = request.open()?;
        let filter = store::Filter::try_from(&req)?;
        let page = PageRequest::of(SIZES, &req)?;
        let page = store::list(&self.store.read(&ctx).await?, &filter, page).await?;
        self.witness.saw(&ctx, Kind::Offer, page.items.iter().map(Offer::side)).await?;
        let page = page.map(pb::Offer::from);
        Ok(Response::new(pb::ListOffersResponse { offers: page.items, next_page_token: page.next }))
    }

    async fn update_offer(&self, request: Request<pb::UpdateOfferRequest>) -> Result<Response<pb::Offer>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut offer = store::get(&tx, wire::named(&req)?).await?;
        let tx = tx.allowed(offer.owned_by(&ctx)?).await?;
        if offer.change(offer.asked(req)?)? {
            check_projects(&tx, &offer).await?;
            store::save(&tx, &mut offer).await?;
        }
        tx.answer(offer.into()).await
    }

    async fn withdraw_offer(&self, request: Request<pb::WithdrawOfferRequest>) -> Result<Response<pb::Offer>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut offer = store::get(&tx, req.offer_id.parse()?).await?;
        let tx = tx.allowed(offer.withdrawn_by(&ctx)?).await?;
        offer.withdraw()?;
        store::save(&tx, &mut offer).await?;
        pair::effects::drop_proposals(&tx, offer.side.team, None).await?;
        tx.note("withdraw offer", format!("offer {}", offer.id), "");
        tx.answer(offer.into()).await
    }

    async fn list_matches(
        &self,
        request: Request<pb::ListMatchesRequest>,
    ) -> Result<Response<pb::ListMatchesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let offer = store::get(&db, req.offer_id.parse()?).await?.matchable(&ctx)?;
        let matches = offer.matches(store::open(&db, offer.track).await?);
        drop(db);
        self.witness.saw(&ctx, Kind::Offer, matches.iter().map(|found| found.offer.side())).await?;
        Ok(Response::new(pb::ListMatchesResponse { matches: matches.into_iter().map(pb::Match::from).collect() }))
    }
}

/// Error: `PROJECT_UNKNOWN` for each project of the offer that the programme does not have.
async fn check_projects(tx: &Tx, offer: &Offer) -> Result<()> {
    let known = project::store::known(tx, &offer.wish.projects).await?;
    let mut violations = Violations::new();
    for (index, _) in offer.wish.projects.iter().enumerate().filter(|(_, id)| !known.contains(id)) {
        let text = "The programme has no such project. List its projects: they come with their ids.";
        violations.add(format!("project_ids[{index}]"), Reason::ProjectUnknown, text);
    }
    violations.done()
}
