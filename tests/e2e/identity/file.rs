//! Files of applications and teams.

use http::Method;
use serde_json::json;
use tests::{
    Answer, Caller, Scene, World,
    path::text,
    scene::{PDF, PICTURE, application},
};

async fn upload(caller: &Caller, purpose: &str, media_type: &str, bytes: impl Into<bytes::Bytes>) -> Answer {
    let path = format!("/v1/files:upload?name=a%20file&purpose=FILE_PURPOSE_{purpose}");
    caller.upload(&path, media_type, bytes).await
}

fn download(id: &str) -> String {
    format!("/v1/files/{id}:download")
}

#[tokio::test(crate = "::tests::limit")]
async fn a_file_is_judged_by_its_first_bytes_and_not_by_what_it_says() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let file = upload(&teacher, "AUTHORISATION", "text/html", PDF).await.ok();
    assert_eq!((&file["mediaType"], &file["sizeBytes"]), (&json!("application/pdf"), &json!(PDF.len().to_string())));
    for (bytes, found) in [
        (&b"<!DOCTYPE html><script>alert(1)</script>"[..], "text/html"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>", ""),
        (b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>", "text/xml"),
        (b"PNG is what this says", "application/octet-stream"),
        (b"MZ\x90\0", ""),
        (b"", "application/octet-stream"),
    ] {
        for purpose in ["AUTHORISATION", "SUPPORT_LETTER", "LOGO"] {
            let refused = upload(&teacher, purpose, "application/pdf", bytes).await.refused("FILE_KIND_REFUSED");
            assert!(found.is_empty() || refused["metadata"]["found"] == found, "{refused}");
        }
    }
    upload(&teacher, "LOGO", "image/png", PDF).await.refused("FILE_KIND_REFUSED");
    upload(&teacher, "LOGO", "image/png", PICTURE).await.ok();
    upload(&teacher, "UNSPECIFIED", "image/png", PICTURE).await.refused("FIELDS_INVALID");
    let nameless = teacher.upload("/v1/files:upload?purpose=FILE_PURPOSE_LOGO", "image/png", PICTURE).await;
    assert_eq!(nameless.violations(), [("name".to_owned(), "FIELDS_INVALID".to_owned())]);
    // said before the bytes are looked at
    let empty = teacher.upload("/v1/files:upload", "image/png", &b"no picture"[..]).await;
    let fields: Vec<_> = empty.violations().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["name", "purpose"]);
    let climbing = "/v1/files:upload?purpose=FILE_PURPOSE_LOGO&name=..%2Fpasswd";
    teacher.upload(climbing, "image/png", PICTURE).await.refused("FIELDS_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_file_too_large_is_refused_and_leaves_nothing_behind() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut bytes = PDF.to_vec();
    bytes.resize((8 << 20) + 1, b' ');
    let refused = upload(&teacher, "AUTHORISATION", "application/pdf", bytes.clone()).await.refused("FILE_TOO_LARGE");
    assert_eq!(refused["metadata"]["limit_bytes"], (8 << 20).to_string());
    bytes.truncate(8 << 20);
    let file = upload(&teacher, "AUTHORISATION", "application/pdf", bytes.clone()).await.ok();
    assert_eq!(teacher.get(&download(&text(&file["id"]))).await.body, bytes);
    // what was refused is removed in the background, before the process ends
    let world = world.restart().await;
    let unfinished = std::fs::read_dir(world.folder().join("data/blobs/it/identity/unfinished")).unwrap();
    assert_eq!(unfinished.count(), 0);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_download_cannot_act_in_our_origin() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let path = "/v1/files:upload?purpose=FILE_PURPOSE_AUTHORISATION&name=autorizzazione%20%C3%A0%20%22x%22.html";
    let file = teacher.upload(path, "text/html", PDF).await.ok();
    let answer = teacher.get(&download(&text(&file["id"]))).await;
    let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/pdf");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
    let disposition = header("content-disposition");
    assert!(disposition.contains("filename*=UTF-8''autorizzazione%20%C3%A0%20%22x%22.html"), "{disposition}");
    assert_eq!(answer.body, PDF);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_file_is_for_who_uploaded_it_and_for_who_reviews_the_application_it_is_attached_to() {
    let world = World::of(&["it", "hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (teacher, other) = (scene.teacher("Kos").await, scene.teacher("Serra").await);
    let begun = scene.begun(&teacher).await;
    let file = text(&begun["fileIds"][0]);
    teacher.get(&download(&file)).await;
    let nothing = download(&uuid::Uuid::now_v7().to_string());
    let abroad = world.teacher("hr", "Iva", "Novak").await;
    for stranger in [&other, &scene.coordinator, &abroad] {
        let hidden = stranger.get(&download(&file)).await;
        hidden.refused("NOT_FOUND");
        assert_eq!(hidden.body, stranger.get(&nothing).await.body);
    }
    world.http().send(Method::GET, &format!("/it{}", download(&file)), &[], "").await.refused("TOKEN_MISSING");

    // to name somebody's file in a draft of one's own opens it to nobody
    let trap = json!({ "application": { "trackId": begun["trackId"], "fileIds": [file] } });
    let trap = other.post("/v1/applications", trap).await.ok();
    other.post(&application(&trap, ":withdraw"), json!({})).await.ok();
    other.get(&download(&file)).await.refused("NOT_FOUND");
    scene.coordinator.get(&download(&file)).await.refused("NOT_FOUND");

    teacher.post(&application(&begun, ":submit"), json!({})).await.ok();
    assert_eq!(scene.coordinator.get(&download(&file)).await.body, PDF);
    assert!(world.actions("it", "identity").await.contains(&"read file".to_owned()), "reading of people is an entry");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_file_of_an_application_that_was_refused_stays_with_those_who_saw_it() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let submitted = scene.submitted(&teacher).await;
    let file = text(&submitted["fileIds"][0]);
    scene.coordinator.post(&application(&submitted, ":refuse"), json!({ "refusal": "No." })).await.ok();
    assert_eq!(teacher.get(&download(&file)).await.body, PDF);
    assert_eq!(scene.coordinator.get(&download(&file)).await.body, PDF);
    world.end().await;
}
