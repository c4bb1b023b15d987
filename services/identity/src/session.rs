//! Sessions: somebody is signed in, for as long as they refresh it.
//!
//! An access token lives for minutes and is verified without asking here. A refresh token works once; what it is worth
//! is decided by the session's row alone, which counts its generations. Somebody who uses an old one may have stolen
//! it, or it was stolen from them: the session ends for both.
//!
//! This room knows accounts. It does not know what opens a login (`across::door`), nor any team.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Id, Result};

use crate::{
    account::Account,
    reason::{Reason, Refuse},
};

pub mod api;
mod refresh;
pub(crate) mod store;
mod tokens;
mod wire;

pub use refresh::Refresh;
pub use tokens::{Grant, Guest, Tokens};

/// Somebody is signed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    id: Id<Session>,
    version: i64,
    account: Id<Account>,
    generation: i32,
    created_at: Timestamp,
    expires_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl Session {
    /// A new one.
    pub fn open(ctx: &Ctx, account: Id<Account>, lifetime: SignedDuration) -> Self {
        let (id, now) = (ctx.new_id(), ctx.now());
        Self { id, version: 0, account, generation: 0, created_at: now, expires_at: now + lifetime, ended_at: None }
    }

    /// Error: `SESSION_OVER`.
    pub fn living(&self, now: Timestamp) -> Result<()> {
        if self.ended_at.is_none() && now <= self.expires_at { Ok(()) } else { Err(over()) }
    }

    /// Trades a refresh token for the next one. False where the token was traded before: then the session must end.
    /// Error: `SESSION_OVER`.
    pub fn refresh(&mut self, now: Timestamp, token: &Refresh) -> Result<bool> {
        self.living(now)?;
        if token.generation() != self.generation {
            return Ok(false);
        }
        self.generation += 1;
        Ok(true)
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// Whose it is.
    pub fn account(&self) -> Id<Account> {
        self.account
    }
}

/// The session is over, or there is none: the same to who asks.
pub(crate) fn over() -> Error {
    Reason::SessionOver.error("The session is over. Sign in again.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ground;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[test]
    fn a_refresh_token_is_worth_something_once() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut session = Session::open(&ctx, ctx.new_id(), HOUR);
        let first = Refresh::of(&session);
        assert!(session.refresh(ctx.now(), &first).unwrap());
        let second = Refresh::of(&session);
        assert!(!session.refresh(ctx.now(), &first).unwrap(), "used before");
        assert!(session.refresh(ctx.now(), &second).unwrap());
    }

    #[test]
    fn a_session_lives_to_its_last_instant() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut session = Session::open(&ctx, ctx.new_id(), HOUR);
        assert!(session.living(session.expires_at).is_ok());
        let later = session.expires_at + SignedDuration::from_micros(1);
        let token = Refresh::of(&session);
        assert!(session.refresh(later, &token).is_err_and(|error| error.is(Reason::SessionOver)));
        session.ended_at = Some(ctx.now());
        assert!(session.living(ctx.now()).is_err_and(|error| error.is(Reason::SessionOver)));
    }
}
