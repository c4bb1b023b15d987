//! Mirror reports: two classes answer the same questions from two territories.

use serde_json::json;
use tests::{Twins, World, twins::Twin};

pub fn report(class: &Twin, rest: &str) -> String {
    format!("/v1/teams/{}/lessons/1/report{rest}", class.team_id)
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_submitted_is_compared_and_a_draft_is_seen_by_its_own_class_alone() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let values = json!({ "research_title": { "text": "Luka" } });
    one.class.patch(&report(one, ""), json!({ "values": values })).await.ok();
    for stranger in [&other.class, &other.tutor, &other.central] {
        stranger.get(&report(one, "")).await.refused("NOT_FOUND");
    }
    for own in [&one.class, &one.tutor, &one.central, &twins.secretariat] {
        assert_eq!(own.get(&report(one, "")).await.ok()["state"], "REPORT_STATE_DRAFT");
    }
    let compare = twins.path("/lessons/1/reports:compare");
    let before = other.class.get(&compare).await.ok();
    for mirror in before["mirrors"].as_array().unwrap() {
        assert_eq!(mirror["gap"], "MIRROR_GAP_NOT_SUBMITTED");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_that_leaves_takes_its_report_along_and_the_other_goes_on() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    let [leaver, survivor] = &twins.classes;
    let compare = twins.path("/lessons/1/reports:compare");
    let both = survivor.tutor.get(&compare).await.ok();
    assert!(both["mirrors"].as_array().unwrap().iter().all(|mirror| mirror["digest"].is_string()), "{both}");
    leaver.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
    leaver.class.get(&compare).await.refused("NOT_FOUND");
    leaver.class.get(&report(leaver, "")).await.refused("NOT_FOUND");
    leaver.class.patch(&report(leaver, ""), json!({ "values": {} })).await.refused("NOT_FOUND");
    twins.secretariat.get(&report(leaver, "")).await.refused("NOT_FOUND");
    let left = survivor.tutor.get(&compare).await.ok();
    assert_eq!((&left["mirrors"][0]["gap"], &left["mirrors"][0]["digest"]), (&json!("MIRROR_GAP_LEFT"), &json!(null)));
    assert_eq!(left["mirrors"][1]["digest"], both["mirrors"][1]["digest"]);
    let titles = left["fields"].as_array().unwrap().iter().find(|field| field["key"] == "research_title").unwrap();
    assert_eq!((&titles["values"][0], titles["values"][1]["value"].is_object()), (&json!({}), true));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn nothing_is_written_while_a_pair_rests_and_a_country_has_no_mirrors() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, _] = &twins.classes;
    one.tutor.post(&twins.path(":suspend"), json!({ "reason": "storm" })).await.ok();
    one.class.patch(&report(one, ""), json!({ "values": {} })).await.refused("PAIR_STATE");
    one.coordinator.get(&twins.path("/lessons/1/reports:compare")).await.refused("PROGRAMME_ONLY");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_country_lists_the_deliveries_of_its_own_classes() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    let path = format!("/v1/editions/{}/deliveries", tests::path::text(&twins.edition["id"]));
    let [one, other] = &twins.classes;
    let own = one.central.get(&path).await.ok();
    let rows = own["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["teamId"]), (1, &json!(one.team_id)));
    assert_eq!(rows[0]["deliveries"][0]["state"], "REPORT_STATE_SUBMITTED");
    let all = twins.secretariat.get(&path).await.ok();
    assert_eq!(all["rows"].as_array().unwrap().len(), 2, "{all}");
    assert!(all["rows"].as_array().unwrap().iter().any(|row| row["teamId"] == other.team_id.as_str()));
    world.end().await;
}
