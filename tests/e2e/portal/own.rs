//! What people do for themselves by pages alone: another address, an app as second factor, other sessions, another role, the token of a
//! machine.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use tests::{
    Answer, Phone, Reader, World,
    machine::{Machine, exchange},
    mailbox::CODE,
    scene::PASSWORD,
};

use super::{beside, says};

/// The password teachers of a world have.
const OWN: &str = "a sentence nobody else would choose";

/// What a pattern finds on a page, each time.
fn found(page: &Answer, pattern: &str) -> Vec<String> {
    let pattern = regex::Regex::new(pattern).expect("a pattern");
    pattern.captures_iter(&page.text()).map(|found| found[1].to_owned()).collect()
}

/// Somebody who has signed in by a page.
async fn signed_in(world: &World, language: &str, login: &str, password: &str) -> Reader {
    let mut reader = Reader::new(world.http(), language);
    reader.fill("/it/sign-in", &[("login", login), ("password", password)], "/it/account").await;
    reader
}

/// The pages that the account page leads to.
async fn ways(reader: &mut Reader) -> Vec<String> {
    found(&reader.open("/it/account").await, r#"<a href="/it/([a-z-]+)">"#)
}

#[tokio::test(crate = "::tests::limit")]
async fn another_address_is_asked_for_and_confirmed_by_pages_alone() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut ana = signed_in(&world, "hr", teacher.login(), OWN).await;
    let wrong = ana.send("/it/change-email", &[("new-email", "ana"), ("password", "not it")]).await;
    assert!(!beside(&wrong.text(), "new-email").is_empty(), "{}", wrong.text());
    let wrong = ana.send("/it/change-email", &[("new-email", "ana@new.example"), ("password", "not it")]).await;
    assert!(!beside(&wrong.text(), "password").is_empty());
    let form = [("new-email", "ana@new.example"), ("password", OWN)];
    let page = ana.fill("/it/change-email", &form, "/it/confirm-email?done=change-email").await;
    says(&page, "Poruka s kôdom ide na novu adresu");
    world.settle().await;
    let code = world.mailbox("it").find("ana@new.example", CODE).expect("a code");
    ana.fill("/it/confirm-email", &[("code", &code), ("password", OWN)], "/it/sign-in?done=confirm-email").await;
    signed_in(&world, "hr", "ana@new.example", OWN).await;
    for secret in [OWN, "ana@new.example", &code] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_app_is_enrolled_lost_and_given_up_by_pages_alone() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut ana = signed_in(&world, "sl", teacher.login(), OWN).await;
    assert_eq!(
        ways(&mut ana).await,
        ["change-password", "change-email", "passkeys", "begin-factor", "end-sessions", "sign-out"]
    );
    assert!(!beside(&ana.send("/it/begin-factor", &[("password", "not it")]).await.text(), "password").is_empty());
    let page = ana.send("/it/begin-factor", &[("password", OWN)]).await;
    assert_eq!(page.status, StatusCode::OK);
    says(&page, "Povežite aplikacijo");
    assert!(page.text().contains("<svg class=\"qr\" role=\"img\" aria-label=\"Skrivnost kot koda QR\""));
    let secret = found(&page, "<code>([A-Z2-7 ]+)</code>").concat().replace(' ', "");
    let phone = Phone::holding(&secret);
    assert!(!beside(&ana.send("/it/enrol-factor", &[("shown-code", "000")]).await.text(), "shown-code").is_empty());
    let before = ana.cookie("session").map(str::to_owned);
    let page = ana.send("/it/enrol-factor", &[("shown-code", &phone.shows(world.clock().now()))]).await;
    let codes = found(&page, "<li><code>([^<]+)</code>");
    assert_eq!((page.status, codes.len()), (StatusCode::OK, 10), "{}", page.text());
    assert_ne!(ana.cookie("session").map(str::to_owned), before, "the session before has ended");
    let all =
        ["change-password", "change-email", "passkeys", "replace-codes", "give-up-factor", "end-sessions", "sign-out"];
    assert_eq!(ways(&mut ana).await, all);

    // the phone is gone: a recovery code opens the account, which gets others, and lives without an app
    let mut ana = Reader::new(world.http(), "sl");
    ana.fill("/it/sign-in", &[("login", teacher.login()), ("password", OWN)], "/it/confirm-factor").await;
    ana.fill("/it/confirm-factor", &[("app-code", &codes[0])], "/it/account").await;
    let others = found(&ana.send("/it/replace-codes", &[("password", OWN)]).await, "<li><code>([^<]+)</code>");
    assert!(others.len() == 10 && others.iter().all(|code| !codes.contains(code)), "{others:?}");
    ana.fill("/it/give-up-factor", &[("password", OWN)], "/it/account?done=give-up-factor").await;
    signed_in(&world, "sl", teacher.login(), OWN).await;
    for secret in [OWN, &secret, &codes[0], &others[0]] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_needs_a_second_factor_is_led_to_enrol_one() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    crate::identity::factor_required::required(&world, &["coordinator"]);
    let mut eva = Reader::new(world.http(), "en");
    let form = [("login", coordinator.login()), ("password", crate::identity::factor_required::CENTRAL)];
    says(&eva.fill("/it/sign-in", &form, "/it/begin-factor").await, "Protect the account with an app");
    let page = eva.send("/it/begin-factor", &form[1..]).await;
    let phone = Phone::holding(&found(&page, "<code>([A-Z2-7 ]+)</code>").concat().replace(' ', ""));
    says(
        &eva.send("/it/enrol-factor", &[("shown-code", &phone.shows(world.clock().now()))]).await,
        "Your recovery codes",
    );
    assert_eq!(eva.open("/it/account").await.status, StatusCode::OK);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn other_sessions_are_shown_and_ended_by_a_page() {
    let world = World::of(&["it"]).at("2022-11-18T15:04:00[Europe/Rome]").start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let elsewhere = teacher.again().await;
    let mut ana = signed_in(&world, "it", teacher.login(), OWN).await;
    let page = ana.open("/it/end-sessions").await;
    says(&page, "Iniziata 2022-11-18 15:04 CET, usata l'ultima volta 2022-11-18 15:04 CET");
    let values = found(&page, r#"name="session" type="radio" value="([^"]+)""#);
    assert_eq!((values.len(), values[0].as_str()), (3, "all"), "the two others, and all");
    assert!(!beside_group(&ana.send("/it/end-sessions", &[]).await, "session").is_empty());
    ana.fill("/it/end-sessions", &[("session", &values[1])], "/it/end-sessions?done=end-sessions").await;
    let page = ana.fill("/it/end-sessions", &[("session", "all")], "/it/end-sessions?done=end-sessions").await;
    says(&page, "L'account non è collegato altrove.");
    for ended in [&teacher, &elsewhere] {
        ended.get("/v1/account").await.refused("TOKEN_ENDED");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn another_role_is_chosen_and_a_machine_is_given_its_token_by_pages_alone() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data", &["teams.read"]).await;
    let login = machine.technician.login().to_owned();
    let mut iva = signed_in(&world, "en", &login, PASSWORD).await;
    let page = iva.open("/it/make-token").await;
    says(&page, "Open data (teams.read)");
    let system = found(&page, r#"name="integrator" type="radio" value="([^"]+)""#).concat();
    let wrong = iva.send("/it/make-token", &[("integrator", &system), ("valid-days", "many")]).await;
    assert!(!beside(&wrong.text(), "valid-days").is_empty());
    let form = [("integrator", &*system), ("label", "nightly"), ("valid-days", "30")];
    let secret = found(&iva.send("/it/make-token", &form).await, "<code>(koine_[^<]+)</code>").concat();
    exchange(&machine.technician, &secret).await.ok();
    assert_eq!(world.log().find(&secret), [""; 0]);

    // who is also of the central team has two roles
    let account = machine.technician.account().await["id"].clone();
    coordinator.post("/v1/mandates", json!({ "accountId": account, "role": "ROLE_COORDINATOR" })).await.ok();
    assert!(ways(&mut iva).await.contains(&"switch-role".to_owned()));
    let page = iva.open("/it/switch-role").await;
    says(&page, "technician of another system");
    let mandates = found(&page, r#"name="mandate" type="radio" value="([^"]+)""#);
    assert_eq!(mandates.len(), 2);
    iva.fill("/it/switch-role", &[("mandate", &mandates[1])], "/it/account?done=switch-role").await;
    let form = [("integrator", &*system), ("valid-days", "30")];
    assert_eq!(iva.send("/it/make-token", &form).await.status, StatusCode::FORBIDDEN, "a coordinator has no secrets");
    world.passes_by(SignedDuration::from_mins(11)).await;
    says(&iva.fill("/it/switch-role", &[("mandate", &mandates[0])], "/it/sign-in?done=session-over").await, "Sign in");
    world.end().await;
}

/// What stands beside a group of choices.
fn beside_group(page: &Answer, field: &str) -> String {
    found(page, &format!("id=\"{field}-fault\">([^<]+)</p>")).concat()
}
