//! Sessions. A session lasts as long as its refresh tokens are used in time.
//!
//! An access token is valid for minutes and is verified by every service without a call to identity. A refresh token can be used
//! once: the session's row counts the generations of tokens. Where an old token is used again, either the caller or somebody before
//! them may have stolen it, so the session ends for both. When a session ends, its access tokens end with it: `store` says so to every
//! service.
//!
//! A session acts in one mandate of its account. Who goes on in another one is given another session of the same family: refresh tokens
//! name the family and count its generations through all of its sessions, so an old token ends the family also after a switch.
//!
//! What somebody must show for a session is decided in one place ([`Entry`]).
//!
//! This room imports `country`, `account` and `mandate`. It does not know how a login is checked (`across::sign_in`), and it does not know teams.

use jiff::{SignedDuration, Timestamp};
use platform::{Allowed, Ctx, Error, Id, Result, Violations, error::Shared};

use crate::{
    account::{Account, Passkey, factor::Factor},
    mandate::Mandate,
    reason::{Reason, Refuse},
};

pub mod api;
mod entry;
pub mod provider;
mod refresh;
pub(crate) mod store;
mod tokens;
mod wire;

pub use entry::{Came, Entry, Opened, Proof};
pub use refresh::Refresh;
pub use tokens::{Grant, Guest, Tokens};

/// A session of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    id: Id<Session>,
    version: i64,
    account: Id<Account>,
    mandate: Id<Mandate>,
    family: Id<Session>,
    /// The second factor that was shown in it.
    factor: Option<Id<Factor>>,
    /// The passkey that was shown in it.
    passkey: Option<Id<Passkey>>,
    /// The answer of an identity provider that opened it.
    came: Option<Came>,
    generation: i32,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    /// The last instant of its family, however often somebody goes on in another mandate.
    family_until: Timestamp,
    ended_at: Option<Timestamp>,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// From the first of a family to the end of the last.
    pub family: SignedDuration,
    /// One that lacks something, which has one access token alone.
    pub lacking: SignedDuration,
}

impl Lifetime {
    /// The same, for a family that is to last no longer than another one would have in all.
    #[must_use]
    pub(crate) fn at_most(self, family: SignedDuration) -> Self {
        Self { family: self.family.min(family), ..self }
    }

    fn of(self, entry: &Entry) -> SignedDuration {
        if entry.lacks().is_some() { self.lacking } else { self.family }
    }
}

impl Session {
    /// A new session of who is let in, the first of its family.
    pub fn open(ctx: &Ctx, entry: &Entry, lifetime: Lifetime) -> Self {
        let family_until = ctx.now() + lifetime.family;
        let expires_at = family_until.min(ctx.now() + lifetime.of(entry));
        let begun = Self::begun(ctx, entry.mandate(), ctx.new_id(), expires_at);
        Self { factor: entry.factor(), passkey: entry.passkey(), came: entry.came(), family_until, ..begun }
    }

    fn begun(ctx: &Ctx, mandate: &Mandate, id: Id<Self>, expires_at: Timestamp) -> Self {
        let now = ctx.now();
        Self {
            id,
            version: 0,
            account: mandate.account(),
            mandate: mandate.id(),
            family: id,
            factor: None,
            passkey: None,
            came: None,
            generation: 0,
            created_at: now,
            last_used_at: now,
            expires_at,
            family_until: expires_at,
            ended_at: None,
        }
    }

    /// What stands for a session in the access tokens of a machine, which acts in a mandate. It is kept nowhere.
    pub(crate) fn of_machine(ctx: &Ctx, mandate: &Mandate, id: Id<Self>, expires_at: Timestamp) -> Self {
        Self::begun(ctx, mandate, id, expires_at)
    }

    /// Error: a violation at `mandate_id`, where the session acts in this mandate already.
    pub fn refuse_present(&self, mandate: &Mandate) -> Result<()> {
        let mut violations = Violations::new();
        if self.mandate == mandate.id() {
            violations.add("mandate_id", Shared::FieldsInvalid, "This is the mandate the session acts in already.");
        }
        violations.done()
    }

    /// A session in another mandate, which takes the place of this one: the next generation of its family. None of them lasts longer than the
    /// first one could have, whichever of them lacked something.
    pub fn switch(&self, ctx: &Ctx, entry: &Entry, lifetime: Lifetime) -> Self {
        Self {
            id: ctx.new_id(),
            version: 0,
            mandate: entry.mandate().id(),
            factor: entry.factor(),
            passkey: entry.passkey(),
            generation: self.generation + 1,
            last_used_at: ctx.now(),
            expires_at: self.family_until.min(ctx.now() + lifetime.of(entry)),
            ..self.clone()
        }
    }

    /// Error: `SESSION_OVER`, where it was ended or has expired.
    pub fn living(&self, now: Timestamp) -> Result<()> {
        if self.ended_at.is_none() && now <= self.expires_at { Ok(()) } else { Err(over()) }
    }

    /// Exchanges a refresh token for the next generation. Returns false where the token was used before; then the session must be
    /// ended. Error: `SESSION_OVER`.
    pub fn refresh(&mut self, now: Timestamp, token: &Refresh) -> Result<bool> {
        self.living(now)?;
        if token.generation() != self.generation {
            return Ok(false);
        }
        self.generation += 1;
        self.last_used_at = now;
        Ok(true)
    }

    /// The proof that the session is the caller's own. Error: not found.
    pub fn held_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.account == ctx.account()?, || Error::not_found("session"))
    }

    /// How long its family lasts in all.
    pub(crate) fn whole(&self) -> SignedDuration {
        self.family_until.duration_since(self.created_at)
    }

    /// This session, which goes on from another one of its account: by what that one was opened stays known.
    #[must_use]
    pub(crate) fn after(self, other: &Self) -> Self {
        Self { came: self.came.or(other.came), ..self }
    }

    /// What was shown in it.
    pub fn proof(&self) -> Proof {
        match (self.passkey, self.factor, self.came) {
            (Some(passkey), ..) => Proof::Passkey(passkey),
            (None, Some(factor), _) => Proof::Factor(factor),
            (None, None, Some(came)) => Proof::Provider(came),
            (None, None, None) => Proof::Password,
        }
    }

    /// The answer of an identity provider that opened it.
    pub fn came(&self) -> Option<Came> {
        self.came
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The account it belongs to.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// The session that its family began with.
    pub fn family(&self) -> Id<Self> {
        self.family
    }

    /// The mandate it acts in.
    pub fn mandate(&self) -> Id<Mandate> {
        self.mandate
    }
}

/// The error for a session that is over. A session that never existed gives the same error.
pub(crate) fn over() -> Error {
    Reason::SessionOver.error("The session is over. Sign in again.")
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::testing::{Ground, HOUR, entry, entry_as};

    #[test]
    fn a_refresh_token_is_worth_something_once() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut session = Session::open(&ctx, &entry(&ctx), HOUR);
        let first = Refresh::of(&session);
        assert!(session.refresh(ctx.now(), &first).unwrap());
        let second = Refresh::of(&session);
        assert!(!session.refresh(ctx.now(), &first).unwrap(), "used before");
        assert!(session.refresh(ctx.now(), &second).unwrap());
    }

    #[test]
    fn a_session_in_another_mandate_lasts_no_longer() {
        let ground = Ground::without_store();
        let first = Session::open(&ground.anybody(), &entry(&ground.anybody()), HOUR);
        ground.clock.advance(SignedDuration::from_mins(50));
        let other = entry(&ground.anybody());
        let second = first.switch(&ground.anybody(), &other, HOUR);
        assert_eq!((second.expires_at, second.mandate), (first.expires_at, other.mandate().id()));
        assert_ne!(second.id, first.id);
        assert_eq!(second.created_at, first.created_at, "when somebody signed in");
        let mut second = second;
        assert!(!second.refresh(second.last_used_at, &Refresh::of(&first)).unwrap(), "a token of before is an old one");
        let short = first.switch(&ground.anybody(), &other, HOUR.at_most(SignedDuration::from_mins(5)));
        assert_eq!(short.expires_at, ground.anybody().now() + SignedDuration::from_mins(5));
    }

    #[test]
    fn a_family_ends_when_its_first_session_would_have_whatever_those_after_it_lacked() {
        let ground = Ground::without_store();
        let strict = ground.needing_factors(&["juror"]);
        let (whole, lacking) = (entry(&strict), entry_as(&strict, Role::Juror));
        assert!(whole.lacks().is_none() && lacking.lacks().is_some());
        let first = Session::open(&strict, &whole, HOUR);
        ground.clock.advance(SignedDuration::from_mins(20));
        let later = ground.ctx_in("it", platform::Caller::Anonymous);
        let second = first.switch(&later, &lacking, HOUR);
        assert_eq!(second.expires_at, later.now() + HOUR.lacking);
        let third = second.switch(&later, &whole, HOUR);
        assert_eq!((third.expires_at, third.family, third.generation), (first.expires_at, first.family, 2));
        // one that began with what lacks something goes on for as long as any, from its beginning
        let begun = Session::open(&strict, &lacking, HOUR);
        assert_eq!(begun.expires_at, strict.now() + HOUR.lacking);
        assert_eq!(begun.switch(&later, &whole, HOUR).expires_at, strict.now() + HOUR.family);
    }

    #[test]
    fn a_session_lives_to_its_last_instant() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let mut session = Session::open(&ctx, &entry(&ctx), HOUR);
        assert!(session.living(session.expires_at).is_ok());
        let later = session.expires_at + SignedDuration::from_micros(1);
        let token = Refresh::of(&session);
        assert!(session.refresh(later, &token).is_err_and(|error| error.is(Reason::SessionOver)));
        session.ended_at = Some(ctx.now());
        assert!(session.living(ctx.now()).is_err_and(|error| error.is(Reason::SessionOver)));
    }
}
