//! A caller who watches was let in by a token, which is valid for minutes. A stream without an end of its own ends with this token.
//! The caller begins again with a new token, and is checked again. The download of a file is not ended with its token. Where the
//! session of the token ends, both end.

use std::{
    pin::Pin,
    sync::Arc,
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
    ended::{self, Ended},
    error::{Reason, Shared},
    token::{Claims, Verifier},
};

/// How often the token of a quiet stream is checked.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Expire {
    pub(super) verifier: Verifier,
    pub(super) ended: Ended,
    pub(super) clock: Clock,
}

impl Layer for Expire {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let ctx = call.ctx.as_ref().filter(|_| call.method.streams_out);
        let Some(token) = ctx.and_then(|ctx| ctx.call().token.clone()) else { return next.run(call).await };
        // it was verified a moment ago, and is looked up only
        let claims = match self.verifier.verify(&token).await {
            Ok(claims) => claims,
            Err(error) => return refuse(error),
        };
        let watches = call.method.watches;
        let response = next.run(call).await;
        if code_of(&response) != Code::Ok {
            return response;
        }
        let (ended, clock) = (self.ended.clone(), self.clock.clone());
        response.map(|body| Body::new(Until { body: Some(body), claims, watches, ended, clock, look: interval(LOOK) }))
    }
}

/// A stream that ends with the session of its token, and where it has no end of its own with the token.
struct Until {
    /// None: the stream has ended.
    body: Option<Body>,
    claims: Arc<Claims>,
    watches: bool,
    ended: Ended,
    clock: Clock,
    look: Interval,
}

impl Until {
    /// What ends the stream now.
    fn end(&self) -> Option<Error> {
        if self.ended.has(&self.claims) {
            return Some(ended::over());
        }
        (self.watches && self.clock.now().as_second() >= self.claims.exp).then(expired)
    }
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        // the timer also wakes this task where nothing comes out of the stream
        while self.look.poll_tick(cx).is_ready() {}
        let end = self.end();
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let Some(error) = end else { return Pin::new(body).poll_frame(cx) };
        self.body = None;
        Poll::Ready(Some(last(error)))
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
    use http_body_util::{BodyExt, StreamBody};
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;
    use crate::{
        Caller, Ctx, Ids, ctx,
        layer::{
            Call, Method,
            testing::{Then, call_of, clock, reason, tenants, token},
        },
        token::{KeySource, Settings, Signer},
    };

    /// What happens to a stream after its first message.
    enum Event {
        /// So many seconds of a token of ten minutes are over.
        Passed(i64),
        /// This session of the tenant ends.
        Ended(&'static str, u128),
    }

    /// A stream with one message, and what happens then: whether the message came, and the reason of its end.
    async fn watched(watches: bool, event: Event) -> (bool, Option<String>) {
        let (signer, clock, (tenants, _folder)) = (Signer::random().unwrap(), clock(), tenants());
        let verifier =
            Verifier::new(&Settings::default(), clock.clone(), KeySource::fixed(vec![signer.public_jwk().clone()]));
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
        let ended = Ended::default();
        let layer = Expire { verifier, ended: ended.clone(), clock: clock.clone() };
        let mut body = layer.around(inbound, &next).await.into_body();
        let first = body.frame().await.is_some_and(|frame| frame.unwrap().is_data());
        match event {
            Event::Passed(seconds) => clock.advance(SignedDuration::from_secs(seconds)),
            Event::Ended(tenant, session) => {
                ended.add(&tenant.parse().unwrap(), [(Uuid::from_u128(session), ended.kept_until(clock.now()))]);
            }
        }
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
        assert_eq!(watched(true, Event::Passed(599)).await, (true, None));
        assert_eq!(watched(true, Event::Passed(600)).await, (true, Some("TOKEN_EXPIRED".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_on_its_way_is_not_cut() {
        assert_eq!(watched(false, Event::Passed(600)).await, (true, None));
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_streams_ends_with_the_session_and_goes_on_without_another() {
        for watches in [true, false] {
            assert_eq!(watched(watches, Event::Ended("it", 2)).await, (true, Some("TOKEN_ENDED".to_owned())));
            assert_eq!(watched(watches, Event::Ended("it", 3)).await, (true, None), "the session of somebody else");
            assert_eq!(watched(watches, Event::Ended("hr", 2)).await, (true, None), "of another tenant");
        }
    }
}
