//! Webhooks: a server of somebody else is told what has happened, in ids, signed so that it can tell it was us; it is told again where it
//! did not answer, and not for ever.

use jiff::SignedDuration;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::{
    Caller, Machine, Scene, World,
    path::text,
    receiver::{Message, Receiver},
};

use crate::lessons::report::ready;

/// What a developer sets, and nobody else.
const TO_THIS_MACHINE: &str = "[identity.webhooks]\nto_this_machine = true\n";

const HOUR: SignedDuration = SignedDuration::from_hours(1);

const SCOPES: [&str; 3] = ["deliveries.read", "editions.read", "teams.read"];

async fn make(machine: &Machine, url: &str, types: &[&str]) -> (Value, String) {
    let wish = json!({ "url": url, "eventTypes": types });
    let made = machine.technician.post(&machine.path("/webhooks"), wish).await.ok();
    (made["webhook"].clone(), text(&made["secret"]))
}

fn path(machine: &Machine, webhook: &Value, rest: &str) -> String {
    machine.path(&format!("/webhooks/{}{rest}", text(&webhook["id"])))
}

async fn deliveries(by: &Caller, machine: &Machine, webhook: &Value) -> Vec<Value> {
    let listed = by.get(&path(machine, webhook, "/deliveries")).await.ok();
    listed["deliveries"].as_array().cloned().unwrap_or_default()
}

/// What somebody else's implementation of Standard Webhooks would have signed.
fn signed(secret: &str, message: &Message) -> String {
    let second = message.header("webhook-timestamp").parse().expect("a second");
    let theirs = Webhook::new(secret).expect("a secret");
    theirs.sign(&message.header("webhook-id"), second, &message.body).expect("a signature")
}

/// A draft edition, whose call can be opened.
async fn edition(coordinator: &Caller) -> String {
    let code = &uuid::Uuid::now_v7().simple().to_string()[24..];
    text(&coordinator.post("/v1/editions", json!({ "template": "22-23", "code": code })).await.ok()["id"])
}

async fn open_call(coordinator: &Caller, edition: &str) {
    coordinator.post(&format!("/v1/editions/{edition}:openCall"), json!({})).await.ok();
}

#[tokio::test(crate = "::tests::limit")]
async fn what_has_happened_is_told_in_ids_and_signed_as_others_would_sign_it() {
    let world = World::of(&["it"]).settings(TO_THIS_MACHINE).start().await;
    let scene = Scene::open(&world, "it").await;
    let machine = Machine::register(&world, &scene.coordinator, "Open data portal", &SCOPES).await;
    let receiver = Receiver::start().await;
    let (webhook, secret) = make(&machine, &receiver.url("http"), &["report.submitted", "team.admitted"]).await;
    assert_eq!(webhook["eventTypes"], json!(["team.admitted", "report.submitted"]));
    let class = scene.class("Kos").await;
    let draft = ready(&class).await;
    class.team.post(&class.report(1, ":submit"), json!({ "etag": draft["etag"] })).await.ok();
    world.settle().await;

    let [admitted, submitted] = &receiver.taken()[..] else { panic!("two messages") };
    let now = world.clock().now().to_string();
    let data = json!({ "teamId": class.id, "editionId": scene.edition_id() });
    assert_eq!(admitted.json(), json!({ "type": "team.admitted", "timestamp": now, "data": data }));
    let data = json!({ "teamId": class.id, "editionId": scene.edition_id(), "lesson": 1 });
    assert_eq!(submitted.json(), json!({ "type": "report.submitted", "timestamp": now, "data": data }));
    let listed = deliveries(&scene.coordinator, &machine, &webhook).await;
    for (message, delivery) in [admitted, submitted].into_iter().zip(listed.iter().rev()) {
        assert_eq!(message.path, "/koine?from=it");
        assert_eq!(message.header("content-type"), "application/json");
        assert_eq!(message.header("webhook-id"), format!("msg_{}", text(&delivery["id"]).replace('-', "")));
        assert_eq!(message.header("webhook-timestamp"), world.clock().now().as_second().to_string());
        assert_eq!(message.header("webhook-signature"), signed(&secret, message));
        assert_eq!((&delivery["attempts"], &delivery["lastStatus"]), (&json!(1), &json!(200)));
        assert_eq!(delivery["state"], "WEBHOOK_DELIVERY_STATE_DELIVERED");
    }
    // what nobody asked for is not sent, and nothing that was sent is sent again
    open_call(&scene.coordinator, &edition(&scene.coordinator).await).await;
    world.passes_by(SignedDuration::from_hours(2)).await;
    world.hour_strikes().await;
    assert_eq!(receiver.taken().len(), 0);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_webhook_is_its_technicians_and_tells_no_more_than_its_system_may_know() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &["teams.read"]).await;
    let wish = |url: &str, types: &[&str]| json!({ "url": url, "eventTypes": types });
    let fine = wish("https://hooks.portal.example/koine", &["team.admitted"]);
    coordinator.post(&machine.path("/webhooks"), fine.clone()).await.refused("ROLE_MISSING");
    let other = Machine::technician(&world, &coordinator).await;
    other.post(&machine.path("/webhooks"), fine.clone()).await.refused("NOT_FOUND");
    let technician = &machine.technician;
    let named =
        technician.post(&machine.path("/webhooks"), wish("https://ana:pass@a.example/", &["team.admitted"])).await;
    assert_eq!(named.violations()[0].0, "url");
    for url in ["http://hooks.portal.example/", "http://127.0.0.1/"] {
        let refused = technician.post(&machine.path("/webhooks"), wish(url, &["call.opened", "team.eaten"])).await;
        let fields: Vec<_> = refused.violations().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["url", "event_types", "event_types"], "{url}");
    }
    for _ in 0..10 {
        technician.post(&machine.path("/webhooks"), fine.clone()).await.ok();
    }
    let refused = technician.post(&machine.path("/webhooks"), fine).await.violations();
    assert_eq!(refused[0].0, "integrator_id", "ten are enough");

    let listed = coordinator.get(&machine.path("/webhooks")).await;
    assert!(!listed.text().contains("whsec_"), "{}", listed.text());
    let webhook = listed.ok()["webhooks"][0].clone();
    assert_eq!(listed.ok()["webhooks"].as_array().map(Vec::len), Some(10));
    coordinator.post(&path(&machine, &webhook, ":rotateSecret"), json!({})).await.refused("ROLE_MISSING");
    other.get(&path(&machine, &webhook, "/deliveries")).await.refused("NOT_FOUND");
    coordinator.delete(&path(&machine, &webhook, "")).await.ok();
    technician.get(&path(&machine, &webhook, "/deliveries")).await.refused("NOT_FOUND");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_a_rotated_secret_both_sign_for_a_while() {
    let world = World::of(&["it"]).settings(TO_THIS_MACHINE).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let receiver = Receiver::start().await;
    let (webhook, old) = make(&machine, &receiver.url("http"), &["call.opened"]).await;
    let rotate = json!({ "overlapHours": 1 });
    let made = machine.technician.post(&path(&machine, &webhook, ":rotateSecret"), rotate).await.ok();
    let new = text(&made["secret"]);
    assert!(new.starts_with("whsec_") && new.len() == 50 && new != old, "{new}");

    let tell = async |expected: &[&str]| {
        let coordinator = world.coordinator("it").await;
        open_call(&coordinator, &edition(&coordinator).await).await;
        world.settle().await;
        let [message] = &receiver.taken()[..] else { panic!("one message") };
        let signatures: Vec<_> = expected.iter().map(|secret| signed(secret, message)).collect();
        assert_eq!(message.header("webhook-signature"), signatures.join(" "));
    };
    tell(&[&new, &old]).await;
    world.passes_by(SignedDuration::from_hours(1)).await;
    tell(&[&new]).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_server_that_does_not_answer_is_told_again_and_at_last_no_more() {
    let world = World::of(&["it"]).settings(TO_THIS_MACHINE).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let receiver = Receiver::start().await;
    let (webhook, _) = make(&machine, &receiver.url("http"), &["call.opened"]).await;
    // where a server sends us elsewhere, nobody goes
    receiver.answers(302);
    let (first, second) = (edition(&coordinator).await, edition(&coordinator).await);
    open_call(&coordinator, &first).await;
    world.settle().await;
    let [message] = &receiver.taken()[..] else { panic!("one message, and none elsewhere") };
    // what comes while it does not answer waits for the hour
    open_call(&coordinator, &second).await;
    world.settle().await;
    assert_eq!(receiver.taken().len(), 0);
    let by = async || coordinator.again().await;
    let listed = deliveries(&coordinator, &machine, &webhook).await;
    assert_eq!((&listed[1]["attempts"], &listed[1]["lastStatus"]), (&json!(1), &json!(302)));
    assert_eq!(listed[0]["state"], "WEBHOOK_DELIVERY_STATE_PENDING");

    world.passes_by(SignedDuration::from_mins(59)).await;
    world.hour_strikes().await;
    assert_eq!(receiver.taken().len(), 0, "it is not due yet");
    receiver.answers(204);
    world.passes_by(SignedDuration::from_mins(1)).await;
    world.hour_strikes().await;
    let again = receiver.taken();
    assert_eq!(again.len(), 2);
    let same =
        again.iter().find(|again| again.header("webhook-id") == message.header("webhook-id")).expect("the first");
    assert_eq!(same.body, message.body);
    assert_ne!(same.header("webhook-timestamp"), message.header("webhook-timestamp"));
    assert!(deliveries(&by().await, &machine, &webhook).await.iter().all(|one| one["lastStatus"] == 204));

    // three days without an answer
    receiver.answers(500);
    let third = edition(&by().await).await;
    open_call(&by().await, &third).await;
    world.settle().await;
    assert_eq!(receiver.taken().len(), 1);
    for hours in [1, 2, 4, 8, 16, 24, 24] {
        for (pause, sent) in [(SignedDuration::from_hours(hours) - HOUR / 2, 0), (HOUR / 2, 1)] {
            world.passes_by(pause).await;
            world.hour_strikes().await;
            assert_eq!(receiver.taken().len(), sent, "{hours} hours after the last time");
        }
    }
    let listed = by().await.get(&machine.path("/webhooks")).await.ok();
    assert!(listed["webhooks"][0]["disabledAt"].is_string(), "{listed}");
    assert_eq!(deliveries(&by().await, &machine, &webhook).await[0]["state"], "WEBHOOK_DELIVERY_STATE_FAILED");
    for reader in [coordinator.login(), machine.technician.login()] {
        let letters = world.mailbox("it").to(reader);
        let told = letters.iter().filter(|letter| letter.subject.starts_with("A Open data portal")).count();
        assert_eq!(told, 1, "{reader}: {letters:?}");
    }
    receiver.answers(200);
    open_call(&by().await, &edition(&by().await).await).await;
    world.settle().await;
    assert_eq!(receiver.taken().len(), 0);
    let technician = machine.technician.again().await;
    let enabled = technician.post(&path(&machine, &webhook, ":enable"), json!({})).await.ok();
    assert_eq!((&enabled["disabledAt"], &enabled["failingSince"]), (&Value::Null, &Value::Null));
    open_call(&by().await, &edition(&by().await).await).await;
    world.settle().await;
    assert_eq!(receiver.taken().len(), 1, "what happened meanwhile is not sent");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn nobody_makes_us_call_what_only_we_can_reach_and_who_may_not_any_more_is_told_nothing() {
    // as it is for everybody but a developer
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let receiver = Receiver::start().await;
    let here = receiver.url("https");
    let named = here.replace("127.0.0.1", "localhost");
    let mapped = here.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    let hooks = [here.as_str(), &named, &mapped, "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data"];
    let mut made = Vec::new();
    for url in hooks {
        made.push(make(&machine, url, &["call.opened"]).await.0);
    }
    open_call(&coordinator, &edition(&coordinator).await).await;
    world.settle().await;
    for webhook in &made {
        let [delivery] = &deliveries(&coordinator, &machine, webhook).await[..] else { panic!("one delivery") };
        // what is there, and whether anything is, is not told
        assert_eq!((&delivery["attempts"], &delivery["lastStatus"]), (&json!(1), &Value::Null), "{webhook}");
    }
    assert_eq!(receiver.taken().len(), 0);

    let mandates = coordinator.get("/v1/mandates?filter=role=ROLE_INTEGRATOR").await.ok();
    let mandate = text(&mandates["mandates"][0]["id"]);
    coordinator.post(&format!("/v1/mandates/{mandate}:revoke"), json!({})).await.ok();
    world.passes_by(SignedDuration::from_hours(1)).await;
    world.hour_strikes().await;
    let coordinator = coordinator.again().await;
    for webhook in &made {
        let [delivery] = &deliveries(&coordinator, &machine, webhook).await[..] else { panic!("one delivery") };
        assert_eq!((&delivery["attempts"], &delivery["state"]), (&json!(1), &json!("WEBHOOK_DELIVERY_STATE_FAILED")));
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_server_that_is_slow_holds_up_what_it_is_told_itself_and_nothing_else() {
    let world = World::of(&["it"]).settings(TO_THIS_MACHINE).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.is_slow(true);
    let (held, _) = make(&machine, &slow.url("http"), &["call.opened"]).await;
    make(&machine, &quick.url("http"), &["call.opened"]).await;
    for _ in 0..2 {
        open_call(&coordinator, &edition(&coordinator).await).await;
    }
    quick.receives(2).await;
    slow.receives(1).await;
    // facts that have nothing to do with it are handled meanwhile: a letter is written
    let invited = json!({ "email": "eva@jury.example", "role": "ROLE_JUROR" });
    coordinator.post("/v1/invitations", invited).await.ok();
    let written = async {
        while world.mailbox("it").to("eva@jury.example").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tests::limit::wait("a letter", written).await;
    let waiting = deliveries(&coordinator, &machine, &held).await;
    assert!(waiting.len() == 2 && waiting.iter().all(|one| one["attempts"] == Value::Null), "{waiting:#?}");
    assert_eq!(slow.taken().len(), 1, "the next one waits for the one before");
    slow.is_slow(false);
    world.settle().await;
    assert_eq!((slow.taken().len(), quick.taken().len()), (1, 2));
    let arrived = deliveries(&coordinator, &machine, &held).await;
    assert!(arrived.iter().all(|one| one["state"] == "WEBHOOK_DELIVERY_STATE_DELIVERED"), "{arrived:#?}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_a_process_left_unsent_is_sent_by_the_next_one_and_what_another_one_sends_is_left_alone() {
    let world = World::of(&["it"]).settings(TO_THIS_MACHINE).start().await;
    let coordinator = world.coordinator("it").await;
    let machine = Machine::register(&world, &coordinator, "Open data portal", &SCOPES).await;
    let receiver = Receiver::start().await;
    make(&machine, &receiver.url("http"), &["call.opened"]).await;
    open_call(&coordinator, &edition(&coordinator).await).await;
    world.settle().await;
    assert_eq!(receiver.taken().len(), 1);
    let now = world.clock().now().as_microsecond();
    for (due, sent) in [(now + 1, 0), (now, 1)] {
        let unsent = format!("UPDATE webhook_delivery SET due_at = {due}, delivered_at = NULL, attempts = 0");
        assert_eq!(world.tamper("it", "identity", &unsent).await, 1);
        world.hour_strikes().await;
        assert_eq!(receiver.taken().len(), sent);
    }
    let unsent = format!("UPDATE webhook_delivery SET due_at = {now}, delivered_at = NULL, attempts = 0");
    assert_eq!(world.tamper("it", "identity", &unsent).await, 1);
    let world = world.restart().await;
    receiver.receives(3).await;
    world.settle().await;
    assert_eq!(receiver.taken().len(), 1);
    world.end().await;
}
