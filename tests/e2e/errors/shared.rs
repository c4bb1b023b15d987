//! The reasons every service shares.

use std::net::TcpListener;

use futures::future::join_all;
use http::Method;
use platform::{Clock, Config, Lack, Process};
use proto::options::v1::Role;
use serde_json::{Value, json};
use tests::{Answer, Http, Scene, World};

use super::Seen;

async fn send(world: &World, path: &str, headers: &[(&str, &str)], body: impl Into<bytes::Bytes>) -> Answer {
    let json = [&[("content-type", "application/json")], headers].concat();
    world.http().send(Method::POST, path, &json, body).await
}

pub(super) async fn give(seen: &mut Seen) {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    of_bodies(seen, &world).await;
    of_callers(seen, &world).await;
    of_calls(seen, &world).await;
    faults(seen, &world).await;
    world.end().await;
    overloaded(seen).await;
    bounded(seen).await;
}

async fn of_bodies(seen: &mut Seen, world: &World) {
    let mut refused = async |reason, answer| seen.refused(world, "error", reason, answer).await;
    let path = "/it/v1/sessions";
    refused("FIELDS_INVALID", send(world, path, &[], "{}").await).await;
    refused("BODY_MALFORMED", send(world, path, &[], "{").await).await;
    refused("BODY_TOO_LARGE", send(world, path, &[], vec![b' '; (4 << 20) + 1]).await).await;
    let cookie = "x".repeat(40 << 10);
    refused("HEADERS_TOO_LARGE", send(world, path, &[("cookie", &cookie)], "{}").await).await;
    refused("ROUTE_UNKNOWN", send(world, "/it/v1/nothing", &[], "{}").await).await;
    refused(
        "DEADLINE_PASSED",
        send(world, path, &[("grpc-timeout", "1n")], r#"{"login": "a", "password": "b"}"#).await,
    )
    .await;
}

async fn of_callers(seen: &mut Seen, world: &World) {
    let mut refused = async |reason, answer| seen.refused(world, "error", reason, answer).await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    refused("TOKEN_MISSING", world.anybody("it").get("/v1/teams").await).await;
    refused("TOKEN_INVALID", world.anybody("it").with_token("x").get("/v1/teams").await).await;
    let expired = world.forged("it", &[Role::Teacher], |claims| claims.exp = claims.iat);
    refused("TOKEN_EXPIRED", expired.get("/v1/teams").await).await;
    refused("TOKEN_FOREIGN", teacher.in_tenant("hr").get("/v1/teams").await).await;
    refused("TENANT_UNKNOWN", teacher.in_tenant("xx").get("/v1/teams").await).await;
    let provisional = world.forged("it", &[Role::Team], |claims| claims.provisional = true);
    refused("PASSWORD_CHANGE_NEEDED", provisional.get("/v1/teams").await).await;
    for (lack, reason) in [(Lack::SecondFactor, "SECOND_FACTOR_NEEDED"), (Lack::Enrolment, "ENROLMENT_NEEDED")] {
        let lacking = world.forged("it", &[Role::Teacher], |claims| claims.lacks = Some(lack));
        refused(reason, lacking.get("/v1/teams").await).await;
    }
    refused("ROLE_MISSING", teacher.get("/v1/templates").await).await;
    let machine = world.forged("it", &[Role::Integrator], |claims| claims.scopes = Some(Vec::new()));
    refused("SCOPE_MISSING", machine.get("/v1/teams").await).await;
    let coordinator = world.coordinator("it").await;
    let visitor = coordinator.cross("it-hr", "").await;
    coordinator.post("/v1/sessions:signOut", json!({})).await.ok();
    refused("MEMBERSHIP_ENDED", visitor.get("/v1/membership").await).await;
    refused("TOKEN_ENDED", coordinator.get("/v1/teams").await).await;
}

async fn of_calls(seen: &mut Seen, world: &World) {
    let scene = Scene::open(world, "it").await;
    let coordinator = &scene.coordinator;
    let mut refused = async |reason, answer| seen.refused(world, "error", reason, answer).await;
    refused("NOT_FOUND", coordinator.get(&format!("/v1/teams/{}", uuid::Uuid::now_v7())).await).await;
    refused("PAGE_TOKEN_INVALID", coordinator.get("/v1/teams?pageToken=x").await).await;
    let stale = json!({ "givenName": "Ida", "etag": "7" });
    refused("ETAG_STALE", coordinator.patch("/v1/account", stale).await).await;
    let edition = |code: &str| json!({ "template": "22-23", "code": code, "requestId": "r" });
    coordinator.post("/v1/editions", edition("a")).await.ok();
    refused("REQUEST_ID_REUSED", coordinator.post("/v1/editions", edition("b")).await).await;
    let guess = json!({ "login": "nobody@school.example", "password": "a guess" });
    for _ in 0..5 {
        world.anybody("it").post("/v1/sessions", guess.clone()).await.refused("SIGN_IN_FAILED");
    }
    let answer = world.anybody("it").post("/v1/sessions", guess).await;
    assert!(answer.headers.contains_key("retry-after"));
    refused("RATE_EXCEEDED", answer).await;
}

/// What goes wrong on our side is told without a word of what it was, and logged with all of it.
async fn faults(seen: &mut Seen, world: &World) {
    let coordinator = world.coordinator("it").await;
    world.tamper("it", "lessons", "ALTER TABLE edition RENAME TO lost").await;
    let answer = coordinator.get("/v1/editions").await;
    world.tamper("it", "lessons", "ALTER TABLE lost RENAME TO edition").await;
    let told = answer.text();
    assert!(!told.contains("table") && !told.contains("SELECT") && !told.contains("relation"), "{told}");
    seen.refused(world, "error", "INTERNAL", answer).await;
    let logged = world.expected_errors();
    assert!(logged.len() == 1 && logged[0].contains("edition"), "{logged:#?}");
    coordinator.get("/v1/editions").await.ok();

    // a gateway whose services are nowhere
    let nowhere = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let text = format!(
        "[process]\ndata = {:?}\naddress = \"127.0.0.1:0\"\n[tenants]\ndir = {:?}\n\
         [peers]\nidentity = \"http://{nowhere}\"\nlessons = \"http://{nowhere}\"\n",
        world.folder().join("data"),
        tests::world::tenant_files(),
    );
    let gateway = gateway::service();
    let config = Config::parse(&text, gateway.section().into_iter().collect()).expect("settings");
    let process = Process::start(config, Clock::system(), vec![gateway]).await.expect("a gateway");
    let http = Http::new(process.listen().await.expect("a free port"));
    let answer = http.json(Method::GET, "/it/v1/tenant", None, Value::Null).await;
    seen.refused(world, "error", "UNREACHABLE", answer).await;
    process.stop().await;
}

/// Who has more to do than can be done in time says so, and when to come back.
async fn overloaded(seen: &mut Seen) {
    let settings = "[identity.hashing]\nthreads = 1\nqueue = 1\n";
    let world = World::of(&["it"]).settings(settings).start().await;
    let sign_in = |number: usize| {
        let (anybody, login) = (world.anybody("it"), format!("{number}@school.example"));
        async move { anybody.post("/v1/sessions", json!({ "login": login, "password": "a guess" })).await }
    };
    let answers = join_all((0..12).map(sign_in)).await;
    let refused =
        answers.into_iter().find(|answer| answer.json()["reason"] == "OVERLOADED").expect("more than two at once");
    assert!(refused.headers.contains_key("retry-after"));
    seen.refused(&world, "error", "OVERLOADED", refused).await;
    world.end().await;
}

/// Who keeps us waiting, and who has too much under way, reads which it was.
async fn bounded(seen: &mut Seen) {
    let world = World::of(&["it"]).settings("[limits]\nbody_seconds = 1\nbytes_per_address = 10000\n").start().await;
    let slow = crate::doors::too_slow(&world).await;
    seen.refused(&world, "error", "BODY_TOO_SLOW", slow).await;
    let large = send(&world, "/it/v1/sessions", &[], vec![b' '; 20_000]).await;
    assert_eq!((large.status.as_u16(), large.headers["retry-after"].as_bytes()), (429, &b"1"[..]));
    seen.refused(&world, "error", "TOO_MUCH_AT_ONCE", large).await;
    world.end().await;
}
