//! What follows elsewhere from what happens to a pair: to offers, to pairs of before, to what a class brought.

use platform::{Id, Reads, Result, Tx};
use proto::lessons::v1 as pb;

use super::{Pair, Place, State, store};
use crate::{
    space::{
        consent, message,
        output::{self, Output},
    },
    twinning::{
        engagement,
        offer::{self, Offer},
    },
    work::{file, report},
    year::{
        edition,
        team::{Seat, Team},
    },
};

/// Saves a pair, and that this was done with it. One that has come to an end lets its classes go.
pub(super) async fn save(tx: &Tx, pair: &mut Pair, deed: &'static str) -> Result<()> {
    store::save(tx, pair).await?;
    engagement::home::release(tx, pair);
    tx.note(deed, format!("pair {}", pair.id), "");
    Ok(())
}

/// Both teachers have accepted: the classes are taken, and what else was proposed to either has come to nothing. Error: `OFFER_CLOSED`
/// for the second of two proposals accepted at once.
pub(super) async fn take_offers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in &pair.sides {
        let mut offer = offer::store::of_place(tx, place.offer).await?;
        offer.take()?;
        offer::store::save(tx, &mut offer).await?;
        drop_proposals(tx, place.side.team, Some(pair.id)).await?;
    }
    Ok(())
}

/// What is proposed to a class that is taken, or looks for a twin no more, comes to nothing.
pub(crate) async fn drop_proposals(tx: &Tx, team: Id<Team>, but: Option<Id<Pair>>) -> Result<()> {
    for mut rival in store::proposed_to(tx, team).await? {
        if Some(rival.id) != but {
            rival.lapse(tx.ctx())?;
            save(tx, &mut rival, "let pair lapse").await?;
        }
    }
    Ok(())
}

/// Who had lost a twin has begun to work with a new one: the pair of before is over.
pub(super) async fn repair_lost(tx: &Tx, pair: &Pair) -> Result<()> {
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
pub(super) async fn reopen_offers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in pair.sides.iter().filter(|place| !place.has_left()) {
        let mut offer = offer::store::of_place(tx, place.offer).await?;
        offer.reopen();
        offer::store::save(tx, &mut offer).await?;
    }
    Ok(())
}

/// The class that goes on stands in the lists of those who look for a twin again, marked as having lost one.
pub(super) async fn offer_again(tx: &Tx, pair: &Pair, survivor: Option<Place>) -> Result<()> {
    let Some(place) = survivor else { return Ok(()) };
    let mut offer = offer::store::of_place(tx, place.offer).await?;
    offer.lose_twin(pair.id);
    offer::store::save(tx, &mut offer).await
}

/// What a class brought leaves with it. Every slice of the pair's space that keeps something of one class has its line here. `was` is
/// where the pair stood.
pub(super) async fn take_away(tx: &Tx, pair: &Pair, left: &Place, was: State) -> Result<()> {
    let seat = pair.seat(left);
    report::store::take_away(tx, seat).await?;
    output::store::take_away(tx, pair.id, seat).await?;
    tx.emit(&pb::FilesRemoved { digests: file::store::take_away(tx, seat).await? });
    message::store::take_away(tx, pair.id, &left.side).await?;
    consent::store::take_away(tx, pair.id, left.side.team).await?;
    tx.emit(&pb::MessageChanged { pair_id: pair.id.to_string(), message_id: String::new() });
    forget_answers(tx, pair).await?;
    let offer = offer::store::of_place(tx, left.offer).await?;
    // who went on alone, or was parted, may look for a twin with this very offer, or have found one: that is no part of this pair
    if was.engages() || (was == State::OneSided && offer.check_open().is_ok()) {
        give_up(tx, offer).await
    } else {
        Ok(())
    }
}

/// A class looks for a twin no more, and nothing is left of what it said. The offer first and then what is proposed, as an acceptance
/// has it: so neither waits for the other.
pub(super) async fn give_up(tx: &Tx, mut offer: Offer) -> Result<()> {
    offer.empty();
    offer::store::save(tx, &mut offer).await?;
    drop_proposals(tx, offer.side().team, None).await
}

/// A class has delivered a report: whether that was its last one.
pub(crate) async fn delivered(tx: &Tx, seat: Seat) -> Result<()> {
    let Some(id) = seat.pair else { return Ok(()) };
    let mut pair = store::get_to_change(tx, id).await?;
    let lessons = report::store::delivered(tx, seat).await?;
    let track = edition::store::track_of_team(tx, pair.track).await?;
    if track.rules().lessons.iter().all(|lesson| lessons.contains(&lesson.number)) && pair.deliver(tx.ctx(), seat.team)
    {
        store::save(tx, &mut pair).await?;
    }
    Ok(())
}

/// A joint output was saved or signed. That of the last lesson is what both come to together: the pair says who has still to sign it, and
/// when it was delivered.
pub(crate) async fn signed(tx: &Tx, pair: &mut Pair, output: &Output) -> Result<()> {
    let track = edition::store::track_of_team(tx, pair.track).await?;
    if track.rules().lessons.iter().map(|lesson| lesson.number).max() != Some(output.lesson()) {
        return Ok(());
    }
    let is_signed = pair.sign(&output.signers());
    let is_delivered = output.is_delivered() && pair.deliver_together(tx.ctx());
    if is_signed || is_delivered {
        store::save(tx, pair).await?;
    }
    Ok(())
}

/// A dissolved pair's space is closed: to who watches it now, and to requests of before, sent again.
pub(super) async fn close_space(tx: &Tx, pair: &Pair) -> Result<()> {
    tx.emit(&pb::MessageChanged { pair_id: pair.id.to_string(), message_id: String::new() });
    forget_answers(tx, pair).await
}

/// What was told of its space is told no more: a request of before, sent again, is asked anew.
pub(crate) async fn forget_answers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in &pair.sides {
        tx.forget_answers(place.side.team).await?;
        tx.forget_answers(&place.side.home).await?;
    }
    Ok(())
}
