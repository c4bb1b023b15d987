//! What operators see, as a real collector receives it from a real process: there is one telemetry per process.

use std::{fs, process::Command};

use http::Method;
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    Answer, Caller, Http,
    engine::Engine,
    mailbox::{CODE, Mailbox},
    server::Server,
    world,
};
use tokio::io::AsyncReadExt;

use crate::process::programs;

mod collector;

use collector::Collector;

const GIVEN_NAME: &str = "Ermenegilda";
const SURNAME: &str = "Quarantotti-Gambini";
const EMAIL: &str = "ermenegilda.quarantotti@school.example";
const PASSWORD: &str = "nine lanterns above the harbour";

/// The whole system as a process of its own, with one country.
struct Stage {
    folder: TempDir,
    server: Server,
    collector: Collector,
}

impl Stage {
    async fn start() -> Self {
        let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
        let (data, tenants) = (folder.path().join("data"), folder.path().join("tenants"));
        fs::create_dir(&tenants).unwrap();
        fs::copy(world::tenant_files().join("it.toml"), tenants.join("it.toml")).unwrap();
        let settings = format!(
            "{store}[process]\ndata = {data:?}\naddress = \"127.0.0.1:0\"\n[tenants]\ndir = {tenants:?}\n\
             [blobs]\nfolder = {blobs:?}\n[mail]\nfolder = {mail:?}\n[telemetry]\nendpoint = {endpoint:?}\n\
             [limits]\nheader_seconds = 1\n",
            store = Engine::new(&data).settings(),
            blobs = data.join("blobs"),
            mail = data.join("mail"),
            endpoint = collector.url(),
        );
        fs::write(folder.path().join("koine.toml"), settings).unwrap();
        let mut command = Command::new(programs().join("koine"));
        command.args(["serve", "--config"]).arg(folder.path().join("koine.toml"));
        // spans are sent as they end, so that nobody has to wait for seconds
        command.env("OTEL_BSP_SCHEDULE_DELAY", "20");
        // it is waited for on a thread of its own: the collector runs on this one
        let server = tokio::task::spawn_blocking(|| Server::start(command)).await.unwrap();
        Self { folder, server, collector }
    }

    fn anybody(&self) -> Caller {
        Caller::anybody(Http::new(self.server.address()), "it")
    }

    /// Posts JSON as a part of a trace.
    async fn post(&self, trace: &str, caller: &Caller, path: &str, body: Value) -> Answer {
        let (parent, authorization) = (format!("00-{trace}-00f067aa0ba902b7-01"), format!("Bearer {}", caller.token()));
        let mut headers = vec![("content-type", "application/json"), ("traceparent", parent.as_str())];
        if !caller.token().is_empty() {
            headers.push(("authorization", authorization.as_str()));
        }
        caller.http().send(Method::POST, &format!("/it{path}"), &headers, body.to_string()).await
    }

    /// The code in the letter to who registered.
    fn code(&self) -> Option<String> {
        Mailbox::new(self.folder.path().join("data/mail"), "it").find(EMAIL, CODE)
    }

    /// Ends the process. Gives what it wrote to its log, and the collector with all it was sent.
    async fn end(self) -> (String, Collector) {
        let Self { folder: _alive, server, mut collector } = self;
        let log = tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
        collector.take_rest();
        (log, collector)
    }
}

fn person() -> Value {
    json!({ "email": EMAIL, "password": PASSWORD, "givenName": GIVEN_NAME, "surname": SURNAME })
}

#[tokio::test(crate = "::tests::limit")]
async fn one_trace_leads_from_the_gateway_through_the_services_to_the_handler_and_names_nobody() {
    let mut stage = Stage::start().await;
    let registered = "4bf92f3577b34da6a3ce929d0e0e4736";
    stage.post(registered, &stage.anybody(), "/v1/accounts", person()).await.ok();
    let call = "identity.v1.AccountService/CreateAccount";
    let mailed = "internal handle: mail verification".to_owned();
    assert_eq!(
        stage.collector.trace(registered, 3).await,
        [format!("client {call}"), format!("server {call}"), mailed]
    );

    let code = stage.code().expect("the handler's span has ended, so the letter is there");
    stage.anybody().post("/v1/accounts:verifyEmail", json!({ "code": code, "password": PASSWORD })).await.ok();
    let teacher = stage.anybody().sign_in(EMAIL, PASSWORD).await;
    // identity asks lessons for the rules of the track; there is no such track
    let applied = "0af7651916cd43dd8448eb211c80319c";
    let draft = json!({ "application": { "trackId": uuid::Uuid::nil(), "teamName": SURNAME } });
    stage.post(applied, &teacher, "/v1/applications", draft).await.violations();
    let call = "identity.v1.ApplicationService/CreateApplication";
    let asked = "server lessons.v1.EditionService/GetTrack".to_owned();
    assert_eq!(stage.collector.trace(applied, 3).await, [format!("client {call}"), format!("server {call}"), asked]);

    let (log, collector) = stage.end().await;
    assert!(collector.has_logs() && collector.has_metrics(), "logs and metrics are sent too");
    assert!(collector.said().contains("CreateAccount") && log.contains("ready"), "this is where a name would stand");
    for secret in [EMAIL, "quarantotti", GIVEN_NAME, SURNAME, PASSWORD, &code, teacher.token(), teacher.refresh()] {
        assert!(!collector.said().contains(secret), "`{secret}` was sent: {}", around(collector.said(), secret));
        assert!(!log.contains(secret), "`{secret}` is in the log: {}", around(&log, secret));
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn metrics_say_how_calls_of_a_method_ended_and_not_who_made_them() {
    let stage = Stage::start().await;
    stage.anybody().post("/v1/accounts", person()).await.ok();
    stage.anybody().post("/v1/accounts", json!({ "email": EMAIL })).await.violations();

    let mut silent = tokio::net::TcpStream::connect(stage.server.address()).await.unwrap();
    // it asks nothing, and is closed
    let _ = silent.read_to_end(&mut Vec::new()).await;

    let page = stage.anybody().http().send(Method::GET, "/metrics", &[], "").await.text();
    let mut ended = page.lines().filter(|line| line.starts_with("koine_door_ended_total"));
    assert!(ended.any(|line| line.contains("reason=\"idle\"")), "{page}");
    let counts = page.lines().filter(|line| line.starts_with("rpc_server_call_duration_seconds_count"));
    let counts: Vec<_> = counts.filter(|line| line.contains("identity.v1.AccountService/CreateAccount")).collect();
    for code in ["OK", "INVALID_ARGUMENT"] {
        let status = format!("rpc_response_status_code=\"{code}\"");
        assert!(counts.iter().any(|line| line.contains(&status) && line.ends_with(" 1")), "{code}: {counts:#?}");
    }
    let labels = labels(&page);
    let known = ["rpc_method", "rpc_response_status_code", "le", "otel_scope_name", "reason", "service_name"];
    let strange: Vec<_> = labels.iter().filter(|(name, _)| !known.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "labels that tell more than they must: {strange:?}");
    let telling = |value: &str| value == "it" || value.contains('@') || value.contains(SURNAME);
    assert!(!labels.iter().any(|(_, value)| telling(value)), "{page}");
    stage.end().await;
}

/// The labels of all samples, as Prometheus reads them.
fn labels(page: &str) -> Vec<(String, String)> {
    let label = Regex::new(r#"(\w+)="([^"]*)""#).unwrap();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let found = samples.flat_map(|line| label.captures_iter(line));
    found.map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

/// What stands around a word, for the message of an assertion.
fn around<'t>(text: &'t str, word: &str) -> &'t str {
    let at = text.find(word).unwrap_or_default();
    &text[text.floor_char_boundary(at.saturating_sub(300))..text.ceil_char_boundary((at + 100).min(text.len()))]
}
