//! Sessions that end at identity, and two replicas of lessons that hear of it by the broker.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Caller, Http};

use super::{Machine, until};

/// How long it may take until a session that ended at identity has ended everywhere.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What lessons says of a caller behind a gateway.
async fn let_in(caller: &Caller) -> bool {
    let answer = caller.get("/v1/editions").await;
    if !answer.status.is_success() {
        answer.refused("TOKEN_ENDED");
    }
    answer.status.is_success()
}

/// Signs out, and waits until both replicas of lessons refuse. Returns how long it took.
async fn sign_out(caller: &Caller, gateways: &[Http; 2]) -> Duration {
    let callers = gateways.each_ref().map(|gateway| caller.at(gateway));
    for caller in &callers {
        assert!(let_in(caller).await);
    }
    callers[0].post("/v1/sessions:signOut", json!({})).await.ok();
    let begun = Instant::now();
    callers[1].get("/v1/account").await.refused("TOKEN_ENDED");
    for caller in &callers {
        until("a replica of lessons to refuse", async || (!let_in(caller).await).then_some(())).await;
    }
    begun.elapsed()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_session_that_ends_at_identity_ends_at_every_replica_of_lessons_within_a_second() {
    let mut machine = Machine::apart(&["it"]);
    machine.start_all().await;
    for name in ["lessons2", "gateway2"] {
        machine.start(name, &[]).await;
    }
    let coordinator = machine.coordinator("it").await;
    let gateways = ["gateway", "gateway2"].map(|name| Http::to(&format!("http://127.0.0.1:{}", machine.port(name))));
    // the fastest of three: a machine that does much else makes each slower, and none faster
    let mut took = Vec::new();
    for _ in 0..3 {
        took.push(sign_out(&coordinator.again().await, &gateways).await);
    }
    assert!(took.iter().min().is_some_and(|fastest| *fastest <= AT_ONCE), "{took:?}");

    let gone = coordinator.again().await;
    sign_out(&gone, &gateways).await;
    // a replica that starts later has not heard of it, and refuses its first call
    machine.signal("lessons2", "-TERM");
    machine.ended("lessons2").await;
    machine.start("lessons2", &[]).await;
    let answer = until("the gateway to find the new process", async || {
        let answer = gone.at(&gateways[1]).get("/v1/editions").await;
        (answer.status.is_success() || answer.json()["reason"] != "UNREACHABLE").then_some(answer)
    })
    .await;
    answer.refused("TOKEN_ENDED");

    // one that ends while the broker is away is told of when it is back
    let gone = coordinator.again().await;
    assert!(let_in(&gone.at(&gateways[0])).await && let_in(&gone.at(&gateways[1])).await);
    machine.broker().kill();
    gone.at(&gateways[0]).post("/v1/sessions:signOut", json!({})).await.ok();
    gone.at(&gateways[0]).get("/v1/account").await.refused("TOKEN_ENDED");
    machine.broker().start_again();
    for gateway in &gateways {
        until("a replica of lessons to refuse", async || (!let_in(&gone.at(gateway)).await).then_some(())).await;
    }
}
