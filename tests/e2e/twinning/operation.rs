//! Long operations: what a secretariat sees of an import, and what is left of one that was cancelled.

use serde_json::{Value, json};
use tests::{Caller, World, keep, path::text};

/// A sheet that is large enough to be written in several batches.
fn sheet() -> String {
    keep::sheet("2014TC16RFCB042", &["it", "hr"], 2_500)
}

async fn import(secretariat: &Caller, key: &str, sheet: impl Into<bytes::Bytes>) -> Value {
    secretariat.upload(&format!("/v1/projects:import?requestId={key}"), "text/csv", sheet).await.ok()
}

async fn all(caller: &Caller) -> Vec<Value> {
    caller.get("/v1/operations/lessons").await.ok()["operations"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(crate = "::tests::limit")]
async fn an_import_is_an_operation_that_says_how_far_it_is_and_what_it_led_to() {
    let world = World::of(&["it", "it-hr"]).start().await;
    let secretariat = world.coordinator("it-hr").await;
    let begun = import(&secretariat, "once", sheet()).await;
    let name = text(&begun["name"]);
    let id = name.strip_prefix("operations/lessons/").expect("its name");
    let path = format!("/v1/operations/lessons/{id}");
    let done = secretariat.outcome(&begun).await;
    assert_eq!(done, secretariat.get(&format!("/v1/{name}")).await.ok(), "it is found by its name");
    let metadata = &done["metadata"];
    assert_eq!(metadata["@type"], "type.googleapis.com/koine.operation.v1.OperationMetadata");
    assert_eq!(metadata["state"], "OPERATION_STATE_DONE");
    assert_eq!((&metadata["doneParts"], &metadata["totalParts"]), (&json!(2_500), &json!(2_500)));
    assert_eq!(done["response"]["added"], 2_500);

    // the same request is the same operation; the key with another sheet is refused
    let again = import(&secretariat, "once", sheet()).await;
    assert_eq!(again["name"], begun["name"]);
    let other =
        secretariat.upload("/v1/projects:import?requestId=once", "text/csv", sheet().replace("ongoing", "closed"));
    other.await.refused("REQUEST_ID_REUSED");
    let next = import(&secretariat, "twice", sheet()).await;
    let next = secretariat.outcome(&next).await;
    assert_eq!(next["response"]["unchanged"], 2_500);
    let listed: Vec<_> = all(&secretariat).await.iter().map(|one| one["name"].clone()).collect();
    assert_eq!(listed, [next["name"].clone(), done["name"].clone()], "newest first");

    // of the central team it is, and of nobody elsewhere
    assert_eq!(all(&world.coordinator("it-hr").await).await.len(), 2);
    let country = world.coordinator("it").await;
    country.get(&path).await.refused("NOT_FOUND");
    assert_eq!(all(&country).await, [] as [Value; 0]);
    world.forged("it-hr", &[proto::options::v1::Role::TwinTeacher], |_| {}).get(&path).await.refused("ROLE_MISSING");

    let cancelled = secretariat.post(&format!("{path}:cancel"), json!({})).await.ok();
    assert_eq!(cancelled, done, "it was done before");
    let delete = format!("/it-hr{path}");
    secretariat.http().json(http::Method::DELETE, &delete, Some(secretariat.token()), Value::Null).await.ok();
    secretariat.get(&path).await.refused("NOT_FOUND");
    assert_eq!(all(&secretariat).await.len(), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_import_that_is_cancelled_changes_nothing() {
    let world = World::of(&["it-hr"]).start().await;
    let secretariat = world.coordinator("it-hr").await;
    let large = keep::sheet("2014TC16RFCB042", &["it", "hr"], 50_000);
    let begun = import(&secretariat, "large", large).await;
    assert_eq!(begun["metadata"]["state"], "OPERATION_STATE_RUNNING", "{begun}");
    let path = format!("/v1/{}", text(&begun["name"]));
    let reused = secretariat.post(&format!("{path}:cancel"), json!({ "requestId": "large" })).await;
    reused.refused("REQUEST_ID_REUSED");
    let goes_on = secretariat.get(&path).await.ok();
    assert_ne!(goes_on["metadata"]["cancelRequested"], true, "a refused call cancels nothing");
    let asked = secretariat.post(&format!("{path}:cancel"), json!({ "requestId": "stop" })).await.ok();
    // it may have ended by the time the call is answered
    let has_ended = asked["metadata"]["state"] == "OPERATION_STATE_CANCELLED";
    assert!(has_ended || asked["metadata"]["cancelRequested"] == true, "{asked}");
    let ended = secretariat.outcome(&begun).await;
    assert_eq!(ended["metadata"]["state"], "OPERATION_STATE_CANCELLED", "{ended}");
    assert_eq!(ended["error"]["details"][0]["reason"], "OPERATION_CANCELLED", "{ended}");
    assert_eq!(secretariat.get("/v1/projects").await.ok(), json!({}));
    assert_eq!(world.actions("it-hr", "lessons").await, ["cancel operation"]);
    world.end().await;
}
