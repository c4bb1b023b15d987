//! On time or late: the server's instant against the deadline that held, and never made worse afterwards.

use serde_json::{Value, json};
use tests::{Class, Scene, World, path::text};

use super::report::ready;

/// Submits the first report of a class at an instant.
async fn submitted_at(world: &World, class: &Class, at: &str) -> Value {
    world.passes_to(at.parse().expect("an instant")).await;
    let team = class.team.again().await;
    let draft = team.get(&class.report(1, "")).await.ok();
    team.post(&class.report(1, ":submit"), json!({ "etag": draft["etag"] })).await.ok()["verdict"].clone()
}

async fn verdict(class: &Class) -> Value {
    class.team.again().await.get(&class.report(1, "")).await.ok()["verdict"].clone()
}

async fn revise(scene: &Scene<'_>, starts: &str) -> Value {
    let track = text(&scene.track("upper_secondary")["id"]);
    let coordinator = scene.coordinator.again().await;
    let path = format!("/v1/editions/{}/calendar?trackId={track}", scene.edition_id());
    let items = coordinator.get(&path).await.ok();
    let due = items["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["kind"] == "CALENDAR_ITEM_KIND_REPORT_DEADLINE")
        .cloned();
    let path = format!("/v1/calendar/{}:revise", text(&due.expect("a deadline")["id"]));
    coordinator.post(&path, json!({ "startsLocal": starts, "reason": "a strike" })).await.ok()
}

async fn extend(scene: &Scene<'_>, class: &Class, deadline: &str) -> Value {
    let grant = json!({ "deadlineLocal": deadline, "reason": "the school was flooded" });
    scene.coordinator.again().await.post(&class.path("/lessons/1:extend"), grant).await.ok()
}

/// Verdicts say `onTime` or, as proto3 JSON does for `false`, nothing.
fn is_on_time(verdict: &Value) -> bool {
    verdict["onTime"] == true
}

#[tokio::test(crate = "::tests::limit")]
async fn the_last_second_of_the_day_is_on_time_and_midnight_is_late() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, other) = (scene.class("Kos").await, scene.class("Serra").await);
    ready(&class).await;
    ready(&other).await;
    // 23:59:59 in Rome, to the end of that second
    let on_time = submitted_at(&world, &class, "2022-12-20T22:59:59.999999Z").await;
    let late = submitted_at(&world, &other, "2022-12-20T23:00:00Z").await;
    assert!(is_on_time(&on_time) && !is_on_time(&late), "{on_time} {late}");
    assert_eq!(on_time["deadline"], late["deadline"]);
    assert_eq!(late["receivedAt"], "2022-12-20T23:00:00Z");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_hour_earlier_in_athens_the_same_instant_is_late() {
    let world = World::of(&["gr"]).start().await;
    let scene = Scene::open(&world, "gr").await;
    let (class, other) = (scene.class("Papadaki").await, scene.class("Georgiou").await);
    for class in [&class, &other] {
        let draft = ready_in(&scene, class).await;
        assert_eq!(draft["deadline"]["local"], "2022-12-21T23:59:59+02:00[Europe/Athens]");
    }
    assert!(is_on_time(&submitted_at(&world, &class, "2022-12-21T21:59:59Z").await));
    assert!(!is_on_time(&submitted_at(&world, &other, "2022-12-21T22:00:00Z").await));
    world.end().await;
}

/// The first report of a class, with a project of a source of its country.
async fn ready_in(scene: &Scene<'_>, class: &Class) -> Value {
    let mut values = super::report::filled(class).await;
    let form = format!("/v1/tracks/{}/lessons/1/form", text(&scene.track("upper_secondary")["id"]));
    let form = class.team.get(&form).await.ok();
    let project =
        form["fields"].as_array().unwrap().iter().find(|field| field["key"] == "project").cloned().expect("a project");
    values["project"] = json!({ "text": format!("https://{}/1", text(&project["hosts"][0])) });
    class.team.patch(&class.report(1, ""), json!({ "values": values })).await.ok()
}

#[tokio::test(crate = "::tests::limit")]
async fn an_extension_before_or_after_the_deadline_makes_a_delivery_on_time() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (before, after) = (scene.class("Kos").await, scene.class("Serra").await);
    ready(&before).await;
    ready(&after).await;
    let granted = extend(&scene, &before, "2022-12-22T12:00:00").await;
    let verdict_before = submitted_at(&world, &before, "2022-12-21T08:00:00Z").await;
    assert!(is_on_time(&verdict_before), "{verdict_before}");
    assert_eq!((&verdict_before["extensionId"], &verdict_before["deadline"]), (&granted["id"], &granted["deadline"]));

    assert!(!is_on_time(&submitted_at(&world, &after, "2022-12-21T08:00:00Z").await));
    // one that does not reach so far changes nothing; one that does re-judges what was received
    let short = extend(&scene, &after, "2022-12-21T08:00:00").await;
    let still = verdict(&after).await;
    assert!(!is_on_time(&still) && still["extensionId"] == Value::Null, "{still} {short}");
    let long = extend(&scene, &after, "2022-12-21T09:00:00").await;
    let now = verdict(&after).await;
    assert!(is_on_time(&now), "{now}");
    assert_eq!((&now["extensionId"], &now["receivedAt"]), (&long["id"], &json!("2022-12-21T08:00:00Z")));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_deadline_that_moves_later_re_judges_and_one_that_moves_earlier_takes_nothing_away() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (early, late) = (scene.class("Kos").await, scene.class("Serra").await);
    ready(&early).await;
    ready(&late).await;
    let first = submitted_at(&world, &early, "2022-12-20T12:00:00Z").await;
    assert!(is_on_time(&first));
    assert!(!is_on_time(&submitted_at(&world, &late, "2022-12-21T12:00:00Z").await));

    let moved = revise(&scene, "2022-12-22T23:59:59").await;
    let second = verdict(&late).await;
    assert!(is_on_time(&second), "{second}");
    assert_eq!((&second["ruleVersion"], &second["deadline"]), (&json!(2), &moved["starts"]));
    assert_eq!(verdict(&early).await, first, "what was on time keeps the rule it was judged by");

    revise(&scene, "2022-12-01T12:00:00").await;
    assert_eq!((verdict(&early).await, verdict(&late).await), (first, second));
    let matrix = format!("/v1/editions/{}/deliveries", scene.edition_id());
    let matrix = scene.coordinator.again().await.get(&matrix).await.ok();
    for row in matrix["rows"].as_array().unwrap() {
        assert!(is_on_time(&row["deliveries"][0]["verdict"]), "{row}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_report_that_is_given_back_keeps_its_first_verdict() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (early, late) = (scene.class("Kos").await, scene.class("Serra").await);
    ready(&early).await;
    ready(&late).await;
    let first = submitted_at(&world, &early, "2022-12-20T12:00:00Z").await;
    let missed = submitted_at(&world, &late, "2022-12-21T12:00:00Z").await;
    world.passes_to("2023-01-10T12:00:00Z".parse().unwrap()).await;
    for (class, verdict) in [(&early, &first), (&late, &missed)] {
        let reopen = json!({ "reason": "the wrong file was attached" });
        let reopened = scene.coordinator.again().await.post(&class.report(1, ":reopen"), reopen).await.ok();
        let body = json!({ "etag": reopened["etag"] });
        let again = class.team.again().await.post(&class.report(1, ":submit"), body).await.ok();
        assert_eq!(again["verdict"], *verdict);
    }
    // more time that reaches the first submission still helps it
    extend(&scene, &late, "2022-12-21T14:00:00").await;
    assert!(is_on_time(&verdict(&late).await));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_new_deadline_holds_for_drafts_at_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    ready(&class).await;
    let moved = revise(&scene, "2022-11-30T12:00:00").await;
    assert_eq!(class.team.get(&class.report(1, "")).await.ok()["deadline"], moved["starts"]);
    let late = submitted_at(&world, &class, "2022-11-30T11:00:01Z").await;
    assert!(!is_on_time(&late) && late["ruleVersion"] == 2, "{late}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn why_something_was_changed_is_kept_beside_the_log_and_not_in_it() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    ready(&class).await;
    submitted_at(&world, &class, "2022-12-19T12:00:00Z").await;
    revise(&scene, "2022-12-22T23:59:59").await;
    let extension = extend(&scene, &class, "2022-12-23T23:59:59").await;
    let reopen = json!({ "reason": "the wrong file was attached" });
    scene.coordinator.again().await.post(&class.report(1, ":reopen"), reopen).await.ok();
    assert_eq!(extension["reason"], "the school was flooded");
    let kept = world.rows("it", "lessons", "SELECT reason FROM reopening", &["reason"]).await;
    assert_eq!(kept, [["the wrong file was attached"]]);
    let log =
        "SELECT action, detail FROM audit WHERE action IN ('revise calendar item', 'grant extension', 'reopen report')";
    let log = world.rows("it", "lessons", log, &["action", "detail"]).await;
    assert_eq!(log.len(), 3, "{log:?}");
    for reason in ["strike", "flood", "wrong"] {
        assert!(!format!("{log:?}").contains(reason), "{log:?}");
    }
    world.end().await;
}
