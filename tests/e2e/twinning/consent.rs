//! Consents: a file is shown while both classes say so.

use serde_json::{Value, json};
use tests::{Caller, Twins, World, path::text, scene::PICTURE};

fn stated(file: &str) -> Value {
    let last = json!({ "year": 2023, "month": 6, "day": 9 });
    json!({ "fileId": file, "channel": "CHANNEL_PROGRAMME_SITE", "expiresOn": last })
}

async fn upload(twins: &Twins<'_>, of: usize) -> String {
    let class = &twins.classes[of];
    let path = format!("/v1/teams/{}/lessons/1/files:upload?field=cover&name=port.png", class.team_id);
    text(&class.class.upload(&path, "image/png", PICTURE).await.ok()["id"])
}

/// What is missing for a file to be shown in a channel: country and why.
async fn missing(reader: &Caller, twins: &Twins<'_>, file: &str, channel: &str) -> Vec<(String, String)> {
    let path = twins.path(&format!("/files/{file}/publication?channel=CHANNEL_{channel}"));
    let publication = reader.get(&path).await.ok();
    let missing = publication["missing"].as_array().cloned().unwrap_or_default();
    assert_eq!(publication["publishable"] == true, missing.is_empty(), "{publication}");
    let gap = |one: &Value| (text(&one["home"]), text(&one["gap"]).trim_start_matches("CONSENT_GAP_").to_owned());
    missing.iter().map(gap).collect()
}

fn gaps(missing: &[(&str, &str)]) -> Vec<(String, String)> {
    missing.iter().map(|(home, gap)| ((*home).to_owned(), (*gap).to_owned())).collect()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_picture_is_shown_while_both_classes_say_so() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let file = upload(&twins, 0).await;
    let path = twins.path("/consents");
    let first = one.tutor.post(&path, stated(&file)).await.ok();
    let publication = twins.path(&format!("/files/{file}/publication?channel=CHANNEL_PROGRAMME_SITE"));
    for stranger in [&other.class, &other.tutor, &other.central] {
        stranger.get(&publication).await.refused("NOT_FOUND");
        assert_eq!(stranger.get(&path).await.ok()["consents"], Value::Null, "a draft is nobody else's business");
    }
    let draft = json!({ "title": "Ports", "text": "<p>Sea</p>", "language": "en", "fileIds": [file] });
    one.class.patch(&twins.path("/lessons/1/output"), draft).await.ok();
    assert_eq!(missing(&other.class, &twins, &file, "PROGRAMME_SITE").await, gaps(&[("it", "NONE")]));
    other.tutor.post(&path, stated(&file)).await.ok();
    assert_eq!(missing(&other.class, &twins, &file, "PROGRAMME_SITE").await, []);
    assert_eq!(
        missing(&other.class, &twins, &file, "PRESS").await.len(),
        2,
        "what was agreed for one place is not for another"
    );
    let list = other.class.get(&format!("{path}?fileId={file}")).await.ok();
    assert_eq!(list["consents"].as_array().expect("consents").len(), 2);

    let withdraw = format!("{path}/{}:withdraw", text(&first["id"]));
    other.tutor.post(&withdraw, json!({})).await.refused("NOT_FOUND");
    assert!(one.tutor.post(&withdraw, json!({})).await.ok()["withdrawnAt"].is_string());
    for reader in [&one.class, &other.tutor, &other.central, &twins.secretariat] {
        assert_eq!(
            missing(reader, &twins, &file, "PROGRAMME_SITE").await,
            gaps(&[("hr", "WITHDRAWN")]),
            "on the next call"
        );
    }
    one.coordinator.get(&path).await.refused("PROGRAMME_ONLY");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_statement_is_about_a_file_of_the_pair_and_a_day_to_come() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let mut wrong = stated(&uuid::Uuid::now_v7().to_string());
    wrong["expiresOn"] = json!({ "year": 2021, "month": 6, "day": 9 });
    let refused = twins.classes[0].tutor.post(&twins.path("/consents"), wrong).await;
    let found: Vec<_> = refused.violations().into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(found, ["FILE_UNKNOWN", "FIELDS_INVALID"]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn when_a_class_leaves_nothing_of_the_pair_is_shown_any_more() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [leaver, survivor] = &twins.classes;
    let (own, theirs) = (upload(&twins, 1).await, upload(&twins, 0).await);
    for (class, file) in [(leaver, &own), (survivor, &own), (leaver, &theirs), (survivor, &theirs)] {
        class.tutor.post(&twins.path("/consents"), stated(file)).await.ok();
    }
    leaver.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher" })).await.ok();
    leaver.tutor.get(&twins.path("/consents")).await.refused("NOT_FOUND");
    assert_eq!(missing(&survivor.class, &twins, &own, "PROGRAMME_SITE").await, gaps(&[("hr", "LEFT")]));
    survivor
        .class
        .get(&twins.path(&format!("/files/{theirs}/publication?channel=CHANNEL_PROGRAMME_SITE")))
        .await
        .refused("NOT_FOUND");
    let list = survivor.tutor.get(&twins.path("/consents")).await.ok();
    let homes: Vec<_> = list["consents"].as_array().expect("consents").iter().map(|one| text(&one["home"])).collect();
    assert_eq!(homes, ["it", "it"]);
    world.end().await;
}
