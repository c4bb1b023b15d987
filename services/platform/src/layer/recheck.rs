//! Checks whether a visitor may still be here. What let them in can end at home at any time, and their token does not show it. So
//! it is checked before the method runs, before every message of a watch, and every second during a long answer.

use futures::stream;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use jiff::SignedDuration;
use tonic::body::Body;

use super::{Inbound, Layer, Next, refuse};
use crate::{Clock, Ctx, border, deadline::last};

/// How long a check may take while an answer streams. The call's own deadline is for its beginning.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// How often the check is made while bytes are sent: a film has thousands of pieces.
const PACE: SignedDuration = SignedDuration::from_secs(1);

pub(super) struct Recheck {
    pub(super) ask: border::Recheck,
    pub(super) clock: Clock,
}

impl Layer for Recheck {
    async fn around(&self, mut call: Inbound, next: &impl Next) -> Response<Body> {
        let Some(visitor) = call.ctx.clone().filter(|ctx| ctx.home().is_some()) else { return next.run(call).await };
        match self.ask.check(&visitor).await {
            Ok(said) => call.ctx = Some(visitor.clone().told(said)),
            Err(error) => return refuse(error),
        }
        let pace = if call.method.watches { SignedDuration::ZERO } else { PACE };
        let streams = call.method.streams_out;
        let response = next.run(call).await;
        if streams { response.map(|body| self.watched(visitor, body, pace)) } else { response }
    }
}

impl Recheck {
    /// A stream that ends when its reader may not be here any more.
    fn watched(&self, visitor: Ctx, body: Body, pace: SignedDuration) -> Body {
        let (ask, clock) = (self.ask.clone(), self.clock.clone());
        let frames = stream::unfold(Some((body, clock.now())), move |going| {
            let (ask, clock, visitor) = (ask.clone(), clock.clone(), visitor.clone());
            async move {
                let (mut body, asked) = going?;
                let frame = body.frame().await?;
                let visitor = visitor.later(&clock, PATIENCE);
                let is_due = visitor.now().duration_since(asked) >= pace;
                if !is_due || !frame.as_ref().is_ok_and(Frame::is_data) {
                    return Some((frame, Some((body, asked))));
                }
                match ask.check(&visitor).await {
                    Ok(_) => Some((frame, Some((body, visitor.now())))),
                    Err(error) => Some((last(error), None)),
                }
            }
        });
        Body::new(StreamBody::new(frames))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use bytes::Bytes;
    use proto::options::v1::Role;
    use tonic::{Code, Status};

    use super::*;
    use crate::{
        Caller, Ids,
        layer::{
            Call, Method,
            testing::{Then, call_of, clock, fine, programme, reason},
        },
        testing,
    };

    /// A check that lets a visitor stay for this many questions, and the number of questions asked.
    fn for_a_while(questions: usize) -> (Recheck, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let ask = border::Recheck::new(move |_| {
            let stays = counted.fetch_add(1, Ordering::SeqCst) < questions;
            std::future::ready(if stays { Ok(()) } else { Err(border::ended()) })
        });
        (Recheck { ask, clock: clock() }, asked)
    }

    fn call_by(caller: Caller, watches: bool) -> Inbound {
        let (tenants, _folder) = programme();
        let ctx = Ctx::new(tenants.get("it-hr").unwrap(), caller, &clock(), Ids::new(clock()));
        let method =
            Method { name: "test.v1.Test/Watch".into(), access: None, streams_in: false, streams_out: true, watches };
        Box::new(Call { ctx: Some(ctx), ..*call_of(Arc::new(method), &[]) })
    }

    fn visitor() -> Caller {
        testing::visitor(Role::TwinTeam, &"it".parse().unwrap(), None, &Ids::new(clock()))
    }

    #[tokio::test]
    async fn a_visitor_is_asked_about_before_every_call_and_nobody_else_is() {
        let (layer, asked) = for_a_while(2);
        for expected in ["OK", "OK", "MEMBERSHIP_ENDED"] {
            assert_eq!(reason(&layer.around(call_by(visitor(), false), &fine()).await), expected);
        }
        assert_eq!(reason(&layer.around(call_by(Caller::Anonymous, true), &fine()).await), "OK");
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn the_value_of_a_check_travels_with_the_call_and_crosses_no_border() {
        let ask = border::Recheck::new(|_| std::future::ready(Ok("a class by the sea")));
        let layer = Recheck { ask, clock: clock() };
        let next = Then(async |call: Inbound| {
            let ctx = call.ctx.unwrap();
            assert_eq!((ctx.said::<&str>(), ctx.said::<String>()), (Some(&"a class by the sea"), None));
            assert_eq!(ctx.across(ctx.tenant().clone()).said::<&str>(), None);
            Response::new(Body::empty())
        });
        assert_eq!(reason(&layer.around(call_by(visitor(), false), &next).await), "OK");
        let nothing = Then(async |call: Inbound| {
            assert_eq!(call.ctx.unwrap().said::<&str>(), None);
            Response::new(Body::empty())
        });
        assert_eq!(reason(&layer.around(call_by(Caller::Anonymous, false), &nothing).await), "OK");
    }

    #[tokio::test]
    async fn a_stream_ends_before_the_first_message_its_reader_may_not_see() {
        let next = Then(async |_| {
            let messages =
                ["one", "two", "three"].map(|text| Ok::<_, Status>(Frame::data(Bytes::from_static(text.as_bytes()))));
            Response::new(Body::new(StreamBody::new(stream::iter(messages))))
        });
        let (layer, _) = for_a_while(3);
        let answer = layer.around(call_by(visitor(), true), &next).await;
        let read = answer.into_body().collect().await.unwrap();
        let status = Status::from_header_map(read.trailers().unwrap()).unwrap();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(read.to_bytes(), "onetwo");
        let (layer, asked) = for_a_while(1);
        let file = layer.around(call_by(visitor(), false), &next).await.into_body().collect().await.unwrap();
        assert_eq!((file.to_bytes(), asked.load(Ordering::SeqCst)), (Bytes::from_static(b"onetwothree"), 1));
    }

    #[tokio::test]
    async fn bytes_that_take_long_are_cut_within_a_second_of_the_end() {
        let (layer, asked) = for_a_while(2);
        let time = layer.clock.clone();
        let next = Then(move |_| {
            let time = time.clone();
            let pieces = ["one", "two", "three", "four", "five"].into_iter().map(move |text| {
                time.advance(SignedDuration::from_millis(500));
                Ok::<_, Status>(Frame::data(Bytes::from_static(text.as_bytes())))
            });
            std::future::ready(Response::new(Body::new(StreamBody::new(stream::iter(pieces)))))
        });
        let answer = layer.around(call_by(visitor(), false), &next).await;
        let read = answer.into_body().collect().await.unwrap();
        assert_eq!(Status::from_header_map(read.trailers().unwrap()).unwrap().code(), Code::PermissionDenied);
        assert_eq!((read.to_bytes(), asked.load(Ordering::SeqCst)), (Bytes::from_static(b"onetwothree"), 3));
    }
}
