//! Limits how fast somebody can guess passwords and codes, and how many mails they can cause: per login of a tenant and network
//! address, per login from everywhere, and per network address over all tenants. Who guesses at somebody's login from elsewhere does not
//! keep its owner out, nor does it slow an owner who has signed in.
//!
//! Only wrong guesses count as such. An attempt takes its permits before the password is compared, so that parallel guesses count like
//! sequential ones, and returns exactly these permits where the guess was right. So the pupils of a team, who share one login and
//! often one address, do not slow each other down. A right guess does not restore permits used by wrong ones; otherwise somebody
//! could reset the limit by signing in to an account of their own. Right ones are counted apart, gently: each costs a hash, and who knows
//! one password must not be able to use the hasher of all without end. A wrong one gives that permit back, so nobody who guesses keeps
//! the owner out by it. At most [`ABREAST`] attempts at one login run at once and the
//! others wait, so that attempts whose result is not known yet are not counted as wrong.
//!
//! The login is counted as typed, whether or not an account has it, so a refusal does not reveal whether there is one.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use platform::{Clock, Ctx, Error, Id, Result, TenantId, error::Shared};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use self::limiter::{Limiter, SWEEP};
use crate::{
    password::{even::Even, settings::Throttling},
    reason::Refuse,
};

mod limiter;

/// The number of attempts at one login that run at once. It is lower than the number of wrong guesses in a row that are allowed.
const ABREAST: usize = 4;

/// The longest time an attempt waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// The limits. Cheap to clone; all clones share their counts.
#[derive(Clone)]
pub struct Throttle(Arc<Inner>);

struct Inner {
    logins: Limiter<Door>,
    everywhere: Limiter<(TenantId, Whose)>,
    rights: Limiter<(TenantId, Whose)>,
    lanes: Mutex<HashMap<Door, Weak<Semaphore>>>,
    letters: Limiter<(TenantId, Occasion, String)>,
    strangers: Limiter<(TenantId, Occasion, String, Asker)>,
    flood: Limiter<(TenantId, Occasion, String)>,
    schools: Limiter<(TenantId, Uuid)>,
    searches: Limiter<(TenantId, String)>,
    addresses: Limiter<IpAddr>,
    step: Duration,
}

/// Who asks for a mail to somebody else: who is signed in, or somebody in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asker {
    Account(Uuid),
    Network(Option<IpAddr>),
}

/// Whose password is guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// That of whoever has this login, if anybody has it.
    Login(String),
    /// That of this account, by somebody who has signed in to it.
    Own(Uuid),
    /// A recovery code of the second factor of this account, by somebody who knows its password.
    Recovery(Uuid),
    /// None: somebody has this code, which was mailed.
    Code(Uuid),
}

/// A password, and the network from which it is guessed.
type Door = (TenantId, Whose, Option<IpAddr>);

/// Why somebody is mailed. Letters are counted by address and occasion, so that who asks for letters of one kind to a stranger holds
/// back no letter of another, and sees by no refusal that there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// Somebody registers, or asks for another code.
    Registration,
    /// Somebody forgot a password.
    Recovery,
    /// Somebody wants another address.
    Change,
    /// A teacher asks a school to say that they are one of theirs.
    School,
    /// This account, which has signed in, asks for it.
    Asked(Uuid),
}

impl Occasion {
    /// That the caller, who has signed in, asks for it. Error: `TOKEN_MISSING`.
    pub fn of(ctx: &Ctx) -> Result<Self> {
        Ok(Self::Asked(ctx.member()?.account))
    }
}

/// An attempt that holds its permits. Where it is dropped, it counts as a wrong guess; that includes a caller who goes away before
/// the answer.
#[must_use = "an attempt that was right gives its permits back"]
pub struct Attempt {
    throttle: Throttle,
    door: Option<Door>,
    address: Option<IpAddr>,
    right: Option<Right>,
    _turn: Option<OwnedSemaphorePermit>,
}

/// The permit of a right password. Where it is dropped before the password was found right, it is there again.
struct Right {
    throttle: Throttle,
    whose: (TenantId, Whose),
    was_right: bool,
}

impl Drop for Right {
    fn drop(&mut self) {
        if !self.was_right {
            self.throttle.0.rights.give_back(&self.whose);
        }
    }
}

impl Attempt {
    /// Returns the permits: it was no wrong guess.
    pub fn give_back(self) {
        let Self { throttle: Throttle(inner), door, address, right, .. } = self;
        if let Some(door) = &door {
            inner.logins.give_back(door);
            inner.everywhere.give_back(&(door.0.clone(), door.1.clone()));
        }
        if let Some(mut right) = right {
            right.was_right = true;
        }
        address.iter().for_each(|address| inner.addresses.give_back(address));
    }
}

impl Throttle {
    /// Uses the rates of the settings.
    pub fn new(settings: &Throttling, clock: &Clock) -> Self {
        Self(Arc::new(Inner {
            logins: Limiter::new(settings.login, clock),
            everywhere: Limiter::new(settings.everywhere, clock),
            rights: Limiter::new(settings.right, clock),
            lanes: Mutex::default(),
            letters: Limiter::new(settings.letter, clock),
            strangers: Limiter::new(settings.letter, clock),
            flood: Limiter::new(settings.flood, clock),
            schools: Limiter::new(settings.asked, clock),
            searches: Limiter::new(settings.search, clock),
            addresses: Limiter::new(settings.address, clock),
            step: Duration::from_millis(settings.even_ms.get().into()),
        }))
    }

    /// The beginning of a call whose answer must not show by its time whether somebody is known.
    pub(crate) fn even(&self) -> Even {
        Even::begin(self.0.step)
    }

    /// Starts an attempt to guess the password of a login, when it is this attempt's turn. Error: `RATE_EXCEEDED`.
    pub async fn guess_in_turn(&self, ctx: &Ctx, login: &str) -> Result<Attempt> {
        self.in_turn(ctx, Whose::Login(login.to_owned())).await
    }

    /// Starts an attempt at the password of the account that the caller has signed in to, when it is this attempt's turn. Error:
    /// `RATE_EXCEEDED`; `TOKEN_MISSING`.
    pub async fn own_in_turn(&self, ctx: &Ctx) -> Result<Attempt> {
        self.in_turn(ctx, Whose::Own(ctx.member()?.account)).await
    }

    async fn in_turn(&self, ctx: &Ctx, whose: Whose) -> Result<Attempt> {
        let lane = self.lane(door(ctx, whose.clone()));
        let turn = tokio::time::timeout(PATIENCE, lane.acquire_owned()).await;
        let turn = turn.map_err(|_| exceeded("Too many attempts for this account at once.", PATIENCE))?;
        let mut attempt = self.guess(ctx, whose)?;
        attempt._turn = Some(turn.map_err(Error::internal)?);
        Ok(attempt)
    }

    fn lane(&self, door: Door) -> Arc<Semaphore> {
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&door).and_then(Weak::upgrade) {
            return lane;
        }
        if lanes.len() >= SWEEP as usize {
            lanes.retain(|_, lane| lane.strong_count() > 0);
        }
        let lane = Arc::new(Semaphore::new(ABREAST));
        lanes.insert(door, Arc::downgrade(&lane));
        lane
    }

    /// Starts an attempt to guess a password. Error: `RATE_EXCEEDED`.
    fn guess(&self, ctx: &Ctx, whose: Whose) -> Result<Attempt> {
        // first, for who has to wait because of right ones has made no attempt
        let right = self.right(ctx, whose.clone())?;
        let mut attempt = self.code(ctx)?;
        let door = door(ctx, whose);
        // what one network has used up takes nothing from the others
        self.0.logins.take(&door).map_err(of_account)?;
        self.0.everywhere.take(&(door.0.clone(), door.1.clone())).map_err(of_account)?;
        (attempt.door, attempt.right) = (Some(door), Some(right));
        Ok(attempt)
    }

    fn right(&self, ctx: &Ctx, whose: Whose) -> Result<Right> {
        let whose = (ctx.tenant().id().clone(), whose);
        self.0.rights.take(&whose).map_err(of_account)?;
        Ok(Right { throttle: self.clone(), whose, was_right: false })
    }

    /// Starts an attempt at a recovery code of the second factor of the caller's account. They are too long to be guessed, so who guesses from
    /// elsewhere, and who guesses what the app shows, keeps nobody out. Error: `RATE_EXCEEDED`; `TOKEN_MISSING`.
    pub fn recovery_code(&self, ctx: &Ctx) -> Result<Attempt> {
        let mut attempt = self.code(ctx)?;
        let door = door(ctx, Whose::Recovery(ctx.member()?.account));
        self.0.logins.take(&door).map_err(of_account)?;
        attempt.door = Some(door);
        Ok(attempt)
    }

    /// What a typed code belongs to that was mailed. One that this installation did not issue counts as a guess, and what one is used for
    /// costs a hash. Error: that of `read`; `RATE_EXCEEDED`.
    pub fn typed<T>(&self, ctx: &Ctx, read: impl FnOnce() -> Result<Id<T>>) -> Result<Id<T>> {
        let attempt = self.code(ctx)?;
        let id = read()?;
        attempt.give_back();
        self.right(ctx, Whose::Code(id.uuid()))?.was_right = true;
        Ok(id)
    }

    /// Starts an attempt to guess a code. Error: `RATE_EXCEEDED`.
    pub fn code(&self, ctx: &Ctx) -> Result<Attempt> {
        let address = ctx.address().map(network);
        self.enter(address)?;
        Ok(Attempt { throttle: self.clone(), door: None, address, right: None, _turn: None })
    }

    /// Counts a mail that somebody asks for, also where none is sent because nobody has the address: else a refusal would tell. Error:
    /// `RATE_EXCEEDED`.
    pub fn letter(&self, ctx: &Ctx, occasion: Occasion, to: &str) -> Result<()> {
        self.enter(ctx.address().map(network))?;
        let to = (ctx.tenant().id().clone(), occasion, to.to_owned());
        self.0.letters.take(&to).map_err(|wait| exceeded("Enough mails are on their way to this address.", wait))
    }

    /// Counts a mail to somebody else, where a refusal must not tell that others have asked for one: the refusal is about what the caller's own
    /// account has asked for, or their network, where they are not signed in. Returns whether the mail is to be sent: what more of them ask
    /// for together is answered alike, and nothing is sent. The codes of the mails before still work. Error: `RATE_EXCEEDED`.
    pub fn letter_to_anybody(&self, ctx: &Ctx, occasion: Occasion, to: &str) -> Result<bool> {
        let network = ctx.address().map(network);
        self.enter(network)?;
        let tenant = ctx.tenant().id().clone();
        let asker = ctx.member().map_or(Asker::Network(network), |member| Asker::Account(member.account));
        let taken = self.0.strangers.take(&(tenant.clone(), occasion, to.to_owned(), asker));
        taken.map_err(|wait| exceeded("Enough mails are on their way to this address.", wait))?;
        Ok(self.0.flood.take(&(tenant, occasion, to.to_owned())).is_ok())
    }

    /// Counts a letter to a school by the caller. A code in one is good for weeks, so one or two are enough, and a teacher must not use up
    /// what colleagues may send. Error: `RATE_EXCEEDED`; `TOKEN_MISSING`.
    pub fn school_asked(&self, ctx: &Ctx) -> Result<()> {
        let caller = (ctx.tenant().id().clone(), ctx.member()?.account);
        self.0.schools.take(&caller).map_err(|wait| exceeded("You have asked your school already.", wait))
    }

    /// Counts a search for people by the caller. Every search counts, whatever it finds. Error: `RATE_EXCEEDED`.
    pub fn search(&self, ctx: &Ctx) -> Result<()> {
        let caller = (ctx.tenant().id().clone(), ctx.actor());
        self.0.searches.take(&caller).map_err(|wait| exceeded("You have searched for people often.", wait))
    }

    fn enter(&self, address: Option<IpAddr>) -> Result<()> {
        let taken = address.map_or(Ok(()), |address| self.0.addresses.take(&address));
        taken.map_err(|wait| exceeded("Too many attempts from this network address.", wait))
    }
}

/// The error for a call that has to wait.
pub(crate) fn exceeded(what: &str, wait: Duration) -> Error {
    Shared::RateExceeded
        .error(format!("{what} Wait as long as it is said here; nothing was changed."))
        .retry_after(wait)
}

fn of_account(wait: Duration) -> Error {
    exceeded("Too many attempts for this account.", wait)
}

fn door(ctx: &Ctx, whose: Whose) -> Door {
    (ctx.tenant().id().clone(), whose, ctx.address().map(network))
}

/// The network that an address belongs to. One household has 2^64 IPv6 addresses, so they count as one.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::Ground;

    const SCHOOL: &str = "192.0.2.7";

    fn ground() -> (Ground, Throttle) {
        let ground = Ground::without_store();
        let throttle = Throttle::new(&Throttling::default(), &ground.clock);
        (ground, throttle)
    }

    fn ana() -> Whose {
        Whose::Login("ana@school.example".to_owned())
    }

    /// How many of a hundred attempts are let through.
    fn let_through(attempt: impl Fn() -> Result<()>) -> usize {
        (0..100).filter(|_| attempt().is_ok()).count()
    }

    #[test]
    fn five_wrong_passwords_at_once_then_one_every_ten_seconds() {
        let (ground, throttle) = ground();
        let wrong = || throttle.guess(&ground.anybody(), ana()).map(drop);
        assert_eq!(let_through(wrong), 5);
        let refused = wrong().unwrap_err();
        assert!(refused.is(Shared::RateExceeded));
        let login = (ground.tenant.id().clone(), ana(), None);
        assert_eq!(throttle.0.logins.take(&login), Err(Duration::from_secs(10)));
        ground.clock.advance(SignedDuration::from_secs(9));
        assert_eq!(let_through(wrong), 0);
        ground.clock.advance(SignedDuration::from_secs(1));
        assert_eq!(let_through(wrong), 1);
    }

    #[test]
    fn who_guesses_from_elsewhere_keeps_the_owner_out_neither_here_nor_once_signed_in() {
        let (ground, throttle) = ground();
        for network in 0..19 {
            let address = format!("198.51.100.{network}");
            assert_eq!(let_through(|| throttle.guess(&ground.from(&address), ana()).map(drop)), 5);
        }
        assert_eq!(let_through(|| throttle.guess(&ground.from(SCHOOL), ana()).map(Attempt::give_back)), 100);
        // from everywhere together: a hundred, then one every second
        assert_eq!(let_through(|| throttle.guess(&ground.from("198.51.100.19"), ana()).map(drop)), 5);
        assert_eq!(let_through(|| throttle.guess(&ground.from("198.51.100.20"), ana()).map(drop)), 0);
        let own = Whose::Own(uuid::Uuid::nil());
        assert_eq!(let_through(|| throttle.guess(&ground.from(SCHOOL), own.clone()).map(Attempt::give_back)), 100);
    }

    #[test]
    fn a_class_that_shares_a_login_and_an_address_signs_in_at_once() {
        let (ground, throttle) = ground();
        let right =
            || throttle.guess(&ground.from(SCHOOL), Whose::Login("22-23_0001".to_owned())).map(Attempt::give_back);
        assert_eq!(let_through(right), 100);
    }

    #[test]
    fn being_right_gives_back_ones_own_permit_and_no_other() {
        let (ground, throttle) = ground();
        let guess = || throttle.guess(&ground.anybody(), ana());
        for _ in 0..4 {
            drop(guess().unwrap());
            guess().unwrap().give_back();
        }
        assert_eq!(let_through(|| guess().map(drop)), 1, "four of five are used up");
    }

    #[test]
    fn what_strangers_ask_for_is_refused_to_their_own_network_and_a_flood_is_answered_alike() {
        let (ground, throttle) = ground();
        let ask =
            |address: &str| throttle.letter_to_anybody(&ground.from(address), Occasion::Recovery, "ana@school.example");
        assert_eq!(let_through(|| ask(SCHOOL).map(drop)), 5);
        // nobody elsewhere is told that somebody has asked
        let elsewhere: Vec<_> = (1..=20).map(|network| ask(&format!("192.0.{network}.1")).unwrap()).collect();
        assert_eq!(elsewhere.iter().filter(|is_mailed| **is_mailed).count(), 15, "20 in all");
        assert!(elsewhere[..15].iter().all(|is_mailed| *is_mailed));
        let other = throttle.letter_to_anybody(&ground.from("192.0.2.1"), Occasion::Recovery, "eva@school.example");
        assert!(other.unwrap());
    }

    #[test]
    fn a_teacher_asks_a_school_twice_a_day() {
        let (ground, throttle) = ground();
        let teacher = |login| {
            let ctx = ground.anybody();
            ground.member(&crate::account::tests::account(&ctx, login, None, None))
        };
        let (ana, eva) = (teacher("ana@school.example"), teacher("eva@school.example"));
        assert_eq!(let_through(|| throttle.school_asked(&ana)), 2);
        assert_eq!(let_through(|| throttle.school_asked(&eva)), 2);
        ground.clock.advance(SignedDuration::from_hours(12));
        assert_eq!(let_through(|| throttle.school_asked(&ana)), 1);
    }

    #[test]
    fn who_knows_a_password_uses_it_often_and_not_without_end() {
        let (ground, throttle) = ground();
        let through = |attempt: &dyn Fn() -> Result<()>| (0..400).filter(|_| attempt().is_ok()).count();
        let right = || throttle.guess(&ground.from(SCHOOL), ana()).map(Attempt::give_back);
        // wrong ones take nothing from it
        for network in 0..10 {
            let address = format!("198.51.100.{network}");
            assert_eq!(let_through(|| throttle.guess(&ground.from(&address), ana()).map(drop)), 5);
        }
        assert_eq!(through(&right), 200);
        assert!(right().is_err_and(|refused| refused.is(Shared::RateExceeded)));
        let other = || throttle.guess(&ground.from(SCHOOL), Whose::Own(uuid::Uuid::nil())).map(Attempt::give_back);
        assert_eq!(through(&other), 200, "nobody else waits for it");
        ground.clock.advance(SignedDuration::from_secs(3));
        assert_eq!(through(&right), 3);
        let code = ground.anybody().new_id::<()>();
        assert_eq!(through(&|| throttle.typed(&ground.from(SCHOOL), || Ok(code)).map(drop)), 200);
    }

    #[test]
    fn a_recovery_code_waits_for_nobody_who_guesses_elsewhere_or_at_the_password() {
        let (ground, throttle) = ground();
        let owner = crate::account::tests::account(&ground.anybody(), "ana@school.example", None, None);
        let ctx = ground.member(&owner);
        let own = Whose::Own(owner.id().uuid());
        assert_eq!(let_through(|| throttle.guess(&ctx, own.clone()).map(drop)), 5);
        assert_eq!(let_through(|| throttle.recovery_code(&ctx).map(drop)), 5);
        ground.clock.advance(SignedDuration::from_secs(10));
        assert_eq!(let_through(|| throttle.recovery_code(&ctx).map(Attempt::give_back)), 100);
    }

    #[tokio::test]
    async fn a_class_whose_answers_take_their_time_signs_in_at_once() {
        let (ground, throttle) = ground();
        let ctx = ground.from(SCHOOL);
        let pupils = (0..30).map(|_| async {
            let attempt = throttle.guess_in_turn(&ctx, "22-23_0001").await.unwrap();
            tokio::task::yield_now().await;
            attempt.give_back();
        });
        futures::future::join_all(pupils).await;
    }

    #[test]
    fn guesses_at_the_same_time_count_before_their_answer() {
        let (ground, throttle) = ground();
        let held: Vec<_> = (0..100).filter_map(|_| throttle.guess(&ground.anybody(), ana()).ok()).collect();
        assert_eq!(held.len(), 5);
    }

    #[test]
    fn logins_do_not_slow_each_other_and_an_address_slows_them_all() {
        let (ground, throttle) = ground();
        let mut through = 0;
        for number in 0..100 {
            through += usize::from(
                throttle.guess(&ground.from(SCHOOL), Whose::Login(format!("{number}@school.example"))).is_ok(),
            );
        }
        assert_eq!(through, 50);
        assert!(throttle.guess(&ground.from("192.0.2.8"), Whose::Login("99@school.example".to_owned())).is_ok());
        ground.clock.advance(SignedDuration::from_millis(500));
        assert_eq!(let_through(|| throttle.code(&ground.from(SCHOOL)).map(drop)), 1);
    }

    #[test]
    fn one_customer_of_ipv6_is_one_address() {
        let (ground, throttle) = ground();
        let mut through = 0;
        for number in 0..100 {
            through += usize::from(throttle.code(&ground.from(&format!("2001:db8:1:2::{number:x}"))).is_ok());
        }
        assert_eq!(through, 50);
        assert!(throttle.code(&ground.from("2001:db8:1:3::1")).is_ok());
        assert_eq!(network("::ffff:192.0.2.7".parse().unwrap()), network(SCHOOL.parse().unwrap()));
    }

    #[test]
    fn mails_to_one_address_are_few_and_do_not_count_as_guesses() {
        let (ground, throttle) = ground();
        let letter = || throttle.letter(&ground.anybody(), Occasion::Recovery, "ana@school.example");
        assert_eq!(let_through(letter), 5);
        ground.clock.advance(SignedDuration::from_secs(300));
        assert_eq!(let_through(letter), 1);
        assert_eq!(let_through(|| throttle.guess(&ground.anybody(), ana()).map(drop)), 5);
    }

    #[test]
    fn somebody_searches_for_few_people_and_nobody_else_waits_for_it() {
        let (ground, throttle) = ground();
        let [one, other] = ["a@b.it", "c@d.it"]
            .map(|login| ground.member(&crate::account::tests::account(&ground.anybody(), login, None, None)));
        assert_eq!(let_through(|| throttle.search(&one)), 30);
        assert!(throttle.search(&one).is_err_and(|refused| refused.is(Shared::RateExceeded)));
        assert!(throttle.search(&other).is_ok());
        ground.clock.advance(SignedDuration::from_secs(60));
        let later = ground.anybody();
        assert_eq!(let_through(|| throttle.search(&one)), 1, "{:?}", later.now());
    }

    #[test]
    fn made_up_logins_are_forgotten_when_they_no_longer_matter() {
        let (ground, throttle) = ground();
        let logins = &throttle.0.logins;
        for round in 0..3 {
            for number in 0..SWEEP {
                drop(
                    throttle
                        .guess(&ground.anybody(), Whose::Login(format!("{round}-{number}@school.example")))
                        .unwrap(),
                );
            }
            ground.clock.advance(SignedDuration::from_mins(10));
        }
        assert!(logins.known() <= 2 * SWEEP as usize, "{}", logins.known());
    }
}
