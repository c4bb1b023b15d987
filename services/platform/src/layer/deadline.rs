//! Ends a call when the caller's time is over: its work is dropped, and its transaction rolls back. A stream ends when the time
//! that its caller gave is over; without a time it has no end.

use std::{num::NonZeroU32, time::Duration};

use http::Response;
use tokio::time::Instant;
use tonic::body::Body;

use super::{Inbound, Layer, Next, refuse};
use crate::deadline;

pub(super) struct Deadline {
    /// How long a call may take: the default, and the maximum.
    most: Duration,
}

impl Deadline {
    pub(super) fn new(seconds: NonZeroU32) -> Self {
        Self { most: crate::config::seconds(seconds) }
    }
}

impl Layer for Deadline {
    async fn around(&self, mut call: Inbound, next: &impl Next) -> Response<Body> {
        let asked = match deadline::read(call.request.headers()) {
            Ok(asked) => asked,
            Err(error) => return refuse(error),
        };
        let end = asked.filter(|_| call.method.streams_out).and_then(|asked| Instant::now().checked_add(asked));
        // an upload takes as long as the caller's network needs; a stream has answered once it begins
        let most =
            if call.method.streams_in { asked } else { Some(asked.map_or(self.most, |asked| asked.min(self.most))) };
        call.time_left = most;
        let answer = match most {
            Some(time) => {
                tokio::time::timeout(time, next.run(call)).await.unwrap_or_else(|_| refuse(deadline::passed()))
            }
            None => next.run(call).await,
        };
        match end {
            Some(end) => answer.map(|body| deadline::until(body, end)),
            None => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use bytes::Bytes;
    use http_body::Frame;
    use http_body_util::{BodyExt, StreamBody};
    use tokio_stream::StreamExt;
    use tonic::Status;

    use super::*;
    use crate::layer::{
        Method,
        testing::{Then, call, call_of, fine, reason},
    };

    fn deadline() -> Deadline {
        Deadline::new(NonZeroU32::new(60).unwrap())
    }

    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_deadline_the_work_is_dropped() {
        let dropped = Arc::new(AtomicBool::new(false));
        let seen = dropped.clone();
        let never = Then(move |_| {
            let flag = Flag(seen.clone());
            async move {
                let _held = flag;
                std::future::pending().await
            }
        });
        let begun = tokio::time::Instant::now();
        let answer = deadline().around(call(&[("grpc-timeout", "50m")]), &never).await;
        assert_eq!(reason(&answer), "DEADLINE_PASSED");
        assert!(begun.elapsed() < Duration::from_millis(60) && dropped.load(Ordering::SeqCst));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_waits_for_ever_does_not_make_us_work_for_ever() {
        let begun = tokio::time::Instant::now();
        let never = Then(async |_| std::future::pending().await);
        for headers in [&[][..], &[("grpc-timeout", "99999999H")]] {
            assert_eq!(reason(&deadline().around(call(headers), &never).await), "DEADLINE_PASSED");
        }
        assert_eq!(begun.elapsed().as_secs(), 120);
    }

    #[tokio::test]
    async fn a_time_that_cannot_be_read_is_refused_and_not_ignored() {
        for text in ["soon", "", "123456789S"] {
            assert_eq!(reason(&deadline().around(call(&[("grpc-timeout", text)]), &fine()).await), "FIELDS_INVALID");
        }
    }

    /// A stream with a message each second, with these headers: the number of messages, and the reason of its end.
    async fn streamed(headers: &[(&'static str, &str)]) -> (usize, Option<String>) {
        let name = "test.v1.Test/Watch".into();
        let method = Method { name, access: None, streams_in: false, streams_out: true, watches: true };
        let next = Then(async |_| {
            let seconds = tokio_stream::wrappers::IntervalStream::new(tokio::time::interval(Duration::from_secs(1)));
            let messages = seconds.take(100).map(|_| Ok::<_, Status>(Frame::data(Bytes::from_static(b"word"))));
            Response::new(Body::new(StreamBody::new(messages)))
        });
        let mut body = deadline().around(call_of(Arc::new(method), headers), &next).await.into_body();
        let mut messages = 0;
        while let Some(frame) = body.frame().await {
            match frame.unwrap().into_trailers() {
                Ok(trailers) => {
                    let mut end = Response::new(Body::empty());
                    *end.headers_mut() = trailers;
                    return (messages, Some(reason(&end)));
                }
                Err(_) => messages += 1,
            }
        }
        (messages, None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_the_time_of_its_caller_is_up_and_without_one_it_goes_on() {
        assert_eq!(streamed(&[("grpc-timeout", "3500m")]).await, (4, Some("DEADLINE_PASSED".to_owned())));
        assert_eq!(streamed(&[("grpc-timeout", "90S")]).await, (90, Some("DEADLINE_PASSED".to_owned())));
        assert_eq!(streamed(&[]).await, (100, None));
    }

    #[tokio::test]
    async fn an_upload_has_the_time_its_caller_gives() {
        let upload = || {
            Arc::new(Method {
                name: "test.v1.Test/Upload".into(),
                access: None,
                streams_in: true,
                streams_out: false,
                watches: false,
            })
        };
        let expect = |left: Option<Duration>| {
            Then(move |call: Inbound| {
                assert_eq!(call.time_left, left);
                std::future::ready(Response::new(Body::empty()))
            })
        };
        deadline().around(call_of(upload(), &[]), &expect(None)).await;
        deadline().around(call_of(upload(), &[("grpc-timeout", "5M")]), &expect(Some(Duration::from_secs(300)))).await;
        deadline().around(call(&[("grpc-timeout", "5M")]), &expect(Some(Duration::from_secs(60)))).await;
    }
}
