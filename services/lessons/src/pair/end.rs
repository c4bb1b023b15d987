//! How a pair rests and ends: suspended, left by one, found again by the other, dissolved, completed.

use platform::{Ctx, Result};

use super::{Pair, Place, State};
use crate::{
    amiss::Amiss,
    reason::{Reason, Refuse},
    side::check_contact,
};

/// Where a pair can be left or dissolved from. Before the work begins it is declined.
const BEGUN: [State; 3] = [State::Active, State::Suspended, State::OneSided];

impl Pair {
    /// Rests the work. Error: `PAIR_STATE`, `CONTACT_DATA` in the reason, which the other class reads.
    pub fn suspend(&mut self, ctx: &Ctx, reason: String) -> Result<()> {
        self.check_state(&[State::Active])?;
        check_reason(&reason)?;
        self.reason = reason;
        self.stand(State::Suspended, ctx.now());
        Ok(())
    }

    /// Takes it up again. Error: `PAIR_STATE`.
    pub fn resume(&mut self, ctx: &Ctx) -> Result<()> {
        self.check_state(&[State::Suspended])?;
        self.reason = String::new();
        self.stand(State::Active, ctx.now());
        Ok(())
    }

    /// Takes the caller's class out. What it brought is emptied; its country and territory stay, so that the gap is visible. Gives the
    /// place it left, as it was, and the place of the class that goes on, if one does. Error: `PAIR_STATE`, `CONTACT_DATA`.
    pub fn leave(&mut self, ctx: &Ctx, reason: String) -> Result<(Place, Option<Place>)> {
        let own = self.acting(ctx)?;
        self.check_state(&BEGUN)?;
        check_reason(&reason)?;
        let left = self.sides[own].clone();
        self.sides[own].left_at = Some(ctx.now());
        self.sides[own].side.empty();
        self.reason = reason;
        let survivor = self.sides.iter().find(|place| !place.has_left()).cloned();
        self.stand(if survivor.is_some() { State::OneSided } else { State::Dissolved }, ctx.now());
        Ok((left, survivor))
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

    /// Completes it, once both have `delivered` (I13). Error: `PAIR_STATE`.
    pub fn complete(&mut self, ctx: &Ctx, delivered: [bool; 2]) -> Result<()> {
        self.check_state(&[State::Active])?;
        if delivered != [true, true] {
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
