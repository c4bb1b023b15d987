//! A long operation whose process is killed.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::{Caller, keep, path::text};

use super::{Machine, until};

/// What takes seconds is answered while it runs.
async fn import(secretariat: &Caller, projects: usize) -> Value {
    let sheet = keep::sheet("2014TC16RFCB042", &["it", "hr"], projects);
    secretariat.upload(&format!("/v1/projects:import?requestId={projects}"), "text/csv", sheet).await.ok()
}

/// Ends the lease of an operation whose process does not live.
async fn lease_ends(machine: &Machine) {
    let database = machine.engine.connect("it-hr", "lessons").await;
    database.execute_unprepared("UPDATE operation SET lease_until = started_at").await.expect("a row");
    database.close().await.expect("an open database");
}

#[tokio::test(crate = "::tests::limit")]
async fn an_import_whose_process_is_killed_has_changed_nothing_and_is_found_as_failed() {
    let mut machine = Machine::apart(&["it", "it-hr"]);
    machine.start_all().await;
    let secretariat = machine.coordinator("it-hr").await;
    let begun = import(&secretariat, 50_000).await;
    assert_eq!(begun["metadata"]["state"], "OPERATION_STATE_RUNNING", "{begun}");
    machine.signal("lessons", "-KILL");
    assert_eq!(machine.ended("lessons").await, None, "it had no time to end in peace");
    machine.start("lessons", &[]).await;

    let path = format!("/v1/{}", text(&begun["name"]));
    let found = until("lessons to answer again", async || {
        let answer = secretariat.get(&path).await;
        answer.status.is_success().then(|| answer.ok())
    });
    assert_eq!(found.await["metadata"]["state"], "OPERATION_STATE_RUNNING", "nobody knows yet");
    lease_ends(&machine).await;
    let failed = secretariat.get(&path).await.ok();
    assert_eq!(failed["metadata"]["state"], "OPERATION_STATE_FAILED", "{failed}");
    assert_eq!(failed["error"]["code"], 14, "UNAVAILABLE: it can be asked for again");
    let details = failed["error"]["details"].as_array().expect("details");
    assert!(details.iter().any(|one| one["reason"] == "OPERATION_INTERRUPTED"), "{failed}");
    assert_eq!(secretariat.get("/v1/projects").await.ok(), json!({}), "nothing is half-written");
    let sheet = keep::sheet("2014TC16RFCB042", &["it", "hr"], 50_000);
    let checked =
        secretariat.upload("/v1/projects:import?requestId=50000&validateOnly=true", "text/csv", sheet).await.ok();
    assert_eq!(
        checked["response"]["added"], 50_000,
        "a check is made anew, and is not told what was before: {checked}"
    );
    let again = import(&secretariat, 50_000).await;
    assert_ne!(
        again["name"], begun["name"],
        "what failed for a reason that passes is begun anew, with the same key too"
    );
    assert_eq!(secretariat.outcome(&again).await["response"]["added"], 50_000);
    let known = import(&secretariat, 50_000).await;
    assert_eq!((&known["name"], &known["done"]), (&again["name"], &json!(true)), "as it is now");
}
