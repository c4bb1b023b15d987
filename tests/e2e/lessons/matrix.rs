//! The delivery matrix, as it stands and as it changes.

use jiff::SignedDuration;
use proto::lessons::v1::{self as lessons, report_service_client::ReportServiceClient};
use serde_json::{Value, json};
use tests::{
    Scene, World,
    grpc::{reason, request},
    limit::wait,
    path::text,
};
use tonic::Code;

use super::report::ready;

#[tokio::test(crate = "::tests::limit")]
async fn the_matrix_has_a_row_for_every_team_and_a_cell_for_every_lesson() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, other) = (scene.class("Kos").await, scene.class("Serra").await);
    let draft = ready(&class).await;
    let submitted = class.team.post(&class.report(1, ":submit"), json!({ "etag": draft["etag"] })).await.ok();
    class.team.patch(&class.report(2, ""), json!({ "values": {} })).await.ok();

    let path = format!("/v1/editions/{}/deliveries", scene.edition_id());
    let matrix = scene.coordinator.get(&path).await.ok();
    let rows = matrix["rows"].as_array().unwrap();
    let codes: Vec<_> = rows.iter().map(|row| text(&row["teamCode"])).collect();
    assert_eq!(codes, [class.code.clone(), other.code.clone()]);
    let states = |row: &Value| -> Vec<String> {
        row["deliveries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|cell| text(&cell["state"]).replace("REPORT_STATE_", ""))
            .collect()
    };
    assert_eq!(states(&rows[0]), ["SUBMITTED", "DRAFT", "NOT_STARTED", "NOT_STARTED"]);
    assert_eq!(states(&rows[1]), ["NOT_STARTED"; 4]);
    assert_eq!(rows[0]["deliveries"][0]["verdict"], submitted["verdict"]);
    assert_eq!(
        (&rows[0]["teamName"], &rows[0]["schoolName"]),
        (&json!("Green Bridges"), &scene.school("UPPER_SECONDARY")["name"])
    );

    let first = scene.coordinator.get(&format!("{path}?pageSize=1")).await.ok();
    assert_eq!(first["rows"], json!([rows[0]]));
    let token = text(&first["nextPageToken"]);
    let second = scene.coordinator.get(&format!("{path}?pageSize=1&pageToken={token}")).await.ok();
    assert_eq!(second, json!({ "rows": [rows[1]] }));
    scene.coordinator.get(&format!("{path}?pageToken=x")).await.refused("PAGE_TOKEN_INVALID");
    for (filter, count) in [
        (format!("territory={}", text(&rows[0]["territory"])), 2),
        ("territory=ITC".to_owned(), 0),
        (format!("trackId={}", text(&scene.track("upper_secondary")["id"])), 2),
        (format!("trackId={}", text(&scene.track("etc")["id"])), 0),
    ] {
        let found = scene.coordinator.get(&format!("{path}?{filter}")).await.ok();
        assert_eq!(found["rows"].as_array().map_or(0, Vec::len), count, "{filter}");
    }
    let nothing = format!("/v1/editions/{}/deliveries", uuid::Uuid::now_v7());
    scene.coordinator.get(&nothing).await.refused("NOT_FOUND");
    class.referent.get(&path).await.refused("ROLE_MISSING");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_watches_sees_a_delivery_as_it_happens() {
    let world = World::of(&["it", "hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let draft = ready(&class).await;
    world.settle().await;
    let path = format!("/it/v1/editions/{}/deliveries:watch", scene.edition_id());
    let mut events = world.http().events(&path, scene.coordinator.token()).await;

    // what happens in another edition and in another country is none of theirs
    let abroad = Scene::open(&world, "hr").await;
    let foreign = abroad.class("Novak").await;
    foreign.team.patch(&foreign.report(1, ""), json!({ "values": {} })).await.ok();

    let submitted = class.team.post(&class.report(1, ":submit"), json!({ "etag": draft["etag"] })).await.ok();
    let expected = json!({
        "teamId": class.id, "lesson": 1, "state": "REPORT_STATE_SUBMITTED", "verdict": submitted["verdict"],
    });
    assert_eq!(events.next().await, Some(expected));
    let reopen = json!({ "reason": "the wrong file was attached" });
    scene.coordinator.post(&class.report(1, ":reopen"), reopen).await.ok();
    assert_eq!(events.next().await.unwrap()["state"], "REPORT_STATE_REOPENED");

    let nothing = format!("/v1/editions/{}/deliveries:watch", uuid::Uuid::now_v7());
    scene.coordinator.get(&nothing).await.refused("NOT_FOUND");
    class.team.get(&format!("/v1/editions/{}/deliveries:watch", scene.edition_id())).await.refused("ROLE_MISSING");
    // a process that ends does not wait for who watches
    world.end().await;
    assert_eq!(events.next().await, None);
}

#[tokio::test(crate = "::tests::limit")]
async fn who_watches_is_told_when_the_minutes_of_the_token_are_over() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let path = format!("/it/v1/editions/{}/deliveries:watch", scene.edition_id());
    let coordinator = scene.coordinator.again().await;
    let mut events = world.http().events(&path, coordinator.token()).await;
    let mut reports = ReportServiceClient::new(world.channel());
    let watch = lessons::WatchDeliveriesRequest { edition_id: scene.edition_id(), after: String::new() };
    let mut by_grpc = reports.watch_deliveries(request(&coordinator, watch)).await.unwrap().into_inner();

    world.passes_by(SignedDuration::from_mins(10) - SignedDuration::from_secs(1)).await;
    class.team.again().await.patch(&class.report(1, ""), json!({ "values": {} })).await.ok();
    assert_eq!(events.next().await.unwrap()["lesson"], 1, "the token lives for a second more");
    assert_eq!(wait("a delivery by gRPC", by_grpc.message()).await.unwrap().unwrap().lesson, 1);

    world.passes_by(SignedDuration::from_secs(1)).await;
    assert_eq!(events.next().await.unwrap()["reason"], "TOKEN_EXPIRED");
    assert_eq!(events.next().await, None);
    let ended = wait("the end of the stream by gRPC", by_grpc.message()).await.unwrap_err();
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "TOKEN_EXPIRED"));

    // a fresh token watches on
    let mut events = world.http().events(&path, coordinator.again().await.token()).await;
    class.team.again().await.patch(&class.report(2, ""), json!({ "values": {} })).await.ok();
    assert_eq!(events.next().await.unwrap()["lesson"], 2);
    drop(events);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_watches_again_goes_on_after_the_last_cell_that_was_seen() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let path = format!("/it/v1/editions/{}/deliveries:watch", scene.edition_id());
    let token = scene.coordinator.token();
    let save = async |lesson, values: Value| {
        let etag = class.team.get(&class.report(lesson, "")).await.ok()["etag"].clone();
        class.team.patch(&class.report(lesson, ""), json!({ "values": values, "etag": etag })).await.ok();
    };
    let mut events = world.http().events(&path, token).await;
    save(1, json!({})).await;
    assert_eq!(events.next().await.unwrap()["lesson"], 1);
    let last = events.last_id().to_owned();
    drop(events);

    save(2, json!({})).await;
    save(3, json!({})).await;
    save(2, json!({ "data_sources": { "text": "<p>The municipality's own.</p>" } })).await;
    let mut events = world.http().events_after(&path, token, &last).await;
    assert_eq!([events.next().await.unwrap(), events.next().await.unwrap()].map(|cell| cell["lesson"].clone()), [2, 3]);
    // and by the query, as who has no header says it
    let last = events.last_id().to_owned();
    drop(events);
    let mut events = world.http().events(&format!("{path}?after={last}"), token).await;
    save(4, json!({})).await;
    assert_eq!(events.next().await.unwrap()["lesson"], 4, "nothing twice");
    drop(events);
    scene.coordinator.get(&format!("{}?after=yesterday", &path[3..])).await.refused("WATCH_LAGGED");
    world.end().await;
}
