//! A class leaves a pair, or is taken out of it by its country. What it brought is deleted in the same transaction.

use platform::{Id, Reads, Result, Tx};
use proto::lessons::v1 as pb;

use crate::{
    space::{consent, message, output},
    twinning::{
        offer,
        pair::{
            Pair, PairSide, PairStage,
            effects::{forget_answers, give_up, offer_again, reopen_offers, save},
            store,
        },
    },
    work::{file, report},
    year::team::Team,
};

/// Deletes all that a class brought to a pair it leaves. Every slice that keeps something of one class of a pair has a line here. `left` is
/// the side as it was, and `was` the state the pair was in.
pub(crate) async fn take_away(tx: &Tx, pair: &Pair, left: &PairSide, was: PairStage) -> Result<()> {
    let (seat, team) = (pair.seat(left), left.side.team);
    report::store::take_away(tx, seat).await?;
    output::store::take_away(tx, pair.id(), team, &file::store::ids(tx, seat).await?).await?;
    tx.emit(&pb::FilesRemoved { digests: file::store::take_away(tx, seat).await? });
    message::store::take_away(tx, pair.id(), &left.side).await?;
    consent::store::take_away(tx, pair.id(), team).await?;
    close_space(tx, pair).await?;
    let offer = offer::store::of_place(tx, left.offer).await?;
    // a class that went on alone, or whose pair was dissolved, may already look for a twin with this offer, or have found one: then the
    // offer stays
    if was.engages() || (was == PairStage::OneSided && offer.check_open().is_ok()) {
        give_up(tx, offer).await
    } else {
        Ok(())
    }
}

/// Closes the space of a pair to those who may not see it any more: it ends their streams, and forgets the answers they were given.
pub(crate) async fn close_space(tx: &Tx, pair: &Pair) -> Result<()> {
    message::store::all_changed(tx, pair.id());
    forget_answers(tx, pair).await
}

/// Takes a class out of the pair it is bound in, and withdraws its offers. A class that goes on alone in a pair is not bound, and stays
/// there.
pub(crate) async fn part(tx: &Tx, team: Id<Team>) -> Result<()> {
    take_out(tx, team).await?;
    for offer in offer::store::to_withdraw(tx, team).await? {
        if offer.check_open().is_ok() {
            tx.note("withdraw offer", format!("offer {}", offer.id()), "");
            give_up(tx, offer).await?;
        }
    }
    // an acceptance may have bound it while this transaction waited for its offer
    take_out(tx, team).await
}

/// Takes a class out of the pair it is bound in, and deletes what it brought. Does nothing where it is not bound.
async fn take_out(tx: &Tx, team: Id<Team>) -> Result<()> {
    let Some(bound) = store::bound(tx, team).await? else { return Ok(()) };
    let Some(mut pair) = store::find_to_change(tx, bound).await? else { return Ok(()) };
    let was = pair.stage();
    let Some((left, other)) = pair.lose(tx.ctx().now(), team) else { return Ok(()) };
    take_away(tx, &pair, &left, was).await?;
    match pair.stage() {
        PairStage::Declined => reopen_offers(tx, &pair).await?,
        _ => offer_again(tx, &pair, other).await?,
    }
    save(tx, &mut pair, "take class out").await
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::testing::twins::{Twins, offered};

    #[tokio::test]
    async fn the_offers_and_proposals_of_a_class_that_was_moved_end() {
        let twins = Twins::at_work().await;
        let track = twins.plan.edition.tracks()[0].id();
        let sides = [("hr", "HR033"), ("it", "ITF14")].map(|(home, territory)| twins.ground.side(home, territory));
        let teacher = twins.ground.twin(Role::TwinTeacher, &sides[0]);
        let [gone, other] = sides.each_ref().map(|side| side.team);
        let tx = twins.store.change(&twins.secretariat()).await.unwrap();
        let mut offers = sides.map(|side| offered(&teacher, track, side));
        for offer in &mut offers {
            offer::store::add(&tx, offer).await.unwrap();
        }
        let mut pair = Pair::propose(&teacher, [&offers[0], &offers[1]]).unwrap();
        store::add(&tx, &mut pair).await.unwrap();
        for _ in 0..2 {
            part(&tx, gone).await.unwrap();
            let open = offer::store::open(&tx, track).await.unwrap();
            assert_eq!(open.iter().map(|offer| offer.side().team).collect::<Vec<_>>(), [other]);
            assert_eq!(store::find(&tx, pair.id()).await.unwrap().unwrap().stage(), PairStage::Lapsed);
        }
    }

    #[tokio::test]
    async fn a_class_is_taken_out_of_the_one_pair_that_binds_it() {
        let twins = Twins::at_work().await;
        let tx = twins.store.change(&twins.secretariat()).await.unwrap();
        let (at_work, team) = (twins.pair.id(), twins.side(1).team);
        assert_eq!(store::bound(&tx, team).await.unwrap(), Some(at_work));
        assert_eq!(store::bound(&tx, twins.ground.ids.next()).await.unwrap(), None);
        let mut pair = twins.read(&tx).await;
        pair.lose(tx.ctx().now(), team).unwrap();
        store::save(&tx, &mut pair).await.unwrap();
        let both = twins.pair.sides().each_ref().map(|place| place.side.team);
        for team in both {
            assert_eq!(store::bound(&tx, team).await.unwrap(), None, "who goes on alone is bound to nobody");
        }
    }
}
