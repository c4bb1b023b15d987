//! Joint outputs: delivered when both teachers have signed the same contents.

use futures::future::join;
use serde_json::{Value, json};
use tests::{Twins, World, path::text};

fn draft() -> Value {
    json!({ "title": "Two ports", "text": "<p>One sea.</p>", "language": "en", "links": ["https://keep.eu/projects/1"] })
}

fn sign(read: &Value) -> Value {
    json!({ "digest": read["digest"], "etag": read["etag"] })
}

#[tokio::test(crate = "::tests::limit")]
async fn it_is_delivered_when_both_have_signed_one_digest_and_an_edit_voids_signatures() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.output().await;
    let [one, other] = &twins.classes;
    let path = twins.path("/lessons/1/output");
    let delivered = other.class.get(&path).await.ok();
    assert_eq!((&delivered["state"], &delivered["single"]), (&json!("OUTPUT_STATE_DELIVERED"), &Value::Null));
    let edit = json!({ "title": "Three ports", "etag": delivered["etag"] });
    one.class.patch(&path, edit).await.refused("OUTPUT_FINAL");
    one.tutor.patch(&path, draft()).await.refused("ROLE_MISSING");
    one.coordinator.get(&path).await.refused("PROGRAMME_ONLY");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_is_signed_is_what_was_read() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let path = twins.path("/lessons/2/output");
    let read = one.class.patch(&path, draft()).await.ok();
    let edit = json!({ "title": "Small ports", "etag": read["etag"] });
    let edited = other.class.patch(&path, edit.clone()).await.ok();
    other.class.patch(&path, edit).await.refused("ETAG_STALE");
    one.tutor.post(&format!("{path}:sign"), json!({ "digest": read["digest"] })).await.refused("DIGEST_STALE");
    one.tutor.post(&format!("{path}:sign"), sign(&read)).await.refused("ETAG_STALE");
    let key = json!({ "digest": edited["digest"], "requestId": "one" });
    let signed = one.tutor.post(&format!("{path}:sign"), key.clone()).await.ok();
    assert_eq!(signed["signatures"].as_array().map(Vec::len), Some(1));
    assert_eq!(one.tutor.post(&format!("{path}:sign"), key).await.ok(), signed, "the same call, the same answer");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_an_edit_and_a_signature_at_once_nothing_unsigned_is_delivered() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    for lesson in 1..=4 {
        let path = twins.path(&format!("/lessons/{lesson}/output"));
        let read = one.class.patch(&path, draft()).await.ok();
        let half = one.tutor.post(&format!("{path}:sign"), sign(&read)).await.ok();
        let edit = json!({ "title": "Other ports", "etag": half["etag"] });
        let signing = format!("{path}:sign");
        let (edited, signed) =
            join(one.class.patch(&path, edit), other.tutor.post(&signing, json!({ "digest": read["digest"] }))).await;
        let last = one.class.get(&path).await.ok();
        if last["state"] == "OUTPUT_STATE_DELIVERED" {
            assert!(signed.status.is_success() && !edited.status.is_success());
            assert_eq!((&last["title"], &last["digest"]), (&json!("Two ports"), &read["digest"]));
        } else {
            assert!(edited.status.is_success() && !signed.status.is_success());
            assert_eq!(last["signatures"], Value::Null);
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_goes_on_alone_keeps_the_text_and_delivers_it_alone() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [leaver, survivor] = &twins.classes;
    let path = twins.path("/lessons/1/output");
    let upload = |class: &tests::twins::Twin| {
        let path = format!("/v1/teams/{}/lessons/1/files:upload?field=cover&name=port.png", class.team_id);
        let caller = class.class.clone();
        async move { text(&caller.upload(&path, "image/png", tests::scene::PICTURE).await.ok()["id"]) }
    };
    let files = [upload(leaver).await, upload(survivor).await];
    let download = format!("/v1/teams/{}/files/{}:download", leaver.team_id, files[0]);
    survivor.class.get(&download).await.refused("NOT_FOUND");
    let mut whole = draft();
    whole["fileIds"] = json!([files[0]]);
    let stolen = survivor.class.patch(&path, whole.clone()).await.violations();
    assert_eq!(stolen[0].1, "FILE_UNKNOWN", "a class shares what is its own");
    let begun = leaver.class.patch(&path, whole).await.ok();
    let both = json!({ "fileIds": files, "etag": begun["etag"] });
    let read = survivor.class.patch(&path, both).await.ok();
    survivor.tutor.get(&download).await.refused("NOT_FOUND");
    let expires = json!({ "year": 2023, "month": 12, "day": 31 });
    let says = json!({ "fileId": files[0], "channel": "CHANNEL_PAIR_SPACE", "expiresOn": expires });
    let stated = leaver.tutor.post(&twins.path("/consents"), says.clone()).await.ok();
    survivor.tutor.post(&twins.path("/consents"), says).await.ok();
    assert!(survivor.tutor.get(&download).await.status.is_success(), "both say that it may be shown");
    leaver.tutor.post(&twins.path(&format!("/consents/{}:withdraw", text(&stated["id"]))), json!({})).await.ok();
    survivor.tutor.get(&download).await.refused("NOT_FOUND");
    let half = leaver.tutor.post(&format!("{path}:sign"), sign(&read)).await.ok();
    leaver.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
    leaver.tutor.post(&format!("{path}:sign"), sign(&half)).await.refused("NOT_FOUND");
    leaver.class.get(&path).await.refused("NOT_FOUND");
    survivor.tutor.get(&download).await.refused("NOT_FOUND");
    let left = survivor.tutor.get(&path).await.ok();
    assert_eq!((&left["title"], &left["signatures"]), (&json!("Two ports"), &Value::Null));
    assert_eq!(left["files"].as_array().map(Vec::len), Some(1), "{left}");
    let alone = survivor.tutor.post(&format!("{path}:sign"), sign(&left)).await.ok();
    assert_eq!((&alone["state"], &alone["single"]), (&json!("OUTPUT_STATE_DELIVERED"), &json!(true)));
    world.end().await;
}
