//! Timelines: the deadlines of a pair, by two school calendars.

use serde_json::{Value, json};
use tests::{Twins, World, path::text, world::tenant_files};

/// The deadline of a lesson, as the programme reads it.
fn deadline(timeline: &Value, lesson: i64) -> &str {
    let items = timeline["items"].as_array().expect("items");
    let item = items.iter().find(|item| item["lesson"] == lesson).expect("the lesson");
    item["deadline"]["local"].as_str().expect("a deadline")
}

async fn revise(twins: &Twins<'_>, lesson: i64, starts: &str) {
    let calendar = twins.secretariat.get(&format!("/v1/editions/{}/calendar", text(&twins.edition["id"]))).await.ok();
    let mut items = calendar["items"].as_array().expect("items").iter();
    let is_due = |item: &&Value| item["kind"] == "CALENDAR_ITEM_KIND_REPORT_DEADLINE" && item["lesson"] == lesson;
    let path = format!("/v1/calendar/{}:revise", text(&items.find(is_due).expect("a deadline")["id"]));
    twins.secretariat.post(&path, json!({ "startsLocal": starts, "reason": "strike" })).await.ok();
}

#[tokio::test(crate = "::tests::limit")]
async fn no_deadline_of_a_pair_is_in_the_holidays_of_either_country() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    twins.pair_up().await;
    let path = twins.path("/timeline");
    twins.classes[0].class.get(&path).await.refused("PAIR_STATE");
    twins.begin_work().await;
    let [one, other] = &twins.classes;
    let timeline = one.class.get(&path).await.ok();
    assert_eq!(timeline["items"].as_array().expect("items").len(), 4);
    let first = &timeline["items"][0];
    // the last day of the programme's calendar is one of the Croatian winter break, and then comes a weekend
    assert_eq!(first["planned"]["local"], "2023-02-24T23:59:59+01:00[Europe/Rome]");
    assert_eq!(deadline(&timeline, 1), "2023-02-27T23:59:59+01:00[Europe/Rome]");
    let across = &first["movedAcross"][0];
    assert_eq!((&across["home"], &across["name"]), (&json!("hr"), &json!("Zimski odmor, drugi dio")));
    assert_eq!(across["until"], json!({ "year": 2023, "month": 2, "day": 24 }));
    assert_eq!(first["atHome"][0]["home"], "hr");
    assert_eq!(first["atHome"][0]["moment"]["local"], "2023-02-27T23:59:59+01:00[Europe/Zagreb]");
    assert_eq!(first["atHome"][0]["moment"]["weekday"], "MONDAY");
    assert_eq!(timeline["items"][1]["movedAcross"], Value::Null, "nothing closes schools on 31 March");
    for reader in [&other.tutor, &other.central, &twins.secretariat] {
        assert_eq!(reader.get(&path).await.ok(), timeline);
    }
    one.coordinator.get(&path).await.refused("PROGRAMME_ONLY");
    one.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher" })).await.ok();
    one.class.get(&path).await.refused("NOT_FOUND");
    assert_eq!(deadline(&other.class.get(&path).await.ok(), 1), deadline(&timeline, 1));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_timeline_gives_more_time_and_never_less() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let path = twins.path("/timeline");
    revise(&twins, 2, "2023-04-06T23:59:59").await;
    let moved = twins.classes[0].tutor.get(&path).await.ok();
    assert_eq!(
        deadline(&moved, 2),
        "2023-04-17T23:59:59+02:00[Europe/Rome]",
        "after both Easters, by the summer's clock"
    );
    assert_eq!((&moved["version"], &moved["reason"]), (&json!(2), &json!("strike")));
    revise(&twins, 2, "2023-03-31T23:59:59").await;
    assert_eq!(twins.classes[0].tutor.get(&path).await.ok(), moved, "what was given is not taken back");

    // a country adds a holiday to its file: the secretariat makes the timeline again
    let file = std::fs::read_to_string(tenant_files().join("hr.toml")).expect("a file");
    let snow = "holidays = [\n  { name = \"Snijeg\", from = 2023-02-27 },";
    assert_eq!(world.write_tenant("hr", &file.replacen("holidays = [", snow, 1)), []);
    let again = format!("{path}:replan");
    let why = json!({ "reason": "snow on the coast" });
    twins.classes[0].tutor.post(&again, why.clone()).await.refused("ROLE_MISSING");
    twins.classes[0].coordinator.post(&again, why.clone()).await.refused("PROGRAMME_ONLY");
    let replanned = twins.secretariat.post(&again, why.clone()).await.ok();
    assert_eq!(deadline(&replanned, 1), "2023-02-28T23:59:59+01:00[Europe/Rome]");
    assert_eq!((&replanned["version"], &replanned["reason"]), (&json!(3), &why["reason"]));
    assert_eq!(twins.secretariat.post(&again, why).await.ok(), replanned, "once is enough");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn each_class_reads_the_deadline_in_its_own_zone() {
    let world = World::of(&["it", "gr", "gr-it"]).start().await;
    let twins = Twins::at_work(&world, "gr-it", ["gr", "it"]).await;
    let timeline = twins.classes[1].class.get(&twins.path("/timeline")).await.ok();
    for item in timeline["items"].as_array().expect("items") {
        let local = |side: usize| text(&item["atHome"][side]["moment"]["local"]);
        assert!(local(0).contains("T23:59:59") && local(0).ends_with("[Europe/Athens]"), "{item}");
        assert!(local(1).contains("T22:59:59") && local(1).ends_with("[Europe/Rome]"), "{item}");
        assert_eq!(item["atHome"][0]["moment"]["at"], item["atHome"][1]["moment"]["at"]);
    }
    world.end().await;
}
