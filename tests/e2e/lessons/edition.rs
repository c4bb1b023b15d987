//! Editions are made from templates of the country's file.

use serde_json::{Value, json};
use tests::{Caller, World, path::text};

async fn create(coordinator: &Caller, wanted: Value) -> tests::Answer {
    coordinator.post("/v1/editions", wanted).await
}

fn path(edition: &Value, rest: &str) -> String {
    format!("/v1/editions/{}{rest}", text(&edition["id"]))
}

fn codes(page: &Value) -> Vec<String> {
    page["editions"].as_array().into_iter().flatten().map(|edition| text(&edition["code"])).collect()
}

#[tokio::test(crate = "::tests::limit")]
async fn an_edition_is_what_the_template_says_and_its_call_is_not_open_yet() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let templates = coordinator.get("/v1/templates").await.ok();
    let tracks = ["upper_secondary", "lower_secondary", "english", "etc"];
    assert_eq!(templates["templates"][0], json!({ "code": "22-23", "label": "ASOC2223", "tracks": tracks }));
    assert_eq!(templates["templates"][1]["code"], "24-25");

    let edition = create(&coordinator, json!({ "template": "22-23" })).await.ok();
    assert_eq!((&edition["code"], &edition["label"]), (&json!("22-23"), &json!("ASOC2223")));
    assert_eq!(edition["state"], "EDITION_STATE_DRAFT");
    let opens = json!({ "at": "2022-09-15T08:00:00Z", "local": "2022-09-15T10:00:00+02:00[Europe/Rome]", "weekday": "THURSDAY" });
    assert_eq!(edition["callOpens"], opens);
    let etc = &edition["tracks"][3];
    assert_eq!((&etc["language"], &etc["infix"]), (&json!("en"), &json!("ETC")));
    assert_eq!(etc["projectRule"], "PROJECT_RULE_INTERREG");
    assert_eq!(coordinator.get(&path(&edition, "")).await.ok(), edition);

    let opened = coordinator.post(&path(&edition, ":openCall"), json!({})).await.ok();
    assert_eq!(opened["state"], "EDITION_STATE_OPEN");
    let again = coordinator.post(&path(&edition, ":openCall"), json!({})).await.refused("EDITION_STATE");
    assert_eq!(again["metadata"]["state"], "OPEN");
    assert_eq!(world.actions("it", "lessons").await, ["create edition", "open call"]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_code_is_used_once_and_an_unknown_template_names_those_there_are() {
    let world = World::of(&["it", "hr"]).start().await;
    let coordinator = world.coordinator("it").await;
    let unknown = create(&coordinator, json!({ "template": "21-22" })).await;
    assert_eq!(unknown.violations(), [("template".to_owned(), "TEMPLATE_UNKNOWN".to_owned())]);
    assert_eq!(unknown.json()["metadata"]["templates"], "22-23,24-25");
    create(&coordinator, json!({ "template": "22-23" })).await.ok();
    let exists = create(&coordinator, json!({ "template": "22-23" })).await.refused("EDITION_EXISTS");
    assert_eq!(exists["metadata"]["code"], "22-23");
    create(&coordinator, json!({ "template": "24-25", "code": "22-23" })).await.refused("EDITION_EXISTS");
    // the English track of the one gives its teams codes that would be those of the other
    let alike =
        create(&coordinator, json!({ "template": "24-25", "code": "22-23-en" })).await.refused("EDITION_EXISTS");
    assert_eq!(alike["metadata"]["code"], "22-23");
    assert!(text(&alike["detail"]).contains("`22-23-EN`"), "{alike}");
    // under another code, and in another country, there is room
    create(&coordinator, json!({ "template": "22-23", "code": "22-23-pilot", "label": "Pilot" })).await.ok();
    create(&world.coordinator("hr").await, json!({ "template": "22-23" })).await.ok();
    assert_eq!(codes(&coordinator.get("/v1/editions").await.ok()).len(), 2);
    let fields = create(&coordinator, json!({ "code": "22/23", "shiftWeeks": 521 })).await.violations();
    assert_eq!(fields.len(), 3, "{fields:?}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_edition_that_is_prepared_is_hidden_from_everybody_else() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let edition = create(&coordinator, json!({ "template": "22-23" })).await.ok();
    let track = text(&edition["tracks"][0]["id"]);
    let nothing = uuid::Uuid::now_v7();
    for (hidden, missing) in [
        (path(&edition, ""), format!("/v1/editions/{nothing}")),
        (path(&edition, "/calendar"), format!("/v1/editions/{nothing}/calendar")),
        (format!("/v1/tracks/{track}"), format!("/v1/tracks/{nothing}")),
        (format!("/v1/tracks/{track}/lessons/1/form"), format!("/v1/tracks/{nothing}/lessons/1/form")),
    ] {
        let answer = teacher.get(&hidden).await;
        answer.refused("NOT_FOUND");
        assert_eq!(answer.body, teacher.get(&missing).await.body, "{hidden}");
        coordinator.get(&hidden).await.ok();
    }
    assert_eq!(teacher.get("/v1/editions").await.ok(), json!({}));
    coordinator.post(&path(&edition, ":openCall"), json!({})).await.ok();
    assert_eq!(codes(&teacher.get("/v1/editions").await.ok()), ["22-23"]);
    let shown = teacher.get(&format!("/v1/tracks/{track}")).await.ok();
    assert_eq!((&shown["track"]["id"], &shown["edition"]["id"]), (&edition["tracks"][0]["id"], &edition["id"]));
    assert_eq!(shown["edition"]["tracks"], Value::Null);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_year_later_the_hours_and_the_days_of_the_week_are_the_same() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let first = create(&coordinator, json!({ "template": "22-23" })).await.ok();
    // twenty-two weeks move most dates from winter time to summer time or back
    let moved = create(&coordinator, json!({ "template": "22-23", "code": "moved", "shiftWeeks": 22 })).await.ok();
    let opens = "2023-02-16T10:00:00+01:00[Europe/Rome]";
    assert_eq!((&moved["callOpens"]["local"], &moved["callOpens"]["weekday"]), (&json!(opens), &json!("THURSDAY")));
    let items = async |edition: &Value| -> Vec<(String, String)> {
        let calendar = coordinator.get(&path(edition, "/calendar")).await.ok();
        let mut items: Vec<_> = calendar["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                let local = text(&item["starts"]["local"]);
                (text(&item["title"]), format!("{} {}", &local[11..19], text(&item["starts"]["weekday"])))
            })
            .collect();
        items.sort();
        items
    };
    let (before, after) = (items(&first).await, items(&moved).await);
    assert!(before.len() > 40, "{before:?}");
    assert_eq!(before, after);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn how_many_lessons_a_path_has_is_data() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let edition = create(&coordinator, json!({ "template": "24-25" })).await.ok();
    let lessons: Vec<_> =
        edition["tracks"][0]["lessons"].as_array().unwrap().iter().map(|lesson| text(&lesson["title"])).collect();
    assert_eq!(lessons, ["Progettare", "Monitorare", "Raccontare"]);
    let track = text(&edition["tracks"][0]["id"]);
    let form = coordinator.get(&format!("/v1/tracks/{track}/lessons/2/form")).await.ok();
    assert!(form.to_string().contains("monitoring_report"), "{form}");
    let none = coordinator.get(&format!("/v1/tracks/{track}/lessons/4/form")).await;
    assert_eq!(none.violations()[0].1, "LESSON_UNKNOWN");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn editions_are_listed_newest_first_and_in_pages() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    for number in 1..=5 {
        let wanted = json!({ "template": "22-23", "code": format!("e{number}"), "requestId": format!("r{number}") });
        let made = create(&coordinator, wanted.clone()).await.ok();
        assert_eq!(create(&coordinator, wanted).await.ok(), made, "asked again, it is the same one");
    }
    let other = json!({ "template": "22-23", "code": "e9", "requestId": "r1" });
    create(&coordinator, other).await.refused("REQUEST_ID_REUSED");
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = coordinator.get(&format!("/v1/editions?pageSize=2&pageToken={token}")).await.ok();
        all.extend(codes(&page));
        token = text(&page["nextPageToken"]);
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(all, ["e5", "e4", "e3", "e2", "e1"]);
    coordinator.get("/v1/editions?pageToken=x").await.refused("PAGE_TOKEN_INVALID");
    coordinator.get("/v1/editions?pageSize=-1").await.refused("FIELDS_INVALID");
    world.end().await;
}
