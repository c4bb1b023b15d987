//! A class that can come no more, as its home says: nobody who is left of it could leave the pair, or take its offer back.

use jiff::Timestamp;
use platform::{Id, Reads, Result, Tx};

use super::{
    Pair, Place, State,
    after::{give_up, offer_again, reopen_offers, save, take_away},
    store,
};
use crate::{twinning::offer, year::team::Team};

impl Pair {
    /// Takes a class out that is bound in it. Before the work begins that is the end of the pair; after, the other class goes on. Gives
    /// the place that was left, as it was, and the place of the other class. None where it binds nobody.
    fn lose(&mut self, now: Timestamp, team: Id<Team>) -> Option<(Place, Option<Place>)> {
        let at = self.sides.iter().position(|place| place.side.team == team).filter(|_| self.state.engages())?;
        let next = if self.check_begun().is_ok() { State::OneSided } else { State::Declined };
        let left = self.depart(at, now);
        self.stand(next, now);
        Some((left, self.sides.iter().find(|place| !place.has_left()).cloned()))
    }
}

/// Takes a class out of the pair it is bound in, and out of the lists of those who look for a twin. Who goes on alone is bound to
/// nobody, and keeps what it has.
pub(crate) async fn part(tx: &Tx, team: Id<Team>) -> Result<()> {
    take_out(tx, team).await?;
    for offer in offer::store::to_withdraw(tx, team).await? {
        if offer.check_open().is_ok() {
            tx.note("withdraw offer", format!("offer {}", offer.id()), "");
            give_up(tx, offer).await?;
        }
    }
    // an acceptance may have bound it while this waited for its offer
    take_out(tx, team).await
}

/// Takes a class out of the pair it is bound in, with what it brought. Where it is bound in none, nothing happens.
async fn take_out(tx: &Tx, team: Id<Team>) -> Result<()> {
    let Some(bound) = store::bound(tx, team).await? else { return Ok(()) };
    let Some(mut pair) = store::find_to_change(tx, bound).await? else { return Ok(()) };
    let was = pair.state;
    let Some((left, other)) = pair.lose(tx.ctx().now(), team) else { return Ok(()) };
    take_away(tx, &pair, &left, was).await?;
    match pair.state {
        State::Declined => reopen_offers(tx, &pair).await?,
        _ => offer_again(tx, &pair, other).await?,
    }
    save(tx, &mut pair, "take class out").await
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::testing::{
        Ground,
        twins::{Twins, offered, proposed},
    };

    #[tokio::test]
    async fn a_class_that_can_come_no_more_is_neither_offered_nor_proposed() {
        let twins = Twins::at_work().await;
        let track = twins.plan.edition.tracks()[0].id();
        let sides = [("hr", "HR033"), ("it", "ITF14")].map(|(home, territory)| twins.ground.side(home, territory));
        let teacher = twins.ground.twin(Role::TwinTeacher, &sides[0]);
        let [gone, other] = sides.each_ref().map(|side| side.team);
        let tx = twins.store.write(&twins.secretariat()).await.unwrap();
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
            assert_eq!(store::find(&tx, pair.id).await.unwrap().unwrap().state, State::Lapsed);
        }
    }

    #[tokio::test]
    async fn a_class_is_taken_out_of_the_pair_it_is_bound_in_whichever_that_is() {
        let twins = Twins::at_work().await;
        let tx = twins.store.write(&twins.secretariat()).await.unwrap();
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

    #[tokio::test]
    async fn a_class_that_can_come_no_more_leaves_its_twin_alone_and_free() {
        let mut twins = Twins::at_work().await;
        let (gone, other) = (twins.side(1).clone(), twins.side(0).team);
        let now = twins.ground.clock.now();
        let (left, goes_on) = twins.pair.lose(now, gone.team).unwrap();
        assert_eq!((left.side, goes_on.map(|place| place.side.team)), (gone.clone(), Some(other)));
        assert_eq!(twins.pair.state(), State::OneSided);
        assert_eq!(twins.side(1).school_name, "", "the gap stays");
        assert!(twins.pair.lose(now, gone.team).is_none() && twins.pair.lose(now, other).is_none(), "nobody is bound");
    }

    #[test]
    fn before_the_work_begins_that_is_its_end() {
        let ground = Ground::programme();
        let sides = [ground.side("hr", "HR033"), ground.side("it", "ITF14")];
        let (teams, teachers) =
            (sides.each_ref().map(|side| side.team), sides.each_ref().map(|side| ground.twin(Role::TwinTeacher, side)));
        let mut pair = proposed(&teachers[0], ground.ids.next(), sides);
        assert!(pair.lose(ground.clock.now(), teams[1]).is_none(), "a proposal binds nobody");
        pair.accept(&teachers[1]).unwrap();
        pair.lose(ground.clock.now(), teams[1]).unwrap();
        assert_eq!(pair.state(), State::Declined);
        assert!(!pair.sides()[0].has_left() && pair.sides()[1].has_left());
    }
}
