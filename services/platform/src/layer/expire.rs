//! A caller who watches was let in by a token, which is valid for minutes. A stream without an end of its own ends with this token.
//! The caller begins again with a new token, and is checked again. The download of a file is not ended.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use tokio::time::{Interval, interval};
use tonic::{Code, Status, body::Body};

use super::{Inbound, Layer, Next, code_of, refuse};
use crate::{
    Clock, Error,
    deadline::last,
    error::{Reason, Shared},
    token::Verifier,
};

/// How often the token of a quiet stream is checked.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Expire {
    pub(super) verifier: Verifier,
    pub(super) clock: Clock,
}

impl Layer for Expire {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let ctx = call.ctx.as_ref().filter(|_| call.method.watches);
        let token = ctx.and_then(|ctx| ctx.call().token.clone());
        let response = next.run(call).await;
        let Some(token) = token.filter(|_| code_of(&response) == Code::Ok) else { return response };
        match self.verifier.verify(&token).await {
            Ok(claims) => response.map(|body| {
                Body::new(Until { body: Some(body), exp: claims.exp, clock: self.clock.clone(), look: interval(LOOK) })
            }),
            Err(error) => refuse(error),
        }
    }
}

/// A stream that ends when its token expires.
struct Until {
    /// None: the stream has ended.
    body: Option<Body>,
    exp: i64,
    clock: Clock,
    look: Interval,
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        // the timer also wakes this task where nothing comes out of the stream
        while self.look.poll_tick(cx).is_ready() {}
        let over = self.clock.now().as_second() >= self.exp;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        if !over {
            return Pin::new(body).poll_frame(cx);
        }
        self.body = None;
        Poll::Ready(Some(last(expired())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }
}

fn expired() -> Error {
    Shared::TokenExpired
        .error("The minutes of the token this was begun with are over. Refresh the session and begin again.")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::{BodyExt, StreamBody};
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        Caller, Ctx, Ids, ctx,
        layer::{
            Call, Method,
            testing::{Then, call_of, clock, reason, tenants, token},
        },
        token::{KeySource, Signer},
    };

    /// A stream with one message, after so many seconds of a token of ten minutes: whether the message came, and the reason of its
    /// end.
    async fn watched(watches: bool, seconds: i64) -> (bool, Option<String>) {
        let (signer, clock, (tenants, _folder)) = (Signer::random().unwrap(), clock(), tenants());
        let verifier = Verifier::new("koine", clock.clone(), KeySource::fixed(vec![signer.public_jwk().clone()]));
        let about = ctx::Call::new(Some(token(&signer, &clock, "it")), None);
        let tenant = tenants.get("it").unwrap();
        let ctx = Ctx::new(tenant, Caller::Anonymous, &clock, Ids::new(clock.clone())).with_call(about, None);
        let name = "test.v1.Test/Watch".into();
        let method = Arc::new(Method { name, access: None, streams_in: false, streams_out: true, watches });
        let inbound = Box::new(Call { ctx: Some(ctx), ..*call_of(method, &[]) });
        let next = Then(async |_| {
            let word = futures::stream::iter([Ok::<_, Status>(Frame::data(Bytes::from_static(b"word")))]);
            Response::new(Body::new(StreamBody::new(futures::StreamExt::chain(word, futures::stream::pending()))))
        });
        let mut body = Expire { verifier, clock: clock.clone() }.around(inbound, &next).await.into_body();
        let first = body.frame().await.is_some_and(|frame| frame.unwrap().is_data());
        clock.advance(SignedDuration::from_secs(seconds));
        let end = tokio::time::timeout(LOOK * 3, body.frame()).await.ok().map(|frame| {
            let mut end = Response::new(Body::empty());
            *end.headers_mut() = frame.unwrap().unwrap().into_trailers().unwrap();
            reason(&end)
        });
        assert!(end.is_none() || body.frame().await.is_none(), "nothing comes after the end");
        (first, end)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_an_end_ends_with_its_token() {
        assert_eq!(watched(true, 599).await, (true, None));
        assert_eq!(watched(true, 600).await, (true, Some("TOKEN_EXPIRED".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_on_its_way_is_not_cut() {
        assert_eq!(watched(false, 600).await, (true, None));
    }
}
