//! What the gRPC library refuses by itself it refuses without a reason: a message too large, or one that is none. Callers get ours.

use http::Response;
use tonic::{Code, body::Body};

use super::{code_of, refuse};
use crate::error::{Reason, Shared};

/// The largest message the library takes, in bytes.
const LARGEST: usize = 4 << 20;

/// The same answer, or a refusal with its reason where it has none. Our own methods always give one.
pub(super) fn explained(response: Response<Body>) -> Response<Body> {
    if response.headers().contains_key("grpc-status-details-bin") {
        return response;
    }
    match code_of(&response) {
        Code::OutOfRange => refuse(
            Shared::BodyTooLarge
                .error(format!("A message is larger than {LARGEST} bytes. Send less, or use the streamed upload."))
                .with("limit_bytes", LARGEST),
        ),
        Code::Internal => refuse(Shared::BodyMalformed.error("The message is not one of what this method asks for.")),
        _ => response,
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;
    use crate::{Error, layer::testing::reason};

    #[test]
    fn what_the_library_refuses_gets_a_reason_and_what_we_refuse_keeps_its_own() {
        let answer = |status: Status| reason(&explained(status.into_http()));
        assert_eq!(answer(Status::out_of_range("decoded message length too large")), "BODY_TOO_LARGE");
        assert_eq!(answer(Status::internal("failed to decode Protobuf message")), "BODY_MALFORMED");
        assert_eq!(answer(Error::internal("a fault of ours").into()), "INTERNAL");
        assert_eq!(reason(&explained(Response::new(Body::empty()))), "OK");
    }
}
