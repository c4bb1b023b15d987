//! Identity, lessons and gateway apart.

use std::{io, sync::Arc};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use serde_json::{Value, json};
use tests::{
    Answer, Caller, Http,
    limit::wait,
    path::{Ground, Path, text},
    world,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::Machine;

/// The three of them, with a coordinator.
async fn running() -> (Machine, Caller) {
    let mut machine = Machine::apart(&["it"]);
    machine.start_all().await;
    let coordinator = machine.coordinator("it").await;
    (machine, coordinator)
}

#[tokio::test(crate = "::tests::limit")]
async fn the_whole_path_is_walked_across_processes() {
    let (mut machine, coordinator) = running().await;
    let mailbox = machine.mailbox("it");
    let walked =
        Path::new(Ground::Running, coordinator, mailbox, "apart", |_| {}).walk(world::data("schools/it.csv")).await;
    killed_in_the_middle(&mut machine, &walked.callers["team"], &text(&walked.team["id"])).await;
    // one after the other they end in peace
    for name in ["gateway", "lessons", "identity"] {
        machine.signal(name, "-TERM");
        assert_eq!(machine.ended(name).await, Some(0), "{name}");
    }
    let (code, said, _) = machine.koine(&["audit", "verify"]).await;
    assert_eq!(code, Some(0), "{said}");
}

/// Where the process of lessons is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Instant {
    /// The request has arrived and was not looked at.
    Before,
    /// What the request asked for is in the database, and its answer on its way at most.
    After,
}

/// A process that is killed while a report is submitted leaves the whole submission or nothing of it, and asked again with the same
/// key it gives the same answer.
async fn killed_in_the_middle(machine: &mut Machine, team: &Caller, id: &str) {
    for (lesson, instant) in [(2, Instant::Before), (3, Instant::After)] {
        let path = format!("/v1/teams/{id}/lessons/{lesson}/report");
        let draft = match lesson {
            2 => second(team, &path).await,
            _ => third(team, id, &path).await,
        };
        let body = json!({ "etag": draft["etag"], "requestId": format!("key {lesson}") });
        let submit = format!("{path}:submit");
        if instant == Instant::Before {
            machine.signal("lessons", "-STOP");
        }
        let first = tokio::spawn({
            let (team, submit, body) = (team.clone(), submit.clone(), body.clone());
            async move { team.post(&submit, body).await }
        });
        if instant == Instant::After {
            committed(machine, lesson).await;
        }
        machine.signal("lessons", "-KILL");
        assert_eq!(machine.ended("lessons").await, None, "it had no time to end in peace");
        let first: Answer = first.await.expect("an answer");
        if instant == Instant::Before {
            first.refused("UNREACHABLE");
            assert_eq!(submissions(machine, lesson).await, 0);
        }

        machine.start("lessons", &[]).await;
        let again = retried(team, &submit, &body).await;
        assert_eq!(again["state"], "REPORT_STATE_SUBMITTED");
        assert_eq!(retried(team, &submit, &body).await, again, "{instant:?}");
        if first.status.is_success() {
            assert_eq!(first.ok(), again);
        }
        assert_eq!(submissions(machine, lesson).await, 1, "{instant:?}");
    }
}

/// Asks until the gateway has found the new process.
async fn retried(team: &Caller, path: &str, body: &Value) -> Value {
    for _ in 0..50 {
        let answer = team.post(path, body.clone()).await;
        if answer.status.is_success() {
            return answer.ok();
        }
        answer.refused("UNREACHABLE");
    }
    panic!("{path}: the service is up again and stays unreachable");
}

async fn submissions(machine: &Machine, lesson: u32) -> usize {
    let database = machine.engine.connect("it", "lessons").await;
    let sql = format!("SELECT id FROM submission WHERE lesson = {lesson}");
    let query = sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(&database), sql);
    let rows = sea_orm::ConnectionTrait::query_all_raw(&database, query).await.expect("rows");
    database.close().await.expect("an open database");
    rows.len()
}

/// Looks into the database until the submission is there.
async fn committed(machine: &Machine, lesson: u32) {
    let stored = async {
        while submissions(machine, lesson).await == 0 {
            tokio::task::yield_now().await;
        }
    };
    wait(format!("the submission of lesson {lesson} in the database"), stored).await;
}

async fn second(team: &Caller, path: &str) -> Value {
    let values = json!({
        "data_sources": { "text": "<p>The municipality's own.</p>" },
        "source_link": { "text": "https://example.org/data" },
        "data_article": { "text": "<p>What the data say.</p>" },
        "infographic": { "text": "https://example.org/infographic" },
    });
    team.patch(path, json!({ "values": values })).await.ok()
}

async fn third(team: &Caller, id: &str, path: &str) -> Value {
    let upload = format!("/v1/teams/{id}/lessons/3/files:upload?field=visit_images&name=visit.png");
    let picture = team.upload(&upload, "image/png", tests::scene::PICTURE).await.ok();
    let values = json!({
        "visit_date": { "date": { "year": 2023, "month": 2, "day": 20 } },
        "visit_place": { "point": { "latitude": 42.35, "longitude": 14.16 } },
        "visit_report": { "text": "<p>It is still closed.</p>" },
        "visit_images": { "files": { "items": [picture["id"]] } },
        "interviews": { "text": "<p>Nobody knew.</p>" },
        "monitoring_report": { "text": "https://monithon.eu/report/1" },
        "proposals": { "text": "<p>Open it.</p>" },
    });
    team.patch(path, json!({ "values": values })).await.ok()
}

/// Says the first words of HTTP/2 to a service, and gives what comes back.
async fn greeted(machine: &Machine, config: ClientConfig) -> io::Result<usize> {
    let stream = TcpStream::connect(("127.0.0.1", machine.port("identity"))).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await?;
    stream.read(&mut [0; 64]).await
}

fn certificate(folder: &std::path::Path, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).expect("a certificate");
    (vec![chain], PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).expect("a key"))
}

#[tokio::test(crate = "::tests::limit")]
async fn a_peer_without_a_certificate_of_the_installation_is_refused() {
    let (machine, _) = running().await;
    let tls = machine.folder.path().join("tls");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(tls.join("ca.pem")).expect("an authority")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = || {
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        builder.expect("a provider").with_root_certificates(roots.clone())
    };
    assert!(greeted(&machine, client().with_no_client_auth()).await.is_err(), "nobody");
    let stranger = Machine::new();
    let (chain, key) = certificate(&stranger.folder.path().join("tls"), "gateway");
    let strange = client().with_client_auth_cert(chain, key).expect("a certificate");
    assert!(greeted(&machine, strange).await.is_err(), "somebody of another installation");
    let (chain, key) = certificate(&tls, "gateway");
    let ours = client().with_client_auth_cert(chain, key).expect("a certificate");
    assert!(greeted(&machine, ours).await.is_ok_and(|bytes| bytes > 0), "one of ours");

    // in the open nobody answers either
    let mut plain = TcpStream::connect(("127.0.0.1", machine.port("identity"))).await.expect("a listener");
    plain.write_all(b"GET /v1/tenants HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("a line");
    let mut answer = Vec::new();
    // a connection that is reset has said nothing as well
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
    let http = Http::to(&format!("http://127.0.0.1:{}", machine.port("gateway")));
    http.json(http::Method::GET, "/v1/tenants", None, Value::Null).await.ok();
}
