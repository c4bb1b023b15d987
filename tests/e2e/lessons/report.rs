//! Reports: drafts that are never lost, submissions that are final.

use serde_json::{Map, Value, json};
use tests::{Answer, Class, Scene, World, path::text, scene::PICTURE};

async fn save(class: &Class, etag: &Value, values: Value) -> Answer {
    class.team.patch(&class.report(1, ""), json!({ "values": values, "etag": etag })).await
}

fn title(text: &str) -> Value {
    json!({ "research_title": { "text": text } })
}

/// Everything the first report of upper secondary schools asks for.
pub async fn filled(class: &Class) -> Value {
    let team = class.team.get(&class.path("")).await.ok();
    let form = class.team.get(&format!("/v1/tracks/{}/lessons/1/form", text(&team["trackId"]))).await.ok();
    let theme = form["fields"].as_array().unwrap().iter().find(|field| field["key"] == "theme").expect("a theme");
    let upload = class.path("/lessons/1/files:upload?field=cover&name=cover.png");
    let cover = class.team.upload(&upload, "image/png", PICTURE).await.ok();
    json!({
        "research_title": { "text": "Bridges" },
        "research_description": { "text": "Who closed the bridge, and with whose money is it mended?" },
        "project": { "text": "https://opencoesione.gov.it/it/progetti/1" },
        "theme": { "text": theme["choices"][0] },
        "research_story": { "text": "<p>We asked <strong>why</strong>.</p>" },
        "cover": { "files": { "items": [cover["id"]] } },
    })
}

/// The first report, ready to be submitted.
pub async fn ready(class: &Class) -> Value {
    let values = filled(class).await;
    save(class, &Value::Null, values).await.ok()
}

async fn submit(class: &Class, body: Value) -> Answer {
    class.team.post(&class.report(1, ":submit"), body).await
}

#[tokio::test(crate = "::tests::limit")]
async fn a_report_nobody_has_begun_is_there_and_empty() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let report = class.team.get(&class.report(1, "")).await.ok();
    let expected = json!({
        "teamId": class.id, "lesson": 1, "formVersion": 1, "state": "REPORT_STATE_NOT_STARTED", "deadline": report["deadline"],
    });
    assert_eq!(report, expected);
    assert_eq!(report["deadline"]["weekday"], "TUESDAY");
    assert_eq!(class.team.get(&class.report(5, "")).await.violations()[0].1, "LESSON_UNKNOWN");
    class.team.get(&class.report(0, "")).await.refused("FIELDS_INVALID");
    submit(&class, json!({ "etag": "" })).await.refused("FIELDS_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_save_changes_what_it_names_and_says_in_which_role() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let first = save(&class, &Value::Null, title("Bridges")).await.ok();
    let more = json!({
        "values": { "research_description": { "text": "Why?" } }, "etag": first["etag"], "actingRole": "storyteller",
    });
    let second = class.team.patch(&class.report(1, ""), more).await.ok();
    assert_eq!(
        (&second["values"]["research_title"]["text"], &second["savedAs"]),
        (&json!("Bridges"), &json!("storyteller"))
    );
    let clear = json!({ "cleared": ["research_title"], "etag": second["etag"] });
    let third = class.team.patch(&class.report(1, ""), clear).await.ok();
    let keys: Vec<_> = third["values"].as_object().unwrap().keys().cloned().collect();
    assert_eq!((keys, &third["savedAs"]), (vec!["research_description".to_owned()], &Value::Null));
    let role = json!({ "values": title("Roads"), "etag": third["etag"], "actingRole": "Ana Kos" });
    assert_eq!(class.team.patch(&class.report(1, ""), role).await.violations()[0].0, "acting_role");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_two_browsers_that_save_the_same_draft_the_second_is_told_the_current_version() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let begun = save(&class, &Value::Null, title("Bridges")).await.ok();
    let (one, other) =
        tokio::join!(save(&class, &begun["etag"], title("Roads")), save(&class, &begun["etag"], title("Rivers")));
    let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
    let won = won.ok();
    let stale = lost.refused("ETAG_STALE");
    assert_eq!((lost.status.as_u16(), &stale["code"]), (409, &json!("ABORTED")));
    assert_eq!(stale["metadata"]["current_etag"], won["etag"]);
    let now = class.team.get(&class.report(1, "")).await.ok();
    assert_eq!(now, won, "nothing is lost");
    // a second browser that thinks it is the first to write
    save(&class, &Value::Null, title("Hills")).await.refused("ETAG_STALE");
    let merged = save(&class, &stale["metadata"]["current_etag"], title("Rivers")).await.ok();
    assert_eq!(merged["values"]["research_title"]["text"], "Rivers");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn two_first_saves_at_once_leave_one_report() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let (one, other) =
        tokio::join!(save(&class, &Value::Null, title("Roads")), save(&class, &Value::Null, title("Rivers")));
    let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
    lost.refused("ETAG_STALE");
    assert_eq!(class.team.get(&class.report(1, "")).await.ok(), won.ok());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_submission_is_final_for_the_team_and_asked_again_it_is_the_same() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let draft = ready(&class).await;
    let body = json!({ "etag": draft["etag"], "requestId": "s-1" });
    let submitted = submit(&class, body.clone()).await.ok();
    assert_eq!(submitted["state"], "REPORT_STATE_SUBMITTED");
    assert_eq!(text(&submitted["digest"]).len(), 64);
    let expected = json!({
        "receivedAt": "2022-10-10T07:00:00Z", "deadline": submitted["deadline"], "ruleVersion": 1, "onTime": true,
    });
    assert_eq!(submitted["verdict"], expected);

    world.passes_by(jiff::SignedDuration::from_mins(5)).await;
    assert_eq!(submit(&class, body).await.ok(), submitted, "with the same key: the same answer");
    let other = json!({ "etag": submitted["etag"], "requestId": "s-1" });
    submit(&class, other).await.refused("REQUEST_ID_REUSED");
    submit(&class, json!({ "etag": submitted["etag"] })).await.refused("REPORT_FINAL");
    save(&class, &submitted["etag"], title("Roads")).await.refused("REPORT_FINAL");
    let upload = class.path("/lessons/1/files:upload?field=cover&name=cover.png");
    class.team.upload(&upload, "image/png", PICTURE).await.refused("REPORT_FINAL");
    assert_eq!(class.team.get(&class.report(1, "")).await.ok(), submitted);
    // the other lessons are open
    class.team.patch(&class.report(2, ""), json!({ "values": {} })).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_two_submissions_at_once_one_counts() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let draft = ready(&class).await;
    let body = |key: &str| json!({ "etag": draft["etag"], "requestId": key });
    let (one, other) = tokio::join!(submit(&class, body("a")), submit(&class, body("b")));
    let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
    let reason = text(&lost.json()["reason"]);
    assert!(["REPORT_FINAL", "ETAG_STALE"].contains(&reason.as_str()), "{reason}");
    assert_eq!(class.team.get(&class.report(1, "")).await.ok(), won.ok());
    let kept = world.rows("it", "lessons", "SELECT digest FROM submission", &["digest"]).await;
    assert_eq!(kept.len(), 1);
    // and with one key both get the one answer
    let second = scene.class("Serra").await;
    let draft = ready(&second).await;
    let same = json!({ "etag": draft["etag"], "requestId": "c" });
    let (one, other) = tokio::join!(submit(&second, same.clone()), submit(&second, same));
    assert_eq!(one.ok(), other.ok());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_submitted_is_what_was_seen() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let seen = ready(&class).await;
    let changed = save(&class, &seen["etag"], title("Rivers")).await.ok();
    let stale = submit(&class, json!({ "etag": seen["etag"] })).await.refused("ETAG_STALE");
    assert_eq!(stale["metadata"]["current_etag"], changed["etag"]);
    submit(&class, json!({ "etag": changed["etag"] })).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_report_is_given_back_for_a_reason_and_the_digest_names_what_is_submitted_then() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let draft = ready(&class).await;
    let reopen = json!({ "reason": "the wrong file was attached" });
    scene.coordinator.post(&class.report(1, ":reopen"), reopen.clone()).await.refused("REPORT_NOT_SUBMITTED");
    let first = submit(&class, json!({ "etag": draft["etag"] })).await.ok();
    scene.coordinator.post(&class.report(1, ":reopen"), json!({})).await.refused("FIELDS_INVALID");
    class.team.post(&class.report(1, ":reopen"), reopen.clone()).await.refused("ROLE_MISSING");
    let reopened = scene.coordinator.post(&class.report(1, ":reopen"), reopen.clone()).await.ok();
    assert_eq!((&reopened["state"], &reopened["verdict"]), (&json!("REPORT_STATE_REOPENED"), &first["verdict"]));
    scene.coordinator.post(&class.report(1, ":reopen"), reopen).await.refused("REPORT_NOT_SUBMITTED");

    let same = submit(&class, json!({ "etag": reopened["etag"] })).await.ok();
    assert_eq!(same["digest"], first["digest"], "the same content is the same digest");
    let again = json!({ "reason": "a word was missing" });
    let reopened = scene.coordinator.post(&class.report(1, ":reopen"), again).await.ok();
    let changed = save(&class, &reopened["etag"], title("Rivers")).await.ok();
    let second = submit(&class, json!({ "etag": changed["etag"] })).await.ok();
    assert_ne!(second["digest"], first["digest"]);
    let kept = world.rows("it", "lessons", "SELECT digest FROM submission ORDER BY id", &["digest"]).await.concat();
    assert_eq!(kept, [&first, &same, &second].map(|report| text(&report["digest"])), "what was submitted stays");
    let actions = world.actions("it", "lessons").await;
    assert_eq!(actions.iter().filter(|action| *action == "reopen report").count(), 2);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_report_is_read_by_those_who_see_the_team_and_written_by_the_team() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, other) = (scene.class("Kos").await, scene.class("Serra").await);
    let saved = save(&class, &Value::Null, title("Bridges")).await.ok();
    for reader in [&class.team, &class.referent, &scene.coordinator] {
        assert_eq!(reader.get(&class.report(1, "")).await.ok(), saved);
    }
    let nothing = format!("/v1/teams/{}/lessons/1/report", uuid::Uuid::now_v7());
    for stranger in [&other.team, &other.referent] {
        let hidden = stranger.get(&class.report(1, "")).await;
        hidden.refused("NOT_FOUND");
        assert_eq!(hidden.body, stranger.get(&nothing).await.body);
    }
    let body = json!({ "values": title("Stolen"), "etag": saved["etag"] });
    other.team.patch(&class.report(1, ""), body.clone()).await.refused("NOT_FOUND");
    other.team.post(&class.report(1, ":submit"), json!({ "etag": saved["etag"] })).await.refused("NOT_FOUND");
    for reader in [&class.referent, &scene.coordinator] {
        reader.patch(&class.report(1, ""), body.clone()).await.refused("ROLE_MISSING");
    }
    assert_eq!(class.team.get(&class.report(1, "")).await.ok(), saved);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_draft_is_saved_once_for_one_key() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let first = json!({ "values": title("Bridges"), "requestId": "d-1" });
    let saved = class.team.patch(&class.report(1, ""), first.clone()).await.ok();
    assert_eq!(class.team.patch(&class.report(1, ""), first).await.ok(), saved);
    let other = json!({ "values": title("Roads"), "requestId": "d-1", "etag": saved["etag"] });
    class.team.patch(&class.report(1, ""), other).await.refused("REQUEST_ID_REUSED");
    let many: Map<String, Value> = (0..101).map(|number| (format!("k{number}"), json!({ "text": "x" }))).collect();
    assert_eq!(save(&class, &saved["etag"], json!(many)).await.violations()[0].0, "values");
    world.end().await;
}
