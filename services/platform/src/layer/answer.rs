//! The last steps between a method and its caller. A repeated request gets its first answer again. A method that does not do what
//! its options declare is a fault of ours, which is logged. (No story of the suite ends with such a line in the log.)

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use http_body::Frame;
use http_body_util::StreamBody;
use tonic::{Code, body::Body};

use super::{Method, code_of, refuse};
use crate::{Error, ctx::Call};

/// The stored answer of a repeated request, if the store found one; otherwise the method's own.
pub(super) fn answered(call: &Call, method: &Method, response: Response<Body>) -> Response<Body> {
    if let Some(answer) = call.once.before() {
        return message(&answer);
    }
    if code_of(&response) == Code::Ok {
        for fault in faults(call, method) {
            tracing::error!(method = &*method.name, fault, "a method does not do what it declares");
        }
    }
    response
}

/// What a method that answered OK should have done and did not.
fn faults(call: &Call, method: &Method) -> impl Iterator<Item = &'static str> {
    let sighting = method.access.as_ref().map_or("", |access| &access.sighting);
    let is_unseen = !sighting.is_empty() && !call.has_witnessed(sighting);
    let forgotten =
        call.once.is_forgotten().then_some("the answer to a `request_id` is not kept: end with `tx.answer`");
    forgotten.into_iter().chain(is_unseen.then_some("its `sighting` is not written down before it answers"))
}

/// A unary gRPC answer: one message, and the status OK.
fn message(answer: &[u8]) -> Response<Body> {
    let Ok(length) = u32::try_from(answer.len()) else { return refuse(Error::internal("an answer too large to give")) };
    let mut frame = BytesMut::with_capacity(answer.len() + 5);
    // not compressed
    frame.put_u8(0);
    frame.put_u32(length);
    frame.put_slice(answer);
    let mut end = HeaderMap::new();
    end.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Frame::data(frame.freeze()), Frame::trailers(end)].map(Ok::<Frame<Bytes>, std::convert::Infallible>);
    let mut response = Response::new(Body::new(StreamBody::new(stream::iter(frames))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use proto::options::v1::Access;

    use super::*;

    #[tokio::test]
    async fn a_message_is_framed_as_grpc_has_it() {
        let body = message(b"abc").into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(body.to_bytes(), b"\0\0\0\0\x03abc"[..]);
    }

    #[test]
    fn a_method_that_does_not_record_its_sighting_is_found() {
        let method = Method::with(Some(Access { sighting: "OFFER".to_owned(), ..Access::default() }));
        assert_eq!(faults(&Call::default(), &method).count(), 1);
        let plain = Method::with(Some(Access::default()));
        assert_eq!(faults(&Call::default(), &plain).count(), 0);
    }
}
