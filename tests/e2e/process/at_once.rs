//! Several processes that find nothing there and make it at the same moment: all of them come up.

use futures::future::join_all;
use serde_json::json;
use tests::{Caller, Http, server::Server};

use super::Machine;

#[tokio::test(crate = "::tests::limit")]
async fn databases_that_several_make_at_once_are_made_once() {
    let machine = Machine::new();
    for (code, said, complained) in join_all((0..4).map(|_| machine.koine(&["migrate"]))).await {
        assert_eq!(code, Some(0), "{said}{complained}");
    }
    let (code, said, complained) = machine.koine(&["audit", "verify"]).await;
    assert_eq!(code, Some(0), "{said}{complained}");
    assert!(said.contains("it identity: whole") && said.contains("it lessons: whole"), "{said}");
}

#[tokio::test(crate = "::tests::limit")]
async fn two_that_start_on_the_same_empty_folder_at_once_both_serve() {
    let machine = Machine::new();
    let start = || {
        let mut command = machine.program("koine").into_std();
        command.arg("serve");
        tokio::task::spawn_blocking(|| Server::start(command))
    };
    let (one, other) = tokio::join!(start(), start());
    let servers = [one.expect("a server"), other.expect("a server")];
    let asked = servers.iter().map(|server| async {
        let anybody = Caller::anybody(Http::new(server.address()), "it");
        anybody.post("/v1/sessions", json!({ "login": "nobody@school.example", "password": "a guess" })).await
    });
    for answer in join_all(asked).await {
        answer.refused("SIGN_IN_FAILED");
    }
    for server in servers {
        let log = server.stop();
        assert!(!log.contains("ERROR"), "{log}");
    }
}
