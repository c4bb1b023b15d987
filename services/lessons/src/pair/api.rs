//! The methods on pairs: open, load, decide, save, answer.

use platform::{Open, PageRequest, Reads, Result, Store, Tx, page::Sizes};
use proto::lessons::v1::{self as pb, pair_service_server::PairService};
use tonic::{Request, Response, Status};

use super::{Pair, Place, store, wire::viewpoints};
use crate::{
    consent, file, message, offer, output, project, report,
    timeline::{self, homes::Homes},
};

/// The methods on pairs.
#[derive(Clone)]
pub struct Pairs {
    /// The data of lessons.
    pub store: Store,
    /// Where the classes live.
    pub homes: Homes,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl PairService for Pairs {
    async fn propose_pair(&self, request: Request<pb::ProposePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let one = offer::store::get(&tx, req.offer_ids[0].parse()?).await?;
        let other = offer::store::get(&tx, req.offer_ids[1].parse()?).await?;
        let mut pair = Pair::propose(&ctx, [&one, &other])?;
        store::add(&tx, &mut pair).await?;
        tx.note("propose pair", format!("pair {}", pair.id), "");
        tx.answer(pair.into()).await
    }

    async fn get_pair(&self, request: Request<pb::GetPairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let pair = store::get(&db, req.pair_id.parse()?).await?;
        Ok(Response::new(pair.into()))
    }

    async fn list_pairs(
        &self,
        request: Request<pb::ListPairsRequest>,
    ) -> Result<Response<pb::ListPairsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let filter = store::Filter::try_from(&req)?;
        let page = PageRequest::new(SIZES, req.page_size, &req.page_token, ("pairs", &filter))?;
        let db = self.store.read(&ctx).await?;
        let page = store::list(&db, &filter, page).await?.map(pb::Pair::from);
        Ok(Response::new(pb::ListPairsResponse { pairs: page.items, next_page_token: page.next }))
    }

    async fn accept_pair(&self, request: Request<pb::AcceptPairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        if pair.accept(&ctx)? {
            take_offers(&tx, &pair).await?;
        }
        save(&tx, &mut pair, "accept pair").await?;
        tx.answer(pair.into()).await
    }

    async fn decline_pair(&self, request: Request<pb::DeclinePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        if pair.decline(&ctx)? {
            reopen_offers(&tx, &pair).await?;
        }
        save(&tx, &mut pair, "decline pair").await?;
        tx.answer(pair.into()).await
    }

    async fn approve_pair(&self, request: Request<pb::ApprovePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        pair.approve(&ctx)?;
        save(&tx, &mut pair, "approve pair").await?;
        tx.answer(pair.into()).await
    }

    async fn propose_project(&self, request: Request<pb::ProposeProjectRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let project = project::store::get(&tx, req.project_id.parse()?).await?;
        pair.propose_project(&ctx, project, &viewpoints(req.viewpoints)?)?;
        save(&tx, &mut pair, "propose project").await?;
        tx.answer(pair.into()).await
    }

    async fn agree_project(&self, request: Request<pb::AgreeProjectRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let project = project::store::get(&tx, pair.proposed_project()?).await?;
        pair.agree_project(&ctx, &req.etag, project)?;
        save(&tx, &mut pair, "agree project").await?;
        tx.answer(pair.into()).await
    }

    async fn start_pair(&self, request: Request<pb::StartPairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        pair.start(&ctx)?;
        timeline::api::plan(&tx, &self.homes, &pair).await?;
        repair_lost(&tx, &pair).await?;
        save(&tx, &mut pair, "start pair").await?;
        tx.answer(pair.into()).await
    }

    async fn suspend_pair(&self, request: Request<pb::SuspendPairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        pair.suspend(&ctx, req.reason)?;
        save(&tx, &mut pair, "suspend pair").await?;
        tx.answer(pair.into()).await
    }

    async fn resume_pair(&self, request: Request<pb::ResumePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        pair.resume(&ctx)?;
        save(&tx, &mut pair, "resume pair").await?;
        tx.answer(pair.into()).await
    }

    async fn leave_pair(&self, request: Request<pb::LeavePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get_to_change(&tx, req.pair_id.parse()?).await?;
        let (left, survivor) = pair.leave(&ctx, req.reason)?;
        take_away(&tx, &pair, &left).await?;
        offer_again(&tx, &pair, survivor).await?;
        save(&tx, &mut pair, "leave pair").await?;
        tx.answer(pair.into()).await
    }

    async fn dissolve_pair(&self, request: Request<pb::DissolvePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        if pair.dissolve(&ctx, req.reason)? {
            reopen_offers(&tx, &pair).await?;
        }
        save(&tx, &mut pair, "dissolve pair").await?;
        tx.answer(pair.into()).await
    }

    async fn complete_pair(&self, request: Request<pb::CompletePairRequest>) -> Result<Response<pb::Pair>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut pair = store::get(&tx, req.pair_id.parse()?).await?;
        let delivered = store::delivered(&tx, &pair).await?;
        pair.complete(&ctx, delivered)?;
        save(&tx, &mut pair, "complete pair").await?;
        tx.answer(pair.into()).await
    }
}

/// Saves a pair, and that this was done with it.
async fn save(tx: &Tx, pair: &mut Pair, deed: &'static str) -> Result<()> {
    store::save(tx, pair).await?;
    tx.note(deed, format!("pair {}", pair.id), "");
    Ok(())
}

/// Both teachers have accepted: the classes are taken. Error: `OFFER_CLOSED` for the second of two proposals accepted at once.
async fn take_offers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in &pair.sides {
        let mut offer = offer::store::of_place(tx, place.offer).await?;
        offer.take()?;
        offer::store::save(tx, &mut offer).await?;
    }
    Ok(())
}

/// Who had lost a twin has begun to work with a new one: the pair of before is over.
async fn repair_lost(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in &pair.sides {
        for mut lost in store::alone(tx, place.side.team).await? {
            if lost.repair(tx.ctx()) {
                store::save(tx, &mut lost).await?;
            }
        }
    }
    Ok(())
}

/// The pair has come to an end: those whom it took look for a twin again.
async fn reopen_offers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in pair.sides.iter().filter(|place| !place.has_left()) {
        let mut offer = offer::store::of_place(tx, place.offer).await?;
        offer.reopen();
        offer::store::save(tx, &mut offer).await?;
    }
    Ok(())
}

/// The class that goes on stands in the lists of those who look for a twin again, marked as having lost one.
async fn offer_again(tx: &Tx, pair: &Pair, survivor: Option<Place>) -> Result<()> {
    let Some(place) = survivor else { return Ok(()) };
    let mut offer = offer::store::of_place(tx, place.offer).await?;
    offer.lose_twin(pair.id);
    offer::store::save(tx, &mut offer).await
}

/// What a class brought leaves with it. Every slice of the pair's space that keeps something of one class has its line here.
async fn take_away(tx: &Tx, pair: &Pair, left: &Place) -> Result<()> {
    let seat = pair.seat(left);
    report::store::take_away(tx, seat).await?;
    output::store::take_away(tx, pair.id, seat).await?;
    file::store::take_away(tx, seat).await?;
    message::store::take_away(tx, pair.id, &left.side).await?;
    consent::store::take_away(tx, pair.id, left.side.team).await?;
    tx.emit(&pb::MessageChanged { pair_id: pair.id.to_string(), message_id: String::new() });
    for place in &pair.sides {
        tx.forget_answers(place.side.team).await?;
        tx.forget_answers(&place.side.home).await?;
    }
    let mut offer = offer::store::of_place(tx, left.offer).await?;
    offer.empty();
    offer::store::save(tx, &mut offer).await
}
