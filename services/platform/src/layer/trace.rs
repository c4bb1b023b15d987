//! Makes a span for each call, with the name of its method, in the caller's trace.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};
use tracing::{Instrument, Span};

use super::{Inbound, Layer, Next, code_of};
use crate::telemetry::call::{Side, begin, end};

pub(super) struct Trace;

impl Layer for Trace {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let span = begin(Side::Server, &call.method.name, call.request.headers());
        let streams_out = call.method.streams_out;
        let response = next.run(call).instrument(span.clone()).await;
        end(&span, code_of(&response));
        if streams_out { response.map(|body| Body::new(Traced { body, span })) } else { response }
    }
}

/// A stream of answers: the span lasts as long as the stream.
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
    use crate::telemetry;

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
}
