//! The methods on pairs: open, load, decide, save, answer.

use platform::{Id, Open, PageRequest, Reads, Result, Store, Tx, page::Sizes};
use proto::lessons::v1::{self as pb, pair_service_server::PairService};
use tonic::{Request, Response, Status};

use super::{
    Pair,
    effects::{offer_again, reopen_offers, repair_lost, save, take_offers},
    store,
    wire::{self, viewpoints},
};
use crate::{
    across::{
        leaving::{close_space, take_away},
        timeline,
    },
    space::timeline::homes::Homes,
    twinning::{
        engagement::home::Engagements,
        offer::{self, couples::couples},
        project,
        sighting::{Kind, witness::Witness},
    },
    year::edition::{self, Track},
};

/// The methods on pairs.
#[derive(Clone)]
pub struct Pairs {
    /// The data of lessons.
    pub store: Store,
    /// The files of the classes' countries.
    pub homes: Homes,
    /// Takes the engagements of classes.
    pub engagements: Engagements,
    /// Records who sees what of a class abroad.
    pub witness: Witness,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl PairService for Pairs {
    async fn propose_pair(&self, request: Request<pb::ProposePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let offers = offer::store::hold_both(&tx, [req.offer_ids[0].parse()?, req.offer_ids[1].parse()?]).await?;
        let tx = tx.allowed(Pair::proposed_by(&ctx, offers.each_ref())?).await?;
        let mut pair = Pair::propose(&ctx, offers.each_ref())?;
        check_beside(&tx, &pair).await?;
        store::add(&tx, &mut pair).await?;
        tx.note("propose pair", format!("pair {}", pair.id), "");
        tx.answer(pair.into()).await
    }

    async fn propose_matches(
        &self,
        request: Request<pb::ProposeMatchesRequest>,
    ) -> Result<Response<pb::ProposeMatchesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let (track, edition) = edition::store::track(&tx, req.track_id.parse()?).await?;
        let tx = tx.allowed(edition.seen_by(&ctx)?).await?;
        let answer = propose_matches(&tx, track.id()).await?;
        tx.answer(answer).await
    }

    async fn get_pair(&self, request: Request<pb::GetPairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let pair = store::get(&db, req.pair_id.parse()?).await?;
        drop(db);
        self.witness.saw(&ctx, Kind::Pair, pair.there()).await?;
        Ok(Response::new(pair.into()))
    }

    async fn list_pairs(
        &self,
        request: Request<pb::ListPairsRequest>,
    ) -> Result<Response<pb::ListPairsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let filter = store::Filter::try_from(&req)?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let page = store::list(&db, &filter, page).await?;
        drop(db);
        self.witness.saw(&ctx, Kind::Pair, page.items.iter().flat_map(Pair::there)).await?;
        let page = page.map(pb::Pair::from);
        Ok(Response::new(pb::ListPairsResponse { pairs: page.items, next_page_token: page.next }))
    }

    async fn accept_pair(&self, request: Request<pb::AcceptPairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.acted_in_by(&ctx)?).await?;
        if pair.accept(&ctx)? {
            take_offers(&tx, &pair).await?;
        }
        save(&tx, &mut pair, "accept pair").await?;
        self.engagements.claim(&tx, &pair).await?;
        tx.answer(pair.into()).await
    }

    async fn decline_pair(&self, request: Request<pb::DeclinePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.seen_by(&ctx)?).await?;
        if pair.decline(&ctx)? {
            reopen_offers(&tx, &pair).await?;
        }
        save(&tx, &mut pair, "decline pair").await?;
        tx.answer(pair.into()).await
    }

    async fn approve_pair(&self, request: Request<pb::ApprovePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.acted_in_by(&ctx)?).await?;
        pair.approve(&ctx)?;
        save(&tx, &mut pair, "approve pair").await?;
        tx.answer(pair.into()).await
    }

    async fn propose_project(&self, request: Request<pb::ProposeProjectRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.acted_in_by(&ctx)?).await?;
        let project = project::store::get(&tx, req.project_id.parse()?).await?;
        pair.propose_project(&ctx, project, &viewpoints(req.viewpoints)?)?;
        save(&tx, &mut pair, "propose project").await?;
        tx.answer(pair.into()).await
    }

    async fn agree_project(&self, request: Request<pb::AgreeProjectRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.acted_in_by(&ctx)?).await?;
        let project = project::store::get(&tx, pair.proposed_project()?).await?;
        pair.agree_project(&ctx, &req.etag, project)?;
        save(&tx, &mut pair, "agree project").await?;
        tx.answer(pair.into()).await
    }

    async fn start_pair(&self, request: Request<pb::StartPairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.seen_by(&ctx)?).await?;
        pair.start(&ctx)?;
        timeline::plan(&tx, &self.homes, &pair).await?;
        repair_lost(&tx, &pair).await?;
        save(&tx, &mut pair, "start pair").await?;
        tx.answer(pair.into()).await
    }

    async fn suspend_pair(&self, request: Request<pb::SuspendPairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.seen_by(&ctx)?).await?;
        pair.suspend(&ctx, req.reason)?;
        save(&tx, &mut pair, "suspend pair").await?;
        tx.answer(pair.into()).await
    }

    async fn resume_pair(&self, request: Request<pb::ResumePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get_to_change(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.seen_by(&ctx)?).await?;
        let (since, why) = (pair.since, pair.state.reason().to_owned());
        pair.resume(&ctx)?;
        timeline::go_on(&tx, &self.homes, &pair, since, why).await?;
        save(&tx, &mut pair, "resume pair").await?;
        tx.answer(pair.into()).await
    }

    async fn leave_pair(&self, request: Request<pb::LeavePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get_to_change(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.acted_in_by(&ctx)?).await?;
        let was = pair.stage();
        let (left, survivor) = pair.leave(&ctx, req.reason)?;
        take_away(&tx, &pair, &left, was).await?;
        offer_again(&tx, &pair, survivor).await?;
        save(&tx, &mut pair, "leave pair").await?;
        tx.answer(pair.into()).await
    }

    async fn dissolve_pair(&self, request: Request<pb::DissolvePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.seen_by(&ctx)?).await?;
        if pair.dissolve(&ctx, req.reason)? {
            reopen_offers(&tx, &pair).await?;
        }
        save(&tx, &mut pair, "dissolve pair").await?;
        close_space(&tx, &pair).await?;
        tx.answer(pair.into()).await
    }

    async fn complete_pair(&self, request: Request<pb::CompletePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.seen_by(&ctx)?).await?;
        pair.complete(&ctx)?;
        save(&tx, &mut pair, "complete pair").await?;
        tx.answer(pair.into()).await
    }
}

/// Checks a new pair against the open proposals of its classes. Its offers are locked, so nobody else proposes one at the same time. Error:
/// `PAIR_EXISTS`, `PROPOSALS_MANY`.
async fn check_beside(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in pair.sides() {
        pair.check_beside(tx.ctx(), &store::proposed_to(tx, place.side.team).await?)?;
    }
    Ok(())
}

/// Proposes the couples of the matcher. The track is locked, so that several requests run one after the other.
async fn propose_matches(tx: &Tx, track: Id<Track>) -> Result<pb::ProposeMatchesResponse> {
    edition::store::lock_deadlines(tx, track).await?;
    let offers = offer::store::free(tx, track).await?;
    let found = couples(&offers, tx.ctx().tenant().countries(), &store::met(tx, track).await?);
    let mut pairs = Vec::new();
    for couple in &found.couples {
        let mut pair = Pair::matched(tx.ctx(), couple)?;
        store::add(tx, &mut pair).await?;
        tx.note("propose match", format!("pair {}", pair.id), "");
        pairs.push(pair);
    }
    Ok(wire::found(pairs, &found.alone))
}
