//! What operators see, as a real collector receives it from a real process: telemetry is one per process, and so are its settings.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use http::Method;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse,
            logs_service_server::{LogsService, LogsServiceServer},
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};
use regex::Regex;
use serde_json::json;
use tempfile::TempDir;
use tests::{
    Answer, Caller, Http,
    engine::Engine,
    mailbox::{CODE, Mailbox},
    server::{Server, program},
    world,
};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// How long the collector waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

const GIVEN_NAME: &str = "Ermenegilda";
const SURNAME: &str = "Quarantotti-Gambini";
const EMAIL: &str = "ermenegilda.quarantotti@school.example";
const PASSWORD: &str = "nine lanterns above the harbour";

/// One export of the process.
enum Export {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

/// The three services of OTLP.
#[derive(Clone)]
struct Sink(UnboundedSender<Export>);

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        // a collector nobody looks into any more still takes what comes
        let _ = self.0.send(Export::Traces(request.into_inner()));
        Ok(Response::default())
    }
}

#[tonic::async_trait]
impl LogsService for Sink {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let _ = self.0.send(Export::Logs(request.into_inner()));
        Ok(Response::default())
    }
}

#[tonic::async_trait]
impl MetricsService for Sink {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let _ = self.0.send(Export::Metrics(request.into_inner()));
        Ok(Response::default())
    }
}

/// A collector, and what it has received.
struct Collector {
    url: String,
    exports: UnboundedReceiver<Export>,
    spans: Vec<Span>,
    /// Everything, as text.
    said: String,
    logs: usize,
    metrics: usize,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, exports) = unbounded_channel();
        let sink = Sink(sender);
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(sink.clone()))
            .add_service(LogsServiceServer::new(sink.clone()))
            .add_service(MetricsServiceServer::new(sink))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        Self { url, exports, spans: Vec::new(), said: String::new(), logs: 0, metrics: 0 }
    }

    fn keep(&mut self, export: Export) {
        match export {
            Export::Traces(request) => {
                self.said.push_str(&format!("{request:?}"));
                let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
                self.spans.extend(scopes.flat_map(|scope| scope.spans));
            }
            Export::Logs(request) => {
                self.said.push_str(&format!("{request:?}"));
                self.logs += 1;
            }
            Export::Metrics(request) => {
                self.said.push_str(&format!("{request:?}"));
                self.metrics += 1;
            }
        }
    }

    /// Waits until a trace has so many spans, and gives their places in it, from its root: `client identity.v1.…/CreateAccount`.
    async fn trace(&mut self, id: &str, spans: usize) -> Vec<String> {
        let begun = Instant::now();
        while self.of_trace(id).len() < spans {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let export = tokio::time::timeout(left, self.exports.recv()).await;
            let export = export.unwrap_or_else(|_| panic!("{spans} spans of {id}, of which came: {:#?}", self.of_trace(id)));
            self.keep(export.expect("a process that runs"));
        }
        // sorted by where they stand, not by when they came
        let mut found: Vec<_> = self.of_trace(id).into_iter().map(|span| (self.depth(span), line(span))).collect();
        found.sort();
        found.into_iter().map(|(_, line)| line).collect()
    }

    fn of_trace(&self, id: &str) -> Vec<&Span> {
        self.spans.iter().filter(|span| hex(&span.trace_id) == id).collect()
    }

    /// How many spans stand above one.
    fn depth(&self, span: &Span) -> usize {
        let parent = self.spans.iter().find(|other| other.span_id == span.parent_span_id);
        parent.map_or(0, |parent| 1 + self.depth(parent))
    }

    /// Takes what the process sent until it ended.
    fn rest(&mut self) {
        while let Ok(export) = self.exports.try_recv() {
            self.keep(export);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn line(span: &Span) -> String {
    let handler = attribute(&span.attributes, "handler").map(|handler| format!(" {handler}")).unwrap_or_default();
    let kind = span.kind().as_str_name().trim_start_matches("SPAN_KIND_").to_lowercase();
    format!("{kind} {}{handler}", span.name.trim_start_matches("koine."))
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
    if let Value::StringValue(text) = value { Some(text) } else { None }
}

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
             [blobs]\nfolder = {blobs:?}\n[mail]\nfolder = {mail:?}\n",
            store = Engine::new(&data).settings(),
            blobs = data.join("blobs"),
            mail = data.join("mail"),
        );
        fs::write(folder.path().join("koine.toml"), settings).unwrap();
        let mut command = Command::new(program("koine"));
        command.args(["serve", "--config"]).arg(folder.path().join("koine.toml"));
        command.env("KOINE_TELEMETRY__ENDPOINT", &collector.url);
        // spans are sent as they end, so that nobody has to wait for seconds
        command.env("OTEL_BSP_SCHEDULE_DELAY", "20");
        // starting takes a while, and the collector runs on this very thread
        let server = tokio::task::spawn_blocking(|| Server::start(command)).await.unwrap();
        Self { folder, server, collector }
    }

    fn http(&self) -> Http {
        Http::new(self.server.address())
    }

    /// Posts JSON as part of a trace.
    async fn post(&self, trace: &str, token: &str, path: &str, body: serde_json::Value) -> Answer {
        let (parent, authorization) = (format!("00-{trace}-00f067aa0ba902b7-01"), format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json"), ("traceparent", parent.as_str())];
        headers.extend((!token.is_empty()).then_some(("authorization", authorization.as_str())));
        self.http().send(Method::POST, path, &headers, body.to_string()).await
    }
}

fn person() -> serde_json::Value {
    json!({ "email": EMAIL, "password": PASSWORD, "givenName": GIVEN_NAME, "surname": SURNAME })
}

/// Names of labels and their values, as Prometheus reads them.
fn labels(page: &str) -> Vec<(String, String)> {
    let label = Regex::new(r#"(\w+)="([^"]*)""#).unwrap();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.flat_map(|line| label.captures_iter(line).map(|found| (found[1].to_owned(), found[2].to_owned())).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn one_trace_leads_from_the_gateway_through_the_services_to_the_handler_and_names_nobody() {
    let mut stage = Stage::start().await;

    let registered = "4bf92f3577b34da6a3ce929d0e0e4736";
    stage.post(registered, "", "/it/v1/accounts", person()).await.ok();
    let spans = stage.collector.trace(registered, 3).await;
    let call = "identity.v1.AccountService/CreateAccount";
    assert_eq!(spans, [format!("client {call}"), format!("server {call}"), "internal handle mail verification".to_owned()]);

    let mailbox = Mailbox::new(stage.folder.path().join("data/mail"), "it");
    let code = mailbox.find(EMAIL, CODE).expect("the handler's span has ended, so the letter is there");
    let anybody = Caller::anybody(stage.http(), "it");
    anybody.post("/v1/accounts:verifyEmail", json!({ "code": code })).await.ok();
    let teacher = anybody.sign_in(EMAIL, PASSWORD).await;

    // identity asks lessons for the rules of the track, which does not exist
    let applied = "0af7651916cd43dd8448eb211c80319c";
    let draft = json!({ "application": { "trackId": uuid::Uuid::nil(), "teamName": SURNAME } });
    stage.post(applied, teacher.token(), "/it/v1/applications", draft).await.violations();
    let spans = stage.collector.trace(applied, 3).await;
    let call = "identity.v1.ApplicationService/CreateApplication";
    let asked = "server lessons.v1.EditionService/GetTrack".to_owned();
    assert_eq!(spans, [format!("client {call}"), format!("server {call}"), asked]);

    let Stage { folder: _, server, mut collector } = stage;
    let log = tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    collector.rest();
    assert!(collector.logs > 0 && collector.metrics > 0, "logs and metrics are sent too");
    assert!(collector.said.contains("CreateAccount") && log.contains("ready"), "this is where names would be");
    for secret in [EMAIL, "quarantotti", GIVEN_NAME, SURNAME, PASSWORD, &code, teacher.token(), teacher.refresh(), "127.0.0.1:"] {
        for (place, text) in [("OTLP", &collector.said), ("the log", &log)] {
            let said = text.find(secret).map(|at| text[at.saturating_sub(200)..].chars().take(300).collect::<String>());
            assert_eq!(said.filter(|_| !secret.ends_with(':')), None, "`{secret}` in {place}");
        }
    }
}

#[tokio::test]
async fn metrics_say_how_calls_of_a_method_ended_and_not_who_made_them() {
    let stage = Stage::start().await;
    let anybody = Caller::anybody(stage.http(), "it");
    anybody.post("/v1/accounts", person()).await.ok();
    let broken = json!({ "email": EMAIL });
    anybody.post("/v1/accounts", broken).await.violations();

    let page = stage.http().send(Method::GET, "/metrics", &[], "").await.text();
    for code in ["OK", "INVALID_ARGUMENT"] {
        let method = r#"rpc_method="koine.identity.v1.AccountService/CreateAccount""#;
        let count = page.lines().find(|line| {
            line.starts_with("rpc_server_call_duration_seconds_count") && line.contains(method) && line.contains(&format!("\"{code}\""))
        });
        assert!(count.is_some_and(|line| line.ends_with(" 1")), "{code}: {page}");
    }
    for (name, value) in labels(&page) {
        let known = ["rpc_method", "rpc_response_status_code", "le", "service_name", "otel_scope_name"];
        assert!(known.contains(&name.as_str()), "a label `{name}`: {page}");
        assert!(value != "it" && !value.contains('@') && !value.contains(SURNAME), "a label says `{value}`");
    }
    tokio::task::spawn_blocking(|| stage.server.stop()).await.unwrap();
}
