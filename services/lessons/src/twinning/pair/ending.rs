//! How a pair rests and ends: suspended, left by one class, repaired by the other one's new pair, dissolved, completed.

use jiff::Timestamp;
use platform::{Ctx, Id, Result, Violations};

use super::{Actor, Pair, PairSide, PairStage, PairState};
use crate::{twinning::side::check_contact, year::team::Team};

impl Pair {
    /// Rests the work. Error: `PAIR_STATE`, `CONTACT_DATA` in the reason, which the other class reads.
    pub fn suspend(&mut self, ctx: &Ctx, reason: String) -> Result<()> {
        let PairState::Active(work) = &self.state else { return Err(self.out_of_turn()) };
        check_reason(&reason)?;
        let suspended = PairState::Suspended { work: work.clone(), by: Actor::of(ctx)?, reason };
        self.stand(suspended, ctx.now());
        Ok(())
    }

    /// Takes the work up again: who suspended it, the country of the class that did, or the secretariat. Error: `PAIR_STATE`.
    pub fn resume(&mut self, ctx: &Ctx) -> Result<()> {
        let PairState::Suspended { work, by, .. } = &self.state else { return Err(self.out_of_turn()) };
        if !Actor::of(ctx)?.may_undo(by) {
            return Err(self.refused(
                "Who suspended the pair takes it up again: the pair says for whom it waits. The secretariat can, too.",
            ));
        }
        self.stand(PairState::Active(work.clone()), ctx.now());
        Ok(())
    }

    /// Takes the caller's class out. What it brought is emptied; its country and territory stay, so that the gap is visible. Returns the
    /// side it left, as it was, and the side of the class that goes on, if one does. A class that was parted, or has found another twin,
    /// may still leave to take along what it brought: the pair stays what it is, and nobody goes on in it. Error: `PAIR_STATE`,
    /// `CONTACT_DATA`.
    pub fn leave(&mut self, ctx: &Ctx, reason: String) -> Result<(PairSide, Option<PairSide>)> {
        use PairStage as S;
        let own = self.acting(ctx)?;
        self.check_stage(&[S::Active, S::Suspended, S::OneSided, S::Dissolved, S::Repaired])?;
        check_reason(&reason)?;
        let left = self.depart(own, ctx.now());
        let work = match &self.state {
            PairState::Active(work) | PairState::Suspended { work, .. } | PairState::OneSided { work, .. } => {
                work.clone()
            }
            _ => return Ok((left, None)),
        };
        let survivor = self.sides.iter().find(|side| !side.has_left()).cloned();
        let next = match survivor {
            Some(_) => PairState::OneSided { work, reason },
            None => PairState::Dissolved { work, reason },
        };
        self.stand(next, ctx.now());
        Ok((left, survivor))
    }

    /// Takes out a class that can come no more and is bound in this pair. Before the work begins that is the end of the pair; after, the
    /// other class goes on. Returns the side that was left, as it was, and the side of the other class. None where the pair does not bind
    /// the class.
    pub(crate) fn lose(&mut self, now: Timestamp, team: Id<Team>) -> Option<(PairSide, Option<PairSide>)> {
        let at = self.sides.iter().position(|side| side.side.team == team).filter(|_| self.stage().engages())?;
        let next = match self.state.work() {
            Some(work) => PairState::OneSided { work: work.clone(), reason: self.state.reason().to_owned() },
            None => PairState::Declined(self.state.chosen().cloned()),
        };
        let left = self.depart(at, now);
        self.stand(next, now);
        Some((left, self.sides.iter().find(|side| !side.has_left()).cloned()))
    }

    /// Empties a side. Returns it as it was.
    fn depart(&mut self, at: usize, now: Timestamp) -> PairSide {
        let left = self.sides[at].clone();
        self.sides[at].left_at = Some(now);
        self.sides[at].side.empty();
        left
    }

    /// Ends the pair in which a class went on alone, because that class has begun to work with a new twin. Returns whether it was such a
    /// pair.
    pub fn repair(&mut self, ctx: &Ctx) -> bool {
        let PairState::OneSided { work, reason } = &self.state else { return false };
        self.stand(PairState::Repaired { work: work.clone(), reason: reason.clone() }, ctx.now());
        true
    }

    /// Ends it for both, after the work has begun; before, it is declined. Returns whether both classes were bound by it: a class that went
    /// on alone looks for a twin already. Error: `PAIR_STATE`, `CONTACT_DATA`.
    pub fn dissolve(&mut self, ctx: &Ctx, reason: String) -> Result<bool> {
        let work = match &self.state {
            PairState::Active(work) | PairState::Suspended { work, .. } | PairState::OneSided { work, .. } => {
                work.clone()
            }
            _ => return Err(self.out_of_turn()),
        };
        check_reason(&reason)?;
        let was_engaged = self.stage().engages();
        self.stand(PairState::Dissolved { work, reason }, ctx.now());
        Ok(was_engaged)
    }

    /// Completes it, once both classes have delivered, each alone and both together (I13). Error: `PAIR_STATE`.
    pub fn complete(&mut self, ctx: &Ctx) -> Result<()> {
        let PairState::Active(work) = &self.state else { return Err(self.out_of_turn()) };
        if work.delivered_at.is_none() || self.sides.iter().any(|side| side.delivered_at.is_none()) {
            return Err(self.refused(
                "A pair is complete once both classes have delivered every lesson, and together the joint output of the last one.",
            ));
        }
        self.stand(PairState::Completed(work.clone()), ctx.now());
        Ok(())
    }
}

fn check_reason(reason: &str) -> Result<()> {
    let mut violations = Violations::new();
    check_contact(&mut violations, "reason", reason);
    violations.done()
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
    async fn the_twin_of_a_class_that_was_moved_goes_on_alone_and_is_not_bound() {
        let mut twins = Twins::at_work().await;
        let (gone, other) = (twins.side(1).clone(), twins.side(0).team);
        let now = twins.ground.clock.now();
        let (left, goes_on) = twins.pair.lose(now, gone.team).unwrap();
        assert_eq!((left.side, goes_on.map(|place| place.side.team)), (gone.clone(), Some(other)));
        assert_eq!(twins.pair.stage(), PairStage::OneSided);
        assert_eq!(twins.side(1).school_name, "", "the gap stays");
        assert!(twins.pair.lose(now, gone.team).is_none() && twins.pair.lose(now, other).is_none(), "nobody is bound");
    }

    #[test]
    fn a_pair_is_declined_when_one_of_its_classes_is_moved_before_the_work_begins() {
        let ground = Ground::programme();
        let sides = [ground.side("hr", "HR033"), ground.side("it", "ITF14")];
        let (teams, teachers) =
            (sides.each_ref().map(|side| side.team), sides.each_ref().map(|side| ground.twin(Role::TwinTeacher, side)));
        let mut pair = proposed(&teachers[0], ground.ids.next(), sides);
        assert!(pair.lose(ground.clock.now(), teams[1]).is_none(), "a proposal binds nobody");
        pair.accept(&teachers[1]).unwrap();
        pair.lose(ground.clock.now(), teams[1]).unwrap();
        assert_eq!(pair.stage(), PairStage::Declined);
        assert!(!pair.sides()[0].has_left() && pair.sides()[1].has_left());
    }
}
