//! A class that can come no more, as its home says: nobody who is left of it could leave the pair.

use jiff::Timestamp;
use platform::{Id, Reads, Result, Tx};

use super::{
    Pair, Place, State,
    after::{offer_again, reopen_offers, save, take_away},
    store,
};
use crate::team::Team;

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

/// Takes a class out of a pair it is bound in, with what it brought. Where it is bound no more, nothing happens.
pub(crate) async fn take_out(tx: &Tx, pair: Id<Pair>, team: Id<Team>) -> Result<()> {
    let Some(mut pair) = store::find_to_change(tx, pair).await? else { return Ok(()) };
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
        twins::{Twins, proposed},
    };

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
