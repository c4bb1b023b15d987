//! The second factor of an account: an app that shows codes by the clock, and recovery codes for who has lost it.
//!
//! The secret of the app and the recovery codes are derived from ids with a key of the installation, as mailed codes are: no row,
//! queue or backup holds them, encrypted or not, and both are told once. A code is taken once. Wrong ones in a row are counted with the
//! factor, so that whoever knows the password and guesses is slowed by every process alike, and more and more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Id, Result, secret::Keys};

use super::{Account, Login, Passkey};
use crate::{
    password::throttle::exceeded,
    reason::{Reason, Refuse},
};

pub mod api;
mod app;
mod recovery_codes;
pub(crate) mod store;
mod wire;

use app::App;
use recovery_codes::RecoveryCodes;

/// A second factor. Until it is enrolled, it counts for nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    id: Id<Factor>,
    version: i64,
    account: Id<Account>,
    begun_at: Timestamp,
    enrolled: Option<Enrolled>,
    misses: Option<Misses>,
}

#[derive(Clone, Debug, PartialEq)]
struct Enrolled {
    at: Timestamp,
    /// The time step of the last code that was taken. Neither that one is taken again, nor one before.
    last_step: i64,
    codes: RecoveryCodes,
}

/// Wrong codes in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Misses {
    count: i32,
    last_at: Timestamp,
}

/// What an account is protected by beside the password: its second factor and its passkeys, or that it has none. Only `store::held` makes
/// it, so that how far somebody is let in cannot be decided without looking at both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    factor: Option<Id<Factor>>,
    passkeys: Vec<Id<Passkey>>,
}

/// What a code was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// One that the app shows now.
    OfApp,
    /// A recovery code that was not used before. So many are left.
    Recovery {
        /// How many.
        left: u32,
    },
    /// None that works now. It was counted.
    Wrong,
}

/// What the app needs, which is told once.
pub struct Told {
    /// The secret in base 32.
    pub secret: String,
    /// The same as an `otpauth://` URI.
    pub uri: String,
}

/// How long an enrolment waits to be confirmed.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// How many wrong codes in a row are free.
const FREE: i32 = 5;

/// How long the first wrong code after these holds up the next one. Each further one doubles it, up to [`LONGEST`].
const WAIT: SignedDuration = SignedDuration::from_secs(10);

/// The longest that a wrong code holds up the next one: whoever guesses for a year has hardly a chance.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

impl Factor {
    /// Begins to enrol one for an account. `before` is what the account has: an enrolment that waits gives way. Error: `FACTOR_ENROLLED`.
    pub fn begin(ctx: &Ctx, account: &Account, before: Option<&Self>) -> Result<Self> {
        if before.is_some_and(Self::is_enrolled) {
            return Err(enrolled());
        }
        Ok(Self {
            id: ctx.new_id(),
            version: 0,
            account: account.id(),
            begun_at: ctx.now(),
            enrolled: None,
            misses: None,
        })
    }

    /// What the app of its owner needs.
    pub fn told(&self, ctx: &Ctx, keys: &Keys, login: &Login) -> Result<Told> {
        let app = App::of(ctx, keys, self.id, login.as_str())?;
        Ok(Told { secret: app.secret(), uri: app.uri()? })
    }

    /// Enrols it, where a code is one that the app shows now. Error: `FACTOR_ENROLLED`; `FACTOR_MISSING`, where it has waited for too
    /// long; `FACTOR_CODE_WRONG`.
    pub fn enrol(&mut self, ctx: &Ctx, keys: &Keys, typed: &str) -> Result<()> {
        if self.is_enrolled() {
            return Err(enrolled());
        }
        if ctx.now() > self.expires_at() {
            return Err(missing());
        }
        let last_step = App::of(ctx, keys, self.id, "")?.step(ctx.now(), 0, typed).ok_or_else(wrong)?;
        self.enrolled = Some(Enrolled { at: ctx.now(), last_step, codes: RecoveryCodes::issue(ctx) });
        Ok(())
    }

    /// Takes a code, and says what it was. A wrong one is counted: the factor is saved then, too. Error: `FACTOR_MISSING`, where it is
    /// not enrolled; `RATE_EXCEEDED`, where it must wait because of wrong ones, whatever the code is.
    pub fn take(&mut self, ctx: &Ctx, keys: &Keys, typed: &str) -> Result<Judged> {
        let now = ctx.now();
        if let Some(wait) = self.misses.and_then(|misses| misses.wait(now)) {
            return Err(exceeded("Too many wrong codes for this account.", wait));
        }
        let enrolled = self.enrolled.as_mut().ok_or_else(missing)?;
        let step = App::of(ctx, keys, self.id, "")?.step(now, enrolled.last_step, typed);
        let judged = match step {
            Some(step) => {
                enrolled.last_step = step;
                Judged::OfApp
            }
            None if enrolled.codes.use_up(ctx, keys, typed) => Judged::Recovery { left: enrolled.codes.left() },
            None => Judged::Wrong,
        };
        let count = self.misses.map_or(0, |misses| misses.count).saturating_add(1);
        self.misses = (judged == Judged::Wrong).then_some(Misses { count, last_at: now });
        Ok(judged)
    }

    /// Replaces the recovery codes. Error: `FACTOR_MISSING`, where it is not enrolled.
    pub fn replace_codes(&mut self, ctx: &Ctx) -> Result<()> {
        self.enrolled.as_mut().ok_or_else(missing)?.codes = RecoveryCodes::issue(ctx);
        Ok(())
    }

    /// The recovery codes, as they are told once. None before it is enrolled.
    pub fn recovery_codes(&self, ctx: &Ctx, keys: &Keys) -> Vec<String> {
        self.enrolled.as_ref().map(|enrolled| enrolled.codes.texts(ctx, keys)).unwrap_or_default()
    }

    /// The last instant at which it can be enrolled.
    pub fn expires_at(&self) -> Timestamp {
        self.begun_at + PATIENCE
    }

    /// Whether it counts.
    pub fn is_enrolled(&self) -> bool {
        self.enrolled.is_some()
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }
}

impl Misses {
    /// How long the next code has to wait.
    fn wait(self, now: Timestamp) -> Option<Duration> {
        let doublings = u32::try_from(self.count - FREE).ok()?;
        let wait = WAIT.checked_mul(2_i32.saturating_pow(doublings)).unwrap_or(LONGEST).min(LONGEST);
        Duration::try_from(self.last_at + wait - now).ok().filter(|wait| !wait.is_zero())
    }
}

impl Held {
    /// The second factor, where there is one.
    pub fn factor(&self) -> Option<Id<Factor>> {
        self.factor
    }

    /// Whether there are passkeys.
    pub fn has_passkeys(&self) -> bool {
        !self.passkeys.is_empty()
    }

    /// Whether this passkey is one of them.
    pub fn has(&self, passkey: Id<Passkey>) -> bool {
        self.passkeys.contains(&passkey)
    }

    /// What tests say that an account has.
    #[cfg(test)]
    pub(crate) fn of(factor: Option<Id<Factor>>) -> Self {
        Self { factor, passkeys: Vec::new() }
    }

    /// This, and passkeys.
    #[cfg(test)]
    pub(crate) fn and(self, passkeys: Vec<Id<Passkey>>) -> Self {
        Self { passkeys, ..self }
    }
}

/// The name under which guesses at the second factor of an account are counted. No login is called so: a login has no capitals.
pub(crate) fn guessed(account: Id<Account>) -> String {
    format!("FACTOR {account}")
}

/// The error for every code that does not work, in the same words.
pub(crate) fn wrong() -> Error {
    let text = "This code does not work now. Wait for the next one and check the clock of your phone, or use a recovery code that you \
                have not used yet.";
    Reason::FactorCodeWrong.error(text)
}

/// The error where there is no second factor, or no enrolment that waits.
pub(crate) fn missing() -> Error {
    let text = "There is no second factor, or none whose enrolment was begun within the hour. Begin to enrol one.";
    Reason::FactorMissing.error(text)
}

fn enrolled() -> Error {
    Reason::FactorEnrolled.error("This account has a second factor. Give it up first, then enrol another one.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::tests::account, testing::Ground};

    /// A factor that is enrolled, and what its app was told.
    fn enrolled(ground: &Ground) -> (Factor, Account) {
        let ctx = ground.anybody();
        let account = account(&ctx, "ana@school.example", None, None);
        let mut factor = Factor::begin(&ctx, &account, None).unwrap();
        factor.enrol(&ctx, &ground.keys, &shown(ground, &factor, 0)).unwrap();
        (factor, account)
    }

    /// The code that the app shows, if its clock is so many seconds ahead.
    fn shown(ground: &Ground, factor: &Factor, ahead: i64) -> String {
        let app = App::of(&ground.anybody(), &ground.keys, factor.id, "").unwrap();
        app.code((ground.clock.now().as_second() + ahead) / 30)
    }

    fn reason<T>(outcome: Result<T>) -> &'static str {
        outcome.map_or_else(|error| error.reason(), |_| "OK")
    }

    #[test]
    fn an_enrolment_waits_for_an_hour_and_is_confirmed_once() {
        let ground = Ground::without_store();
        let account = account(&ground.anybody(), "ana@school.example", None, None);
        let mut factor = Factor::begin(&ground.anybody(), &account, None).unwrap();
        let enrol = |factor: &mut Factor| {
            let code = shown(&ground, factor, 0);
            reason(factor.enrol(&ground.anybody(), &ground.keys, &code))
        };
        assert_eq!(reason(factor.take(&ground.anybody(), &ground.keys, "000000")), "FACTOR_MISSING");
        assert_eq!(factor.recovery_codes(&ground.anybody(), &ground.keys), Vec::<String>::new());
        ground.clock.advance(PATIENCE);
        let mut late = factor.clone();
        assert_eq!(reason(factor.enrol(&ground.anybody(), &ground.keys, "no code")), "FACTOR_CODE_WRONG");
        assert_eq!((enrol(&mut factor), enrol(&mut factor)), ("OK", "FACTOR_ENROLLED"));
        assert_eq!(reason(Factor::begin(&ground.anybody(), &account, Some(&factor))), "FACTOR_ENROLLED");
        ground.clock.advance(SignedDuration::from_micros(1));
        assert_eq!(enrol(&mut late), "FACTOR_MISSING");
        assert!(Factor::begin(&ground.anybody(), &account, Some(&late)).is_ok());
    }

    #[test]
    fn a_code_is_taken_once_within_a_step_of_our_clock() {
        for (ahead, expected) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
            let ground = Ground::without_store();
            let (mut factor, _) = enrolled(&ground);
            ground.clock.advance(SignedDuration::from_secs(90));
            let code = shown(&ground, &factor, ahead);
            let mut take = || factor.take(&ground.anybody(), &ground.keys, &code).unwrap();
            let first = if expected { Judged::OfApp } else { Judged::Wrong };
            assert_eq!((take(), take()), (first, Judged::Wrong), "{ahead}");
        }
    }

    #[test]
    fn the_code_that_confirmed_the_enrolment_and_codes_before_the_last_one_are_not_taken() {
        let ground = Ground::without_store();
        let (mut factor, _) = enrolled(&ground);
        let used = shown(&ground, &factor, 0);
        let take = |factor: &mut Factor, code: &str| factor.take(&ground.anybody(), &ground.keys, code).unwrap();
        assert_eq!(take(&mut factor, &used), Judged::Wrong);
        let next = shown(&ground, &factor, 30);
        assert_eq!(take(&mut factor, &next), Judged::OfApp);
        assert_eq!(take(&mut factor, &used), Judged::Wrong);
    }

    #[test]
    fn a_recovery_code_works_once_however_it_is_typed_and_new_ones_take_their_place() {
        let ground = Ground::without_store();
        let (mut factor, _) = enrolled(&ground);
        let ctx = ground.anybody();
        let codes = factor.recovery_codes(&ctx, &ground.keys);
        assert_eq!(codes.len(), 10);
        let take = |factor: &mut Factor, typed: &str| factor.take(&ctx, &ground.keys, typed).unwrap();
        assert_eq!(take(&mut factor, &codes[3]), Judged::Recovery { left: 9 });
        assert_eq!(take(&mut factor, &codes[3]), Judged::Wrong);
        let typed = format!(" {} ", codes[4].to_lowercase().replace('-', " "));
        assert_eq!(take(&mut factor, &typed), Judged::Recovery { left: 8 });
        factor.replace_codes(&ctx).unwrap();
        assert_eq!(take(&mut factor, &codes[5]), Judged::Wrong);
        let codes = factor.recovery_codes(&ctx, &ground.keys);
        assert_eq!(take(&mut factor, &codes[0]), Judged::Recovery { left: 9 });
    }

    #[test]
    fn wrong_codes_in_a_row_hold_up_the_next_one_longer_and_longer() {
        let ground = Ground::without_store();
        let (mut factor, _) = enrolled(&ground);
        let take = |factor: &mut Factor, code: &str| factor.take(&ground.anybody(), &ground.keys, code);
        for _ in 0..FREE {
            assert_eq!(take(&mut factor, "no code").unwrap(), Judged::Wrong);
        }
        for wait in [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600] {
            ground.clock.advance(SignedDuration::from_secs(wait) - SignedDuration::from_micros(1));
            let right = shown(&ground, &factor, 0);
            assert_eq!(reason(take(&mut factor, &right)), "RATE_EXCEEDED", "{wait}");
            ground.clock.advance(SignedDuration::from_micros(1));
            assert_eq!(take(&mut factor, "no code").unwrap(), Judged::Wrong, "{wait}");
        }
        ground.clock.advance(LONGEST);
        let right = shown(&ground, &factor, 0);
        assert_eq!(take(&mut factor, &right).unwrap(), Judged::OfApp);
        assert_eq!(take(&mut factor, "no code").unwrap(), Judged::Wrong, "the count begins anew");
        assert_eq!(factor.misses.map(|misses| misses.count), Some(1));
    }
}
