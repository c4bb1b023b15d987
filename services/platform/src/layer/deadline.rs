//! Nobody works on what nobody waits for: when the caller's time is up, the work is dropped and its transaction rolls back.

use std::{num::NonZeroU32, time::Duration};

use http::{HeaderMap, HeaderValue, Response};
use tonic::body::Body;

use super::{Inbound, Layer, Next, refuse};
use crate::{
    Error,
    error::{Reason, Shared},
};

const HEADER: &str = "grpc-timeout";

pub(super) struct Deadline {
    /// How long a call may take when its caller does not say, and at most.
    most: Duration,
}

impl Deadline {
    pub(super) fn new(seconds: NonZeroU32) -> Self {
        Self { most: Duration::from_secs(seconds.get().into()) }
    }
}

impl Layer for Deadline {
    async fn around(&self, mut call: Inbound, next: &impl Next) -> Response<Body> {
        let asked = read(call.request.headers());
        // an upload takes as long as the caller's line does; an answer has begun when the stream has
        let most =
            if call.method.streams_in { asked } else { Some(asked.map_or(self.most, |asked| asked.min(self.most))) };
        call.time_left = most;
        match most {
            Some(time) => tokio::time::timeout(time, next.run(call)).await.unwrap_or_else(|_| refuse(passed())),
            None => next.run(call).await,
        }
    }
}

/// The deadline passed.
pub(crate) fn passed() -> Error {
    Shared::DeadlinePassed.error("The time given for this call was over before the answer was ready.")
}

/// The time a caller gives, as gRPC writes it: at most eight digits and a unit. What is written otherwise counts as not written.
fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Gives a call that goes out this much time.
pub(crate) fn write(headers: &mut HeaderMap, time: Duration) {
    let text = match u32::try_from(time.as_millis()) {
        Ok(millis) if millis < 100_000_000 => format!("{millis}m"),
        _ => "99999999S".to_owned(),
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(HEADER, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;
    use crate::layer::{
        Method,
        testing::{Then, call, call_of, reason},
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
        for headers in [&[][..], &[("grpc-timeout", "99999999H")], &[("grpc-timeout", "soon")]] {
            assert_eq!(reason(&deadline().around(call(headers), &never).await), "DEADLINE_PASSED");
        }
        assert_eq!(begun.elapsed().as_secs(), 180);
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

    #[test]
    fn a_time_is_read_as_grpc_writes_it() {
        for (text, time) in [
            ("3H", Some(Duration::from_secs(10_800))),
            ("2M", Some(Duration::from_secs(120))),
            ("1S", Some(Duration::from_secs(1))),
            ("7m", Some(Duration::from_millis(7))),
            ("7u", Some(Duration::from_micros(7))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("100000000n", None),
            ("-1S", None),
            ("1", None),
            ("1x", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().unwrap());
            assert_eq!(read(&headers), time, "{text}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for time in [Duration::from_millis(1), Duration::from_secs(60), Duration::from_secs(10_000_000)] {
            let mut headers = HeaderMap::new();
            write(&mut headers, time);
            let read = read(&headers).unwrap();
            assert!(read >= time.min(Duration::from_secs(99_999_999)), "{time:?}");
        }
    }
}
