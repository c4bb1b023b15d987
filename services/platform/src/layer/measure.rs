//! Metrics: the calls that run, their duration, and their outcome, by method and code. The tenant is no label: metrics would grow
//! with every country, and those of a small country would show who does what when.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use opentelemetry::{
    KeyValue, global,
    metrics::{Histogram, Meter, UpDownCounter},
};
use tonic::{Code, Status, body::Body};

use super::{Inbound, Layer, Next, code_of};
use crate::telemetry::call::name_of;

/// Seconds, as in the conventions of OpenTelemetry.
const BOUNDARIES: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

pub(super) struct Measure(Arc<Instruments>);

struct Instruments {
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
}

impl Measure {
    /// Uses the global meter: telemetry must be started before.
    pub(super) fn new() -> Self {
        Self::with(&global::meter("koine"))
    }

    fn with(meter: &Meter) -> Self {
        let duration =
            meter.f64_histogram("rpc.server.call.duration").with_unit("s").with_boundaries(BOUNDARIES.to_vec());
        let active = meter.i64_up_down_counter("rpc.server.call.active");
        Self(Arc::new(Instruments { duration: duration.build(), active: active.build() }))
    }
}

impl Layer for Measure {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let mut running = Running::begin(&self.0, &call.method.name);
        let streams_out = call.method.streams_out;
        let response = next.run(call).await;
        running.code = code_of(&response);
        if streams_out && running.code == Code::Ok {
            // a stream that is not read to its end was cancelled
            running.code = Code::Cancelled;
            return response.map(|body| Body::new(Measured { body, running }));
        }
        response
    }
}

/// A running call. It is recorded when it is dropped, also where its caller goes away before the answer.
struct Running {
    instruments: Arc<Instruments>,
    method: KeyValue,
    begun: Instant,
    code: Code,
}

impl Running {
    fn begin(instruments: &Arc<Instruments>, method: &Arc<str>) -> Self {
        let method = KeyValue::new("rpc.method", method.clone());
        instruments.active.add(1, std::slice::from_ref(&method));
        Self { instruments: instruments.clone(), method, begun: Instant::now(), code: Code::Cancelled }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Self { instruments, method, begun, code } = self;
        instruments.active.add(-1, std::slice::from_ref(method));
        let labels = [method.clone(), KeyValue::new("rpc.response.status_code", name_of(*code))];
        instruments.duration.record(begun.elapsed().as_secs_f64(), &labels);
    }
}

/// A stream of answers: the call runs as long as the stream.
struct Measured {
    body: Body,
    running: Running,
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let end = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::trailers_ref);
        if let Some(code) = end.and_then(|trailers| trailers.get("grpc-status")) {
            self.running.code = Code::from_bytes(code.as_bytes());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use http::HeaderMap;
    use http_body_util::{BodyExt, StreamBody};
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use prometheus::{Registry, TextEncoder};

    use super::*;
    use crate::{
        error::{Reason, Shared},
        layer::{
            Method, refuse,
            testing::{Then, call, call_of, fine},
        },
    };

    struct Scene {
        registry: Registry,
        layer: Measure,
        _provider: SdkMeterProvider,
    }

    fn scene() -> Scene {
        let registry = Registry::new();
        let page = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().unwrap();
        let provider = SdkMeterProvider::builder().with_reader(page).build();
        Scene { registry, layer: Measure::with(&provider.meter("test")), _provider: provider }
    }

    impl Scene {
        /// The number of calls that ended with a code, and the number that run.
        fn ended(&self, code: &str) -> (u32, i32) {
            let page = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap();
            let number = |name: &str, label: &str| {
                let line = page.lines().find(|line| line.starts_with(name) && line.contains(label))?;
                line.rsplit(' ').next().map(str::to_owned)
            };
            let count =
                number("rpc_server_call_duration_seconds_count", &format!("rpc_response_status_code=\"{code}\""));
            let active = number("rpc_server_call_active", "rpc_method=\"test.v1.Test/Call\"").unwrap();
            (count.map_or(0, |count| count.parse().unwrap()), active.parse().unwrap())
        }
    }

    #[tokio::test]
    async fn a_call_is_counted_by_how_it_ends() {
        let scene = scene();
        scene.layer.around(call(&[]), &fine()).await;
        let refused = Then(async |_| refuse(Shared::NotFound.error("no")));
        scene.layer.around(call(&[]), &refused).await;
        assert_eq!((scene.ended("OK"), scene.ended("NOT_FOUND")), ((1, 0), (1, 0)));
    }

    #[tokio::test]
    async fn a_call_whose_caller_goes_away_is_counted_too() {
        let scene = scene();
        let never = Then(async |_| std::future::pending().await);
        let mut call = Box::pin(scene.layer.around(call(&[]), &never));
        assert!(call.as_mut().now_or_never().is_none());
        assert_eq!(scene.ended("CANCELLED"), (0, 1));
        drop(call);
        assert_eq!(scene.ended("CANCELLED"), (1, 0));
    }

    #[tokio::test]
    async fn a_stream_runs_until_it_ends_and_ends_as_its_trailers_say() {
        let scene = scene();
        let stream = || {
            let method = Arc::new(Method {
                name: "test.v1.Test/Call".into(),
                access: None,
                streams_in: false,
                streams_out: true,
                watches: true,
            });
            call_of(method, &[])
        };
        let next = Then(async |_| {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "14".parse().unwrap());
            let frames = [Ok::<_, Status>(Frame::data(Bytes::from_static(b"one"))), Ok(Frame::trailers(trailers))];
            Response::new(Body::new(StreamBody::new(futures::stream::iter(frames))))
        });
        let answer = scene.layer.around(stream(), &next).await;
        assert_eq!(scene.ended("UNAVAILABLE"), (0, 1));
        answer.into_body().collect().await.unwrap();
        assert_eq!(scene.ended("UNAVAILABLE"), (1, 0));
        drop(scene.layer.around(stream(), &next).await);
        assert_eq!(scene.ended("CANCELLED"), (1, 0));
    }
}
