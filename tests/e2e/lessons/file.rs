//! Files of reports.

use std::{fs, time::Duration};

use platform::Reads;
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;
use tests::{
    Answer, Caller, Class, Scene, World,
    path::text,
    scene::{PDF, PICTURE},
};

async fn upload(caller: &Caller, class: &Class, lesson: u32, field: &str, bytes: impl Into<bytes::Bytes>) -> Answer {
    let path = class.path(&format!("/lessons/{lesson}/files:upload?field={field}&name=a%20file.bin"));
    caller.upload(&path, "application/octet-stream", bytes).await
}

fn download(class: &Class, id: &str) -> String {
    class.path(&format!("/files/{id}:download"))
}

#[tokio::test(crate = "::tests::limit")]
async fn a_field_takes_files_of_its_kind_judged_by_their_first_bytes() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let picture = upload(&class.team, &class, 1, "cover", PICTURE).await.ok();
    assert_eq!((&picture["mediaType"], &picture["name"]), (&json!("image/png"), &json!("a file.bin")));
    upload(&class.team, &class, 1, "canvas", PDF).await.ok();
    class.referent.get(&download(&class, &text(&picture["id"]))).await;
    let actions = world.actions("it", "lessons").await;
    let of = |wanted: &str| actions.iter().filter(|action| *action == wanted).count();
    assert_eq!((of("upload file"), of("read file")), (2, 1), "{actions:?}");
    let csv = upload(&class.team, &class, 2, "data_file", "anno;valore\n2022;7\n").await.ok();
    assert_eq!(csv["mediaType"], "text/plain");
    let refused = upload(&class.team, &class, 1, "cover", PDF).await.refused("FILE_KIND_REFUSED");
    assert_eq!(refused["metadata"]["found"], "application/pdf");
    for markup in [
        "<!DOCTYPE html><script>alert(1)</script>",
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
        "\u{feff}  <?xml version=\"1.0\"?><svg/>",
        "<!-- a comment --><html></html>",
    ] {
        for field in ["cover", "canvas"] {
            upload(&class.team, &class, 1, field, markup).await.refused("FILE_KIND_REFUSED");
        }
    }
    assert_eq!(upload(&class.team, &class, 1, "research_title", PDF).await.violations()[0].1, "FIELD_KIND");
    assert_eq!(upload(&class.team, &class, 1, "nothing", PDF).await.violations()[0].1, "FIELD_UNKNOWN");
    assert_eq!(upload(&class.team, &class, 5, "cover", PDF).await.violations()[0].1, "LESSON_UNKNOWN");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_file_is_refused_at_the_first_byte_too_many() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let mut bytes = PICTURE.to_vec();
    bytes.resize((8 << 20) + 1, 0);
    let refused = upload(&class.team, &class, 1, "cover", bytes.clone()).await.refused("FILE_TOO_LARGE");
    assert_eq!(refused["metadata"]["limit_bytes"], (8 << 20).to_string());
    bytes.truncate(8 << 20);
    let file = upload(&class.team, &class, 1, "cover", bytes).await.ok();
    assert_eq!(file["sizeBytes"], (8 << 20).to_string());
    // what was refused is removed in the background, before the process ends
    let world = world.restart().await;
    assert_eq!(fs::read_dir(world.folder().join("data/blobs/it/lessons/unfinished")).unwrap().count(), 0);
    world.end().await;
}

/// How many files the country keeps.
fn kept(world: &World) -> usize {
    let folder = world.folder().join("data/blobs/it/lessons");
    let folders = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    folders.filter(|path| !path.ends_with("unfinished")).flat_map(fs::read_dir).flatten().count()
}

#[tokio::test(crate = "::tests::limit")]
async fn the_bytes_of_an_upload_are_kept_before_anybody_has_to_wait_for_it() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let (ctx, store) = (world.process().operator("it").unwrap(), world.process().store("lessons").unwrap());
    // no other transaction can write a row of a file
    let writing = store.write(&ctx).await.unwrap();
    if writing.conn().get_database_backend() == DbBackend::Postgres {
        writing.conn().execute_unprepared("LOCK TABLE file IN SHARE MODE").await.unwrap();
    }
    let mut uploading = std::pin::pin!(upload(&class.team, &class, 1, "cover", PICTURE));
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    while kept(&world) == 0 {
        tokio::select! {
            answer = &mut uploading => panic!("answered {} and nothing is kept", answer.status),
            _ = pace.tick() => {}
        }
    }
    drop(writing);
    uploading.await.ok();
    assert_eq!(kept(&world), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_file_is_for_those_who_see_the_team() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, other) = (scene.class("Kos").await, scene.class("Serra").await);
    let id = text(&upload(&class.team, &class, 1, "cover", PICTURE).await.ok()["id"]);
    for reader in [&class.team, &class.referent, &scene.coordinator] {
        let answer = reader.get(&download(&class, &id)).await;
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, PICTURE));
        assert_eq!(
            answer.headers["content-disposition"],
            "inline; filename=\"a file.bin.png\"; filename*=UTF-8''a%20file.bin.png"
        );
        assert_eq!(answer.headers["content-security-policy"], "sandbox; default-src 'none'");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    let missing = uuid::Uuid::now_v7().to_string();
    for (stranger, path) in [
        (&other.team, download(&class, &id)),
        (&other.referent, download(&class, &id)),
        // under the roof of one's own team it is not there either
        (&other.team, download(&other, &id)),
    ] {
        stranger.get(&path).await.refused("NOT_FOUND");
    }
    let (theirs, none) =
        (other.team.get(&download(&other, &id)).await, other.team.get(&download(&other, &missing)).await);
    assert_eq!(theirs.body, none.body);
    upload(&other.team, &class, 1, "cover", PICTURE).await.refused("NOT_FOUND");
    upload(&class.referent, &class, 1, "cover", PICTURE).await.refused("ROLE_MISSING");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_report_holds_files_the_team_uploaded_for_that_field() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, other) = (scene.class("Kos").await, scene.class("Serra").await);
    let theirs = upload(&other.team, &other, 1, "cover", PICTURE).await.ok()["id"].clone();
    let elsewhere = upload(&class.team, &class, 1, "canvas", PICTURE).await.ok()["id"].clone();
    let mut report = super::report::ready(&class).await;
    for file in [theirs, elsewhere] {
        let draft = json!({ "values": { "cover": { "files": { "items": [file] } } }, "etag": report["etag"] });
        report = class.team.patch(&class.report(1, ""), draft).await.ok();
        let refused = class.team.post(&class.report(1, ":submit"), json!({ "etag": report["etag"] })).await;
        assert_eq!(refused.violations(), [("values[cover]".to_owned(), "FILE_UNKNOWN".to_owned())]);
    }
    world.end().await;
}
