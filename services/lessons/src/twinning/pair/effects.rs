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

/// Saves a pair and notes in the audit log what was done. A pair that has ended releases its classes.
pub(crate) async fn save(tx: &Tx, pair: &mut Pair, deed: &'static str) -> Result<()> {
    store::save(tx, pair).await?;
    engagement::home::release(tx, pair);
    tx.note(deed, format!("pair {}", pair.id), "");
    Ok(())
}

/// Takes the offers of both classes, after both teachers have accepted, and lets other proposals to them lapse. Error: `OFFER_CLOSED` for
/// the second of two proposals that are accepted at once.
pub(crate) async fn take_offers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in &pair.sides {
        let mut offer = offer::store::of_place(tx, place.offer).await?;
        offer.take()?;
        offer::store::save(tx, &mut offer).await?;
        drop_proposals(tx, place.side.team, Some(pair.id)).await?;
    }
    Ok(())
}

/// Lets the proposals to a class lapse, except the pair `but`: the class is taken, or looks for no twin any more.
pub(crate) async fn drop_proposals(tx: &Tx, team: Id<Team>, but: Option<Id<Pair>>) -> Result<()> {
    for mut rival in store::proposed_to(tx, team).await? {
        if Some(rival.id) != but {
            rival.lapse(tx.ctx())?;
            save(tx, &mut rival, "let pair lapse").await?;
        }
    }
    Ok(())
}

/// Ends the earlier pairs of classes that went on alone and now begin to work in this pair.
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

/// Opens the offers of the classes again, after the pair has ended.
pub(crate) async fn reopen_offers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in pair.sides.iter().filter(|place| !place.has_left()) {
        let mut offer = offer::store::of_place(tx, place.offer).await?;
        offer.reopen();
        offer::store::save(tx, &mut offer).await?;
    }
    Ok(())
}

/// Opens the offer of the class that goes on alone, marked as having lost its twin.
pub(crate) async fn offer_again(tx: &Tx, pair: &Pair, survivor: Option<PairSide>) -> Result<()> {
    let Some(place) = survivor else { return Ok(()) };
    let mut offer = offer::store::of_place(tx, place.offer).await?;
    offer.lose_twin(pair.id);
    offer::store::save(tx, &mut offer).await
}

/// Empties the offer of a class that looks for no twin any more, and lets proposals to it lapse. The offer is locked before the proposals,
/// in the same order as an acceptance does it, so that neither transaction waits for the other.
pub(crate) async fn give_up(tx: &Tx, mut offer: Offer) -> Result<()> {
    offer.empty();
    offer::store::save(tx, &mut offer).await?;
    drop_proposals(tx, offer.side().team, None).await
}

/// Forgets the answers given to members of the pair, so that a request of before that is sent again is decided anew.
pub(crate) async fn forget_answers(tx: &Tx, pair: &Pair) -> Result<()> {
    for place in &pair.sides {
        tx.forget_answers(place.side.team).await?;
        tx.forget_answers(&place.side.home).await?;
    }
    Ok(())
}
