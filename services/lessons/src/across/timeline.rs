//! Timelines in a transaction: made when a pair starts, and made again when the calendar moves or the work has rested. Late deliveries are
//! judged again.

use jiff::Timestamp;
use platform::{Reads, Result, Tx};

use super::judging::judge_again_by;
use crate::{
    space::timeline::{Timeline, homes::Homes, store},
    twinning::pair::{self, Pair},
    year::{
        calendar::{self, Item},
        edition,
    },
};

/// The timeline of a pair. Error: `PAIR_STATE` before it has started.
pub(crate) async fn of(db: &impl Reads, pair: &Pair) -> Result<Timeline> {
    store::newest(db, pair.id()).await?.ok_or_else(|| pair.not_started())
}

/// Makes the timeline of a pair that starts. The deadlines of the calendar stay as they are until the transaction ends.
pub(crate) async fn plan(tx: &Tx, homes: &Homes, pair: &Pair) -> Result<()> {
    edition::store::hold_deadlines(tx, pair.track()).await?;
    let items = calendar::store::list(tx, [pair.track()].into_iter()).await?;
    let timeline = Timeline::plan(tx.ctx(), pair.id(), &items, &homes.of_present(pair)?)?;
    store::add(tx, &timeline).await
}

/// Makes the timelines of all pairs at work again, after an item of the calendar has moved.
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

/// Moves the timeline of a pair on, after its work has rested since an instant: its classes could not deliver in that time.
pub(crate) async fn go_on(tx: &Tx, homes: &Homes, pair: &Pair, since: Timestamp, reason: String) -> Result<()> {
    edition::store::lock_deadlines(tx, pair.track()).await?;
    let Some(before) = store::newest(tx, pair.id()).await? else { return Ok(()) };
    let next = before.rested(tx.ctx(), since, &homes.of_present(pair)?, reason)?;
    take(tx, pair, &before, next).await
}

/// Makes the timeline of a pair again. Nobody else can move deadlines of the track until the transaction ends. Returns the timeline that
/// holds then.
pub(crate) async fn replan(tx: &Tx, homes: &Homes, pair: &Pair, reason: String) -> Result<Timeline> {
    edition::store::lock_deadlines(tx, pair.track()).await?;
    let before = of(tx, pair).await?;
    let items = calendar::store::list(tx, [pair.track()].into_iter()).await?;
    let next = before.replan(tx.ctx(), &items, &homes.of_present(pair)?, reason)?;
    take(tx, pair, &before, next.clone()).await?;
    Ok(next.unwrap_or(before))
}

/// Adds the next version of a timeline, if there is one, and judges late reports again by the deadlines that became later.
async fn take(tx: &Tx, pair: &Pair, before: &Timeline, next: Option<Timeline>) -> Result<()> {
    let Some(next) = next else { return Ok(()) };
    store::add(tx, &next).await?;
    for (lesson, deadline) in next.moved_since(before) {
        for place in pair.sides().iter().filter(|place| !place.has_left()) {
            judge_again_by(tx, pair.track(), lesson, pair.seat(place), &deadline).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        across::{
            classes::{self, NamedClass},
            judging::judge_again,
            report::load,
        },
        testing::twins::Twins,
        work::{
            answer::Value,
            report::{self, Draft, Verdict},
        },
        year::{calendar::Revision, team::Seat},
    };

    /// The Italian class submits a title, and nothing else is asked for here.
    async fn submit(twins: &Twins, at: &str) -> Seat {
        twins.ground.at(at);
        let ctx = twins.team(1);
        let tx = twins.store.change(&ctx).await.unwrap();
        let class = classes::hold(&tx, NamedClass::OfPair(twins.side(1).team)).await.unwrap();
        let mut loaded = load(&tx, &class, 1).await.unwrap();
        loaded.form.fields.retain(|field| field.key == "research_title");
        let values = [("research_title".to_owned(), Value::Text("Acqua".to_owned()))].into_iter().collect();
        loaded.save(&ctx, Draft { values, ..Draft::default() }).unwrap();
        report::store::save(&tx, &mut loaded.report).await.unwrap();
        let submission = loaded.submit(&ctx, "1", &[]).unwrap();
        report::store::save_submitted(&tx, &mut loaded.report, &submission).await.unwrap();
        tx.commit().await.unwrap();
        class.team.seat()
    }

    async fn verdict(twins: &Twins, seat: Seat) -> Verdict {
        let db = twins.store.read(&twins.secretariat()).await.unwrap();
        let delivery = report::store::deliveries(&db, [seat].into_iter()).await.unwrap().remove(0);
        delivery.state.judged().unwrap().verdict.clone()
    }

    #[tokio::test]
    async fn a_class_is_judged_by_the_timeline_of_its_pair_and_again_when_that_gives_more_time() {
        let twins = Twins::at_work().await;
        let homes = twins.homes();
        let tx = twins.store.change(&twins.secretariat()).await.unwrap();
        plan(&tx, &homes, &twins.pair).await.unwrap();
        tx.commit().await.unwrap();
        let team = submit(&twins, "2022-12-25T10:00:00Z").await;
        let late = verdict(&twins, team).await;
        assert_eq!((late.on_time, late.deadline.moment.to_string().get(..10)), (false, Some("2022-12-20")));

        let tx = twins.store.change(&twins.secretariat()).await.unwrap();
        let is_due = |item: &&Item| item.deadline_of() == Some(1) && item.track() == twins.pair.track();
        let item =
            calendar::store::get_to_change(&tx, twins.plan.items.iter().find(is_due).unwrap().id()).await.unwrap();
        let starts = "2022-12-22T23:59:59".parse().unwrap();
        let item = item.revise(tx.ctx(), Revision { starts, ends: None, reason: "strike".to_owned() }).unwrap();
        calendar::store::add_version(&tx, &item).await.unwrap();
        judge_again(&tx, &item, None).await.unwrap();
        follow(&tx, &homes, &item).await.unwrap();
        tx.commit().await.unwrap();
        let again = verdict(&twins, team).await;
        let due = again.deadline.moment.to_string();
        assert_eq!((again.on_time, due.get(..10), again.deadline.rule_version), (true, Some("2022-12-26"), 2));
    }
}
