//! Who in the other country has seen what of ours.

use serde_json::{Value, json};
use tests::{Caller, Twins, World, path::text};

async fn sightings(caller: &Caller, query: &str) -> Vec<Value> {
    let page = caller.get(&format!("/v1/sightings?pageSize=1000{query}")).await.ok();
    page["sightings"].as_array().cloned().unwrap_or_default()
}

/// Kind, country and role of who saw it.
fn told(sightings: &[Value]) -> Vec<[String; 3]> {
    let mut told: Vec<_> = sightings
        .iter()
        .map(|one| [text(&one["kind"]), text(&one["viewerHome"]), text(&one["viewerRole"])])
        .map(|[kind, home, role]| [kind.replace("SIGHTING_KIND_", ""), home, role.replace("ROLE_TWIN_", "")])
        .collect();
    told.sort();
    told
}

#[tokio::test(crate = "::tests::limit")]
async fn a_central_team_sees_who_over_there_saw_what_of_its_classes() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let wish = tests::twins::offer(&text(&twins.edition["tracks"][0]["id"]));
    let [croatia, italy] = &twins.classes;
    let theirs = text(&croatia.tutor.post("/v1/offers", wish.clone()).await.ok()["id"]);
    let ours = text(&italy.tutor.post("/v1/offers", wish).await.ok()["id"]);
    let offer = format!("/v1/offers/{ours}");
    for _ in 0..3 {
        croatia.tutor.get(&offer).await.ok();
        croatia.class.get("/v1/offers").await.ok();
        italy.tutor.get(&offer).await.ok();
        twins.secretariat.get(&offer).await.ok();
    }
    italy.class.get(&format!("/v1/offers/{theirs}")).await.ok();
    let pair = croatia.tutor.post("/v1/pairs", json!({ "offerIds": [theirs, ours] })).await.ok();
    let export = format!("/v1/pairs/{}:export", text(&pair["id"]));
    assert!(croatia.class.get(&export).await.status.is_success());
    let seen = sightings(&italy.central, "").await;
    let expected = [["EXPORT", "hr", "TEAM"], ["OFFER", "hr", "TEACHER"], ["OFFER", "hr", "TEAM"]];
    assert_eq!(told(&seen), expected, "once a day, and not by their own or the secretariat");
    assert!(seen.iter().all(|one| one["teamId"] == italy.team_id.as_str() && one["home"] == "it"), "{seen:?}");
    let today = world.clock().now().in_tz("Europe/Rome").expect("Rome").date();
    let today = json!({ "year": today.year(), "month": today.month(), "day": today.day() });
    assert!(seen.iter().all(|one| one["day"] == today), "{seen:?}");

    let theirs = sightings(&croatia.central, "").await;
    assert!(!theirs.is_empty());
    assert!(theirs.iter().all(|one| one["home"] == "hr" && one["viewerHome"] == "it"), "{theirs:?}");
    let query = format!("&teamId={}", italy.team_id);
    assert_eq!(sightings(&croatia.central, &query).await, [] as [Value; 0], "not of the other country's classes");
    assert_eq!(sightings(&twins.secretariat, &query).await.len(), 3);
    italy.tutor.get("/v1/sightings").await.refused("ROLE_MISSING");
    world.coordinator("it").await.get("/v1/sightings").await.refused("PROGRAMME_ONLY");

    world.passes_by(jiff::SignedDuration::from_hours(24)).await;
    twins.renew().await;
    let [croatia, italy] = &twins.classes;
    croatia.tutor.get(&offer).await.ok();
    assert_eq!(sightings(&italy.central, "").await.len(), 4, "another day");
    world.end().await;
}
