//! A span per call, named by its method, continuing the caller's trace. Its fields are names and ids, nothing of the call itself.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use tonic::{Code, Status, body::Body};
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{Call, Inbound, Layer, Next, code_of};
use crate::{TenantId, telemetry};

pub(super) struct Trace;

impl Layer for Trace {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let span = span(&call);
        let streams_out = call.method.streams_out;
        let response = next.run(call).instrument(span.clone()).await;
        finish(&span, code_of(&response));
        if streams_out { response.map(|body| Body::new(Traced { body, span })) } else { response }
    }
}

/// Every field is given at once: a log in JSON writes all of them anew for each one that comes later.
fn span(call: &Call) -> Span {
    let headers = call.request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // as it is asked for, if it can be one at all: what a stranger writes is not repeated in the log
    let tenant = text("koine-tenant").filter(|tenant| tenant.parse::<TenantId>().is_ok());
    let parent = telemetry::parent(headers);
    let span = tracing::info_span!(
        parent: None,
        "call",
        otel.name = &*call.method.name,
        otel.kind = "server",
        rpc.method = &*call.method.name,
        tenant,
        trace_id = parent.as_ref().and_then(telemetry::id_of),
    );
    match parent {
        // where nothing is traced there is nothing to follow
        Some(parent) => drop(span.set_parent(parent)),
        None => drop(telemetry::id_of(&span.context()).map(|id| span.record("trace_id", id))),
    }
    span
}

/// What is known at the end goes to the trace alone.
fn finish(span: &Span, code: Code) {
    span.set_attribute("rpc.system.name", "grpc");
    span.set_attribute("rpc.response.status_code", name_of(code));
    let ours = matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    if ours {
        span.set_status(opentelemetry::trace::Status::error(name_of(code)));
    }
}

/// The code as the conventions of OpenTelemetry write it.
pub(super) fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// A stream of answers: the span lasts as long as it does.
struct Traced {
    body: Body,
    span: Span,
}

impl http_body::Body for Traced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, span } = &mut *self;
        let _here = span.enter();
        Pin::new(body).poll_frame(cx)
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
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::layer::testing::{Then, call, reason};

    #[tokio::test]
    async fn a_call_continues_the_trace_of_its_caller() {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
        let _here = tracing::subscriber::set_default(subscriber);
        let next = Then(async |_| {
            assert_eq!(telemetry::trace_id().unwrap(), "4bf92f3577b34da6a3ce929d0e0e4736");
            Response::new(Body::empty())
        });
        let parent = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
        assert_eq!(reason(&Trace.around(call(&parent), &next).await), "OK");
    }

    #[test]
    fn every_code_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = (0..17).map(|code| name_of(Code::from_i32(code))).collect();
        assert_eq!(names.len(), 17);
    }
}
