//! Passkeys: adding one, signing in by one, and what is refused.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Answer, Caller, Device, World, path::text};

use super::{account::seen, factor::OWN};

/// Begins to add a passkey.
pub(super) async fn begin(caller: &Caller, password: &str) -> Value {
    caller.post("/v1/account/passkeys:begin", json!({ "currentPassword": password })).await.ok()
}

/// Confirms what was begun with the answer of a browser.
pub(super) async fn confirm(caller: &Caller, begun: &Value, credential: &str) -> Answer {
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential, "name": " Ana's phone " });
    caller.post("/v1/account/passkeys:confirm", body).await
}

/// Adds a passkey of a device. Returns the caller in the session that goes on.
pub(super) async fn add(caller: &Caller, password: &str, device: &mut Device) -> Caller {
    let begun = begin(caller, password).await;
    let added = confirm(caller, &begun, &device.makes(&begun)).await.ok();
    caller.with_session(caller.login(), password, &added["session"])
}

/// Begins to sign in.
pub(super) async fn begin_sign_in(at: &Caller) -> Value {
    anybody(at).post("/v1/sessions:beginPasskey", json!({})).await.ok()
}

/// Completes what was begun with the answer of a browser.
pub(super) async fn complete(at: &Caller, begun: &Value, credential: &str) -> Answer {
    let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
    anybody(at).post("/v1/sessions:completePasskey", body).await
}

/// Signs in by a passkey.
pub(super) async fn sign_in(at: &Caller, device: &Device) -> Answer {
    let begun = begin_sign_in(at).await;
    complete(at, &begun, &device.signs(&begun)).await
}

/// The passkeys of a caller.
pub(super) async fn list(caller: &Caller) -> Vec<Value> {
    caller.get("/v1/account/passkeys").await.ok()["passkeys"].as_array().cloned().unwrap_or_default()
}

async fn remove(caller: &Caller, id: &Value, password: &str) -> Answer {
    let body = json!({ "passkeyId": id, "currentPassword": password });
    caller.post("/v1/account/passkeys:remove", body).await
}

fn anybody(at: &Caller) -> Caller {
    Caller::anybody(at.http().clone(), at.tenant())
}

async fn refresh(caller: &Caller) -> Answer {
    anybody(caller).post("/v1/sessions:refresh", json!({ "refreshToken": caller.refresh() })).await
}

/// Of two answers at once, the one that was refused.
fn refused_of(one: Answer, other: Answer) -> Answer {
    let (done, refused) = if one.status.is_success() { (one, other) } else { (other, one) };
    done.ok();
    refused
}

/// The newest letter to somebody.
pub(super) async fn newest(world: &World, caller: &Caller) -> String {
    world.settle().await;
    world.mailbox("it").to(caller.login()).pop().expect("a letter").text
}

#[tokio::test(crate = "::tests::limit")]
async fn a_passkey_is_added_and_opens_the_account_without_a_password() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let other = teacher.again().await;
    assert_eq!(list(&teacher).await, [Value::Null; 0]);
    let wrong = teacher.post("/v1/account/passkeys:begin", json!({ "currentPassword": "a wrong guess" })).await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);

    let mut device = Device::new();
    let begun = begin(&teacher, OWN).await;
    let credential = device.makes(&begun);
    sign_in(&teacher, &device).await.refused("PASSKEY_REFUSED");
    let added = confirm(&teacher, &begun, &credential).await.ok();
    assert_eq!(added["passkey"]["name"], "Ana's phone");
    let on = teacher.with_session(teacher.login(), OWN, &added["session"]);
    assert_eq!(list(&on).await, [added["passkey"].clone()]);
    for before in [&teacher, &other] {
        before.get("/v1/account").await.refused("TOKEN_ENDED");
        refresh(before).await.refused("SESSION_OVER");
    }
    assert!(newest(&world, &teacher).await.contains("aggiunta una passkey"));

    world.passes_by(SignedDuration::from_mins(1)).await;
    let session = sign_in(&on, &device).await.ok();
    assert_eq!((&session["role"], &session["secondFactorNeeded"]), (&json!("ROLE_TEACHER"), &Value::Null));
    let by_passkey = on.with_session(teacher.login(), OWN, &session);
    by_passkey.account().await;
    refresh(&by_passkey).await.ok();
    assert!(list(&on).await[0]["lastUsedAt"].is_string());
    // the password is as good as before
    assert!(!on.again().await.refresh().is_empty());
    let entries = world.actions("it", "identity").await;
    assert!(entries.iter().any(|action| action == "add passkey"), "{entries:?}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_answer_counts_once_in_time_and_for_what_it_was_begun_for() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut device = Device::new();
    let adding = begin(&teacher, OWN).await;
    let made = device.makes(&adding);
    let same = teacher.clone();
    let (one, two) = tokio::join!(confirm(&teacher, &adding, &made), confirm(&same, &adding, &made));
    let session = if one.status.is_success() { one.ok() } else { two.ok() }["session"].clone();
    let reason = text(&refused_of(one, two).json()["reason"]);
    assert!(["TOKEN_ENDED", "SESSION_OVER"].contains(&&*reason), "{reason}");
    let on = teacher.with_session(teacher.login(), OWN, &session);
    confirm(&on, &adding, &made).await.refused("PASSKEY_OVER");
    let again = begin(&on, OWN).await;
    confirm(&on, &again, &made).await.refused("PASSKEY_REFUSED");
    confirm(&on, &again, &device.makes(&again)).await.refused("PASSKEY_REFUSED");

    // two that were begun, the later one completed by two at once: the handle of the device is that of the passkey
    let handle = device.makes(&adding);
    assert_eq!(handle.len(), made.len());
    let (first, second) = (begin_sign_in(&on).await, begin_sign_in(&on).await);
    let (early, late) = (device.signs(&first), device.signs(&second));
    complete(&on, &first, &late).await.refused("PASSKEY_REFUSED");
    complete(&on, &adding, &early).await.refused("PASSKEY_OVER");
    let (one, two) = tokio::join!(complete(&on, &second, &late), complete(&on, &second, &late));
    refused_of(one, two).refused("PASSKEY_OVER");
    complete(&on, &second, &late).await.refused("PASSKEY_OVER");
    complete(&on, &first, &early).await.refused("PASSKEY_OVER");

    let begun = begin_sign_in(&on).await;
    world.passes_by(SignedDuration::from_mins(5)).await;
    complete(&on, &begun, &device.signs(&begun)).await.ok();
    let begun = begin_sign_in(&on).await;
    world.passes_by(SignedDuration::from_mins(5) + SignedDuration::from_micros(1)).await;
    complete(&on, &begun, &device.signs(&begun)).await.refused("PASSKEY_OVER");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_does_not_count_is_refused_in_the_same_words() {
    let world = World::of(&["it", "hr"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut device = Device::new();
    for spoil in [
        |device: &mut Device| device.origin = "https://evil.example".to_owned(),
        |device: &mut Device| device.origin = "http://localhost:8081".to_owned(),
        |device: &mut Device| device.domain = Some("evil.example".to_owned()),
        |device: &mut Device| device.looks = false,
    ] {
        let mut spoiled = Device::new();
        spoil(&mut spoiled);
        let begun = begin(&teacher, OWN).await;
        confirm(&teacher, &begun, &spoiled.makes(&begun)).await.refused("PASSKEY_REFUSED");
    }
    let on = add(&teacher, OWN, &mut device).await;
    let mut answers = Vec::new();
    for spoil in [
        |device: &mut Device| device.origin = "https://evil.example".to_owned(),
        |device: &mut Device| device.domain = Some("evil.example".to_owned()),
        |device: &mut Device| device.looks = false,
    ] {
        spoil(&mut device);
        answers.push(sign_in(&on, &device).await);
        (device.origin, device.domain, device.looks) = ("http://localhost:8080".to_owned(), None, true);
    }
    // a device that nobody knows, and one that says the handle of another
    let mut strange = Device::new();
    strange.makes(&begin(&on, OWN).await);
    answers.push(sign_in(&on, &strange).await);
    let begun = begin_sign_in(&on).await;
    let (own, other): (Value, Value) = (of_json(&device.signs(&begun)), of_json(&strange.signs(&begun)));
    let mut forged = own.clone();
    forged["response"]["signature"] = other["response"]["signature"].clone();
    answers.push(complete(&on, &begun, &forged.to_string()).await);
    let mut forged = other.clone();
    forged["response"]["userHandle"] = own["response"]["userHandle"].clone();
    answers.push(complete(&on, &begun, &forged.to_string()).await);
    answers.push(complete(&on, &begun, "no JSON").await);
    // of another tenant
    let there = world.anybody("hr");
    complete(&there, &begun, &device.signs(&begun)).await.refused("PASSKEY_OVER");
    answers.push(sign_in(&there, &device).await);
    for answer in &answers {
        answer.refused("PASSKEY_REFUSED");
    }
    let mut said: Vec<_> = answers.iter().map(seen).collect();
    said.dedup();
    assert_eq!(said.len(), 1, "{said:#?}");
    sign_in(&on, &device).await.ok();
    world.end().await;
}

fn of_json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[tokio::test(crate = "::tests::limit")]
async fn a_copied_key_is_refused_and_its_owner_is_told() {
    let world = World::of(&["it"]).start().await;
    let mut device = Device::new();
    device.counter = 7;
    let on = add(&world.teacher("it", "Ana", "Kos").await, OWN, &mut device).await;
    device.counter = 8;
    sign_in(&on, &device).await.ok();
    for counter in [8, 7, 0] {
        device.counter = counter;
        sign_in(&on, &device).await.refused("PASSKEY_REFUSED");
    }
    assert!(newest(&world, &on).await.contains("sembra essere stata copiata"));
    device.counter = 9;
    sign_in(&on, &device).await.ok();
    assert!(world.actions("it", "identity").await.iter().any(|action| action == "refuse copied passkey"));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_passkey_that_is_removed_opens_nothing_and_ends_what_it_has_opened() {
    let world = World::of(&["it"]).start().await;
    let (teacher, stranger) = (world.teacher("it", "Ana", "Kos").await, world.teacher("it", "Ivo", "Kos").await);
    let (mut phone, mut key) = (Device::new(), Device::new());
    let on = add(&add(&teacher, OWN, &mut phone).await, OWN, &mut key).await;
    let ids: Vec<_> = list(&on).await.iter().map(|passkey| passkey["id"].clone()).collect();
    remove(&stranger, &ids[0], OWN).await.refused("NOT_FOUND");
    let wrong = remove(&on, &ids[0], "a wrong guess").await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);

    let by_phone = on.with_session(on.login(), OWN, &sign_in(&on, &phone).await.ok());
    let by_key = on.with_session(on.login(), OWN, &sign_in(&on, &key).await.ok());
    let by_password = on.again().await;
    let session = remove(&by_key, &ids[0], OWN).await.ok();
    let by_key = by_key.with_session(on.login(), OWN, &session);
    by_phone.get("/v1/account").await.refused("TOKEN_ENDED");
    refresh(&by_phone).await.refused("SESSION_OVER");
    by_password.account().await;
    sign_in(&on, &phone).await.refused("PASSKEY_REFUSED");
    assert!(newest(&world, &on).await.contains("sono state tolte"));
    // what it has shown still holds: it goes with the other one
    let session = remove(&by_password, &ids[1], OWN).await.ok();
    by_key.get("/v1/account").await.refused("TOKEN_ENDED");
    let left = on.with_session(on.login(), OWN, &session);
    assert_eq!(list(&left).await, [Value::Null; 0]);
    remove(&left, &ids[1], OWN).await.refused("NOT_FOUND");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_locked_out_stays_out_and_who_has_left_has_no_passkeys() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let mut device = Device::new();
    let on = add(&world.teacher("it", "Ana", "Kos").await, OWN, &mut device).await;
    let id = text(&on.account().await["id"]);
    let path = |verb: &str| format!("/v1/accounts/{id}:{verb}");
    coordinator.post(&path("lock"), json!({ "reason": "It was lost." })).await.ok();
    sign_in(&on, &device).await.refused("ACCOUNT_LOCKED");
    coordinator.post(&path("reinstate"), json!({})).await.ok();
    let session = sign_in(&on, &device).await.ok();
    let back = on.with_session(on.login(), OWN, &session);
    back.post("/v1/account:leave", json!({ "currentPassword": OWN })).await.ok();
    sign_in(&on, &device).await.refused("PASSKEY_REFUSED");
    let kept = world.rows("it", "identity", "SELECT name FROM passkey", &["name"]).await;
    assert_eq!(kept, Vec::<Vec<String>>::new());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_account_has_ten_passkeys_at_most_and_a_class_has_none() {
    let world = World::of(&["it"]).start().await;
    let mut on = world.teacher("it", "Ana", "Kos").await;
    for _ in 0..10 {
        on = add(&on, OWN, &mut Device::new()).await;
    }
    let refused = on.post("/v1/account/passkeys:begin", json!({ "currentPassword": OWN })).await;
    assert_eq!(refused.refused("PASSKEYS_TOO_MANY")["metadata"]["most"], "10");
    let class = tests::Scene::open(&world, "it").await.class("Bianchi").await;
    for path in ["/v1/account/passkeys:begin", "/v1/account/passkeys:confirm", "/v1/account/passkeys:remove"] {
        class.team.post(path, json!({})).await.refused("ROLE_MISSING");
    }
    class.team.get("/v1/account/passkeys").await.refused("ROLE_MISSING");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_installation_without_a_domain_has_no_passkeys() {
    let settings = "[identity]\npublic_url = \"https://192.0.2.1\"\n";
    let world = World::of(&["it"]).settings(settings).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    teacher.post("/v1/sessions:beginPasskey", json!({})).await.refused("PASSKEY_NOT_POSSIBLE");
    let refused = teacher.post("/v1/account/passkeys:begin", json!({ "currentPassword": OWN })).await;
    refused.refused("PASSKEY_NOT_POSSIBLE");
    assert_eq!(list(&teacher).await, [Value::Null; 0]);
    world.end().await;
}
