//! Conversations: two classes write to each other, their teachers read along.

use serde_json::{Value, json};
use tests::{Caller, Twins, World, path::text, world::tenant_files};

fn says(words: &str) -> Value {
    json!({ "text": words, "language": "en", "actingRole": "storyteller" })
}

/// What somebody reads, oldest first: state and text.
async fn read(reader: &Caller, twins: &Twins<'_>) -> Vec<(String, String)> {
    let list = reader.get(&twins.path("/messages")).await.ok();
    let messages = list["messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|one| (state(one), text_of(one))).collect()
}

fn state(message: &Value) -> String {
    text(&message["state"]).trim_start_matches("MESSAGE_STATE_").to_owned()
}

fn text_of(message: &Value) -> String {
    message["text"].as_str().unwrap_or_default().to_owned()
}

fn seen(messages: &[(&str, &str)]) -> Vec<(String, String)> {
    messages.iter().map(|(state, text)| ((*state).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_writes_its_teacher_releases_and_the_twin_reads() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    world.settle().await;
    let watch = format!("/it-hr{}", twins.path("/messages:watch"));
    let mut events = world.http().events(&watch, other.class.token()).await;

    let posted = one.class.post(&twins.path("/messages"), says("Hello from Rijeka!")).await.ok();
    assert_eq!((state(&posted), &posted["keptBy"]), ("HELD".to_owned(), &json!(["hr"])));
    assert_eq!(read(&other.class, &twins).await, []);
    assert_eq!(read(&other.central, &twins).await, []);
    let held = seen(&[("HELD", "Hello from Rijeka!")]);
    for reader in [&one.class, &one.tutor, &other.tutor] {
        assert_eq!(read(reader, &twins).await, held);
    }

    let marks = async |teacher: &Caller, message: &Value, verb: &str| {
        let path = twins.path(&format!("/messages/{}{verb}", text(&message["id"])));
        teacher.post(&path, json!({})).await.ok()
    };
    assert_eq!(state(&marks(&other.tutor, &posted, ":release").await), "HELD", "its own teacher has not looked yet");
    let released = marks(&one.tutor, &posted, ":release").await;
    assert_eq!((state(&released), &released["role"]), ("RELEASED".to_owned(), &json!("ROLE_TWIN_TEAM")));
    assert_eq!(events.next().await, Some(released), "the first thing the other class learns of it");
    let answer =
        other.tutor.post(&twins.path("/messages"), json!({ "text": "Benvenuti!", "language": "it" })).await.ok();
    assert_eq!(state(&answer), "RELEASED", "a teacher waits for nobody");
    assert_eq!(events.next().await, Some(answer.clone()));

    marks(&one.tutor, &answer, ":hold").await;
    assert_eq!(state(&events.next().await.expect("a gap")), "HELD");
    assert_eq!(
        state(&marks(&other.tutor, &answer, ":release").await),
        "HELD",
        "the teacher of the other class holds it"
    );
    marks(&one.tutor, &answer, ":hide").await;
    let gap = seen(&[("RELEASED", "Hello from Rijeka!"), ("HIDDEN", "")]);
    for reader in [&one.class, &other.class, &other.central, &twins.secretariat] {
        assert_eq!(read(reader, &twins).await, gap);
    }
    assert_eq!(read(&other.tutor, &twins).await[1].1, "Benvenuti!");
    one.class
        .post(&twins.path(&format!("/messages/{}:release", text(&answer["id"]))), json!({}))
        .await
        .refused("ROLE_MISSING");
    one.coordinator.get(&twins.path("/messages")).await.refused("PROGRAMME_ONLY");
    drop(events);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn whose_visit_ends_at_home_watches_no_further() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    world.settle().await;
    let watch = format!("/it-hr{}", twins.path("/messages:watch"));
    let mut before = world.http().events(&watch, one.tutor.token()).await;
    let mut stays = world.http().events(&watch, one.class.token()).await;
    let successor = world.teacher(&one.home, "Iva", "Novak").await;
    let to = json!({ "teacherId": successor.account().await["id"], "reason": "parental leave" });
    one.coordinator.again().await.post(&format!("/v1/teams/{}:handOver", one.team_id), to).await.ok();
    let hello = json!({ "text": "Benvenuti!", "language": "it" });
    let sent = other.tutor.post(&twins.path("/messages"), hello).await.ok();
    assert_eq!(before.next().await.expect("the end")["reason"], "MEMBERSHIP_ENDED");
    assert_eq!(before.next().await, None);
    assert_eq!(stays.next().await, Some(sent), "who is still of the class goes on");
    drop(stays);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_leads_out_of_the_space_is_refused_and_nothing_is_written_while_it_rests() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, _] = &twins.classes;
    let path = twins.path("/messages");
    let bad = json!({ "text": "Find us @green_passengers", "language": "en", "actingRole": "boss" });
    let refused = one.class.post(&path, bad).await;
    let reasons: Vec<_> = refused.violations().into_iter().collect();
    let expected = [("text", "CONTACT_DATA"), ("acting_role", "FIELDS_INVALID")];
    assert_eq!(reasons, expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
    one.tutor.post(&twins.path(":suspend"), json!({ "reason": "strike" })).await.ok();
    one.class.post(&path, says("Hello!")).await.refused("PAIR_STATE");
    assert_eq!(read(&one.class, &twins).await, []);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_programme_can_let_classes_write_at_once() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let file = std::fs::read_to_string(tenant_files().join("it-hr.toml")).expect("a file");
    let after = file.replacen("[lessons]\n", "[lessons]\nmoderation = \"after\"\n", 1);
    assert_eq!(world.write_tenant("it-hr", &after), []);
    one.class.post(&twins.path("/messages"), says("Hello from Rijeka!")).await.ok();
    assert_eq!(read(&other.class, &twins).await, seen(&[("RELEASED", "Hello from Rijeka!")]));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn after_leaving_nothing_of_a_class_can_be_read_by_anybody() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [leaver, survivor] = &twins.classes;
    let path = twins.path("/messages");
    leaver.tutor.post(&path, json!({ "text": "Hello from Rijeka!", "language": "en" })).await.ok();
    survivor.tutor.post(&path, json!({ "text": "Hello from Chieti!", "language": "en" })).await.ok();
    leaver.class.post(&path, says("We will stay.")).await.ok();
    world.settle().await;
    let watch = format!("/it-hr{}", twins.path("/messages:watch"));
    let mut left = world.http().events(&watch, leaver.class.token()).await;
    leaver.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
    assert_eq!(left.next().await.expect("the end")["reason"], "NOT_FOUND", "who watches learns no more");
    leaver.class.get(&path).await.refused("NOT_FOUND");
    leaver.class.post(&path, says("Still here?")).await.refused("NOT_FOUND");
    let stays = seen(&[("REMOVED", ""), ("RELEASED", "Hello from Chieti!"), ("REMOVED", "")]);
    for reader in [&survivor.class, &survivor.tutor, &survivor.central, &twins.secretariat] {
        assert_eq!(read(reader, &twins).await, stays);
    }
    assert_eq!(state(&survivor.class.post(&path, says("We go on.")).await.ok()), "HELD");
    let kept = world.rows("it-hr", "lessons", "SELECT text FROM message WHERE text LIKE '%Rijeka%'", &["text"]).await;
    assert_eq!(kept, Vec::<Vec<String>>::new());
    world.end().await;
}
