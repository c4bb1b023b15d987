//! Entries: what evaluation reads of pairs.

use serde_json::{Value, json};
use tests::{Twins, World, path::text};

#[tokio::test(crate = "::tests::limit")]
async fn a_pair_is_one_entry_and_who_goes_on_alone_is_marked() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    twins.output().await;
    let path = format!("/v1/editions/{}/entries", text(&twins.edition["id"]));
    let entries = twins.secretariat.get(&path).await.ok();
    assert_eq!(entries["entries"].as_array().map(Vec::len), Some(1));
    let entry = &entries["entries"][0];
    assert_eq!((&entry["pairId"], &entry["single"]), (&twins.pair["id"], &Value::Null));
    assert_eq!((entry["joint"].as_array().map(Vec::len), &entry["languages"]), (Some(1), &json!(["en", "hr", "it"])));
    for side in entry["sides"].as_array().unwrap() {
        let territory = text(&side["side"]["territory"]);
        assert_eq!(
            (text(&side["region"]), side["deliveries"].as_array().map(Vec::len)),
            (territory[..4].into(), Some(1))
        );
        assert_eq!(side["deliveries"][0]["kind"], "CREDIT_KIND_MIRROR_REPORT");
    }
    let [leaver, survivor] = &twins.classes;
    survivor.central.get(&path).await.refused("ROLE_MISSING");
    leaver.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
    let alone = twins.secretariat.get(&path).await.ok()["entries"][0].clone();
    assert_eq!((&alone["single"], &alone["sides"][0]["deliveries"]), (&json!(true), &Value::Null));
    let home = format!("/v1/editions/{}/entries", text(&leaver.edition["id"]));
    leaver.coordinator.get(&home).await.refused("PROGRAMME_ONLY");
    world.end().await;
}
