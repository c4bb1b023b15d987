//! Deliveries that came late are judged again when a deadline has moved. A verdict only ever becomes better (I7).

use std::collections::HashMap;

use platform::{Id, Reads, Result, Tx, tenant::Kind};

use crate::{
    across::output::send_home,
    space::{output, timeline},
    twinning::pair::{self, Pair},
    work::{
        credit::home::send_report,
        report::{Delivery, store},
    },
    year::{
        calendar::{self, Deadline, Item},
        edition::Track,
        team::{Seat, Space},
    },
};

/// Judges what came late again after an item of the calendar or an extension has moved a deadline: of one class, or of all of the track.
/// Does nothing for an item that is no deadline.
pub(crate) async fn judge_again(tx: &Tx, item: &Item, seat: Option<Seat>) -> Result<()> {
    let Some(lesson) = item.deadline_of() else { return Ok(()) };
    let extensions = calendar::store::extensions(tx, item.track(), lesson).await?;
    let late = store::late(tx, item.track(), lesson, seat).await?;
    let deadline = |delivery: &Delivery| Deadline::new(item, extensions.get(&delivery.seat.team));
    judge_reports(tx, late, deadline).await?;
    judge_outputs(tx, item.track(), lesson, seat.and_then(|seat| seat.space)).await
}

/// Judges what a class delivered late again after its pair's timeline has moved a deadline.
pub(crate) async fn judge_again_by(
    tx: &Tx,
    track: Id<Track>,
    lesson: i32,
    seat: Seat,
    deadline: &Deadline,
) -> Result<()> {
    let late = store::late(tx, track, lesson, Some(seat)).await?;
    judge_reports(tx, late, |_| deadline.clone()).await?;
    judge_outputs(tx, track, lesson, seat.space).await
}

async fn judge_reports(tx: &Tx, late: Vec<Delivery>, deadline: impl Fn(&Delivery) -> Deadline) -> Result<()> {
    let mut improved = Vec::new();
    for mut delivery in late {
        let deadline = deadline(&delivery);
        if delivery.judge_again(&deadline) {
            store::save_verdict(tx, &mut delivery).await?;
            improved.push(delivery);
        }
    }
    let pairs = pairs_of(tx, improved.iter().filter_map(|delivery| delivery.seat.space)).await?;
    for Delivery { seat, lesson, state, .. } in &improved {
        let pair = seat.space.and_then(|space| pairs.get(&space));
        if let Some((side, judged)) = pair.and_then(|pair| pair.side_of(seat.team)).zip(state.judged()) {
            send_report(tx, &side.side.home, seat.team, *lesson, judged);
        }
    }
    Ok(())
}

/// Judges late joint outputs again: of one pair, or of all pairs of a track. Only their rows are locked, and whatever their number they are
/// read by a few queries.
async fn judge_outputs(tx: &Tx, track: Id<Track>, lesson: i32, space: Option<Id<Space>>) -> Result<()> {
    if tx.ctx().tenant().kind() == Kind::Country {
        return Ok(());
    }
    let late = output::store::late_spaces(tx, lesson, space).await?;
    let mut pairs = pairs_of(tx, late.into_iter()).await?;
    pairs.retain(|_, pair| pair.track() == track);
    if pairs.is_empty() {
        return Ok(());
    }
    let deadlines = deadlines(tx, track, lesson, pairs.values()).await?;
    for mut output in output::store::late(tx, pairs.keys().copied(), lesson).await? {
        let judged = pairs.get(&output.space()).zip(deadlines.get(&output.space()));
        if let Some((pair, deadline)) = judged
            && output.judge_again(deadline)
        {
            output::store::save(tx, &mut output).await?;
            send_home(tx, pair, &output);
        }
    }
    Ok(())
}

/// The deadline of a lesson in each of some pairs of one track: the latest that holds for either class, so that nobody is late because the
/// other class was given less time.
async fn deadlines<'a>(
    db: &impl Reads,
    track: Id<Track>,
    lesson: i32,
    pairs: impl Iterator<Item = &'a Pair> + Clone,
) -> Result<HashMap<Id<Space>, Deadline>> {
    let item = calendar::store::deadline_item(db, track, lesson).await?;
    let extensions = calendar::store::extensions(db, track, lesson).await?;
    let mut by_timeline = timeline::store::deadlines(db, pairs.clone().map(Pair::space), lesson).await?;
    let latest = |pair: &Pair| {
        let by_calendar = Deadline::new(&item, None);
        let extended = pair.sides().iter().filter_map(|place| extensions.get(&place.side.team));
        let own = extended
            .fold(by_calendar, |latest, extension| latest.or_later(Some(Deadline::new(&item, Some(extension)))));
        (pair.space(), own.or_later(by_timeline.remove(&pair.space())))
    };
    Ok(pairs.map(latest).collect())
}

async fn pairs_of(tx: &Tx, spaces: impl Iterator<Item = Id<Space>>) -> Result<HashMap<Id<Space>, Pair>> {
    let mut ids: Vec<Id<Pair>> = spaces.map(Pair::of_space).collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let pairs = pair::store::some(tx, &ids).await?;
    Ok(pairs.into_iter().map(|pair| (pair.space(), pair)).collect())
}
