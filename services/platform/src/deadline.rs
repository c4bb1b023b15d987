//! How long a caller waits, as in the header `grpc-timeout` of gRPC. The time limits a single answer, and a stream from its
//! beginning to its end.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::{Status, body::Body};

use crate::{
    Error, Result, Violations,
    error::{Reason, Shared},
};

const HEADER: &str = "grpc-timeout";

/// The error for a deadline that passed.
pub fn passed() -> Error {
    Shared::DeadlinePassed.error("The time given for this call was over before the answer was complete.")
}

/// The time in the header. None, where there is no header. Error: `FIELDS_INVALID`, where there is more than one, or one that is
/// not at most eight digits and a unit.
pub fn read(headers: &HeaderMap) -> Result<Option<Duration>> {
    let mut said = headers.get_all(HEADER).iter();
    let Some(value) = said.next() else { return Ok(None) };
    let time = value.to_str().ok().and_then(time).filter(|_| said.next().is_none());
    time.map(Some).ok_or_else(malformed)
}

fn malformed() -> Error {
    let mut violations = Violations::new();
    let description = "Give at most eight digits and one of the units `H`, `M`, `S`, `m`, `u`, `n`, as in `1500m`.";
    violations.add(HEADER, Shared::FieldsInvalid, description);
    violations.done().err().unwrap_or_else(passed)
}

fn time(text: &str) -> Option<Duration> {
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

/// Sets the header of an outgoing call.
pub(crate) fn write(headers: &mut HeaderMap, time: Duration) {
    let text = match u32::try_from(time.as_millis()) {
        Ok(millis) if millis < 100_000_000 => format!("{millis}m"),
        _ => "99999999S".to_owned(),
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(HEADER, value);
    }
}

/// The body of a gRPC answer, which ends with `DEADLINE_PASSED` at an instant.
pub fn until(body: Body, end: Instant) -> Body {
    Body::new(Until { body: Some(body), end: Box::pin(sleep_until(end)) })
}

struct Until {
    /// None: the body has ended.
    body: Option<Body>,
    end: Pin<Box<Sleep>>,
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, end } = &mut *self;
        let Some(going) = body else { return Poll::Ready(None) };
        if end.as_mut().poll(cx).is_pending() {
            return Pin::new(going).poll_frame(cx);
        }
        *body = None;
        Poll::Ready(Some(last(passed())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}

/// The last frame of a stream that ends with an error.
pub(crate) fn last(error: Error) -> Result<Frame<Bytes>, Status> {
    let mut trailers = HeaderMap::new();
    Status::from(error).add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("S", None),
            ("1x", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().unwrap());
            match read(&headers) {
                Ok(read) => assert_eq!(read, time, "{text}"),
                Err(error) => {
                    assert!(time.is_none(), "{text}: {error:?}");
                    assert_eq!(error.violations()[0].field, HEADER);
                }
            }
        }
        assert_eq!(read(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_header_that_is_given_twice_is_refused() {
        let mut headers = HeaderMap::new();
        for text in ["1S", "2S"] {
            headers.append(HEADER, text.parse().unwrap());
        }
        assert!(read(&headers).unwrap_err().is(Shared::FieldsInvalid));
    }

    #[test]
    fn a_time_that_was_written_can_be_read() {
        for time in [Duration::from_millis(1), Duration::from_secs(60), Duration::from_secs(10_000_000)] {
            let mut headers = HeaderMap::new();
            write(&mut headers, time);
            let read = read(&headers).unwrap().unwrap();
            assert!(read >= time.min(Duration::from_secs(99_999_999)), "{time:?}");
        }
    }
}
