//! Files of a pair: who is shown what, and what becomes of the bytes.

use std::path::PathBuf;

use http::StatusCode;
use serde_json::{Value, json};
use tests::{Caller, Twins, World, path::text, scene::PICTURE, twins::Twin};

use super::mirror::report;

/// Reports of both classes with a picture, and a joint output with it: the picture of each.
async fn shared_pictures(twins: &Twins<'_>) -> [Value; 2] {
    twins.mirror().await;
    let compared = twins.classes[0].class.get(&twins.path("/lessons/1/reports:compare")).await.ok();
    let fields = compared["fields"].as_array().expect("fields");
    let cover = fields.iter().find(|field| field["key"] == "cover").expect("a cover");
    [0, 1].map(|of| cover["values"][of]["value"]["files"]["items"][0].clone())
}

/// What a caller is told of the cover of a class: in the comparison of the reports.
async fn cover(reader: &Caller, twins: &Twins<'_>, of: usize) -> Value {
    let compared = reader.get(&twins.path("/lessons/1/reports:compare")).await.ok();
    let fields = compared["fields"].as_array().expect("fields");
    let cover = fields.iter().find(|field| field["key"] == "cover").expect("a cover");
    cover["values"][of]["files"][0].clone()
}

async fn is_read(reader: &Caller, path: &str) -> bool {
    let answer = reader.get(path).await;
    if answer.status == StatusCode::OK {
        assert_eq!(&answer.body[..], PICTURE);
        return true;
    }
    answer.refused("NOT_FOUND");
    false
}

#[tokio::test(crate = "::tests::limit")]
async fn a_picture_of_a_mirror_report_is_shown_while_both_classes_say_so_and_then_to_nobody() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let picture = shared_pictures(&twins).await[0].clone();
    let download = twins.download(0, &picture);
    let withheld = cover(&other.class, &twins, 0).await;
    assert_eq!((&withheld["gap"], &withheld["name"]), (&json!("FILE_GAP_CONSENT"), &Value::Null), "{withheld}");
    assert_eq!(withheld["missing"].as_array().map(Vec::len), Some(2), "{withheld}");
    assert_eq!(cover(&one.class, &twins, 0).await["name"], "logo.png", "its own");
    assert!(is_read(&one.class, &download).await && !is_read(&other.class, &download).await);

    let first = twins.consent(0, &picture).await;
    assert!(!is_read(&other.class, &download).await, "one is not both");
    let second = twins.consent(1, &picture).await;
    for reader in [&other.class, &other.tutor, &other.central, &twins.secretariat] {
        assert!(is_read(reader, &download).await);
    }
    let shown = cover(&other.class, &twins, 0).await;
    assert_eq!((&shown["name"], &shown["mediaType"]), (&json!("logo.png"), &json!("image/png")), "{shown}");

    for (of, consent) in [(1, &second), (0, &first)] {
        twins.withdraw(of, consent).await;
        for reader in [&one.class, &one.central, &other.class, &other.tutor, &twins.secretariat] {
            assert!(!is_read(reader, &download).await, "on both sides, from the next call on");
            let withheld = cover(reader, &twins, 0).await;
            assert_eq!((&withheld["gap"], &withheld["digest"]), (&json!("FILE_GAP_CONSENT"), &Value::Null));
        }
    }
    twins.consent(0, &picture).await;
    twins.consent(1, &picture).await;
    assert!(is_read(&other.class, &download).await && is_read(&one.class, &download).await, "stated anew");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_not_submitted_stays_with_its_class_whatever_was_stated() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let picture = twins.upload(0, "cover", "draft.png", PICTURE).await["id"].clone();
    let values = json!({ "cover": { "files": { "items": [picture] } } });
    one.class.patch(&report(one, ""), json!({ "values": values })).await.ok();
    for of in [0, 1] {
        twins.consent(of, &picture).await;
    }
    let download = twins.download(0, &picture);
    let missing = twins.download(0, &json!(uuid::Uuid::now_v7().to_string()));
    for stranger in [&other.class, &other.tutor, &other.central] {
        let (hidden, none) = (stranger.get(&download).await, stranger.get(&missing).await);
        assert_eq!(hidden.refused("NOT_FOUND"), none.refused("NOT_FOUND"), "the same bytes");
    }
    assert!(is_read(&one.class, &download).await);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_joint_output_says_what_is_withheld_and_its_digest_stays() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let picture = twins.upload(0, "cover", "port.png", PICTURE).await["id"].clone();
    let path = twins.path("/lessons/1/output");
    let draft = json!({ "title": "Ports", "text": "<p>Sea</p>", "language": "en", "fileIds": [picture] });
    let own = one.class.patch(&path, draft).await.ok();
    let theirs = other.class.get(&path).await.ok();
    assert_eq!((&own["files"][0]["name"], &theirs["files"][0]["name"]), (&json!("port.png"), &Value::Null));
    assert_eq!(theirs["files"][0]["missing"][0]["gap"], "CONSENT_GAP_NONE", "{theirs}");
    twins.consent(0, &picture).await;
    let second = twins.consent(1, &picture).await;
    assert_eq!(other.class.get(&path).await.ok()["files"], own["files"]);
    twins.withdraw(1, &second).await;
    for reader in [&one.class, &other.class] {
        let hidden = reader.get(&path).await.ok();
        assert_eq!((&hidden["files"][0]["name"], &hidden["digest"]), (&Value::Null, &own["digest"]));
        assert_eq!(hidden["files"][0]["missing"], json!([{ "home": "it", "gap": "CONSENT_GAP_WITHDRAWN" }]));
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_answer_that_showed_a_file_is_not_given_again_after_its_consent_was_withdrawn() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let picture = twins.upload(0, "cover", "port.png", PICTURE).await["id"].clone();
    let path = twins.path("/lessons/1/output");
    let draft = json!({ "title": "Ports", "text": "<p>Sea</p>", "language": "en", "fileIds": [picture] });
    let read = one.class.patch(&path, draft).await.ok();
    let first = twins.consent(0, &picture).await;
    twins.consent(1, &picture).await;
    let (sign, key) = (format!("{path}:sign"), json!({ "digest": read["digest"], "requestId": "once" }));
    let signed = other.tutor.post(&sign, key.clone()).await.ok();
    assert_eq!(signed["files"][0]["name"], "port.png");
    assert_eq!(other.tutor.post(&sign, key.clone()).await.ok(), signed, "until then it is");
    twins.withdraw(0, &first).await;
    let again = other.tutor.post(&sign, key).await.ok();
    assert_eq!(again["files"][0]["name"], Value::Null, "{again}");
    assert_eq!(again["files"][0]["missing"][0]["gap"], "CONSENT_GAP_WITHDRAWN", "{again}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_download_a_list_of_consents_and_a_pair_read_over_there_are_sighted() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let picture = shared_pictures(&twins).await[0].clone();
    let seen = async |kind: &str| {
        let query = format!("/v1/sightings?teamId={}&pageSize=1000", one.team_id);
        let page = one.central.get(&query).await.ok();
        let all = page["sightings"].as_array().cloned().unwrap_or_default();
        let of_kind = all.iter().filter(|one| one["kind"] == format!("SIGHTING_KIND_{kind}"));
        of_kind.map(|one| text(&one["viewerRole"])).collect::<Vec<_>>()
    };
    other.tutor.get(&twins.path("/consents")).await.ok();
    assert_eq!(seen("CONSENTS").await, [] as [String; 0], "it has stated nothing yet");
    for of in [0, 1] {
        twins.consent(of, &picture).await;
    }
    let download = twins.download(0, &picture);
    for own in [&one.class, &one.central, &twins.secretariat] {
        assert!(is_read(own, &download).await);
    }
    assert_eq!(seen("FILE").await, [] as [String; 0], "not by its own country");
    for _ in 0..2 {
        assert!(is_read(&other.class, &download).await);
        other.tutor.get(&twins.path("/consents")).await.ok();
        other.central.get("/v1/pairs").await.ok();
        other.tutor.get(&twins.path("")).await.ok();
    }
    assert_eq!(seen("FILE").await, ["ROLE_TWIN_TEAM"]);
    assert_eq!(seen("CONSENTS").await, ["ROLE_TWIN_TEACHER"]);
    let mut pair = seen("PAIR").await;
    pair.sort();
    assert_eq!(pair, ["ROLE_TWIN_COORDINATOR", "ROLE_TWIN_TEACHER"]);
    world.end().await;
}

/// How often bytes are kept in the programme, by their digest.
fn kept(world: &World, digest: &Value) -> usize {
    let digest = text(digest);
    let folder: PathBuf = world.folder().join("data/blobs/it-hr/lessons").join(&digest[..2]);
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").file_name());
    entries.filter(|name| name.to_string_lossy().starts_with(&digest)).count()
}

#[tokio::test(crate = "::tests::limit")]
async fn the_bytes_of_a_class_that_left_are_gone_and_those_of_another_stay() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [leaver, survivor]: &[Twin; 2] = &twins.classes;
    let alone = twins.upload(0, "canvas", "ours.pdf", "%PDF-1.4 ours alone").await;
    let equal = twins.upload(0, "cover", "port.png", PICTURE).await;
    let theirs = twins.upload(1, "cover", "luka.png", PICTURE).await;
    assert_eq!(equal["digest"], theirs["digest"]);
    assert_eq!((kept(&world, &alone["digest"]), kept(&world, &theirs["digest"])), (1, 2));
    leaver.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
    survivor.class.get(&twins.download(0, &alone["id"])).await.refused("NOT_FOUND");
    world.settle().await;
    assert_eq!((kept(&world, &alone["digest"]), kept(&world, &theirs["digest"])), (0, 1), "the survivor has the same");
    assert!(is_read(&survivor.class, &twins.download(1, &theirs["id"])).await);
    world.end().await;
}
