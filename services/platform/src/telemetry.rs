//! What operators see: logs on stderr, metrics at `/metrics`, and, once `telemetry.endpoint` is set, traces, metrics and logs over
//! OTLP. Spans exist without a collector too: the trace id in an answer is the one in the log.
//!
//! Never personal data: no log, span or label holds more than names of methods, tenants and reasons, and ids.

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

/// The `[telemetry]` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is logged: `info`, or finer, `info,platform=debug`.
    pub log: String,
    /// How it is written.
    pub format: LogFormat,
    /// Where an OTLP collector listens: `http://127.0.0.1:4317`. Absent: nothing leaves the process.
    pub endpoint: Option<String>,
}

/// How logs are written.
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

/// How long the collector is waited for at the end.
const FLUSH: Duration = Duration::from_secs(5);

/// What `/metrics` shows. One per process, like the global meter it is fed from.
static METRICS: LazyLock<Registry> = LazyLock::new(Registry::new);

/// Holds what has not been sent yet.
#[must_use = "what was not sent is lost without `flush`"]
pub struct Guard {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: Option<SdkLoggerProvider>,
}

/// Starts telemetry, once per process, under the process's name. Error: a setting that cannot be, named by its key.
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
    // what the way to the collector itself logs must not go that way
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

/// Which spans are recorded. Where they go nowhere they have an id, for the log and the answer, and nothing else: what is not
/// recorded costs little. A caller who wants its trace recorded is followed all the same.
fn sampler(endpoint: Option<&str>) -> Sampler {
    let root = if endpoint.is_some() { Sampler::AlwaysOn } else { Sampler::AlwaysOff };
    Sampler::ParentBased(Box::new(root))
}

/// Whether logs are written in colours. They are for eyes, of those who did not ask for none: in a file they are noise.
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

    /// Sends what is left. Waits a few seconds at most: a collector that is away must not keep the process.
    pub async fn flush(self) {
        let flushed = tokio::task::spawn_blocking(move || {
            // each says by itself, in the log, what it could not send
            let _ = self.traces.shutdown_with_timeout(FLUSH);
            let _ = self.metrics.shutdown_with_timeout(FLUSH);
            let _ = self.logs.map(|logs| logs.shutdown_with_timeout(FLUSH));
        });
        // a panic in there has nothing to tell anybody any more
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

/// The W3C `traceparent` of the current span: to be sent along, or kept with a fact. None where nothing is traced.
pub fn current_traceparent() -> Option<String> {
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    headers.get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Makes a span that has just been created a child of the one a `traceparent` names.
pub fn follow(span: &Span, traceparent: &str) {
    let mut headers = HeaderMap::new();
    headers.extend(traceparent.parse().ok().map(|value: HeaderValue| (HeaderName::from_static("traceparent"), value)));
    if let Some(parent) = parent(&headers) {
        // where nothing is traced there is nothing to follow
        let _ = span.set_parent(parent);
    }
}

/// The id of the current trace, as operators search for it. None where nothing is traced.
pub fn trace_id() -> Option<String> {
    id_of(&Span::current().context())
}

/// Writes the current span's context into the headers of a call.
pub fn inject(headers: &mut HeaderMap) {
    struct Injector<'a>(&'a mut HeaderMap);
    impl opentelemetry::propagation::Injector for Injector<'_> {
        fn set(&mut self, key: &str, value: String) {
            // an empty tracestate says nothing
            if let (false, Ok(name), Ok(value)) = (value.is_empty(), key.parse::<HeaderName>(), value.parse()) {
                self.0.insert(name, value);
            }
        }
    }
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Injector(headers));
}

/// The span that the headers of a call name as its parent, if they name one.
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

/// The id of the trace a context belongs to.
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
    async fn a_collector_that_is_away_keeps_nobody() {
        let guard = Guard::new("test", Some("http://127.0.0.1:9"), &Registry::new()).unwrap();
        let begun = std::time::Instant::now();
        guard.flush().await;
        assert!(begun.elapsed() < FLUSH * 4);
    }
}
