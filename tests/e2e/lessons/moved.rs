//! A class that lost its twin goes to the national English track, with what it has done and deadlines it can meet.

use jiff::Timestamp;
use serde_json::{Value, json};
use tests::{Caller, Class, Scene, World, path::text};

use super::report::ready;

/// The beginning of a video.
const CLIP: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";

/// A class of the ETC track that has delivered lesson 1 and begun lesson 2, by what its report says.
async fn twin(scene: &Scene<'_>) -> (Class, Value) {
    let class = scene.invited_to("Kos", "etc", scene.school("UPPER_SECONDARY")).await.activated().await;
    let draft = ready(&class).await;
    let upload = class.path("/lessons/1/files:upload?field=presentation_video&name=clip.mp4");
    let clip = class.team.upload(&upload, "video/mp4", CLIP).await.ok();
    let video = json!({ "presentation_video": { "files": { "items": [clip["id"]] } } });
    let draft = json!({ "values": video, "etag": draft["etag"] });
    let draft = class.team.patch(&class.report(1, ""), draft).await.ok();
    let report = class.team.post(&class.report(1, ":submit"), json!({ "etag": draft["etag"] })).await.ok();
    let form = format!("/v1/tracks/{}/lessons/2/form", text(&scene.track("etc")["id"]));
    let form = class.team.get(&form).await.ok();
    let fields = form["fields"].as_array().expect("fields");
    let field = fields.iter().find(|field| field["kind"] == "FIELD_KIND_RICH_TEXT").expect("a text");
    let values = json!({ text(&field["key"]): { "text": "<p>Who has paid for it?</p>" } });
    class.team.patch(&class.report(2, ""), json!({ "values": values })).await.ok();
    (class, report)
}

async fn moved(coordinator: &Caller, class: &Class, track: &Value) {
    let body = json!({ "trackId": track["id"], "reason": "its twin was lost" });
    coordinator.post(&class.path(":move"), body).await.ok();
}

async fn replan(coordinator: &Caller, class: &Class, key: &str) -> Value {
    let body = json!({ "reason": "its twin was lost", "requestId": key });
    coordinator.post(&class.path(":replan"), body).await.ok()
}

/// The rows of the delivery matrix of a track.
async fn rows(coordinator: &Caller, scene: &Scene<'_>, track: &str) -> Vec<Value> {
    let track = text(&scene.track(track)["id"]);
    let matrix = coordinator.get(&format!("/v1/editions/{}/deliveries?trackId={track}", scene.edition_id())).await.ok();
    matrix["rows"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_that_moves_keeps_what_it_delivered_and_can_meet_what_is_left() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, report) = twin(&scene).await;
    let draft = class.team.get(&class.report(2, "")).await.ok();
    world.passes("2023-03-10T12:00:00[Europe/Rome]").await;
    let coordinator = scene.coordinator.again().await;
    moved(&coordinator, &class, scene.track("english")).await;
    let planned = replan(&coordinator, &class, "once").await;
    assert_eq!(replan(&coordinator, &class, "once").await, planned);

    assert_eq!(rows(&coordinator, &scene, "etc").await, [Value::Null; 0]);
    let rows = rows(&coordinator, &scene, "english").await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let cells = row["deliveries"].as_array().expect("deliveries");
    let states: Vec<_> = cells.iter().map(|cell| text(&cell["state"]).replace("REPORT_STATE_", "")).collect();
    assert_eq!(states, ["SUBMITTED", "DRAFT", "NOT_STARTED", "NOT_STARTED"]);
    assert_eq!((&row["teamCode"], &cells[0]["verdict"]), (&json!(class.code), &report["verdict"]));
    assert_eq!(cells[0]["verdict"]["onTime"], true);

    let due: Vec<_> = planned["extensions"].as_array().expect("extensions").iter().collect();
    let local: Vec<_> = due.iter().map(|one| (one["lesson"].clone(), text(&one["deadline"]["local"]))).collect();
    let expected = [(2, "2023-04-07"), (3, "2023-05-01"), (4, "2023-05-24")];
    assert_eq!(local, expected.map(|(lesson, day)| (json!(lesson), format!("{day}T23:59:59+02:00[Europe/Rome]"))));
    assert_eq!(planned["afterLastItem"], Value::Null);
    let team = class.team.again().await;
    for extension in due {
        let lesson = u32::try_from(extension["lesson"].as_u64().expect("a number")).expect("a small one");
        let deadline = team.get(&class.report(lesson, "")).await.ok()["deadline"].clone();
        assert_eq!(deadline, extension["deadline"], "lesson {lesson}");
        assert!(text(&deadline["at"]).parse::<Timestamp>().expect("an instant") > world.clock().now());
    }

    // what is written stays: the report as it was delivered, the draft to go on with
    let delivered = team.get(&class.report(1, "")).await.ok();
    for part in ["values", "verdict", "formVersion", "state", "etag"] {
        assert_eq!(delivered[part], report[part], "{part}");
    }
    let after = team.get(&class.report(2, "")).await.ok();
    assert_eq!((&after["values"], &after["etag"]), (&draft["values"], &draft["etag"]));
    team.patch(&class.report(2, ""), json!({ "values": {}, "etag": after["etag"] })).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_in_time_gets_no_new_deadline_and_who_comes_too_late_is_told_so() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    assert_eq!(replan(&scene.coordinator, &class, "early").await, json!({}));
    world.passes("2023-05-20T12:00:00[Europe/Rome]").await;
    let coordinator = scene.coordinator.again().await;
    let late = replan(&coordinator, &class, "late").await;
    assert_eq!((late["extensions"].as_array().map(Vec::len), &late["afterLastItem"]), (Some(4), &json!(true)));
    assert_eq!(late["extensions"][0]["deadline"]["local"], "2023-05-27T23:59:59+02:00[Europe/Rome]");
    assert_eq!(replan(&coordinator, &class, "again").await, json!({}), "nothing is left to be moved");
    assert_eq!(world.actions("it", "lessons").await.iter().filter(|action| *action == "replan team").count(), 3);
    let nobody = format!("/v1/teams/{}:replan", uuid::Uuid::now_v7());
    coordinator.post(&nobody, json!({ "reason": "x" })).await.refused("NOT_FOUND");
    world.end().await;
}
