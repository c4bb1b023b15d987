//! The second factor of an account: an app that shows codes by the clock, and recovery codes for who has lost it.
//!
//! The secret of the app and the recovery codes are derived from ids with a key of the installation, as mailed codes are: no row,
//! queue or backup holds them, encrypted or not, and both are told once. A code is taken once. Wrong codes of the app are counted in rows, so
//! that whoever knows the password and guesses is slowed by every process alike: by the network from which they come, more and more, and
//! from all networks together, so that many of them do not help. Recovery codes wait for none of this: nobody guesses one.

use std::{net::IpAddr, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Id, Result, secret::Keys};

use super::{Account, Login, Passkey, provider_link::ProviderLink};
use crate::{
    password::throttle::{exceeded, network},
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
    /// Wrong codes of the app from all networks together, as far as they still count.
    misses: Option<Misses>,
}

#[derive(Clone, Debug, PartialEq)]
struct Enrolled {
    at: Timestamp,
    /// The time step of the last code that was taken. Neither that one is taken again, nor one before.
    last_step: i64,
    codes: RecoveryCodes,
}

/// Wrong codes of the app. Those from one network are counted in a row, from the last one on; of those from all networks one is forgotten
/// every [`EVERY`], counted from the same instant on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Misses {
    count: i32,
    last_at: Timestamp,
}

/// Wrong codes of the app of a factor that came from one network in a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Tries {
    factor: Id<Factor>,
    network: String,
    misses: Option<Misses>,
}

/// What an account is protected by beside the password: its app, and the passkeys and links with providers that count as a second factor, or
/// that it has none. Only `store::held` makes it, so that how far somebody is let in cannot be decided without looking at all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    factor: Option<Id<Factor>>,
    passkeys: Vec<Id<Passkey>>,
    links: Vec<Link>,
}

/// A link that counts as a second factor, whose provider the country believes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    id: Id<ProviderLink>,
    /// Whether two factors were shown there once. Before, nobody is sent there to show them.
    is_proven: bool,
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

/// How many wrong codes in a row are free to one network.
const FREE: i32 = 5;

/// How long the first wrong code after these holds up the next one from there. Each further one doubles it, up to [`LONGEST`].
const WAIT: SignedDuration = SignedDuration::from_secs(10);

/// The longest that a wrong code holds up the next one from the same network.
const LONGEST: SignedDuration = SignedDuration::from_hours(4);

/// How many wrong codes from all networks together are let through at once, and after how long one more is.
///
/// A code has six digits, and three are right at a time: one guess in 333 333 is. In a year there are at most 500 + 365 · 24 h / 2 h = 4 880
/// guesses, from however many networks, and one of them is right with a probability below 1.5 %. One network alone has about 16 + 365 · 24 h
/// / 4 h = 2 206, half of what is let through in all, so one alone never keeps its owner out elsewhere; to use up the 500 takes a hundred
/// networks at once, or ten for more than a week. Then the owner has the recovery codes, and another password ends it.
const AT_ONCE: i32 = 500;

/// See [`AT_ONCE`].
const EVERY: SignedDuration = SignedDuration::from_hours(2);

/// How long wrong codes from a network are remembered after the last one.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

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

    /// Takes a code, and says what it was. A wrong one of the app is counted, also among the `tries` from the caller's network: both are saved
    /// then, too. Error: `FACTOR_MISSING`, where it is not enrolled; `RATE_EXCEEDED`, where a code of the app must wait because of wrong
    /// ones, whatever it is.
    pub fn take(&mut self, ctx: &Ctx, keys: &Keys, typed: &str, tries: &mut Tries) -> Result<Judged> {
        let now = ctx.now();
        let enrolled = self.enrolled.as_mut().ok_or_else(missing)?;
        if !is_of_app(typed) {
            let fits = enrolled.codes.use_up(ctx, keys, typed);
            return Ok(if fits { Judged::Recovery { left: enrolled.codes.left() } } else { Judged::Wrong });
        }
        let waits = [tries.misses.and_then(|here| here.wait(now)), self.misses.and_then(|all| all.wait_of_all(now))];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(exceeded("Too many wrong codes for this account.", wait));
        }
        let Some(step) = App::of(ctx, keys, self.id, "")?.step(now, enrolled.last_step, typed) else {
            let count = tries.misses.map_or(0, |here| here.count).saturating_add(1);
            tries.misses = Some(Misses { count, last_at: now });
            // a right one forgives those of its network alone: else who guesses would begin anew with each sign-in of the owner
            self.misses = Some(Misses::one_more(self.misses, now));
            return Ok(Judged::Wrong);
        };
        enrolled.last_step = step;
        tries.misses = None;
        Ok(Judged::OfApp)
    }

    /// Enrols it without a code.
    #[cfg(test)]
    pub(crate) fn enrol_now(&mut self, ctx: &Ctx) {
        self.enrolled = Some(Enrolled { at: ctx.now(), last_step: 0, codes: RecoveryCodes::issue(ctx) });
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
    /// How long the next code from the same network has to wait.
    fn wait(self, now: Timestamp) -> Option<Duration> {
        let doublings = u32::try_from(self.count - FREE).ok()?;
        let wait = WAIT.checked_mul(2_i32.saturating_pow(doublings)).unwrap_or(LONGEST).min(LONGEST);
        until(self.last_at + wait, now)
    }

    /// How long the next code has to wait because of those from all networks.
    fn wait_of_all(self, now: Timestamp) -> Option<Duration> {
        let left = self.left(now)?;
        until(left.last_at + EVERY, now).filter(|_| left.count >= AT_ONCE)
    }

    /// Those that still count. None: none does.
    fn left(self, now: Timestamp) -> Option<Self> {
        let forgotten = now.duration_since(self.last_at).as_secs().max(0) / EVERY.as_secs();
        let forgotten = i32::try_from(forgotten).unwrap_or(i32::MAX);
        let count = self.count.saturating_sub(forgotten);
        (count > 0).then(|| Self { count, last_at: self.last_at + EVERY * forgotten })
    }

    /// Those from all networks, after one more.
    fn one_more(before: Option<Self>, now: Timestamp) -> Self {
        let left = before.and_then(|before| before.left(now));
        left.map_or(Self { count: 1, last_at: now }, |left| Self { count: left.count + 1, ..left })
    }
}

impl Tries {
    /// None so far, from a network.
    fn none(ctx: &Ctx, keys: &Keys, factor: Id<Factor>) -> Self {
        let from = ctx.address().map(network).map_or_else(String::new, |network: IpAddr| network.to_string());
        let tenant = ctx.tenant().id().as_str().as_bytes();
        let digest = keys.derive(PURPOSE, &[tenant, factor.uuid().as_bytes(), from.as_bytes()]);
        Self { factor, network: BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]), misses: None }
    }
}

/// What the digests of networks are derived for.
const PURPOSE: &str = "network of wrong codes";

/// How long it is until an instant. None: it has come.
fn until(instant: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(instant.duration_since(now)).ok().filter(|wait| !wait.is_zero())
}

/// Whether a typed code looks like one of the app: all others are judged as recovery codes, which are longer.
pub(crate) fn is_of_app(typed: &str) -> bool {
    let digits: Vec<char> = typed.chars().filter(|letter| !letter.is_whitespace()).collect();
    digits.len() <= 6 && digits.iter().all(char::is_ascii_digit)
}

impl Held {
    /// The second factor, where there is one.
    pub fn factor(&self) -> Option<Id<Factor>> {
        self.factor
    }

    /// Whether there are passkeys that count.
    pub fn has_passkeys(&self) -> bool {
        !self.passkeys.is_empty()
    }

    /// Whether this passkey is one of them.
    pub fn has(&self, passkey: Id<Passkey>) -> bool {
        self.passkeys.contains(&passkey)
    }

    /// Whether this link counts, where two factors were shown at its provider.
    pub fn has_link(&self, link: Id<ProviderLink>) -> bool {
        self.links.iter().any(|held| held.id == link)
    }

    /// Whether a second factor can be shown by coming in by a provider.
    pub fn has_proven_links(&self) -> bool {
        self.links.iter().any(|link| link.is_proven)
    }

    /// Whether there is any second factor that can be shown.
    pub fn is_any(&self) -> bool {
        self.factor.is_some() || self.has_passkeys() || self.has_proven_links()
    }

    /// What tests say that an account has.
    #[cfg(test)]
    pub(crate) fn of(factor: Option<Id<Factor>>) -> Self {
        Self { factor, ..Self::default() }
    }

    /// This, and a link at whose provider two factors were shown, or not yet.
    #[cfg(test)]
    pub(crate) fn and_link(mut self, id: Id<ProviderLink>, is_proven: bool) -> Self {
        self.links.push(Link { id, is_proven });
        self
    }

    /// This, and passkeys.
    #[cfg(test)]
    pub(crate) fn and(self, passkeys: Vec<Id<Passkey>>) -> Self {
        Self { passkeys, ..self }
    }
}

/// The name under which guesses at an enrolment of an account are counted. No login is called so: a login has no capitals.
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

    /// What is made of a code from a network without other tries.
    fn take(ground: &Ground, factor: &mut Factor, typed: &str) -> Result<Judged> {
        let ctx = ground.anybody();
        let mut tries = Tries::none(&ctx, &ground.keys, factor.id);
        factor.take(&ctx, &ground.keys, typed, &mut tries)
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
        assert_eq!(reason(take(&ground, &mut factor, "000000")), "FACTOR_MISSING");
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
            let mut take = || take(&ground, &mut factor, &code).unwrap();
            let first = if expected { Judged::OfApp } else { Judged::Wrong };
            assert_eq!((take(), take()), (first, Judged::Wrong), "{ahead}");
        }
    }

    #[test]
    fn the_code_that_confirmed_the_enrolment_and_codes_before_the_last_one_are_not_taken() {
        let ground = Ground::without_store();
        let (mut factor, _) = enrolled(&ground);
        let used = shown(&ground, &factor, 0);
        let take = |factor: &mut Factor, code: &str| take(&ground, factor, code).unwrap();
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
        let take = |factor: &mut Factor, typed: &str| take(&ground, factor, typed).unwrap();
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
    fn wrong_codes_in_a_row_hold_up_the_next_one_from_there_longer_and_longer_and_no_recovery_code() {
        let ground = Ground::without_store();
        let (mut factor, _) = enrolled(&ground);
        let mut here = Tries::none(&ground.from("198.51.100.7"), &ground.keys, factor.id);
        let mut there = Tries::none(&ground.from("192.0.2.7"), &ground.keys, factor.id);
        assert_ne!(here.network, there.network);
        let ctx = || ground.anybody();
        for _ in 0..FREE {
            assert_eq!(factor.take(&ctx(), &ground.keys, "", &mut here).unwrap(), Judged::Wrong);
        }
        for (number, wait) in
            [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 14400, 14400].into_iter().enumerate()
        {
            ground.clock.advance(SignedDuration::from_secs(wait) - SignedDuration::from_micros(1));
            let right = shown(&ground, &factor, 0);
            assert_eq!(reason(factor.take(&ctx(), &ground.keys, &right, &mut here)), "RATE_EXCEEDED", "{wait}");
            if number < 5 {
                let code = factor.recovery_codes(&ctx(), &ground.keys)[number].clone();
                let left = 9 - u32::try_from(number).unwrap();
                assert_eq!(factor.take(&ctx(), &ground.keys, &code, &mut here).unwrap(), Judged::Recovery { left });
            }
            if wait > 60 {
                assert_eq!(factor.take(&ctx(), &ground.keys, &right, &mut there).unwrap(), Judged::OfApp, "elsewhere");
            }
            ground.clock.advance(SignedDuration::from_micros(1));
            assert_eq!(factor.take(&ctx(), &ground.keys, "", &mut here).unwrap(), Judged::Wrong, "{wait}");
        }
        ground.clock.advance(LONGEST);
        let right = shown(&ground, &factor, 0);
        assert_eq!(factor.take(&ctx(), &ground.keys, &right, &mut here).unwrap(), Judged::OfApp);
        assert_eq!(here.misses, None, "the count begins anew");
    }

    #[test]
    fn whoever_guesses_for_a_year_from_everywhere_has_hardly_a_chance() {
        let ground = Ground::without_store();
        let (mut factor, _) = enrolled(&ground);
        let start = ground.clock.now();
        let (mut guesses, mut from) = (0_u32, 0_u32);
        while ground.clock.now().duration_since(start) < SignedDuration::from_hours(365 * 24) {
            // always from another network
            let address = std::net::Ipv4Addr::from(from).to_string();
            from += 1;
            let mut tries = Tries::none(&ground.from(&address), &ground.keys, factor.id);
            match factor.take(&ground.anybody(), &ground.keys, "no", &mut tries) {
                Ok(judged) => assert_eq!(judged, Judged::Wrong, "it is no code of the app"),
                Err(refused) => panic!("{refused:?}"),
            }
            match factor.take(&ground.anybody(), &ground.keys, "", &mut tries) {
                Ok(judged) => {
                    assert_eq!(judged, Judged::Wrong);
                    guesses += 1;
                }
                Err(refused) => {
                    assert!(refused.is(platform::error::Shared::RateExceeded));
                    ground.clock.advance(SignedDuration::from_mins(30));
                }
            }
        }
        // a right code, which its owner shows from elsewhere, changes nothing of it
        assert!((4_800..=4_881).contains(&guesses), "{guesses}");
        let missed = (1.0 - 3.0 / 1e6_f64).powi(i32::try_from(guesses).unwrap());
        assert!(1.0 - missed < 0.015, "{missed}");
    }

    #[test]
    fn one_network_alone_never_holds_up_the_others() {
        let ground = Ground::without_store();
        let (mut factor, _) = enrolled(&ground);
        let mut here = Tries::none(&ground.from("198.51.100.7"), &ground.keys, factor.id);
        for _ in 0..2_000 {
            match factor.take(&ground.anybody(), &ground.keys, "", &mut here) {
                Ok(judged) => assert_eq!(judged, Judged::Wrong),
                Err(_) => ground.clock.advance(SignedDuration::from_mins(10)),
            }
        }
        assert!(factor.misses.is_some_and(|all| all.count < AT_ONCE / 2), "{:?}", factor.misses);
        let right = shown(&ground, &factor, 0);
        assert_eq!(take(&ground, &mut factor, &right).unwrap(), Judged::OfApp);
        assert!(factor.misses.is_some(), "they are not forgiven by it");
    }
}
