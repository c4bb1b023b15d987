//! Coming in by an identity provider: a real one, and one that lies.

use std::collections::BTreeMap;

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{
    Answer, Caller, World,
    issuer::{By, Issuer, Mood},
    mailbox::CODE,
    oidc::{OpenIdProvider, Person, parts, query},
    path::text,
};

use super::factor::{OWN, Owner};

/// What a provider appends to the address that it leads back to.
type Said = BTreeMap<String, String>;

/// What a provider appends to the address of a page, and whose page it is.
fn said(url: &str) -> Said {
    let mut said = query(url);
    let page = url.split('?').next().and_then(|page| page.rsplit('/').next()).expect("a page");
    said.insert("provider".to_owned(), page.to_owned());
    said
}

/// Begins to sign in by a provider.
pub(super) async fn begin(world: &World, tenant: &str, provider: &str) -> Answer {
    world.anybody(tenant).post("/v1/providers:beginSignIn", json!({ "provider": provider })).await
}

/// Begins to link an account with a provider.
pub(super) async fn begin_link(caller: &Caller, provider: &str) -> Answer {
    let asked = json!({ "provider": provider, "currentPassword": OWN });
    caller.post("/v1/account/providers:begin", asked).await
}

/// What is sent to complete an attempt.
fn completion(attempt: &Value, said: &Said) -> Value {
    let mut body = json!({ "attempt": attempt["attempt"] });
    for name in ["state", "code", "iss", "provider"] {
        if let Some(value) = said.get(name) {
            body[name] = json!(value);
        }
    }
    body
}

pub(super) async fn complete(world: &World, tenant: &str, attempt: &Value, said: &Said) -> Answer {
    world.anybody(tenant).post("/v1/providers:completeSignIn", completion(attempt, said)).await
}

pub(super) async fn complete_link(caller: &Caller, attempt: &Value, said: &Said) -> Answer {
    caller.post("/v1/account/providers:complete", completion(attempt, said)).await
}

/// Links the account of a caller with whom the issuer signs in.
pub(super) async fn link(caller: &Caller, issuer: &Issuer) {
    let attempt = begin_link(caller, "school").await.ok();
    complete_link(caller, &attempt, &issuer.signs_in(&text(&attempt["url"]))).await.ok();
}

/// Signs in by the issuer.
pub(super) async fn sign_in(world: &World, issuer: &Issuer) -> Answer {
    let attempt = begin(world, "it", "school").await.ok();
    complete(world, "it", &attempt, &issuer.signs_in(&text(&attempt["url"]))).await
}

/// The reason of a refusal.
fn reason(refused: &Answer) -> String {
    text(&refused.json()["reason"])
}

/// A world whose Italy trusts an issuer as `school`.
pub(super) async fn trusting(more: &str) -> (World, Issuer) {
    let world = World::of(&["it", "hr"]).start().await;
    let issuer = Issuer::start(world.clock()).await;
    world.add_to_tenant("it", &issuer.table("school", more));
    (world, issuer)
}

/// The newest letter to somebody.
async fn newest(world: &World, caller: &Caller) -> String {
    world.settle().await;
    world.mailbox("it").to(caller.login()).pop().expect("a letter").text
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teacher_links_a_real_provider_signs_in_by_it_and_out_of_it() {
    let world = World::of(&["it"]).now().start().await;
    let provider = OpenIdProvider::start("it");
    assert_eq!(world.anybody("it").get("/v1/providers").await.ok(), json!({}));
    begin(&world, "it", "spid").await.refused("NOT_FOUND");
    // a changed file takes effect at once
    world.add_to_tenant("it", &provider.table("spid", ""));
    let listed = world.anybody("it").get("/v1/providers").await.ok();
    assert_eq!(listed, json!({ "providers": [{ "code": "spid", "name": "The spid login" }] }));

    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut ana = Person::called("ana-of-the-provider");
    let mut go = async |attempt: &Value| said(&ana.go(&text(&attempt["url"])).await);
    // nobody is found by what the provider says before the owner has linked it
    let attempt = begin(&world, "it", "spid").await.ok();
    let said = go(&attempt).await;
    assert_eq!(said["iss"], provider.issuer());
    complete(&world, "it", &attempt, &said).await.refused("PROVIDER_NOT_LINKED");

    let wrong = json!({ "provider": "spid", "currentPassword": "a wrong guess" });
    let wrong = teacher.post("/v1/account/providers:begin", wrong).await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);
    let attempt = begin_link(&teacher, "spid").await.ok();
    let link = complete_link(&teacher, &attempt, &go(&attempt).await).await.ok();
    assert_eq!((&link["provider"], &link["name"]), (&json!("spid"), &json!("The spid login")));
    assert_eq!(teacher.get("/v1/account/providers").await.ok(), json!({ "links": [link] }));
    assert!(newest(&world, &teacher).await.contains("The spid login"));

    let attempt = begin(&world, "it", "spid").await.ok();
    let said = go(&attempt).await;
    let session = complete(&world, "it", &attempt, &said).await.ok();
    let signed_in = teacher.with_session(teacher.login(), OWN, &session);
    assert_eq!(signed_in.account().await["id"], teacher.account().await["id"]);
    // a code is worth something once
    complete(&world, "it", &attempt, &said).await.refused("PROVIDER_ANSWER_REFUSED");

    let out = text(&signed_in.post("/v1/sessions:signOut", json!({})).await.ok()["providerSignOutUrl"]);
    let (base, path) = parts(&out);
    assert_eq!(base, provider.issuer());
    let page = ana.ask(&base, Method::GET, &path, "").await.text();
    let xsrf = page.split("name=\"xsrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let left = ana.ask(&base, Method::POST, "/session/end/confirm", &format!("xsrf={xsrf}&logout=yes")).await;
    assert_eq!(left.headers["location"], "http://127.0.0.1:8080/it/sign-in");
    // who signs in by the password is led nowhere
    assert_eq!(teacher.again().await.post("/v1/sessions:signOut", json!({})).await.ok(), json!({}));
    for secret in [&said["code"], &said["state"], &text(&attempt["attempt"]), "ana-of-the-provider"] {
        assert_eq!(world.log().find(secret), [""; 0], "the log says {secret}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn two_factors_at_a_real_provider_count_where_the_country_says_so() {
    let world = World::of(&["it"]).now().start().await;
    let provider = OpenIdProvider::start("it");
    let table = provider.table("spid", "second_factor = { acr = [\"urn:example:two\"] }");
    world.add_to_tenant("it", &format!("{table}[identity.second_factor]\nrequired_for = [\"teacher\"]\n"));
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let owner = Owner::of(&world, &teacher, OWN).await;
    let go = async |attempt: &Value, acr: &str| {
        said(&Person::called("ana").at_level(acr, "pwd").go(&text(&attempt["url"])).await)
    };
    let attempt = begin_link(&owner.caller, "spid").await.ok();
    assert!(query(&text(&attempt["url"]))["acr_values"].contains("two"));
    complete_link(&owner.caller, &attempt, &go(&attempt, "urn:example:two").await).await.ok();
    let attempt = begin(&world, "it", "spid").await.ok();
    let session = complete(&world, "it", &attempt, &go(&attempt, "urn:example:two").await).await.ok();
    assert_eq!((&session["secondFactorNeeded"], session["refreshToken"].is_string()), (&Value::Null, true));
    // and it is remembered as long as the session lasts
    let refresh = json!({ "refreshToken": session["refreshToken"] });
    let session = world.anybody("it").post("/v1/sessions:refresh", refresh).await.ok();
    teacher.with_session(teacher.login(), OWN, &session).get("/v1/account").await.ok();
    let attempt = begin(&world, "it", "spid").await.ok();
    let session = complete(&world, "it", &attempt, &go(&attempt, "urn:example:one").await).await.ok();
    assert_eq!(session["secondFactorNeeded"], true);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_answer_that_is_not_the_providers_for_this_attempt_opens_nothing() {
    let (world, issuer) = trusting("").await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    link(&teacher, &issuer).await;
    sign_in(&world, &issuer).await.ok();
    let now = world.clock().now().as_second();
    let claim = |name: &'static str, value: Value| {
        issuer.twists(move |token| token.claims[name] = value.clone());
    };
    for (name, value) in [
        ("nonce", json!("of another attempt")),
        ("nonce", Value::Null),
        ("aud", json!("somebody else")),
        ("aud", json!(["koine", "somebody else"])),
        ("azp", json!("somebody else")),
        ("iss", json!("https://login.example")),
        ("exp", json!(now - 1)),
        ("iat", json!(now + 3600)),
        ("iat", json!(now - 3600)),
    ] {
        claim(name, value.clone());
        let refused = sign_in(&world, &issuer).await;
        assert_eq!(reason(&refused), "PROVIDER_ANSWER_REFUSED", "{name}: {value}: {}", refused.text());
    }
    for by in [By::Stranger, By::Nothing, By::Secret] {
        issuer.twists(move |token| token.by = by);
        let refused = sign_in(&world, &issuer).await;
        assert_eq!(reason(&refused), "PROVIDER_ANSWER_REFUSED", "{by:?}: {}", refused.text());
    }
    issuer.twists(|token| token.claims["azp"] = json!("koine"));
    sign_in(&world, &issuer).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_answer_belongs_to_one_attempt_of_one_browser_one_tenant_and_one_session() {
    let (world, issuer) = trusting("").await;
    world.add_to_tenant("hr", &issuer.table("school", ""));
    let teacher = world.teacher("it", "Ana", "Kos").await;
    link(&teacher, &issuer).await;
    let began = async || begin(&world, "it", "school").await.ok();
    let (mine, other) = (began().await, began().await);
    let said = issuer.signs_in(&text(&mine["url"]));
    // a code that somebody slips to another browser
    complete(&world, "it", &other, &said).await.refused("PROVIDER_ANSWER_REFUSED");
    complete(&world, "hr", &mine, &said).await.refused("PROVIDER_ANSWER_REFUSED");
    complete_link(&teacher, &mine, &said).await.refused("PROVIDER_ANSWER_REFUSED");

    // an answer of another issuer
    let mine = began().await;
    let mut said = issuer.signs_in(&text(&mine["url"]));
    said.insert("iss".to_owned(), "https://login.example".to_owned());
    complete(&world, "it", &mine, &said).await.refused("PROVIDER_ANSWER_REFUSED");

    // the code of one attempt in another: the provider asks who has begun it
    let (mine, other) = (began().await, began().await);
    let (mut said, of_other) = (issuer.signs_in(&text(&mine["url"])), issuer.signs_in(&text(&other["url"])));
    said.insert("code".to_owned(), of_other["code"].clone());
    complete(&world, "it", &mine, &said).await.refused("PROVIDER_ANSWER_REFUSED");

    // too late
    let mine = began().await;
    let said = issuer.signs_in(&text(&mine["url"]));
    world.passes_by(SignedDuration::from_secs(601)).await;
    complete(&world, "it", &mine, &said).await.refused("PROVIDER_ANSWER_REFUSED");

    // a link is completed in the session that has begun it, by nobody else and for nobody else
    let teacher = teacher.again().await;
    let colleague = world.teacher("it", "Iva", "Novak").await;
    issuer.twists(|token| token.claims["sub"] = json!("iva"));
    let attempt = begin_link(&colleague, "school").await.ok();
    let said = issuer.signs_in(&text(&attempt["url"]));
    complete_link(&colleague.again().await, &attempt, &said).await.refused("PROVIDER_ANSWER_REFUSED");
    let attempt = begin_link(&colleague, "school").await.ok();
    let said = issuer.signs_in(&text(&attempt["url"]));
    complete_link(&teacher, &attempt, &said).await.refused("PROVIDER_ANSWER_REFUSED");
    let attempt = begin_link(&colleague, "school").await.ok();
    complete(&world, "it", &attempt, &issuer.signs_in(&text(&attempt["url"]))).await.refused("PROVIDER_ANSWER_REFUSED");
    assert_eq!(colleague.get("/v1/account/providers").await.ok(), json!({}));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_two_that_complete_one_attempt_at_once_one_signs_in() {
    let (world, issuer) = trusting("").await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    link(&teacher, &issuer).await;
    let attempt = begin(&world, "it", "school").await.ok();
    let said = issuer.signs_in(&text(&attempt["url"]));
    let answers = futures::future::join_all((0..4).map(|_| complete(&world, "it", &attempt, &said))).await;
    let (signed_in, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.is_success());
    assert_eq!((signed_in.len(), refused.len()), (1, 3));
    assert!(refused.iter().all(|answer| reason(answer) == "PROVIDER_ANSWER_REFUSED"));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_provider_that_is_slow_or_away_holds_up_nobody_else() {
    let (world, issuer) = trusting("").await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    for mood in [Mood::Endless, Mood::Elsewhere, Mood::Page, Mood::Other, Mood::Open] {
        issuer.is_now(mood);
        let refused = begin(&world, "it", "school").await;
        assert_eq!(reason(&refused), "PROVIDER_UNAVAILABLE", "{mood:?}: {}", refused.text());
    }
    issuer.is_now(Mood::Silent);
    let waiting = futures::future::join_all((0..20).map(|_| begin(&world, "it", "school")));
    let meanwhile = async { teacher.again().await.get("/v1/account").await.ok() };
    let (waited, _) = futures::future::join(waiting, meanwhile).await;
    assert!(waited.iter().all(|answer| reason(answer) == "PROVIDER_UNAVAILABLE"));
    assert_eq!(issuer.asked().iter().filter(|path| path.ends_with("openid-configuration")).count(), 5 + 16);

    issuer.is_now(Mood::Well);
    link(&teacher, &issuer).await;
    let attempt = begin(&world, "it", "school").await.ok();
    let said = issuer.signs_in(&text(&attempt["url"]));
    // what it is, is known for a while, but a code is exchanged with itself alone
    issuer.is_now(Mood::Page);
    complete(&world, "it", &attempt, &said).await.refused("PROVIDER_UNAVAILABLE");
    issuer.leaves();
    let attempt = begin(&world, "it", "school").await.ok();
    complete(&world, "it", &attempt, &issuer.signs_in(&text(&attempt["url"]))).await.refused("PROVIDER_UNAVAILABLE");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn keys_that_change_are_asked_for_again_and_not_at_every_token() {
    let (world, issuer) = trusting("").await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    link(&teacher, &issuer).await;
    sign_in(&world, &issuer).await.ok();
    let keys = |asked: Vec<String>| asked.iter().filter(|path| *path == "/keys").count();
    assert_eq!(keys(issuer.asked()), 1, "what was told is known for a while");
    world.passes_by(SignedDuration::from_secs(11)).await;
    issuer.rotates();
    sign_in(&world, &issuer).await.ok();
    assert_eq!(keys(issuer.asked()), 1);
    issuer.twists(|token| token.by = By::Stranger);
    for _ in 0..5 {
        sign_in(&world, &issuer).await.refused("PROVIDER_ANSWER_REFUSED");
    }
    assert_eq!(keys(issuer.asked()), 0, "who sends wrong tokens makes us ask no more often");
    issuer.twists(|_| ());
    world.passes_by(SignedDuration::from_mins(15)).await;
    sign_in(&world, &issuer).await.ok();
    assert_eq!(keys(issuer.asked()), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_a_provider_knows_somebody_as_is_linked_once_and_its_owner_removes_it() {
    let (world, issuer) = trusting("").await;
    let (teacher, colleague) = (world.teacher("it", "Ana", "Kos").await, world.teacher("it", "Iva", "Novak").await);
    link(&teacher, &issuer).await;
    for caller in [&colleague, &teacher] {
        let attempt = begin_link(caller, "school").await.ok();
        complete_link(caller, &attempt, &issuer.signs_in(&text(&attempt["url"]))).await.refused("PROVIDER_LINKED");
    }
    let session = sign_in(&world, &issuer).await.ok();
    let by_provider = teacher.with_session(teacher.login(), OWN, &session);
    let told = teacher.get("/v1/account/data:export").await.text();
    assert!(told.contains("identity.provider_link") && told.contains(&issuer.url()), "{told}");

    let remove = async |password: &str, provider: &str| {
        let asked = json!({ "provider": provider, "currentPassword": password });
        teacher.post("/v1/account/providers:remove", asked).await
    };
    assert_eq!(remove("a wrong guess", "school").await.violations()[0].0, "current_password");
    remove(OWN, "spid").await.refused("NOT_FOUND");
    remove(OWN, "school").await.ok();
    remove(OWN, "school").await.refused("NOT_FOUND");
    assert!(newest(&world, &teacher).await.contains("The school login"));
    by_provider.get("/v1/account").await.refused("TOKEN_ENDED");
    teacher.get("/v1/account").await.ok();
    sign_in(&world, &issuer).await.refused("PROVIDER_NOT_LINKED");
    link(&colleague, &issuer).await;
    assert_eq!(
        world.actions("it", "identity").await.iter().filter(|action| action.contains("provider")).collect::<Vec<_>>(),
        ["link provider", "remove provider link", "link provider"]
    );
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_recovers_a_password_is_linked_with_nothing_and_who_is_locked_or_gone_stays_so() {
    let (world, issuer) = trusting("").await;
    let coordinator = world.coordinator("it").await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let id = text(&teacher.account().await["id"]);
    link(&teacher, &issuer).await;
    let lock = json!({ "reason": "It was lost." });
    coordinator.post(&format!("/v1/accounts/{id}:lock"), lock).await.ok();
    sign_in(&world, &issuer).await.refused("ACCOUNT_LOCKED");
    coordinator.post(&format!("/v1/accounts/{id}:reinstate"), json!({})).await.ok();
    sign_in(&world, &issuer).await.ok();

    world.settle().await;
    world.anybody("it").post("/v1/accounts:recoverPassword", json!({ "email": teacher.login() })).await.ok();
    world.settle().await;
    let code = world.mailbox("it").find(teacher.login(), CODE).expect("a code");
    let next = "quattro lune sul lago di notte";
    world.anybody("it").post("/v1/accounts:resetPassword", json!({ "code": code, "newPassword": next })).await.ok();
    sign_in(&world, &issuer).await.refused("PROVIDER_NOT_LINKED");
    world.settle().await;
    let letters = world.mailbox("it").to(teacher.login());
    assert!(letters.iter().rev().take(2).any(|letter| letter.text.contains("The school login")));

    let leaving = world.teacher("it", "Iva", "Novak").await;
    link(&leaving, &issuer).await;
    leaving.post("/v1/account:leave", json!({ "currentPassword": OWN })).await.ok();
    sign_in(&world, &issuer).await.refused("PROVIDER_NOT_LINKED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_answer_of_one_provider_is_nothing_to_another_and_who_leaves_the_file_opens_nothing() {
    let world = World::of(&["it"]).start().await;
    let (honest, lying) = (Issuer::start(world.clock()).await, Issuer::start(world.clock()).await);
    world.add_to_tenant("it", &format!("{}{}", honest.table("school", ""), lying.table("other", "")));
    let teacher = world.teacher("it", "Ana", "Kos").await;
    link(&teacher, &honest).await;
    // the one that lies has led its visitor to the honest one, with the state of its own attempt
    let at_lying = begin(&world, "it", "other").await.ok();
    let at_honest = begin(&world, "it", "school").await.ok();
    let mut said = honest.signs_in(&text(&at_honest["url"]));
    said.insert("state".to_owned(), query(&text(&at_lying["url"]))["state"].clone());
    complete(&world, "it", &at_lying, &said).await.refused("PROVIDER_ANSWER_REFUSED");
    assert!(!lying.asked().iter().any(|path| path.contains("token")), "it is not told the code");

    let session = sign_in(&world, &honest).await.ok();
    world.add_to_tenant("it", &lying.table("other", ""));
    let refresh = json!({ "refreshToken": session["refreshToken"] });
    world.anybody("it").post("/v1/sessions:refresh", refresh).await.refused("SESSION_OVER");
    world.end().await;
}
