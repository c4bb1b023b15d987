//! The reasons of lessons.

use serde_json::{Value, json};
use tests::{
    Class, Scene, World,
    path::text,
    scene::{PDF, PICTURE},
};

use super::Seen;
use crate::lessons::report::ready;

pub(super) async fn give(seen: &mut Seen) {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    of_editions(seen, &scene).await;
    of_calendars(seen, &scene).await;
    let class = scene.class("Kos").await;
    of_drafts(seen, &scene, &class).await;
    of_contents(seen, &scene, &class).await;
    of_files(seen, &scene, &class).await;
    of_submissions(seen, &scene).await;
    world.end().await;
}

async fn of_editions(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "lessons", reason, answer).await;
    let create = async |wanted: Value| scene.coordinator.post("/v1/editions", wanted).await;
    refused("EDITION_EXISTS", create(json!({ "template": "22-23" })).await).await;
    refused("TEMPLATE_UNKNOWN", create(json!({ "template": "x" })).await).await;
    let open = format!("/v1/editions/{}:openCall", scene.edition_id());
    refused("EDITION_STATE", scene.coordinator.post(&open, json!({})).await).await;
    let form = format!("/v1/tracks/{}/lessons/9/form", text(&scene.track("english")["id"]));
    refused("LESSON_UNKNOWN", scene.coordinator.get(&form).await).await;
}

async fn of_calendars(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "lessons", reason, answer).await;
    let calendar = scene.coordinator.get(&format!("/v1/editions/{}/calendar", scene.edition_id())).await.ok();
    let items = calendar["items"].as_array().expect("items");
    let webinar = items.iter().find(|item| item["kind"] == "CALENDAR_ITEM_KIND_WEBINAR").expect("a webinar");
    let revise = async |starts: &str, ends: &str| {
        let path = format!("/v1/calendar/{}:revise", text(&webinar["id"]));
        scene.coordinator.post(&path, json!({ "startsLocal": starts, "endsLocal": ends, "reason": "x" })).await
    };
    refused("DATES_REVERSED", revise("2022-12-01T15:00:00", "2022-12-01T14:00:00").await).await;
    refused("LOCAL_TIME_SKIPPED", revise("2023-03-26T02:30:00", "").await).await;
    refused("LOCAL_TIME_TWICE", revise("2022-10-30T02:30:00", "").await).await;
}

async fn of_drafts(seen: &mut Seen, scene: &Scene<'_>, class: &Class) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "lessons", reason, answer).await;
    let save = async |lesson: u32, key: &str, value: Value| {
        class.team.patch(&class.report(lesson, ""), json!({ "values": { key: value } })).await
    };
    refused("FIELD_UNKNOWN", save(1, "nothing", json!({ "text": "x" })).await).await;
    refused("FIELD_KIND", save(1, "cover", json!({ "text": "x" })).await).await;
    let outside = json!({ "point": { "latitude": 91.0, "longitude": 0.0 } });
    refused("POINT_OUTSIDE", save(3, "visit_place", outside).await).await;
    let early = json!({ "deadlineLocal": "2022-12-01T12:00:00", "reason": "x" });
    let early = scene.coordinator.post(&class.path("/lessons/1:extend"), early).await;
    refused("EXTENSION_EARLY", early).await;
}

async fn of_contents(seen: &mut Seen, scene: &Scene<'_>, class: &Class) {
    let mut report = ready(class).await;
    for (key, value, reason) in [
        ("research_description", "x".repeat(281), "TEXT_TOO_LONG"),
        ("research_title", "one two three four five six".to_owned(), "WORDS_TOO_MANY"),
        ("theme", "nothing".to_owned(), "CHOICE_UNKNOWN"),
        ("project", "https://example.org".to_owned(), "PROJECT_SOURCE"),
    ] {
        let before = report["values"][key].clone();
        let draft = json!({ "values": { key: { "text": value } }, "etag": report["etag"] });
        report = class.team.patch(&class.report(1, ""), draft).await.ok();
        let answer = class.team.post(&class.report(1, ":submit"), json!({ "etag": report["etag"] })).await;
        // one violation alone brings the facts of its reason along
        for fact in &seen.declared[&format!("lessons.{reason}")].facts {
            assert!(answer.json()["metadata"][fact].is_string(), "{reason}: {}", answer.text());
        }
        seen.refused(scene.world, "lessons", reason, answer).await;
        let draft = json!({ "values": { key: before }, "etag": report["etag"] });
        report = class.team.patch(&class.report(1, ""), draft).await.ok();
    }
    let files = json!({ "files": { "items": [uuid::Uuid::now_v7().to_string()] } });
    for (draft, reason) in
        [(json!({ "values": { "cover": files } }), "FILE_UNKNOWN"), (json!({ "cleared": ["cover"] }), "FIELD_EMPTY")]
    {
        let mut draft = draft;
        draft["etag"] = report["etag"].clone();
        report = class.team.patch(&class.report(1, ""), draft).await.ok();
        let answer = class.team.post(&class.report(1, ":submit"), json!({ "etag": report["etag"] })).await;
        seen.refused(scene.world, "lessons", reason, answer).await;
    }
}

async fn of_files(seen: &mut Seen, scene: &Scene<'_>, class: &Class) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "lessons", reason, answer).await;
    let path = class.path("/lessons/1/files:upload?field=cover&name=a.png");
    refused("FILE_KIND_REFUSED", class.team.upload(&path, "image/png", PDF).await).await;
    let mut large = PICTURE.to_vec();
    large.resize((8 << 20) + 1, 0);
    refused("FILE_TOO_LARGE", class.team.upload(&path, "image/png", large).await).await;
}

async fn of_submissions(seen: &mut Seen, scene: &Scene<'_>) {
    let mut refused = async |reason, answer| seen.refused(scene.world, "lessons", reason, answer).await;
    let class = scene.class("Serra").await;
    let report = ready(&class).await;
    let reopen = json!({ "reason": "x" });
    refused("REPORT_NOT_SUBMITTED", scene.coordinator.post(&class.report(1, ":reopen"), reopen).await).await;
    let report = class.team.post(&class.report(1, ":submit"), json!({ "etag": report["etag"] })).await.ok();
    let again = class.team.post(&class.report(1, ":submit"), json!({ "etag": report["etag"] })).await;
    refused("REPORT_FINAL", again).await;
}
