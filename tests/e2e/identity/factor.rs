//! The second factor: enrolling it, signing in with it, losing it.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Answer, Caller, Phone, World, path::text};

use super::account::seen;

/// The password teachers of a world have.
pub(super) const OWN: &str = "a sentence nobody else would choose";

/// Somebody with a second factor.
pub(super) struct Owner {
    /// The session in which it was enrolled.
    pub(super) caller: Caller,
    /// The phone with the app.
    pub(super) phone: Phone,
    /// The recovery codes.
    pub(super) codes: Vec<String>,
}

/// Begins to enrol a second factor. Returns the phone that was told of it.
pub(super) async fn begin(caller: &Caller, password: &str) -> Phone {
    let begun = caller.post("/v1/account/factor:begin", json!({ "currentPassword": password })).await.ok();
    Phone::holding(&text(&begun["secret"]))
}

async fn confirm(caller: &Caller, code: &str) -> Answer {
    caller.post("/v1/account/factor:confirm", json!({ "code": code })).await
}

/// The strings of a list.
fn texts(list: &Value) -> Vec<String> {
    list.as_array().map(|list| list.iter().map(text).collect()).unwrap_or_default()
}

impl Owner {
    /// Enrols a second factor for a caller, and lets the step of its code pass.
    pub(super) async fn of(world: &World, caller: &Caller, password: &str) -> Self {
        let phone = begin(caller, password).await;
        let enrolled = confirm(caller, &phone.shows(world.clock().now())).await.ok();
        world.passes_by(SignedDuration::from_secs(60)).await;
        let caller = caller.with_session(caller.login(), password, &enrolled["session"]);
        Self { caller, phone, codes: texts(&enrolled["recoveryCodes"]) }
    }

    /// A sign-in by the password, which lacks the second factor.
    pub(super) async fn half(&self) -> Caller {
        let half = self.caller.again().await;
        assert_eq!(half.refresh(), "", "nothing to go on with");
        half
    }

    /// What the phone shows, if its clock is so many seconds ahead.
    pub(super) fn shows(&self, world: &World, ahead: i64) -> String {
        self.phone.shows(world.clock().now() + SignedDuration::from_secs(ahead))
    }
}

/// Shows the second factor.
pub(super) async fn show(half: &Caller, code: &str) -> Answer {
    half.post("/v1/sessions:confirmFactor", json!({ "code": code })).await
}

/// Shows the second factor from a network address, which a proxy tells.
async fn show_from(half: &Caller, address: &str, code: &str) -> Answer {
    let token = format!("Bearer {}", half.token());
    let headers =
        [("content-type", "application/json"), ("authorization", token.as_str()), ("x-forwarded-for", address)];
    let path = format!("/{}/v1/sessions:confirmFactor", half.tenant());
    half.http().send(http::Method::POST, &path, &headers, json!({ "code": code }).to_string()).await
}

async fn refresh(caller: &Caller) -> Answer {
    let anybody = Caller::anybody(caller.http().clone(), caller.tenant());
    anybody.post("/v1/sessions:refresh", json!({ "refreshToken": caller.refresh() })).await
}

/// The newest letter to somebody.
async fn newest(world: &World, caller: &Caller) -> String {
    world.settle().await;
    world.mailbox("it").to(caller.login()).pop().expect("a letter").text
}

#[tokio::test(crate = "::tests::limit")]
async fn an_enrolment_counts_once_it_is_confirmed_and_then_at_every_sign_in() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let other = teacher.again().await;
    assert_eq!(teacher.get("/v1/account/factor").await.ok(), json!({}));
    let wrong = teacher.post("/v1/account/factor:begin", json!({ "currentPassword": "a wrong guess" })).await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);
    confirm(&teacher, "123456").await.refused("FACTOR_MISSING");

    let begun = teacher.post("/v1/account/factor:begin", json!({ "currentPassword": OWN })).await.ok();
    let (secret, uri) = (text(&begun["secret"]), text(&begun["uri"]));
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(&format!("secret={secret}")), "{uri}");
    // until it is confirmed, nothing changes
    assert!(!teacher.again().await.refresh().is_empty());
    show(&teacher, &Phone::holding(&secret).shows(world.clock().now())).await.refused("FACTOR_MISSING");
    confirm(&teacher, "no code").await.refused("FACTOR_CODE_WRONG");
    let code = Phone::holding(&secret).shows(world.clock().now());
    let enrolled = confirm(&teacher, &code).await.ok();
    let codes = texts(&enrolled["recoveryCodes"]);
    assert_eq!(codes.len(), 10);
    let on = teacher.with_session(teacher.login(), OWN, &enrolled["session"]);
    let seen = on.get("/v1/account/factor").await.ok();
    assert_eq!((&seen["recoveryCodesLeft"], seen["enrolledAt"].is_string()), (&json!(10), true));
    on.post("/v1/account/factor:begin", json!({ "currentPassword": OWN })).await.refused("FACTOR_ENROLLED");
    refresh(&on).await.ok();
    for before in [&teacher, &other] {
        before.get("/v1/account").await.refused("TOKEN_ENDED");
        refresh(before).await.refused("SESSION_OVER");
    }
    assert!(newest(&world, &teacher).await.contains("secondo fattore"));

    // the password alone opens nothing
    let session = json!({ "login": teacher.login(), "password": OWN });
    let session = world.anybody("it").post("/v1/sessions", session).await.ok();
    assert_eq!((&session["secondFactorNeeded"], &session["refreshToken"]), (&json!(true), &Value::Null));
    let half = teacher.with_session(teacher.login(), OWN, &session);
    for path in ["/v1/account", "/v1/teams", "/v1/account/sessions", "/v1/account/factor", "/v1/account/mandates"] {
        half.get(path).await.refused("SECOND_FACTOR_NEEDED");
    }
    show(&half, &code).await.refused("FACTOR_CODE_WRONG");
    world.passes_by(SignedDuration::from_secs(30)).await;
    let shown = show(&half, &Phone::holding(&secret).shows(world.clock().now())).await.ok();
    half.post("/v1/sessions:signOut", json!({})).await.refused("TOKEN_ENDED");
    let whole = teacher.with_session(teacher.login(), OWN, &shown);
    assert_eq!((&shown["role"], &shown["secondFactorNeeded"]), (&json!("ROLE_TEACHER"), &Value::Null));
    whole.account().await;
    refresh(&whole).await.ok();
    keeps_no_secret(&world, teacher.login(), &secret, &codes).await;
    world.end().await;
}

/// Neither the audit log, nor the letters, nor the log of the process hold what was told once.
async fn keeps_no_secret(world: &World, to: &str, secret: &str, codes: &[String]) {
    let told: Vec<&str> = codes.iter().map(String::as_str).chain([secret]).collect();
    let rows = world.rows("it", "identity", "SELECT action || subject || detail AS said FROM audit", &["said"]).await;
    let entries = rows.concat().join("\n");
    assert!(entries.contains("enrol second factor") && told.iter().all(|told| !entries.contains(told)), "{entries}");
    assert!(told.iter().all(|told| world.log().find(told).is_empty()), "in the log");
    let letters = world.mailbox("it").to(to);
    assert!(letters.iter().all(|letter| told.iter().all(|told| !letter.text.contains(told))), "{letters:#?}");
}

#[tokio::test(crate = "::tests::limit")]
async fn a_code_is_taken_within_a_step_of_our_clock_and_once_also_where_two_bring_it_at_once() {
    let world = World::of(&["it"]).start().await;
    let owner = Owner::of(&world, &world.teacher("it", "Ana", "Kos").await, OWN).await;
    for ahead in [-60, 60] {
        show(&owner.half().await, &owner.shows(&world, ahead)).await.refused("FACTOR_CODE_WRONG");
    }
    for ahead in [-30, 30] {
        world.passes_by(SignedDuration::from_secs(90)).await;
        let code = owner.shows(&world, ahead);
        show(&owner.half().await, &code).await.ok();
        show(&owner.half().await, &code).await.refused("FACTOR_CODE_WRONG");
    }
    for code in [owner.codes[0].clone(), String::new()] {
        world.passes_by(SignedDuration::from_secs(90)).await;
        let code = if code.is_empty() { owner.shows(&world, 0) } else { code };
        let halves = [owner.half().await, owner.half().await];
        let (one, two) = tokio::join!(show(&halves[0], &code), show(&halves[1], &code));
        let (taken, refused) = if one.status.is_success() { (one, two) } else { (two, one) };
        taken.ok();
        refused.refused("FACTOR_CODE_WRONG");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_enrolment_is_confirmed_once_and_by_its_own_app() {
    let world = World::of(&["it"]).start().await;
    let (one, other) = (world.teacher("it", "Ana", "Kos").await, world.teacher("it", "Ivo", "Kos").await);
    let earlier = begin(&one, OWN).await;
    let (phone, strange) = (begin(&one, OWN).await, begin(&other, OWN).await);
    let now = world.clock().now();
    for phone in [&strange, &earlier] {
        confirm(&one, &phone.shows(now)).await.refused("FACTOR_CODE_WRONG");
    }
    let code = phone.shows(now);
    let (first, second) = tokio::join!(confirm(&one, &code), confirm(&one, &code));
    let (done, refused) = if first.status.is_success() { (first, second) } else { (second, first) };
    done.ok();
    // the session has ended, or the other one sees the factor
    let reason = text(&refused.json()["reason"]);
    assert!(["TOKEN_ENDED", "SESSION_OVER", "FACTOR_ENROLLED"].contains(&&*reason), "{}", refused.text());

    // an hour later it is too late
    world.passes_by(SignedDuration::from_secs(3601)).await;
    let other = other.again().await;
    confirm(&other, &strange.shows(world.clock().now())).await.refused("FACTOR_MISSING");
    assert!(!other.again().await.refresh().is_empty());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_guesses_waits_longer_and_longer_and_the_owner_comes_in_from_elsewhere_and_with_a_recovery_code() {
    const HERE: &str = "198.51.100.7";
    let world = World::of(&["it"]).settings("[gateway]\ntrusted_proxies = [\"127.0.0.0/8\"]\n").start().await;
    let owner = Owner::of(&world, &world.teacher("it", "Ana", "Kos").await, OWN).await;
    let used = owner.codes[0].clone();
    show(&owner.half().await, &used).await.ok();
    let half = owner.half().await;
    let mut answers = Vec::new();
    for guess in ["000000", "1", "22", "333", "4444", "no code at all", &used, "ABCDE-FGHJK"] {
        let refused = show_from(&half, HERE, guess).await;
        refused.refused("FACTOR_CODE_WRONG");
        answers.push(seen(&refused));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    show_from(&half, HERE, &owner.shows(&world, 0)).await.refused("RATE_EXCEEDED");
    // the password is no guess: who signs in anew waits as well
    show_from(&owner.half().await, HERE, &owner.shows(&world, 0)).await.refused("RATE_EXCEEDED");
    show_from(&owner.half().await, "192.0.2.7", &owner.shows(&world, 0)).await.ok();

    // another process has counted nothing, and sees in the row that it must wait
    let world = world.restart().await;
    let owner = Owner { caller: owner.caller.at(world.http()), ..owner };
    let half = half.at(world.http());
    show_from(&half, HERE, &owner.shows(&world, 0)).await.refused("RATE_EXCEEDED");
    show_from(&owner.half().await, HERE, &owner.codes[1]).await.ok();
    world.passes_by(SignedDuration::from_secs(10)).await;
    show_from(&half, HERE, "000000").await.refused("FACTOR_CODE_WRONG");
    world.passes_by(SignedDuration::from_secs(19)).await;
    show_from(&half, HERE, &owner.shows(&world, 0)).await.refused("RATE_EXCEEDED");
    world.passes_by(SignedDuration::from_secs(1)).await;
    show_from(&half, HERE, &owner.shows(&world, 0)).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_lost_the_phone_comes_in_with_a_recovery_code_and_is_told() {
    let world = World::of(&["it"]).start().await;
    let owner = Owner::of(&world, &world.teacher("it", "Ana", "Kos").await, OWN).await;
    let typed = owner.codes[3].to_lowercase().replace('-', " ");
    let session = show(&owner.half().await, &typed).await.ok();
    let whole = owner.caller.with_session(owner.caller.login(), OWN, &session);
    assert_eq!(whole.get("/v1/account/factor").await.ok()["recoveryCodesLeft"], 9);
    let told = newest(&world, &owner.caller).await;
    assert!(told.contains("codici di recupero") && told.contains(": 9."), "{told}");
    show(&owner.half().await, &owner.codes[3]).await.refused("FACTOR_CODE_WRONG");

    // new codes take the place of the old ones
    let body = |password: &str| json!({ "currentPassword": password });
    let wrong = whole.post("/v1/account/factor:replaceRecoveryCodes", body("a wrong guess")).await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);
    let new = whole.post("/v1/account/factor:replaceRecoveryCodes", body(OWN)).await.ok();
    let new = texts(&new["recoveryCodes"]);
    show(&owner.half().await, &owner.codes[5]).await.refused("FACTOR_CODE_WRONG");
    show(&owner.half().await, &new[0]).await.ok();

    // the phone is gone: another one takes its place
    let wrong = whole.post("/v1/account/factor:giveUp", body("a wrong guess")).await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);
    let session = whole.post("/v1/account/factor:giveUp", body(OWN)).await.ok();
    let free = whole.with_session(whole.login(), OWN, &session);
    refresh(&whole).await.refused("SESSION_OVER");
    assert!(newest(&world, &owner.caller).await.contains("secondo fattore"));
    for path in ["/v1/account/factor:giveUp", "/v1/account/factor:replaceRecoveryCodes"] {
        free.post(path, body(OWN)).await.refused("FACTOR_MISSING");
    }
    assert!(!free.again().await.refresh().is_empty(), "the password is enough");
    let next = Owner::of(&world, &free, OWN).await;
    show(&next.half().await, &owner.shows(&world, 0)).await.refused("FACTOR_CODE_WRONG");
    show(&next.half().await, &new[1]).await.refused("FACTOR_CODE_WRONG");
    show(&next.half().await, &next.shows(&world, 0)).await.ok();
    let actions = world.actions("it", "identity").await;
    for action in ["enrol second factor", "use recovery code", "replace recovery codes", "give up second factor"] {
        assert!(actions.iter().any(|done| done == action), "{action}: {actions:?}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_lost_all_of_it_is_helped_by_somebody_else_of_the_central_team() {
    let world = World::of(&["it", "hr"]).start().await;
    let (coordinator, strange) = (world.coordinator("it").await, world.coordinator("hr").await);
    let owner = Owner::of(&world, &world.teacher("it", "Ana", "Kos").await, OWN).await;
    let id = text(&owner.caller.account().await["id"]);
    let reset = async |by: &Caller, id: &str| by.post(&format!("/v1/accounts/{id}:resetFactor"), json!({})).await;
    reset(&owner.caller, &id).await.refused("ROLE_MISSING");
    reset(&strange, &id).await.refused("NOT_FOUND");
    reset(&coordinator, &text(&coordinator.account().await["id"])).await.refused("OWN_ACCOUNT");
    reset(&coordinator, &id).await.ok();
    reset(&coordinator, &id).await.refused("FACTOR_MISSING");
    owner.caller.get("/v1/account").await.refused("TOKEN_ENDED");
    refresh(&owner.caller).await.refused("SESSION_OVER");
    let told = newest(&world, &owner.caller).await;
    assert!(told.contains("team centrale ha tolto") && told.contains("/it/sign-in"), "{told}");
    let again = owner.caller.again().await;
    assert!(!again.refresh().is_empty());
    again.account().await;
    assert!(world.actions("it", "identity").await.iter().any(|done| done == "reset second factor"));
    world.end().await;
}
