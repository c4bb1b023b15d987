//! Where an account stands: its owner can sign in, or a coordinator locked it, or its owner left.

use jiff::Timestamp;
use platform::{Allowed, Ctx, Error, Id, Result};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use super::{Account, Login, Person};
use crate::reason::{Reason, Refuse};

/// The state of an account, with its facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its owner can sign in.
    Living,
    /// A coordinator locked it.
    Locked {
        /// When.
        at: Timestamp,
        /// The coordinator.
        by: Id<Account>,
        /// Why.
        reason: String,
    },
    /// Its owner left. It stays so.
    Left {
        /// When.
        at: Timestamp,
    },
    /// Its owner left and was erased: of them the id alone is left. It stays so.
    Erased {
        /// When.
        at: Timestamp,
    },
}

impl State {
    /// The name of the state in data, for example `locked`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Living => "living",
            Self::Locked { .. } => "locked",
            Self::Left { .. } => "left",
            Self::Erased { .. } => "erased",
        }
    }

    /// The name of the state as callers know it.
    fn word(&self) -> &'static str {
        match self {
            Self::Living => "LIVING",
            Self::Locked { .. } => "LOCKED",
            Self::Left { .. } => "LEFT",
            Self::Erased { .. } => "ERASED",
        }
    }
}

impl Account {
    /// The proof that the caller may help its owner, lock it and reinstate it: the central team. Error: not found.
    pub fn helped_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(ctx.has(Role::Coordinator), || Error::not_found("account"))
    }

    /// Locks the account. `coordinators` are those who can sign in. Error: `OWN_ACCOUNT`, `LAST_COORDINATOR`, `ACCOUNT_STATE`.
    pub fn lock(&mut self, ctx: &Ctx, reason: String, coordinators: &[Id<Account>]) -> Result<()> {
        self.refuse_own(ctx)?;
        self.living()?;
        self.refuse_last(coordinators)?;
        self.state = State::Locked { at: ctx.now(), by: ctx.account()?, reason };
        Ok(())
    }

    /// Error: `OWN_ACCOUNT`, where it is the caller's.
    pub(crate) fn refuse_own(&self, ctx: &Ctx) -> Result<()> {
        if ctx.account()? != self.id {
            return Ok(());
        }
        Err(Reason::OwnAccount.error("This is your own account. Ask another coordinator to do it."))
    }

    /// Takes a lock away. Error: `ACCOUNT_STATE`, where it is not locked.
    pub fn reinstate(&mut self) -> Result<()> {
        if !self.is_locked() {
            return Err(self.of_other_state("It is not locked."));
        }
        self.state = State::Living;
        Ok(())
    }

    /// Ends the account: its password is removed, and its login is free for another account. `coordinators` are those who can sign
    /// in. Error: `LAST_COORDINATOR`, `ACCOUNT_STATE`.
    pub fn leave(&mut self, ctx: &Ctx, coordinators: &[Id<Account>]) -> Result<()> {
        self.living()?;
        self.refuse_last(coordinators)?;
        // nobody types this: an address has no space, and neither has the code of a team
        self.login = Login(format!("left {}", self.id));
        self.password = None;
        self.state = State::Left { at: ctx.now() };
        Ok(())
    }

    /// Erases what is known of its owner, who has left. Error: `ACCOUNT_STATE`, where they have not, or were erased before.
    pub fn erase(&mut self, ctx: &Ctx) -> Result<()> {
        let not_yet = match self.state {
            State::Left { .. } => None,
            State::Erased { .. } => Some("Its owner was erased before: ask how far that is."),
            State::Locked { .. } => {
                Some("Its owner has not left, and cannot while it is locked. Reinstate it, and let them leave.")
            }
            State::Living => {
                Some("Its owner has not left. Let them leave first: whoever cannot yet is told why, and what to do.")
            }
        };
        if let Some(not_yet) = not_yet {
            return Err(self.of_other_state(not_yet));
        }
        self.login = Login(format!("erased {}", self.id));
        (self.person, self.school) = (Person::default(), None);
        self.state = State::Erased { at: ctx.now() };
        Ok(())
    }

    /// Error: `ACCOUNT_STATE`, where its owner cannot sign in.
    pub(crate) fn living(&self) -> Result<()> {
        if self.is_living() { Ok(()) } else { Err(self.of_other_state("It is locked, or its owner has left.")) }
    }

    /// Whether its owner can sign in.
    pub fn is_living(&self) -> bool {
        self.state == State::Living
    }

    /// Whether its owner has left.
    pub fn is_left(&self) -> bool {
        matches!(self.state, State::Left { .. })
    }

    /// Whether a coordinator locked it.
    pub fn is_locked(&self) -> bool {
        matches!(self.state, State::Locked { .. })
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn refuse_last(&self, coordinators: &[Id<Account>]) -> Result<()> {
        if coordinators != [self.id] {
            return Ok(());
        }
        let text = "Nobody else of the central team can sign in. Make another coordinator first.";
        Err(Reason::LastCoordinator.error(text))
    }

    fn of_other_state(&self, what: &str) -> Error {
        let text = format!("This cannot be done with the account as it stands. {what}");
        Reason::AccountState.error(text).with("state", self.state.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::tests::account, testing::Ground};

    fn reason(refused: Result<()>) -> &'static str {
        refused.map_or_else(|error| error.reason(), |()| "OK")
    }

    #[test]
    fn an_account_is_locked_once_and_by_somebody_else() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut one = account(&ctx, "one@centre.example", None, None);
        let mut other = account(&ctx, "other@centre.example", None, None);
        let asking = ground.member(&one);
        let both = [one.id, other.id];
        assert_eq!(reason(one.lock(&asking, "x".to_owned(), &both)), "OWN_ACCOUNT");
        assert_eq!(reason(other.reinstate()), "ACCOUNT_STATE");
        assert_eq!(reason(other.lock(&asking, "x".to_owned(), &both)), "OK");
        let locked = State::Locked { at: asking.now(), by: one.id, reason: "x".to_owned() };
        assert_eq!(other.state(), &locked);
        assert_eq!(reason(other.lock(&asking, "y".to_owned(), &[one.id])), "ACCOUNT_STATE");
        assert_eq!(other.state(), &locked, "the first reason stays");
        assert_eq!(reason(other.reinstate()), "OK");
        assert!(other.is_living());
    }

    #[test]
    fn the_last_coordinator_is_neither_locked_nor_leaves() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut last = account(&ctx, "one@centre.example", None, None);
        let locked_meanwhile = ground.member(&account(&ctx, "other@centre.example", None, None));
        let only = [last.id];
        assert_eq!(reason(last.lock(&locked_meanwhile, "x".to_owned(), &only)), "LAST_COORDINATOR");
        assert_eq!(reason(last.leave(&ctx, &only)), "LAST_COORDINATOR");
        let mut teacher = account(&ctx, "ana@school.example", None, None);
        assert_eq!(reason(teacher.leave(&ctx, &only)), "OK");
    }

    #[test]
    fn who_has_left_stays_away_and_leaves_the_address_free() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut teacher = account(&ctx, "ana@school.example", None, None);
        teacher.leave(&ctx, &[]).unwrap();
        assert_eq!(teacher.state(), &State::Left { at: ctx.now() });
        assert!(!teacher.login().as_str().contains('@') && teacher.password().is_none());
        assert_eq!(reason(teacher.reinstate()), "ACCOUNT_STATE");
        let central = ground.member(&account(&ctx, "one@centre.example", None, None));
        assert_eq!(reason(teacher.lock(&central, "x".to_owned(), &[])), "ACCOUNT_STATE");
    }

    #[test]
    fn who_has_left_is_erased_once_and_nobody_else_is() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut teacher = account(&ctx, "ana@school.example", None, None);
        teacher.person.given_name = "Ana".to_owned();
        assert_eq!(reason(teacher.erase(&ctx)), "ACCOUNT_STATE");
        teacher.leave(&ctx, &[]).unwrap();
        assert_eq!(reason(teacher.erase(&ctx)), "OK");
        assert_eq!((&teacher.person, teacher.school), (&Person::default(), None));
        assert_eq!(teacher.login().as_str(), format!("erased {}", teacher.id));
        assert_eq!(reason(teacher.erase(&ctx)), "ACCOUNT_STATE");
        assert_eq!(reason(teacher.reinstate()), "ACCOUNT_STATE");
    }
}
