//! Whether the time of an answer shows who is known.
//!
//! Two classes of calls, in random order, a few at once; Welch's t of their times. What is measured is the method with its database and
//! with a hash that costs next to nothing, so that little noise hides a difference; a real hash adds the same work to both classes, and
//! noise. What is not measured is the network, and what the facts of a call cause after its answer.
//!
//! A busy machine can make one measurement bad, and a difference that is there shows in each: so one good measurement of three is enough.

use std::time::Instant;

use futures::{StreamExt, stream};
use proto::identity::v1::{self as pb, account_service_server::AccountService, session_service_server::SessionService};

use super::{Ground, PASSWORD, reason, request};
use crate::{
    account::{Login, api::Accounts},
    password::{
        hasher::Hasher,
        settings::{Rate, Throttling},
        throttle::Throttle,
    },
    session::api::Sessions,
};

/// The bound on t.
const MOST: f64 = 4.5;

/// How many calls run at once: few, so that what they do is over before their step is.
const ABREAST: usize = 8;

/// How many calls run at once that write: a step of theirs is long enough for so many commits.
const WRITERS: usize = 16;

/// The share of the slowest calls of both classes that is left out: those that the machine held up.
const CROPPED: f64 = 0.05;

struct Stage {
    ground: Ground,
    accounts: Accounts,
    sessions: Sessions,
}

impl Stage {
    /// Where nobody is slowed down, and answers come at steps of so many milliseconds.
    fn of_step(milliseconds: u32) -> Self {
        let number = |n: u32| n.try_into().unwrap();
        let free = Rate { burst: number(1_000_000), every_ms: number(1) };
        let rates = Throttling {
            login: free,
            everywhere: free,
            right: free,
            letter: free,
            flood: free,
            asked: free,
            address: free,
            search: free,
            even_ms: number(milliseconds),
        };
        let ground = Ground::new();
        let (throttle, hasher) = (Throttle::new(&rates, &ground.clock), Hasher::cheap().unwrap());
        let accounts = Accounts { throttle: throttle.clone(), hasher: hasher.clone(), ..ground.accounts() };
        Self { sessions: Sessions { throttle, hasher, ..ground.sessions() }, accounts, ground }
    }

    /// An address that has an account, and one that somebody registered.
    async fn two(&self) -> [&'static str; 2] {
        self.register("ana@school.example").await;
        let registration = {
            let db = self.ground.store().read(&self.ground.anybody()).await.unwrap();
            crate::account::store::last_registration(&db, &Login::of("ana@school.example")).await.unwrap().unwrap()
        };
        let code = registration.code(&self.ground.anybody(), &self.ground.keys);
        let proof = request(&self.ground.anybody(), pb::VerifyEmailRequest { code, password: PASSWORD.to_owned() });
        self.accounts.verify_email(proof).await.unwrap();
        self.register("ivo@school.example").await;
        ["ana@school.example", "ivo@school.example"]
    }

    async fn register(&self, email: &str) -> String {
        let message = pb::CreateAccountRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            given_name: "Ana".to_owned(),
            surname: "Horvat".to_owned(),
            ..pb::CreateAccountRequest::default()
        };
        reason(self.accounts.create_account(request(&self.ground.anybody(), message)).await)
    }

    async fn resend(&self, email: &str) -> String {
        let message = pb::ResendVerificationRequest { email: email.to_owned() };
        reason(self.accounts.resend_verification(request(&self.ground.anybody(), message)).await)
    }

    async fn recover(&self, email: &str) -> String {
        let message = pb::RecoverPasswordRequest { email: email.to_owned() };
        reason(self.accounts.recover_password(request(&self.ground.anybody(), message)).await)
    }

    async fn sign_in(&self, login: &str, password: &str) -> String {
        let message =
            pb::SignInRequest { login: login.to_owned(), password: password.to_owned(), access_token_alone: false };
        reason(self.sessions.sign_in(request(&self.ground.anybody(), message)).await)
    }
}

/// The seconds that calls of two classes take: so many in all, in an order that nobody can guess.
async fn times<Done: Future<Output = ()>>(
    abreast: usize,
    samples: usize,
    call: impl Fn(usize, usize) -> Done,
) -> [Vec<f64>; 2] {
    let mut order = vec![0_u8; samples];
    aws_lc_rs::rand::fill(&mut order).unwrap();
    let call = &call;
    let timed = stream::iter(order.into_iter().enumerate()).map(|(number, drawn)| async move {
        let class = usize::from(drawn & 1);
        let begun = Instant::now();
        call(class, number).await;
        (class, begun.elapsed().as_secs_f64())
    });
    let timed: Vec<_> = timed.buffer_unordered(abreast).collect().await;
    [0, 1].map(|class| timed.iter().filter(|(of, _)| *of == class).map(|(_, time)| *time).collect())
}

/// Welch's t of two samples, without the slowest of both.
fn welch(classes: &[Vec<f64>; 2]) -> f64 {
    let mut all = classes.concat();
    all.sort_by(f64::total_cmp);
    let slowest = all[((all.len() as f64) * (1.0 - CROPPED)) as usize];
    let [(one, its), (other, theirs)] = classes.each_ref().map(|times| {
        let times: Vec<f64> = times.iter().copied().filter(|time| *time < slowest).collect();
        let (number, sum) = (times.len() as f64, times.iter().sum::<f64>());
        let mean = sum / number;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (number - 1.0);
        (mean, variance / number)
    });
    (one - other) / (its + theirs).sqrt()
}

/// How far apart the shares of the calls are that were answered a step late, in standard deviations: the slowest calls, which [`welch`]
/// leaves out, would show there who is known.
fn late(classes: &[Vec<f64>; 2], step: f64) -> f64 {
    let [(one, its), (other, theirs)] = classes.each_ref().map(|times| {
        let late = times.iter().filter(|time| **time >= 2.0 * step).count();
        (late as f64, times.len() as f64)
    });
    let share = (one + other) / (its + theirs);
    let deviation = (share * (1.0 - share) * (1.0 / its + 1.0 / theirs)).sqrt();
    if deviation > 0.0 { (one / its - other / theirs) / deviation } else { 0.0 }
}

/// Measures up to three times, until the times of the classes show nothing. Returns the last t. No call is answered before its step.
async fn t_of<Done: Future<Output = ()>>(
    abreast: usize,
    step: f64,
    samples: usize,
    call: impl Fn(usize, usize) -> Done,
) -> f64 {
    let mut t = f64::INFINITY;
    for _ in 0..3 {
        let classes = times(abreast, samples, &call).await;
        t = welch(&classes).abs().max(late(&classes, step).abs());
        println!("t = {t:.2} of {samples} samples");
        assert!(classes.concat().iter().all(|time| *time >= step), "an answer that was not held back");
        if t < MOST {
            break;
        }
    }
    t
}

#[test]
fn a_difference_below_the_noise_shows_and_none_does_not() {
    // noise that is the same in each run: the golden ratio's multiples fill the unit evenly
    let noise = |number: u32| (f64::from(number) * 0.618_033_988_75).fract();
    let sample = |more: f64| (0..5_000).map(|number| noise(number) + more).collect::<Vec<_>>();
    assert!(welch(&[sample(0.0), sample(0.0)]).abs() < 1.0);
    assert!(welch(&[sample(0.1), sample(0.0)]) > MOST);
    assert!(welch(&[sample(0.0), sample(0.1)]) < -MOST);
    let held = |late: usize| (0..5_000).map(|number| if number < late { 2.1 } else { 1.1 }).collect::<Vec<_>>();
    assert!(late(&[held(200), held(0)], 1.0) > MOST && late(&[held(200), held(210)], 1.0).abs() < 1.0);
    assert!(late(&[held(0), held(0)], 1.0).abs() < 1.0);
}

#[tokio::test]
async fn a_refused_sign_in_takes_as_long_whether_or_not_the_address_has_an_account() {
    let stage = Stage::of_step(10);
    let addresses = stage.two().await;
    let t = t_of(ABREAST, 0.010, 10_000, |class, _| {
        let (stage, address) = (&stage, addresses[class]);
        async move {
            assert_eq!(stage.sign_in(address, "the password that was registered").await, "SIGN_IN_FAILED");
        }
    })
    .await;
    assert!(t < MOST, "t = {t}");
}

#[tokio::test]
async fn a_registration_takes_as_long_whether_or_not_the_address_has_an_account() {
    let stage = Stage::of_step(40);
    let [known, _] = stage.two().await;
    let t = t_of(WRITERS, 0.040, 10_000, |class, number| {
        let (stage, address) = (&stage, [known.to_owned(), format!("{number}@school.example")]);
        async move { assert_eq!(stage.register(&address[class]).await, "OK") }
    })
    .await;
    assert!(t < MOST, "t = {t}");
}

#[tokio::test]
async fn another_code_takes_as_long_whether_or_not_the_address_waits_for_one() {
    let stage = Stage::of_step(40);
    let [_, waits] = stage.two().await;
    let t = t_of(WRITERS, 0.040, 10_000, |class, _| {
        let (stage, address) = (&stage, [waits, "nobody@school.example"][class]);
        async move { assert_eq!(stage.resend(address).await, "OK") }
    })
    .await;
    assert!(t < MOST, "t = {t}");
}

#[tokio::test]
async fn a_recovery_takes_as_long_whether_or_not_the_address_has_an_account() {
    let stage = Stage::of_step(40);
    let [known, _] = stage.two().await;
    let t = t_of(WRITERS, 0.040, 10_000, |class, _| {
        let (stage, address) = (&stage, [known, "nobody@school.example"][class]);
        async move { assert_eq!(stage.recover(address).await, "OK") }
    })
    .await;
    assert!(t < MOST, "t = {t}");
}
