//! Whatever ends a session ends it at every service on the next call, and ends what it watches.

use jiff::SignedDuration;
use serde_json::json;
use tests::{Caller, Scene, Twins, World, http::Events, scene::PASSWORD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The password teachers of a world have.
const TEACHERS: &str = "a sentence nobody else would choose";

/// What identity and lessons say of the next call.
async fn refused(caller: &Caller) {
    caller.get("/v1/account").await.refused("TOKEN_ENDED");
    caller.get("/v1/editions").await.refused("TOKEN_ENDED");
}

async fn let_in(caller: &Caller) {
    caller.get("/v1/account").await.ok();
    caller.get("/v1/editions").await.ok();
}

/// What a watcher is told next, and that nothing comes after it.
async fn last_word(mut events: Events) -> String {
    let last = tests::limit::wait("the end of a stream", events.next()).await.expect("a last word");
    assert_eq!(tests::limit::wait("the end of a stream", events.next()).await, None);
    tests::path::text(&last["reason"])
}

#[tokio::test(crate = "::tests::limit")]
async fn who_signs_out_is_refused_everywhere_from_the_next_call_on() {
    let world = World::of(&["it", "hr"]).start().await;
    let here = world.teacher("it", "Ana", "Kos").await;
    let (there, elsewhere) = (here.again().await, world.teacher("hr", "Eva", "Novak").await);
    for caller in [&here, &there, &elsewhere] {
        let_in(caller).await;
    }
    here.post("/v1/sessions:signOut", json!({})).await.ok();
    refused(&here).await;
    let problem = here.get("/v1/account").await.refused("TOKEN_ENDED");
    assert_eq!(problem["status"], 401);
    // also where nobody needs a token, and where it was the first call
    here.post("/v1/sessions:signOut", json!({})).await.refused("TOKEN_ENDED");
    for caller in [&there, &elsewhere, &here.again().await] {
        let_in(caller).await;
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_changed_password_takes_every_other_session_along_at_once() {
    let world = World::of(&["it"]).start().await;
    let here = world.teacher("it", "Ana", "Kos").await;
    let there = here.again().await;
    let renewed = here.change_password(PASSWORD).await;
    refused(&here).await;
    refused(&there).await;
    let_in(&renewed).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_credential_issued_anew_takes_the_classs_sessions_along_at_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let_in(&class.team).await;
    class.referent.post(&class.path(":reissueCredential"), json!({})).await.ok();
    refused(&class.team).await;
    let_in(&class.referent).await;
    // and so does the next one to who signed in with the one before
    let provisional = class.team.sign_in(&class.code, &scene.credential(&class.referent).await).await;
    provisional.account().await;
    class.referent.post(&class.path(":reissueCredential"), json!({})).await.ok();
    provisional.get("/v1/account").await.refused("TOKEN_ENDED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_refresh_token_that_is_used_twice_takes_every_token_of_its_session_along_at_once() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let refresh = async || {
        let token = json!({ "refreshToken": teacher.refresh() });
        world.anybody("it").post("/v1/sessions:refresh", token).await
    };
    let renewed = teacher.with_token(tests::path::text(&refresh().await.ok()["accessToken"]));
    let_in(&renewed).await;
    refresh().await.refused("SESSION_OVER");
    refused(&teacher).await;
    refused(&renewed).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_somebody_watches_ends_with_the_session() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let path = format!("/it/v1/editions/{}/deliveries:watch", scene.edition_id());
    let (here, there) = (scene.coordinator.again().await, scene.coordinator.again().await);
    let ends = world.http().events(&path, here.token()).await;
    let mut goes_on = world.http().events(&path, there.token()).await;
    here.post("/v1/sessions:signOut", json!({})).await.ok();
    assert_eq!(last_word(ends).await, "TOKEN_ENDED");
    class.team.patch(&class.report(1, ""), json!({ "values": {} })).await.ok();
    assert_eq!(goes_on.next().await.expect("a delivery")["lesson"], 1);
    drop(goes_on);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_reads_along_in_a_programme_reads_no_message_after_the_session() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let secretariat = twins.secretariat.again().await;
    let watch = format!("/it-hr{}", twins.path("/messages:watch"));
    let events = world.http().events(&watch, secretariat.token()).await;
    secretariat.post("/v1/sessions:signOut", json!({})).await.ok();
    let hello = json!({ "text": "Hello from Rijeka!", "language": "en" });
    twins.classes[0].tutor.post(&twins.path("/messages"), hello).await.ok();
    assert_eq!(last_word(events).await, "TOKEN_ENDED", "and not the message");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_process_that_starts_later_refuses_until_no_call_can_run_any_more_and_then_forgets() {
    let world = World::of(&["it"]).start().await;
    let gone = world.teacher("it", "Ana", "Kos").await;
    let stays = gone.again().await;
    gone.post("/v1/sessions:signOut", json!({})).await.ok();
    let world = world.restart().await;
    let (gone, stays) = (gone.at(world.http()), stays.at(world.http()));
    refused(&gone).await;
    let_in(&stays).await;
    let kept =
        async |service| world.rows("it", service, "SELECT 'one' AS one FROM ended_session", &["one"]).await.len();
    assert_eq!((kept("identity").await, kept("lessons").await), (1, 1));
    world.passes_by(SignedDuration::from_hours(25)).await;
    gone.get("/v1/account").await.refused("TOKEN_EXPIRED");
    for dispatcher in world.process().dispatchers() {
        dispatcher.sweep().await;
    }
    assert_eq!((kept("identity").await, kept("lessons").await), (0, 0));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_upload_that_is_on_the_way_when_its_session_ends_keeps_nothing() {
    let world = World::of(&["it"]).start().await;
    let class = Scene::open(&world, "it").await.class("Kos").await;
    let teacher = world.teacher("it", "Eva", "Novak").await;
    let cover = class.path("/lessons/1/files:upload?field=cover&name=under-way.png");
    let logo = "/v1/files:upload?purpose=FILE_PURPOSE_LOGO&name=under-way.png";
    for (caller, path) in [(&teacher, logo), (&class.team, &*cover)] {
        let mut upload = begun(&world, caller, path).await;
        caller.post("/v1/sessions:signOut", json!({})).await.ok();
        // where it was refused before, that is what is read next
        upload.write_all(b"4\r\nIHDR\r\n0\r\n\r\n").await.ok();
        let mut answer = String::new();
        upload.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("TOKEN_ENDED"), "{path}: {answer}");
    }
    for service in ["identity", "lessons"] {
        let sql = "SELECT name FROM file WHERE name = 'under-way.png'";
        assert_eq!(world.rows("it", service, sql, &["name"]).await, Vec::<Vec<String>>::new(), "{service}");
    }
    world.end().await;
}

/// An upload of which the first piece was sent.
async fn begun(world: &World, caller: &Caller, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(world.address()).await.expect("a connection");
    let head = format!(
        "POST /it{path} HTTP/1.1\r\nhost: koine\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n",
        caller.token()
    );
    socket.write_all(head.as_bytes()).await.expect("a head");
    socket.write_all(b"8\r\n\x89PNG\r\n\x1a\n\r\n").await.expect("a piece");
    socket
}

#[tokio::test(crate = "::tests::limit")]
async fn a_change_that_is_refused_ends_no_session() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let change = |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
    assert!(!teacher.post("/v1/account:changePassword", change("not it", PASSWORD)).await.violations().is_empty());
    assert!(!teacher.post("/v1/account:changePassword", change(TEACHERS, "short")).await.violations().is_empty());
    let_in(&teacher).await;
    world.end().await;
}
