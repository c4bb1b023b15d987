//! What follows from a change of a pair for offers, for other pairs and for what its classes are bound by.

use platform::{Id, Reads, Result, Tx};

use super::{Pair, PairSide, store};
use crate::{
    twinning::{
        engagement,
        offer::{self, Offer},
    },
    year::team::Team,
};

/// Saves a pair, and that this was done with it. One that has come to an end lets its classes go.
pub(crate) async fn save(tx: &Tx, pair: &mut Pair, deed: &'static str) -> Result<()> {
    store::save(tx, pair).await?;
    engagement::home::release(tx, pair);
    tx.note(deed, format!("pair {}", pair.id), "");
    Ok(())
}

/// Both teachers have accepted: the classes are taken, and what else was proposed to either has come to nothing. Error: `OFFER_CLOSED`
/// for the second of two proposals accepted at once.
pub(crate) async fn take_offers(tx: &Tx, pair: &Pair) -> Result<()> {
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
pub(crate) async fn repair_lost(tx: &Tx, pair: &Pair) -> Result<()> {
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
pub(crate) async fn reopen_offers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in pair.sides.iter().filter(|place| !place.has_left()) {
        let mut offer = offer::store::of_place(tx, place.offer).await?;
        offer.reopen();
        offer::store::save(tx, &mut offer).await?;
    }
    Ok(())
}

/// The class that goes on stands in the lists of those who look for a twin again, marked as having lost one.
pub(crate) async fn offer_again(tx: &Tx, pair: &Pair, survivor: Option<PairSide>) -> Result<()> {
    let Some(place) = survivor else { return Ok(()) };
    let mut offer = offer::store::of_place(tx, place.offer).await?;
    offer.lose_twin(pair.id);
    offer::store::save(tx, &mut offer).await
}

/// A class looks for a twin no more, and nothing is left of what it said. The offer first and then what is proposed, as an acceptance
/// has it: so neither waits for the other.
pub(crate) async fn give_up(tx: &Tx, mut offer: Offer) -> Result<()> {
    offer.empty();
    offer::store::save(tx, &mut offer).await?;
    drop_proposals(tx, offer.side().team, None).await
}

/// What was told of its space is told no more: a request of before, sent again, is asked anew.
pub(crate) async fn forget_answers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in &pair.sides {
        tx.forget_answers(place.side.team).await?;
        tx.forget_answers(&place.side.home).await?;
    }
    Ok(())
}
