//! Several processes that find nothing there and make it at the same moment: all of them come up.

use futures::future::join_all;

use super::{Machine, send};

#[tokio::test]
async fn databases_that_several_make_at_once_are_made_once() {
    let machine = Machine::new();
    for (code, said, complained) in join_all((0..4).map(|_| machine.koine(&["migrate"]))).await {
        assert_eq!(code, Some(0), "{said}{complained}");
    }
    let (code, said, complained) = machine.koine(&["audit", "verify"]).await;
    assert_eq!(code, Some(0), "{said}{complained}");
    assert!(said.contains("it identity: whole") && said.contains("it lessons: whole"), "{said}");
}

#[tokio::test]
async fn two_that_start_on_the_same_empty_folder_at_once_both_serve() {
    let machine = Machine::new();
    let both = [machine.ready("koine", &["serve", "--demo"]), machine.ready("koine", &["serve", "--demo"])];
    for (mut child, said) in join_all(both).await {
        assert!(!said.contains("ERROR"), "{said}");
        send(&child, "-TERM");
        assert_eq!(child.wait().await.expect("a status").code(), Some(0));
    }
    let (code, said, complained) = machine.koine(&["audit", "verify"]).await;
    assert_eq!(code, Some(0), "{said}{complained}");
}
