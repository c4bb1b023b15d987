//! A collector of OTLP, which keeps what it is sent.

use std::time::{Duration, Instant};

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
    common::v1::any_value::Value,
    trace::v1::Span,
};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// How long it waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A collector, and what it was sent.
pub struct Collector {
    url: String,
    exports: UnboundedReceiver<Export>,
    spans: Vec<Span>,
    said: String,
    logs: bool,
    metrics: bool,
}

enum Export {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

/// The three services of OTLP. Nobody may look into the collector any more; it still takes what comes.
#[derive(Clone)]
struct Sink(UnboundedSender<Export>);

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let _ = self.0.send(Export::Traces(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Sink {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let _ = self.0.send(Export::Logs(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Sink {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let _ = self.0.send(Export::Metrics(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}

impl Collector {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, exports) = unbounded_channel();
        let sink = Sink(sender);
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(sink.clone()))
            .add_service(LogsServiceServer::new(sink.clone()))
            .add_service(MetricsServiceServer::new(sink))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        Self { url, exports, spans: Vec::new(), said: String::new(), logs: false, metrics: false }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything it was sent, as text.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Whether lines of a log came.
    pub fn has_logs(&self) -> bool {
        self.logs
    }

    /// Whether metrics came.
    pub fn has_metrics(&self) -> bool {
        self.metrics
    }

    /// Waits until a trace has so many spans, and gives them, each after those above it: `server identity.v1.TeamService/GetTeam`.
    pub async fn trace(&mut self, id: &str, spans: usize) -> Vec<String> {
        let begun = Instant::now();
        while self.of_trace(id).count() < spans {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match tokio::time::timeout(left, self.exports.recv()).await {
                Ok(export) => self.keep(export.expect("a collector that runs")),
                Err(_) => panic!("{id} has too few spans: {:#?}", self.of_trace(id).collect::<Vec<_>>()),
            }
        }
        let mut found: Vec<_> = self.of_trace(id).map(|span| (self.depth(span), line(span))).collect();
        found.sort();
        found.into_iter().map(|(_, line)| line).collect()
    }

    /// Takes what was sent and not looked at.
    pub fn take_rest(&mut self) {
        while let Ok(export) = self.exports.try_recv() {
            self.keep(export);
        }
    }

    fn keep(&mut self, export: Export) {
        match export {
            Export::Traces(request) => {
                self.said.push_str(&format!("{request:?}\n"));
                let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
                self.spans.extend(scopes.flat_map(|scope| scope.spans));
            }
            Export::Logs(request) => {
                self.said.push_str(&format!("{request:?}\n"));
                self.logs = true;
            }
            Export::Metrics(request) => {
                self.said.push_str(&format!("{request:?}\n"));
                self.metrics = true;
            }
        }
    }

    fn of_trace(&self, id: &str) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(move |span| hex(&span.trace_id) == id)
    }

    /// How many spans stand above one.
    fn depth(&self, span: &Span) -> usize {
        let parent = self.spans.iter().find(|other| other.span_id == span.parent_span_id);
        parent.map_or(0, |parent| 1 + self.depth(parent))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn line(span: &Span) -> String {
    let handler = span.attributes.iter().find(|attribute| attribute.key == "handler");
    let handler = handler.and_then(|attribute| attribute.value.clone()?.value).map(|value| match value {
        Value::StringValue(text) => format!(": {text}"),
        other => format!(": {other:?}"),
    });
    let kind = span.kind().as_str_name().trim_start_matches("SPAN_KIND_").to_lowercase();
    format!("{kind} {}{}", span.name.trim_start_matches("koine."), handler.unwrap_or_default())
}
