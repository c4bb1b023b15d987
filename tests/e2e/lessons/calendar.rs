//! Calendars: every change is a version with a reason.

use serde_json::{Value, json};
use tests::{Answer, Caller, Scene, World, path::text};

use super::report::ready;

/// The items of a track, by what people call them.
async fn items(caller: &Caller, scene: &Scene<'_>, track: &str) -> Vec<Value> {
    let path = format!("/v1/editions/{}/calendar?trackId={}", scene.edition_id(), text(&scene.track(track)["id"]));
    caller.get(&path).await.ok()["items"].as_array().cloned().unwrap_or_default()
}

async fn item(scene: &Scene<'_>, kind: &str, lesson: Option<u32>) -> Value {
    let kind = format!("CALENDAR_ITEM_KIND_{kind}");
    let items = items(&scene.coordinator, scene, "upper_secondary").await;
    let is_it = |item: &Value| item["kind"] == kind.as_str() && lesson.is_none_or(|lesson| item["lesson"] == lesson);
    items.into_iter().find(is_it).expect("an item")
}

async fn revise(caller: &Caller, item: &Value, starts: &str, ends: &str) -> Answer {
    let revision = json!({ "startsLocal": starts, "endsLocal": ends, "reason": "the hall is closed" });
    caller.post(&format!("/v1/calendar/{}:revise", text(&item["id"])), revision).await
}

#[tokio::test(crate = "::tests::limit")]
async fn a_calendar_has_every_date_in_its_order() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let items = items(&teacher, &scene, "upper_secondary").await;
    let starts: Vec<_> = items.iter().map(|item| text(&item["starts"]["at"])).collect();
    assert!(starts.is_sorted() && starts.len() >= 12, "{starts:?}");
    let due: Vec<_> = items.iter().filter(|item| item["kind"] == "CALENDAR_ITEM_KIND_REPORT_DEADLINE").collect();
    let local: Vec<_> = due.iter().map(|item| text(&item["starts"]["local"])).collect();
    let expected = [
        "2022-12-20T23:59:59+01:00[Europe/Rome]",
        "2023-02-07T23:59:59+01:00[Europe/Rome]",
        "2023-03-21T23:59:59+01:00[Europe/Rome]",
        "2023-04-27T23:59:59+02:00[Europe/Rome]",
    ];
    assert_eq!(local, expected);
    assert!(due.iter().all(|item| item["ends"] == Value::Null && item["version"] == 1));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_revision_is_a_version_with_a_reason_and_the_ones_before_stay() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let chat = item(&scene, "CHAT_DAY", None).await;
    let moved = revise(&scene.coordinator, &chat, "2023-02-24T16:00:00", "").await.ok();
    assert_eq!(
        (&moved["id"], &moved["version"], &moved["reason"]),
        (&chat["id"], &json!(2), &json!("the hall is closed"))
    );
    assert_eq!(moved["ends"]["local"], "2023-02-24T19:00:00+01:00[Europe/Rome]", "it lasts as long as before");
    let again = revise(&scene.coordinator, &chat, "2023-02-24T16:00:00", "2023-02-24T17:00:00").await.ok();
    assert_eq!(again["version"], 3);
    let versions = scene.coordinator.get(&format!("/v1/calendar/{}/versions", text(&chat["id"]))).await.ok();
    assert_eq!(versions["versions"], json!([chat, moved, again]));
    assert_eq!(item(&scene, "CHAT_DAY", None).await, again);
    let missing = format!("/v1/calendar/{}/versions", uuid::Uuid::now_v7());
    scene.coordinator.get(&missing).await.refused("NOT_FOUND");
    assert_eq!(
        world.actions("it", "lessons").await.iter().filter(|action| *action == "revise calendar item").count(),
        2
    );
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn dates_that_cannot_be_are_refused_all_at_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (chat, due) = (item(&scene, "CHAT_DAY", None).await, item(&scene, "REPORT_DEADLINE", Some(1)).await);
    let reversed = revise(&scene.coordinator, &chat, "2023-02-24T16:00:00", "2023-02-24T16:00:00").await;
    assert_eq!(reversed.violations(), [("ends_local".to_owned(), "DATES_REVERSED".to_owned())]);
    let ended = revise(&scene.coordinator, &due, "2023-03-26T02:30:00", "2023-03-27T00:00:00").await;
    let mut reasons: Vec<_> = ended.violations();
    reasons.sort();
    let expected = [("ends_local", "FIELDS_INVALID"), ("starts_local", "LOCAL_TIME_SKIPPED")];
    assert_eq!(reasons, expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
    for shape in ["", "tomorrow", "2023-02-30T00:00:00", "2023-02-24", "2023-02-24T25:00:00", "2023-02-24T16:00:00Z"] {
        let refused = revise(&scene.coordinator, &due, shape, "").await;
        assert_eq!(refused.violations()[0].0, "starts_local", "{shape}: {}", refused.text());
    }
    assert_eq!(item(&scene, "REPORT_DEADLINE", Some(1)).await, due, "nothing was half-written");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_hour_that_clocks_skip_or_show_twice_is_asked_about() {
    let world = World::of(&["it", "gr"]).start().await;
    for (tenant, zone, skipped, twice, first, second) in [
        ("it", "Europe/Rome", "2023-03-26T02:30:00", "2022-10-30T02:30:00", "+02:00", "+01:00"),
        ("gr", "Europe/Athens", "2023-03-26T03:30:00", "2022-10-30T03:30:00", "+03:00", "+02:00"),
    ] {
        let scene = Scene::open(&world, tenant).await;
        let due = item(&scene, "REPORT_DEADLINE", Some(1)).await;
        let refused = revise(&scene.coordinator, &due, skipped, "").await;
        assert_eq!(refused.violations(), [("starts_local".to_owned(), "LOCAL_TIME_SKIPPED".to_owned())]);
        assert_eq!(refused.json()["metadata"]["zone"], zone);
        let refused = revise(&scene.coordinator, &due, twice, "").await;
        assert_eq!(refused.violations(), [("starts_local".to_owned(), "LOCAL_TIME_TWICE".to_owned())]);
        assert_eq!(refused.json()["metadata"], json!({ "first": first, "second": second }));
        for offset in [first, second] {
            let moved = revise(&scene.coordinator, &due, &format!("{twice}{offset}"), "").await.ok();
            assert_eq!(moved["starts"]["local"], format!("{twice}{offset}[{zone}]"));
        }
        for wrong in [format!("{twice}+05:00"), "2023-02-24T16:00:00+05:00".to_owned()] {
            assert_eq!(revise(&scene.coordinator, &due, &wrong, "").await.violations()[0].0, "starts_local", "{wrong}");
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn more_time_for_one_team_is_more_time_for_that_team_alone() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, other) = (scene.class("Kos").await, scene.class("Serra").await);
    let extend = |lesson: u32, deadline: &str| {
        let grant = json!({ "deadlineLocal": deadline, "reason": "the school was flooded" });
        let (coordinator, path) = (scene.coordinator.clone(), class.path(&format!("/lessons/{lesson}:extend")));
        async move { coordinator.post(&path, grant).await }
    };
    for early in ["2022-12-20T23:59:59", "2022-12-19T12:00:00"] {
        assert_eq!(extend(1, early).await.violations(), [("deadline_local".to_owned(), "EXTENSION_EARLY".to_owned())]);
    }
    assert_eq!(extend(1, "2023-03-26T02:30:00").await.violations()[0].1, "LOCAL_TIME_SKIPPED");
    assert_eq!(extend(5, "2023-06-01T12:00:00").await.violations()[0].1, "LESSON_UNKNOWN");
    let granted = extend(1, "2022-12-22T12:00:00").await.ok();
    assert_eq!(granted["deadline"]["local"], "2022-12-22T12:00:00+01:00[Europe/Rome]");
    assert_eq!((&granted["teamId"], &granted["lesson"]), (&json!(class.id), &json!(1)));
    assert_eq!(class.team.get(&class.report(1, "")).await.ok()["deadline"], granted["deadline"]);
    let usual = other.team.get(&other.report(1, "")).await.ok();
    assert_eq!(usual["deadline"]["local"], "2022-12-20T23:59:59+01:00[Europe/Rome]");
    let nobody = format!("/v1/teams/{}/lessons/1:extend", uuid::Uuid::now_v7());
    let grant = json!({ "deadlineLocal": "2022-12-22T12:00:00", "reason": "x" });
    scene.coordinator.post(&nobody, grant).await.refused("NOT_FOUND");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_a_coordinator_asks_again_is_answered_again_and_done_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let draft = ready(&class).await;
    class.team.post(&class.report(1, ":submit"), json!({ "etag": draft["etag"] })).await.ok();
    let day = text(&item(&scene, "CHAT_DAY", None).await["id"]);
    let edition = scene.coordinator.post("/v1/editions", json!({ "template": "24-25" })).await.ok();
    let moved =
        json!({ "startsLocal": "2023-03-02T15:00:00", "endsLocal": "2023-03-02T18:00:00", "reason": "a strike" });
    let flooded = json!({ "deadlineLocal": "2022-12-22T12:00:00", "reason": "the school was flooded" });
    for (path, action, mut body) in [
        (format!("/v1/calendar/{day}:revise"), "revise calendar item", moved),
        (class.path("/lessons/1:extend"), "grant extension", flooded),
        (class.report(1, ":reopen"), "reopen report", json!({ "reason": "the wrong file" })),
        (format!("/v1/editions/{}:openCall", text(&edition["id"])), "open call", json!({})),
    ] {
        body["requestId"] = json!(action);
        let before = world.actions("it", "lessons").await.len();
        let first = scene.coordinator.post(&path, body.clone()).await.ok();
        assert_eq!(scene.coordinator.post(&path, body).await.ok(), first, "{action}");
        assert_eq!(world.actions("it", "lessons").await[before..], [action], "once");
    }
    world.end().await;
}
