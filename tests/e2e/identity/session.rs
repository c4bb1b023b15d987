//! Signing in, staying signed in, signing out.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Answer, Caller, World, path::text, scene::PASSWORD};

async fn refresh(world: &World, token: &Value) -> Answer {
    world.anybody("it").post("/v1/sessions:refresh", json!({ "refreshToken": token })).await
}

async fn sign_in(world: &World, login: &str, password: &str) -> Answer {
    world.anybody("it").post("/v1/sessions", json!({ "login": login, "password": password })).await
}

/// The password teachers of a world have.
const TEACHERS: &str = "a sentence nobody else would choose";

#[tokio::test(crate = "::tests::limit")]
async fn a_refresh_token_works_once_and_its_second_use_ends_the_session_for_everybody() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let first = json!(teacher.refresh());
    let second = refresh(&world, &first).await.ok();
    assert_ne!(second["refreshToken"], first);
    let renewed = teacher.with_token(text(&second["accessToken"]));
    assert_eq!(renewed.account().await, teacher.account().await);
    let third = refresh(&world, &second["refreshToken"]).await.ok();

    // whoever has the first one stole it, or was stolen from
    refresh(&world, &first).await.refused("SESSION_OVER");
    refresh(&world, &third["refreshToken"]).await.refused("SESSION_OVER");
    // other sessions of the account go on
    sign_in(&world, teacher.login(), TEACHERS).await.ok();
    assert!(world.actions("it", "identity").await.contains(&"end session".to_owned()));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_two_refreshes_at_once_one_wins() {
    let world = World::of(&["it"]).start().await;
    let token = json!(world.teacher("it", "Ana", "Kos").await.refresh());
    let (one, other) = tokio::join!(refresh(&world, &token), refresh(&world, &token));
    let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
    lost.refused("SESSION_OVER");
    // the loser had used the token a second time
    refresh(&world, &won.ok()["refreshToken"]).await.refused("SESSION_OVER");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_token_lives_for_ten_minutes_and_a_session_for_thirty_days() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let begun = world.clock().now();
    let after = async |time: SignedDuration| world.passes_to(begun + time).await;
    after(SignedDuration::from_secs(599)).await;
    teacher.get("/v1/account").await.ok();
    after(SignedDuration::from_mins(10)).await;
    teacher.get("/v1/account").await.refused("TOKEN_EXPIRED");
    after(SignedDuration::from_hours(24 * 30)).await;
    let renewed = refresh(&world, &json!(teacher.refresh())).await.ok();
    after(SignedDuration::from_hours(24 * 30) + SignedDuration::from_secs(1)).await;
    refresh(&world, &renewed["refreshToken"]).await.refused("SESSION_OVER");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn signing_out_ends_one_session() {
    let world = World::of(&["it"]).start().await;
    let here = world.teacher("it", "Ana", "Kos").await;
    let there = here.again().await;
    assert_eq!(here.post("/v1/sessions:signOut", json!({})).await.ok(), json!({}));
    refresh(&world, &json!(here.refresh())).await.refused("SESSION_OVER");
    let change = json!({ "currentPassword": TEACHERS, "newPassword": PASSWORD });
    here.post("/v1/account:changePassword", change).await.refused("TOKEN_ENDED");
    refresh(&world, &json!(there.refresh())).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_changed_password_ends_every_other_session() {
    let world = World::of(&["it"]).start().await;
    let here = world.teacher("it", "Ana", "Kos").await;
    let there = here.again().await;
    let change = |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
    let wrong = here.post("/v1/account:changePassword", change("not my password", PASSWORD)).await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);
    let weak = here.post("/v1/account:changePassword", change(TEACHERS, "kos")).await.violations();
    assert!(weak.iter().all(|(field, reason)| field == "new_password" && reason == "PASSWORD_WEAK"), "{weak:?}");
    let same = here.post("/v1/account:changePassword", change(TEACHERS, TEACHERS)).await.violations();
    assert_eq!(same[0].1, "PASSWORD_WEAK");

    let renewed = here.change_password(PASSWORD).await;
    refresh(&world, &json!(there.refresh())).await.refused("SESSION_OVER");
    refresh(&world, &json!(here.refresh())).await.refused("SESSION_OVER");
    refresh(&world, &json!(renewed.refresh())).await.ok();
    sign_in(&world, here.login(), TEACHERS).await.refused("SIGN_IN_FAILED");
    sign_in(&world, here.login(), PASSWORD).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn one_sees_and_ends_ones_own_sessions_and_nobody_elses() {
    let world = World::of(&["it"]).start().await;
    let here = world.teacher("it", "Ana", "Kos").await;
    world.passes_by(SignedDuration::from_mins(1)).await;
    let there = here.again().await;
    let stranger = world.teacher("it", "Eva", "Novak").await;
    let list = async |caller: &Caller| caller.get("/v1/account/sessions").await.ok()["sessions"].clone();
    let id = |session: &Value| text(&session["id"]);

    let seen = list(&here).await;
    let [last, first] = &seen.as_array().unwrap()[..] else { panic!("two sessions: {seen}") };
    assert_eq!((&last["isCurrent"], &first["isCurrent"]), (&Value::Null, &json!(true)));
    assert_eq!((&first["createdAt"], &first["lastUsedAt"]), (&json!("2022-10-10T07:00:00Z"), &first["createdAt"]));
    assert_eq!(last["createdAt"], "2022-10-10T07:01:00Z");
    assert_eq!(last["expiresAt"], "2022-11-09T07:01:00Z");
    let renewed = refresh(&world, &json!(here.refresh())).await.ok();
    assert_eq!(list(&here).await[0]["lastUsedAt"], "2022-10-10T07:01:00Z", "which is used last comes first");

    let end = |session: &Value| format!("/v1/account/sessions/{}:end", id(session));
    stranger.post(&end(last), json!({})).await.refused("NOT_FOUND");
    refresh(&world, &json!(there.refresh())).await.ok();
    assert_eq!(here.post(&end(last), json!({ "requestId": "x" })).await.ok(), json!({}));
    here.post(&end(last), json!({ "requestId": "x" })).await.ok();
    here.post(&end(last), json!({})).await.refused("NOT_FOUND");
    assert_eq!(list(&here).await.as_array().map(Vec::len), Some(1));

    let others = [here.again().await, here.again().await];
    here.post("/v1/account/sessions:endOthers", json!({})).await.ok();
    for other in others {
        refresh(&world, &json!(other.refresh())).await.refused("SESSION_OVER");
    }
    refresh(&world, &renewed["refreshToken"]).await.ok();
    refresh(&world, &json!(stranger.refresh())).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_guesses_is_slowed_down_whether_or_not_the_account_exists() {
    let world = World::of(&["it", "hr"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut refusals = Vec::new();
    for login in [teacher.login(), "nobody@school.example"] {
        for _ in 0..5 {
            sign_in(&world, login, "a wrong guess, again").await.refused("SIGN_IN_FAILED");
        }
        let refused = sign_in(&world, login, "a wrong guess, again").await;
        let problem = refused.refused("RATE_EXCEEDED");
        assert_eq!((refused.status.as_u16(), &refused.headers["retry-after"]), (429, &"10".parse().unwrap()));
        assert_eq!(problem["retry_after_seconds"], 10);
        refusals.push(refused.body);
    }
    assert_eq!(refusals[0], refusals[1]);
    // the right password does not help before its time; others, and the same address in another country, are not held up
    sign_in(&world, teacher.login(), TEACHERS).await.refused("RATE_EXCEEDED");
    world.teacher("it", "Eva", "Novak").await.again().await;
    let there = json!({ "login": teacher.login(), "password": "a wrong guess" });
    world.anybody("hr").post("/v1/sessions", there).await.refused("SIGN_IN_FAILED");
    world.passes_by(SignedDuration::from_secs(10)).await;
    sign_in(&world, teacher.login(), TEACHERS).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_that_signs_in_at_once_slows_nobody_down() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    for _ in 0..20 {
        sign_in(&world, teacher.login(), TEACHERS).await.ok();
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_address_that_guesses_at_many_accounts_is_slowed_down() {
    let settings = "[identity.throttle]\naddress = { burst = 4, every_ms = 1000 }\n";
    let world = World::of(&["it"]).settings(settings).start().await;
    for number in 0..4 {
        sign_in(&world, &format!("{number}@school.example"), "a wrong guess").await.refused("SIGN_IN_FAILED");
    }
    sign_in(&world, "5@school.example", "a wrong guess").await.refused("RATE_EXCEEDED");
    // what an address says of itself is not believed
    let body = json!({ "login": "6@school.example", "password": "a wrong guess" }).to_string();
    let headers =
        [("content-type", "application/json"), ("koine-address", "203.0.113.9"), ("x-forwarded-for", "203.0.113.9")];
    let forged = world.http().send(http::Method::POST, "/it/v1/sessions", &headers, body).await;
    forged.refused("RATE_EXCEEDED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_keeps_the_access_token_alone_leaves_no_session_behind() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let own = "a sentence nobody else would choose";
    let form = json!({ "login": teacher.login(), "password": own, "accessTokenAlone": true });
    let short = world.anybody("it").post("/v1/sessions", form).await.ok();
    assert_eq!((&short["refreshToken"], &short["refreshExpiresAt"]), (&Value::Null, &Value::Null));
    let living = async |caller: &Caller| {
        let listed = caller.get("/v1/account/sessions").await.ok();
        listed["sessions"].as_array().cloned().expect("sessions")
    };
    let listed = living(&teacher).await;
    assert_eq!((listed.len(), &listed[0]["expiresAt"]), (2, &short["accessExpiresAt"]));
    // so does each that goes on from it
    let short = teacher.with_session(teacher.login(), own, &short);
    let change = json!({ "currentPassword": own, "newPassword": PASSWORD });
    let changed = short.post("/v1/account:changePassword", change).await.ok();
    assert_eq!(changed["refreshToken"], Value::Null);
    short.with_session(teacher.login(), PASSWORD, &changed).account().await;
    world.passes_by(SignedDuration::from_mins(11)).await;
    let teacher = world.anybody("it").sign_in(teacher.login(), PASSWORD).await;
    assert_eq!(living(&teacher).await.len(), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn mails_to_one_address_are_not_sent_without_end() {
    let world = World::of(&["it"]).start().await;
    let anybody: Caller = world.anybody("it");
    let resend = json!({ "email": "ana@school.example" });
    for _ in 0..5 {
        anybody.post("/v1/accounts:resendVerification", resend.clone()).await.ok();
    }
    anybody.post("/v1/accounts:resendVerification", resend.clone()).await.refused("RATE_EXCEEDED");
    let form = json!({ "email": "ana@school.example", "password": PASSWORD, "givenName": "Ana", "surname": "Kos" });
    anybody.post("/v1/accounts", form).await.refused("RATE_EXCEEDED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_keys_of_tokens_are_published() {
    let world = World::of(&["it"]).start().await;
    let keys = world.http().json(http::Method::GET, "/.well-known/jwks.json", None, Value::Null).await.ok();
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let head = teacher.token().split('.').next().unwrap();
    let head: Value =
        serde_json::from_slice(&base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, head).unwrap())
            .unwrap();
    assert_eq!((&head["alg"], &head["kid"], &head["typ"]), (&json!("EdDSA"), &key["kid"], &json!("at+jwt")));
    world.end().await;
}
