//! How long a start takes, and how much memory a process takes that has nothing to do.

use std::time::Instant;

use tests::{Caller, Http, server::Server};

use crate::{ground::Ground, report, server};

const STARTS: usize = 5;

/// Measures and prints.
pub async fn measure() {
    let ground = Ground::sqlite();
    let first = Server::start(ground.koine());
    let first_ready = first.ready_after().as_secs_f64();
    // every database was made and is open
    server::rest(&first).await;
    first.stop();

    let (mut ready, mut answered, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let server = Server::start(ground.koine());
        let begun = Instant::now();
        let probe = Http::new(server.address()).send(http::Method::GET, "/readyz", &[], "").await;
        assert!(probe.status.is_success(), "it said that it is ready");
        Caller::anybody(Http::new(server.address()), "it")
            .post("/v1/sessions", nobody())
            .await
            .refused("SIGN_IN_FAILED");
        ready.push(server.ready_after().as_secs_f64());
        answered.push((server.ready_after() + begun.elapsed()).as_secs_f64());
        server::rest(&server).await;
        resident.push(server::resident(&server));
        server.stop();
    }
    report::aim("from start to ready", "s", report::median(ready), 0.5);
    report::aim("from start to ready, the very first time", "s", first_ready, 0.5);
    report::note("from start to the answer of a sign-in", &format!("{:.3} s", report::median(answered)));
    report::aim("resident memory, idle, eight tenants", "MB", report::median(resident), 120.0);
}

/// A sign-in that reads the database and compares a password.
fn nobody() -> serde_json::Value {
    serde_json::json!({ "login": "nobody@school.example", "password": "a sentence nobody else would choose" })
}
