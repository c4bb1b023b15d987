//! Every test ends: it runs under the limits of `tests::limit`, and what it waits for in vain is named.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::LazyLock,
    time::Duration,
};

use ::tests::{
    Http,
    limit::{Limits, runtime::Builder, wait},
};
use regex::Regex;

use crate::source::{holds, root};

/// How a test with a limit begins.
const LIMITED: &str = r##"#[tokio::test(crate = "::tests::limit")]"##;

fn limit_faults(path: &str, text: &str) -> Vec<String> {
    static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^\s*(#\[tokio::test\b[^\\\n]*\]|.*\btokio::runtime::Builder\b.*)$").expect("a pattern")
    });
    let mut faults = Vec::new();
    for found in ATTRIBUTE.captures_iter(text) {
        let found = found.get(1).expect("an attribute");
        if found.as_str() != LIMITED {
            let line = text[..found.start()].matches('\n').count() + 1;
            faults
                .push(format!("{path}:{line}: a test begins with `{LIMITED}`, a runtime with `tests::limit::runtime`"));
        }
    }
    faults
}

/// Path and text of every Rust file in a folder and below it.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(texts(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push((entry.display().to_string(), fs::read_to_string(&entry).expect("a text")));
        }
    }
    found
}

#[test]
fn every_test_of_the_system_has_a_time_limit() {
    let texts = texts(&root().join("tests/e2e"));
    assert!(texts.len() > 50, "the tests are not where they were");
    // this file shows the attributes it looks for
    let others = texts.iter().filter(|(path, _)| !path.ends_with("architecture/limits.rs"));
    let faults: Vec<_> = others.flat_map(|(path, text)| limit_faults(path, text)).collect();
    holds("Every test has a time limit:", &faults);
}

/// What a test says that runs under these limits, in milliseconds, and does not end.
fn said(test: u64, one: u64, body: impl Future<Output = ()>) -> String {
    let limits = Limits { test: Duration::from_millis(test), wait: Duration::from_millis(one) };
    let runtime = Builder::new_current_thread().enable_all().limits(limits).build().expect("a runtime");
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(body)));
    *ended.expect_err("it does not end").downcast::<String>().expect("a message")
}

#[test]
fn a_test_that_does_not_end_says_what_it_waits_for() {
    let never = std::future::pending::<()>;
    let said_by_one = said(60_000, 20, wait("the tide", never()));
    assert_eq!(said_by_one, "waited 20ms in vain for the tide");
    let both = async {
        let _ = futures::join!(wait("the tide", never()), wait("the moon", never()));
    };
    let said_by_both = said(20, 60_000, both);
    assert_eq!(said_by_both, "the test took longer than 20ms; it waits for the tide; and for the moon");
    assert!(said(20, 60_000, never()).ends_with("something that goes around `tests::limit::wait`"));
    // what has come is waited for no longer
    let late = async {
        wait("the tide", std::future::ready(())).await;
        wait("the moon", never()).await;
    };
    assert_eq!(said(20, 60_000, late), "the test took longer than 20ms; it waits for the moon");
}

#[test]
fn a_server_that_says_nothing_is_named_with_what_was_asked() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let http = Http::new(silent.local_addr().expect("an address"));
    let asks = async { drop(http.send(http::Method::GET, "/it/v1/teams", &[], "").await) };
    assert_eq!(said(60_000, 100, asks), "waited 100ms in vain for an answer to GET /it/v1/teams");
    let watches = async { drop(http.events("/it/v1/deliveries:watch", "x").await) };
    assert_eq!(said(60_000, 100, watches), "waited 100ms in vain for the stream /it/v1/deliveries:watch to open");
}

#[test]
fn a_test_without_a_limit_is_named() {
    let bad = "    #[tokio::test]\n    async fn x() {}\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn y() {}\n\
               fn z() { tokio::runtime::Builder::new_current_thread(); }\n";
    let places: Vec<_> =
        limit_faults("x.rs", bad).iter().map(|fault| fault.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(places, ["x.rs:1", "x.rs:3", "x.rs:5"]);
    assert_eq!(limit_faults("x.rs", &format!("{LIMITED}\nasync fn x() {{}}\n")), [] as [String; 0]);
}
