//! The methods on timelines, and what makes one: open, load, decide, save, answer.

use jiff::Timestamp;
use platform::{Open, Reads, Result, Store, Tx};
use proto::lessons::v1::{self as pb, timeline_service_server::TimelineService};
use tonic::{Request, Response, Status};

use super::{Timeline, homes::Homes, store, wire};
use crate::{
    twinning::{
        pair::{self, Pair},
        side::check_programme,
    },
    work::report,
    year::{
        calendar::{self, Item},
        edition,
    },
};

/// The methods on timelines.
#[derive(Clone)]
pub struct Timelines {
    /// The data of lessons.
    pub store: Store,
    /// Where the classes live.
    pub homes: Homes,
}

#[tonic::async_trait]
impl TimelineService for Timelines {
    async fn get_timeline(&self, request: Request<pb::GetTimelineRequest>) -> Result<Response<pb::Timeline>, Status> {
        let (ctx, req) = request.open()?;
        check_programme(&ctx)?;
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, req.pair_id.parse()?).await?;
        let timeline = of(&db, &pair).await?;
        Ok(Response::new(wire::shown(timeline, &self.homes.of(&pair)?)))
    }

    async fn replan_timeline(
        &self,
        request: Request<pb::ReplanTimelineRequest>,
    ) -> Result<Response<pb::Timeline>, Status> {
        let (ctx, req) = request.open()?;
        check_programme(&ctx)?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let pair = pair::store::get(&tx, req.pair_id.parse()?).await?;
        let timeline = replan(&tx, &self.homes, &pair, req.reason).await?;
        tx.note("replan timeline", format!("pair {}", pair.id()), format!("version {}", timeline.version));
        tx.answer(wire::shown(timeline, &self.homes.of(&pair)?)).await
    }
}

/// The timeline of a pair. Error: `PAIR_STATE` before it has started.
async fn of(db: &impl Reads, pair: &Pair) -> Result<Timeline> {
    store::newest(db, pair.id()).await?.ok_or_else(|| pair.not_started())
}

/// Makes the timeline of a pair that starts. The deadlines of the calendar stay as they are until the transaction ends.
pub(crate) async fn plan(tx: &Tx, homes: &Homes, pair: &Pair) -> Result<()> {
    edition::store::keep_deadlines(tx, pair.track()).await?;
    let items = calendar::store::list(tx, [pair.track()].into_iter()).await?;
    let timeline = Timeline::plan(tx.ctx(), pair.id(), &items, &homes.of_present(pair)?)?;
    store::add(tx, &timeline).await
}

/// After an item of the calendar has moved: every pair at work has at least as much time as the calendar gives.
pub(crate) async fn follow(tx: &Tx, homes: &Homes, item: &Item) -> Result<()> {
    if item.deadline_of().is_none() {
        return Ok(());
    }
    let items = calendar::store::list(tx, [item.track()].into_iter()).await?;
    for pair in pair::store::at_work(tx, item.track()).await? {
        if let Some(before) = store::newest(tx, pair.id()).await? {
            let next = before.replan(tx.ctx(), &items, &homes.of_present(&pair)?, item.reason().to_owned())?;
            take(tx, &pair, &before, next).await?;
        }
    }
    Ok(())
}

/// After the work has rested since an instant: nobody is late because nobody could deliver.
pub(crate) async fn go_on(tx: &Tx, homes: &Homes, pair: &Pair, since: Timestamp, reason: String) -> Result<()> {
    edition::store::change_deadlines(tx, pair.track()).await?;
    let Some(before) = store::newest(tx, pair.id()).await? else { return Ok(()) };
    let next = before.rested(tx.ctx(), since, &homes.of_present(pair)?, reason)?;
    take(tx, pair, &before, next).await
}

/// Makes the timeline of a pair again, while nobody else moves deadlines of the track. The timeline as it stands then.
async fn replan(tx: &Tx, homes: &Homes, pair: &Pair, reason: String) -> Result<Timeline> {
    edition::store::change_deadlines(tx, pair.track()).await?;
    let before = of(tx, pair).await?;
    let items = calendar::store::list(tx, [pair.track()].into_iter()).await?;
    let next = before.replan(tx.ctx(), &items, &homes.of_present(pair)?, reason)?;
    take(tx, pair, &before, next.clone()).await?;
    Ok(next.unwrap_or(before))
}

/// Lets the next version hold, if there is one, and judges late reports again by what became later.
async fn take(tx: &Tx, pair: &Pair, before: &Timeline, next: Option<Timeline>) -> Result<()> {
    let Some(next) = next else { return Ok(()) };
    store::add(tx, &next).await?;
    for (lesson, deadline) in next.moved_since(before) {
        for place in pair.sides().iter().filter(|place| !place.has_left()) {
            report::api::judge_again_by(tx, pair.track(), lesson, pair.seat(place), &deadline).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing::twins::Twins,
        work::report::{Draft, Verdict},
        year::{
            calendar::Revision,
            form::Value,
            team::{Seat, Team},
        },
    };

    /// The Italian class submits a title, and nothing else is asked for here.
    async fn submit(twins: &Twins, at: &str) -> Seat {
        let side = twins.side(1);
        let (edition, track) = (twins.plan.edition.id(), twins.pair.track());
        let pair = Some(twins.pair.id());
        let team = Team { id: side.team, edition, track, pair, ..twins.ground.team(&twins.plan) };
        twins.ground.at(at);
        let ctx = twins.team(1);
        let tx = twins.store.write(&ctx).await.unwrap();
        let mut desk = report::store::desk_to_judge(&tx, &team, 1).await.unwrap();
        desk.form.fields.retain(|field| field.key == "research_title");
        let values = [("research_title".to_owned(), Value::Text("Acqua".to_owned()))].into_iter().collect();
        desk.save(&ctx, Draft { values, ..Draft::default() }).unwrap();
        report::store::save(&tx, &mut desk.report).await.unwrap();
        let submission = desk.submit(&ctx, "1", &[]).unwrap();
        report::store::save_submitted(&tx, &mut desk.report, &submission).await.unwrap();
        tx.commit().await.unwrap();
        team.seat()
    }

    async fn verdict(twins: &Twins, seat: Seat) -> Verdict {
        let db = twins.store.read(&twins.secretariat()).await.unwrap();
        let delivery = report::store::delivery(&db, seat, 1).await.unwrap().unwrap();
        delivery.state.judged().unwrap().verdict.clone()
    }

    #[tokio::test]
    async fn a_class_is_judged_by_the_timeline_of_its_pair_and_again_when_that_gives_more_time() {
        let twins = Twins::at_work().await;
        let homes = twins.homes();
        let tx = twins.store.write(&twins.secretariat()).await.unwrap();
        plan(&tx, &homes, &twins.pair).await.unwrap();
        tx.commit().await.unwrap();
        let team = submit(&twins, "2022-12-25T10:00:00Z").await;
        let late = verdict(&twins, team).await;
        assert_eq!((late.on_time, late.deadline.moment.to_string().get(..10)), (false, Some("2022-12-20")));

        let tx = twins.store.write(&twins.secretariat()).await.unwrap();
        let is_due = |item: &&Item| item.deadline_of() == Some(1) && item.track() == twins.pair.track();
        let item =
            calendar::store::get_to_change(&tx, twins.plan.items.iter().find(is_due).unwrap().id()).await.unwrap();
        let starts = "2022-12-22T23:59:59".parse().unwrap();
        let item = item.revise(tx.ctx(), Revision { starts, ends: None, reason: "strike".to_owned() }).unwrap();
        calendar::store::add_version(&tx, &item).await.unwrap();
        report::api::judge_again(&tx, &item, None).await.unwrap();
        follow(&tx, &homes, &item).await.unwrap();
        tx.commit().await.unwrap();
        let again = verdict(&twins, team).await;
        let due = again.deadline.moment.to_string();
        assert_eq!((again.on_time, due.get(..10), again.deadline.rule_version), (true, Some("2022-12-26"), 2));
    }
}
