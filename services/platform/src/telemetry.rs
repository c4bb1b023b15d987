//! The telemetry for operators: logs on stderr, metrics at `/metrics`, and, where `telemetry.endpoint` is set, traces, metrics and
//! logs over OTLP. Spans exist without a collector too, so the trace id in an answer can be found in the log.
//!
//! It contains no personal data: logs, spans and labels have only ids and the names of methods, tenants and reasons.

use std::{ffi::OsStr, io::IsTerminal, sync::LazyLock, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context, global,
    propagation::{Extractor, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    logs::SdkLoggerProvider,
    metrics::SdkMeterProvider,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use prometheus::{Registry, TextEncoder};
use serde::{Deserialize, Serialize};
use tracing::{Span, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{Error, Result};

pub mod call;

/// The section `[telemetry]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is logged: `info`, or in more detail `info,platform=debug`.
    pub log: String,
    /// The format of the log.
    pub format: LogFormat,
    /// The address of an OTLP collector: `http://127.0.0.1:4317`. Without it, nothing leaves the process.
    pub endpoint: Option<String>,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For machines: one JSON object per line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log: "info,opentelemetry=warn,sea_orm_migration=warn".to_owned(),
            format: LogFormat::default(),
            endpoint: None,
        }
    }
}

/// How long the process waits for the collector at its end.
const FLUSH: Duration = Duration::from_secs(5);

/// The metrics of `/metrics`. There is one registry for each process, as there is one global meter.
static METRICS: LazyLock<Registry> = LazyLock::new(Registry::new);

/// Telemetry that is running, with what was not sent yet.
#[must_use = "what was not sent is lost without `flush`"]
pub struct Guard {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: Option<SdkLoggerProvider>,
}

/// Starts telemetry with the process's name, once in each process. Error: internal, with the key of a setting that cannot be used.
pub fn init(name: &str, settings: &Settings) -> Result<Guard> {
    let guard = Guard::new(name, settings.endpoint.as_deref(), &METRICS)
        .map_err(|error| Error::internal(format!("telemetry: {error}")))?;
    let filter =
        || EnvFilter::try_new(&settings.log).map_err(|error| Error::internal(format!("telemetry.log: {error}")));
    #[expect(clippy::disallowed_methods, reason = "a word between terminals and programs, and no setting of ours")]
    let ansi = coloured(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
    let written = tracing_subscriber::fmt::layer().with_ansi(ansi).with_writer(std::io::stderr);
    let written = match settings.format {
        LogFormat::Human => written.with_filter(filter()?).boxed(),
        LogFormat::Json => written.json().flatten_event(true).with_span_list(false).with_filter(filter()?).boxed(),
    };
    let spans = tracing_opentelemetry::layer()
        .with_tracer(guard.traces.tracer("koine"))
        .with_location(false)
        .with_threads(false);
    // what the exporter itself logs must not be exported
    let quiet = |filter: EnvFilter| {
        ["opentelemetry=off", "tonic=off", "h2=off", "hyper=off", "tower=off"]
            .into_iter()
            .filter_map(|directive| directive.parse().ok())
            .fold(filter, EnvFilter::add_directive)
    };
    let sent = guard.logs.as_ref().map(OpenTelemetryTracingBridge::new);
    let sent = sent.map(|layer| filter().map(|filter| layer.with_filter(quiet(filter)))).transpose()?;
    tracing_subscriber::registry()
        .with(written)
        .with(spans.with_filter(LevelFilter::INFO))
        .with(sent)
        .try_init()
        .map_err(|error| Error::internal(format!("telemetry was started before: {error}")))?;
    global::set_meter_provider(guard.metrics.clone());
    Ok(guard)
}

/// The spans that are recorded. Without a collector, spans have an id for the log and the answer, and are not recorded, which costs
/// little. A span whose caller's is recorded is recorded all the same.
fn sampler(endpoint: Option<&str>) -> Sampler {
    let root = if endpoint.is_some() { Sampler::AlwaysOn } else { Sampler::AlwaysOff };
    Sampler::ParentBased(Box::new(root))
}

/// Whether the log has colours: on a terminal whose user did not ask for none. In a file they would be noise.
fn coloured(terminal: bool, no_color: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
}

impl Guard {
    fn new(
        name: &str,
        endpoint: Option<&str>,
        page: &Registry,
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let resource = Resource::builder_empty().with_service_name(name.to_owned()).build();
        let page =
            opentelemetry_prometheus::exporter().with_registry(page.clone()).scope_info_enabled(false).build()?;
        let mut traces = SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(sampler(endpoint));
        let mut metrics = SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(page);
        let mut logs = None;
        if let Some(endpoint) = endpoint {
            let Exporters { spans, numbers, lines } = Exporters::new(endpoint)?;
            traces = traces.with_batch_exporter(spans);
            metrics = metrics.with_periodic_exporter(numbers);
            logs = Some(SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(lines).build());
        }
        Ok(Self { traces: traces.build(), metrics: metrics.build(), logs })
    }

    /// Sends what was not sent. It waits a few seconds at most, so that a collector that cannot be reached does not delay the end.
    pub async fn flush(self) {
        let flushed = tokio::task::spawn_blocking(move || {
            // each logs what it could not send
            let _ = self.traces.shutdown_with_timeout(FLUSH);
            let _ = self.metrics.shutdown_with_timeout(FLUSH);
            let _ = self.logs.map(|logs| logs.shutdown_with_timeout(FLUSH));
        });
        // a panic is ignored, because the process is ending
        let _ = flushed.await;
    }
}

struct Exporters {
    spans: SpanExporter,
    numbers: MetricExporter,
    lines: LogExporter,
}

impl Exporters {
    fn new(endpoint: &str) -> Result<Self, ExporterBuildError> {
        Ok(Self {
            spans: SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?,
            numbers: MetricExporter::builder().with_tonic().with_endpoint(endpoint).build()?,
            lines: LogExporter::builder().with_tonic().with_endpoint(endpoint).build()?,
        })
    }
}

/// The metrics of this process, in the text format of Prometheus.
pub fn metrics_page() -> String {
    page_of(&METRICS)
}

fn page_of(registry: &Registry) -> String {
    TextEncoder::new().encode_to_string(&registry.gather()).unwrap_or_else(|error| {
        tracing::error!(%error, "the metrics cannot be written");
        String::new()
    })
}

/// The W3C `traceparent` of the current span, to be sent, or stored with a fact. None, where there is no trace.
pub fn current_traceparent() -> Option<String> {
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    headers.get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Makes a new span a child of the span that a `traceparent` names.
pub fn follow(span: &Span, traceparent: &str) {
    let mut headers = HeaderMap::new();
    headers.extend(traceparent.parse().ok().map(|value: HeaderValue| (HeaderName::from_static("traceparent"), value)));
    if let Some(parent) = parent(&headers) {
        // fails only where there is no telemetry
        let _ = span.set_parent(parent);
    }
}

/// The id of the current trace, which operators search for. None, where there is no trace.
pub fn trace_id() -> Option<String> {
    id_of(&Span::current().context())
}

/// Adds the current span's context to the headers of a call.
pub fn inject(headers: &mut HeaderMap) {
    struct Injector<'a>(&'a mut HeaderMap);
    impl opentelemetry::propagation::Injector for Injector<'_> {
        fn set(&mut self, key: &str, value: String) {
            // an empty tracestate is left out
            if let (false, Ok(name), Ok(value)) = (value.is_empty(), key.parse::<HeaderName>(), value.parse()) {
                self.0.insert(name, value);
            }
        }
    }
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Injector(headers));
}

/// The parent span that the headers of a call name. None, where they name none.
pub(crate) fn parent(headers: &HeaderMap) -> Option<Context> {
    struct Headers<'a>(&'a HeaderMap);
    impl Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key).and_then(|value| value.to_str().ok())
        }
        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(HeaderName::as_str).collect()
        }
    }
    let found = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    found.span().span_context().is_valid().then_some(found)
}

/// The id of a context's trace. None, where it has none.
pub(crate) fn id_of(context: &Context) -> Option<String> {
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| span.trace_id().to_string())
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn traced(test: impl FnOnce()) {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), test);
    }

    #[test]
    fn a_span_follows_its_caller_and_is_followed() {
        traced(|| {
            let span = tracing::info_span!("call");
            follow(&span, PARENT);
            let _here = span.enter();
            assert_eq!(trace_id().unwrap(), "4bf92f3577b34da6a3ce929d0e0e4736");
            let next = current_traceparent().unwrap();
            assert!(next.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && next.ends_with("-01"), "{next}");
            assert_ne!(next, PARENT, "the parent of the next call is this span");
        });
    }

    #[test]
    fn a_broken_traceparent_begins_a_new_trace() {
        traced(|| {
            let span = tracing::info_span!("call");
            follow(&span, "00-zz-zz-00");
            let _here = span.enter();
            assert!(trace_id().is_some_and(|id| id != "4bf92f3577b34da6a3ce929d0e0e4736"));
        });
    }

    #[test]
    fn without_telemetry_there_is_no_trace() {
        assert_eq!((trace_id(), current_traceparent()), (None, None));
    }

    #[test]
    fn a_trace_that_goes_nowhere_has_an_id_and_is_not_recorded() {
        for (endpoint, recorded) in [(None, "-00"), (Some("http://127.0.0.1:9"), "-01")] {
            let provider = SdkTracerProvider::builder().with_sampler(sampler(endpoint)).build();
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                let _here = tracing::info_span!("call").entered();
                let parent = current_traceparent().unwrap();
                assert!(trace_id().is_some_and(|id| parent.contains(&id)) && parent.ends_with(recorded), "{parent}");
            });
        }
    }

    #[test]
    fn colours_are_for_a_terminal_whose_reader_did_not_ask_for_none() {
        assert!(coloured(true, None) && coloured(true, Some("".as_ref())));
        assert!(!coloured(true, Some("1".as_ref())));
        assert!(!coloured(false, None));
    }

    #[test]
    fn metrics_come_out_as_prometheus_reads_them() {
        let registry = Registry::new();
        let guard = Guard::new("koine-test", None, &registry).unwrap();
        guard.metrics.meter("test").u64_counter("doors.opened").build().add(3, &[]);
        let page = page_of(&registry);
        assert!(page.contains("\ndoors_opened_total 3\n") && page.contains("koine-test"), "{page}");
    }

    #[tokio::test]
    async fn a_collector_that_cannot_be_reached_does_not_delay_the_end() {
        let guard = Guard::new("test", Some("http://127.0.0.1:9"), &Registry::new()).unwrap();
        let begun = std::time::Instant::now();
        guard.flush().await;
        assert!(begun.elapsed() < FLUSH * 4);
    }
}
