//! The gRPC library refuses some messages without a reason: one that is too large, or one that is malformed. Callers get a reason.

use http::Response;
use tonic::{Code, body::Body};

use super::{code_of, refuse};
use crate::{
    config::LARGEST_MESSAGE,
    error::{Reason, Shared},
    intake,
};

/// The response, or a refusal with a reason where it has none. Our own methods always give a reason.
pub(super) fn explained(response: Response<Body>) -> Response<Body> {
    if response.headers().contains_key("grpc-status-details-bin") {
        return response;
    }
    match code_of(&response) {
        Code::OutOfRange => refuse(intake::too_large(LARGEST_MESSAGE)),
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
