//! Reads the body of a call before the call takes a permit, so that a caller who sends nothing keeps nobody else out.
//!
//! An upload is not read here: its method reads it, and its bytes are not counted meanwhile.

use std::{
    mem,
    net::{IpAddr, SocketAddr},
};

use axum::extract::ConnectInfo;
use http::{Request, Response};
use http_body_util::Full;
use tonic::body::Body;

use super::{Inbound, Layer, Next};
use crate::{
    config::LARGEST_MESSAGE,
    intake::{Intake, PREFIX, gather},
    pace::{Arriving, Pace},
};

pub(super) struct Gather {
    pub(super) intake: Intake,
    pub(super) pace: Pace,
}

impl Layer for Gather {
    async fn around(&self, mut call: Inbound, next: &impl Next) -> Response<Body> {
        // the body of a call to an unknown method is not read
        if call.method.streams_in || call.method.access.is_none() {
            return next.run(call).await;
        }
        let mut held = self.intake.held(address(&call.request), call.request.extensions());
        let body = Arriving::new(mem::take(call.request.body_mut()), self.pace);
        match gather(body, LARGEST_MESSAGE + PREFIX, &mut held).await {
            Ok(message) => *call.request.body_mut() = Body::new(Full::new(message)),
            Err(status) => return status.into_http(),
        }
        next.run(call).await
    }
}

/// The address of the caller: the one that the gateway names, or else the other side of the connection.
fn address(request: &Request<Body>) -> Option<IpAddr> {
    let said = request.headers().get("koine-address").and_then(|address| address.to_str().ok()?.parse().ok());
    said.or_else(|| Some(request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip()))
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, sync::Arc, time::Duration};

    use bytes::Bytes;
    use futures::{FutureExt, StreamExt, stream};
    use http_body::Frame;
    use http_body_util::{BodyExt, StreamBody};
    use tonic::Status;

    use super::*;
    use crate::{
        config::Limits,
        layer::{
            Call, Method, Over,
            shed::Shed,
            testing::{Then, call, call_of, fine, reason},
        },
    };

    fn layer() -> Gather {
        of(&Limits::default())
    }

    /// A layer under which a body may be silent for ten seconds.
    fn of(limits: &Limits) -> Gather {
        let pace = Pace::new(Duration::from_secs(10), NonZeroU32::new(1024).unwrap());
        Gather { intake: Intake::new(limits), pace }
    }

    fn with(call: Inbound, body: Body) -> Inbound {
        let Call { method, request, time_left, ctx } = *call;
        Box::new(Call { method, request: request.map(|_| body), time_left, ctx })
    }

    fn silent() -> Body {
        let pieces = stream::once(std::future::ready(Ok::<_, Status>(Frame::data(Bytes::from_static(b"half")))));
        Body::new(StreamBody::new(Box::pin(pieces.chain(stream::pending()))))
    }

    fn upload() -> Arc<Method> {
        let name = "test.v1.Test/Upload".into();
        Arc::new(Method { name, access: None, streams_in: true, streams_out: false, watches: false })
    }

    #[tokio::test(start_paused = true)]
    async fn callers_who_send_nothing_take_no_permits_and_are_refused() {
        let (layer, shed) = (layer(), Over(Arc::new(Shed::new(NonZeroU32::MIN)), fine()));
        let mut silent: Vec<_> = (0..1100).map(|_| Box::pin(layer.around(with(call(&[]), silent()), &shed))).collect();
        assert!(silent.iter_mut().all(|call| call.as_mut().now_or_never().is_none()));
        assert_eq!(reason(&layer.around(call(&[]), &shed).await), "OK");
        let begun = tokio::time::Instant::now();
        for call in silent {
            assert_eq!(reason(&call.await), "BODY_TOO_SLOW");
        }
        assert_eq!(begun.elapsed().as_secs(), 10);
    }

    #[tokio::test]
    async fn the_method_gets_the_message_whole() {
        let next = Then(async |call: Inbound| {
            let read = call.request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(read, "onetwo");
            Response::new(Body::empty())
        });
        let pieces = ["one", "two"].map(|piece| Ok::<_, Status>(Frame::data(Bytes::from_static(piece.as_bytes()))));
        let body = Body::new(StreamBody::new(stream::iter(pieces)));
        assert_eq!(reason(&layer().around(with(call(&[]), body), &next).await), "OK");
    }

    #[tokio::test]
    async fn a_message_too_large_is_not_read_to_its_end() {
        let endless = stream::repeat_with(|| Ok::<_, Status>(Frame::data(Bytes::from(vec![0; 1 << 16]))));
        let refused = layer().around(with(call(&[]), Body::new(StreamBody::new(endless))), &fine()).await;
        assert_eq!(reason(&refused), "BODY_TOO_LARGE");
    }

    #[tokio::test]
    async fn the_bodies_of_uploads_and_of_unknown_methods_are_not_read() {
        for method in [upload(), Method::with(None)] {
            assert_eq!(reason(&layer().around(with(call_of(method, &[]), silent()), &fine()).await), "OK");
        }
    }

    #[tokio::test]
    async fn what_one_address_holds_is_bounded_and_the_edge_says_which_it_is() {
        let layer = of(&Limits { bytes_per_address: 6, ..Limits::default() });
        let from = |address: &str| with(call(&[("koine-address", address)]), silent());
        let next = fine();
        let mut first = Box::pin(layer.around(from("192.0.2.1"), &next));
        assert!(first.as_mut().now_or_never().is_none());
        assert_eq!(reason(&layer.around(from("192.0.2.1"), &next).await), "TOO_MUCH_AT_ONCE");
        assert!(layer.around(from("192.0.2.2"), &next).now_or_never().is_none());
    }
}
