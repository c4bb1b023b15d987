//! How a pair rests and ends: suspended, left by one, found again by the other, dissolved, completed.

use jiff::Timestamp;
use platform::{Ctx, Id, Result};

use super::{Actor, Pair, Place, State};
use crate::{
    amiss::Amiss,
    reason::{Reason, Refuse},
    twinning::side::check_contact,
    year::team::Team,
};

/// Where a pair can be dissolved from. Before the work begins it is declined.
const BEGUN: [State; 3] = [State::Active, State::Suspended, State::OneSided];
/// Where it can be left from: who was parted, or has found another twin, may still take along what it brought.
const LEFT: [State; 5] = [State::Active, State::Suspended, State::OneSided, State::Dissolved, State::Repaired];

impl Pair {
    /// Rests the work. Error: `PAIR_STATE`, `CONTACT_DATA` in the reason, which the other class reads.
    pub fn suspend(&mut self, ctx: &Ctx, reason: String) -> Result<()> {
        self.check_state(&[State::Active])?;
        check_reason(&reason)?;
        self.reason = reason;
        self.suspended_by = Some(Actor::of(ctx)?);
        self.stand(State::Suspended, ctx.now());
        Ok(())
    }

    /// Takes it up again: who suspended it, the country of the class that did, or the secretariat. Error: `PAIR_STATE`.
    pub fn resume(&mut self, ctx: &Ctx) -> Result<()> {
        self.check_state(&[State::Suspended])?;
        let actor = Actor::of(ctx)?;
        if !self.suspended_by.as_ref().is_none_or(|other| actor.may_undo(other)) {
            let text =
                "Who suspended the pair takes it up again: the pair says for whom it waits. The secretariat can, too.";
            return Err(Reason::PairState.error(text).with("state", self.state_name()));
        }
        self.suspended_by = None;
        self.reason = String::new();
        self.stand(State::Active, ctx.now());
        Ok(())
    }

    /// Takes the caller's class out. What it brought is emptied; its country and territory stay, so that the gap is visible. Gives the
    /// place it left, as it was, and the place of the class that goes on, if one does. Error: `PAIR_STATE`, `CONTACT_DATA`.
    pub fn leave(&mut self, ctx: &Ctx, reason: String) -> Result<(Place, Option<Place>)> {
        let own = self.acting(ctx)?;
        self.check_state(&LEFT)?;
        check_reason(&reason)?;
        let left = self.depart(own, ctx.now());
        if matches!(self.state, State::Dissolved | State::Repaired) {
            // it stays what it is, for the reason it ended for; nobody goes on in it
            return Ok((left, None));
        }
        self.reason = reason;
        let survivor = self.sides.iter().find(|place| !place.has_left()).cloned();
        self.stand(if survivor.is_some() { State::OneSided } else { State::Dissolved }, ctx.now());
        Ok((left, survivor))
    }

    /// Empties a place. Gives it as it was.
    pub(super) fn depart(&mut self, at: usize, now: Timestamp) -> Place {
        let left = self.sides[at].clone();
        self.sides[at].left_at = Some(now);
        self.sides[at].side.empty();
        left
    }

    /// The class that went on has begun to work with a new twin. Whether that ends this pair.
    pub fn repair(&mut self, ctx: &Ctx) -> bool {
        let is_waiting = self.state == State::OneSided;
        if is_waiting {
            self.stand(State::Repaired, ctx.now());
        }
        is_waiting
    }

    /// Ends it for both. Whether both were bound by it: who went on alone looks for a twin already. Error: `PAIR_STATE`, `CONTACT_DATA`.
    pub fn dissolve(&mut self, ctx: &Ctx, reason: String) -> Result<bool> {
        self.check_state(&BEGUN)?;
        check_reason(&reason)?;
        let was_engaged = self.state.engages();
        self.reason = reason;
        self.stand(State::Dissolved, ctx.now());
        Ok(was_engaged)
    }

    /// A class has delivered its last report. Whether that is new.
    pub(crate) fn deliver(&mut self, ctx: &Ctx, team: Id<Team>) -> bool {
        let own = self.sides.iter_mut().find(|place| place.side.team == team && place.delivered_at.is_none());
        own.map(|place| place.delivered_at = Some(ctx.now())).is_some()
    }

    /// The joint output of the last lesson is delivered. Whether that is new.
    pub(crate) fn deliver_together(&mut self, ctx: &Ctx) -> bool {
        let is_new = self.delivered_at.is_none();
        self.delivered_at.get_or_insert(ctx.now());
        is_new
    }

    /// These classes have signed the joint output of the last lesson, as it is now, and no other. Whether that is new.
    pub(crate) fn sign(&mut self, signed: &[Id<Team>]) -> bool {
        let before = self.sides.each_ref().map(|place| place.has_signed);
        self.sides.iter_mut().for_each(|place| place.has_signed = signed.contains(&place.side.team));
        before != self.sides.each_ref().map(|place| place.has_signed)
    }

    /// Completes it, once both have delivered, each alone and both together (I13). Error: `PAIR_STATE`.
    pub fn complete(&mut self, ctx: &Ctx) -> Result<()> {
        self.check_state(&[State::Active])?;
        if self.delivered_at.is_none() || self.sides.iter().any(|place| place.delivered_at.is_none()) {
            let text = "A pair is complete once both classes have delivered every lesson, and together the joint output of the last one.";
            return Err(Reason::PairState.error(text).with("state", self.state_name()));
        }
        self.stand(State::Completed, ctx.now());
        Ok(())
    }
}

fn check_reason(reason: &str) -> Result<()> {
    let mut amiss = Amiss::new();
    check_contact(&mut amiss, "reason", reason);
    amiss.done()
}
