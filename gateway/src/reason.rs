//! Reasons: their texts in the descriptor, and the gateway's own refusals, in the same form as those of services.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
    sync::LazyLock,
    time::Duration,
};

use platform::error::Reason as _;
use prost_reflect::EnumDescriptor;
use proto::error::v1::Reason;
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{comments::Comments, rpc};

const DOMAIN: &str = "koine.error.v1";

/// How long a caller should wait before it tries again where a service could not be reached.
const RETRY: Duration = Duration::from_secs(1);

/// The text of every reason, by service and name. The descriptor is embedded, so it is read once for the process.
pub(crate) static REASONS: LazyLock<BTreeMap<String, BTreeMap<String, String>>> = LazyLock::new(|| {
    let pool = proto::descriptor();
    let comments = Comments::of(&pool);
    let enums = pool.all_enums().filter(|found| found.name() == "Reason" && found.parent_message().is_none());
    enums.map(|found| (rpc::service_name(found.package_name()).to_owned(), texts(&comments, &found))).collect()
});

fn texts(comments: &Comments, reasons: &EnumDescriptor) -> BTreeMap<String, String> {
    let sent = reasons.values().filter(|value| value.number() != 0);
    sent.map(|value| (short(value.name()).to_owned(), comments.at(&value.parent_file(), value.path()).to_owned()))
        .collect()
}

/// The name of a reason in `ErrorInfo`.
fn short(name: &str) -> &str {
    name.strip_prefix("REASON_").unwrap_or(name)
}

/// The text of a reason in the `.proto`. None, where the reason is unknown.
pub(crate) fn text(domain: &str, reason: &str) -> Option<&'static str> {
    REASONS.get(rpc::service_name(domain))?.get(reason).map(String::as_str)
}

/// A refusal with one of the reasons that all services share.
pub(crate) fn refuse(reason: Reason, message: impl Into<String>) -> Status {
    Status::with_error_details(reason.code(), message, info(reason))
}

/// A refusal with invalid fields.
pub(crate) fn fields(violations: Vec<FieldViolation>) -> Status {
    listed(Reason::FieldsInvalid, violations)
}

/// A refusal of a body that is JSON, but not the message that the method expects.
pub(crate) fn malformed(violations: Vec<FieldViolation>) -> Status {
    listed(Reason::BodyMalformed, violations)
}

/// A violation of a field, with a reason of its own.
pub(crate) fn violation(reason: Reason, field: String, description: impl Into<String>) -> FieldViolation {
    FieldViolation { reason: reason.name().to_owned(), ..FieldViolation::new(field, description) }
}

fn listed(reason: Reason, mut violations: Vec<FieldViolation>) -> Status {
    for violation in violations.iter_mut().filter(|violation| violation.reason.is_empty()) {
        violation.reason = reason.name().to_owned();
    }
    let message = match &violations[..] {
        [one] => format!("`{}`: {}", one.field, one.description),
        many => format!("{} fields are not as the method asks for. `violations` lists each.", many.len()),
    };
    let mut details = info(reason);
    details.set_bad_request(violations);
    Status::with_error_details(reason.code(), message, details)
}

/// A refusal of a body above a limit.
pub(crate) fn too_large(limit: u64) -> Status {
    beyond(limit, Reason::BodyTooLarge, format!("The body is larger than {limit} bytes. Send less."))
}

/// A refusal of headers above a limit.
pub(crate) fn headers_too_large(limit: usize) -> Status {
    let message = format!(
        "The headers are larger than {limit} bytes, all in all. Look at the token and the cookies, and send less."
    );
    beyond(limit, Reason::HeadersTooLarge, message)
}

fn beyond(limit: impl Display, reason: Reason, message: String) -> Status {
    let metadata = HashMap::from([("limit_bytes".to_owned(), limit.to_string())]);
    Status::with_error_details(reason.code(), message, ErrorDetails::with_error_info(reason.name(), DOMAIN, metadata))
}

fn info(reason: Reason) -> ErrorDetails {
    ErrorDetails::with_error_info(reason.name(), DOMAIN, HashMap::new())
}

/// Adds a reason to a status without one. Such a status is from the transport and not from a service, so its message is logged and
/// not shown to the caller.
pub(crate) fn explained(status: Status) -> Status {
    if status.get_details_error_info().is_some() {
        return status;
    }
    let (code, reason) = guess(&status);
    tracing::warn!(code = ?status.code(), message = status.message(), "a service was not reached or gave no reason");
    let mut details = info(reason);
    if matches!(reason, Reason::Unreachable | Reason::Overloaded) {
        details.set_retry_info(Some(RETRY));
    }
    Status::with_error_details(code, text(DOMAIN, reason.name()).unwrap_or_default(), details)
}

fn guess(status: &Status) -> (Code, Reason) {
    let reason = match status.code() {
        Code::Cancelled if timed_out(status) => return (Code::DeadlineExceeded, Reason::DeadlinePassed),
        // a connection broke during the call, because our services always give a reason
        Code::Unknown | Code::Cancelled => return (Code::Unavailable, Reason::Unreachable),
        Code::DeadlineExceeded => Reason::DeadlinePassed,
        Code::NotFound => Reason::NotFound,
        Code::ResourceExhausted => Reason::Overloaded,
        // tonic's code for a message above its limit
        Code::OutOfRange => Reason::BodyTooLarge,
        Code::Unavailable => Reason::Unreachable,
        Code::Unimplemented => Reason::RouteUnknown,
        _ => Reason::Internal,
    };
    (status.code(), reason)
}

/// Whether our channel gave up after the caller's `grpc-timeout`. It reports this as a cancellation.
fn timed_out(status: &Status) -> bool {
    let source = std::error::Error::source(status);
    std::iter::successors(source, |fault| fault.source()).any(|fault| fault.is::<TimeoutExpired>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_with_reasons_is_known_by_its_service() {
        assert_eq!(REASONS.keys().collect::<Vec<_>>(), ["error", "identity", "lessons"]);
        assert_eq!(text("koine.identity.v1", "CALL_CLOSED"), Some("The call of the edition has closed."));
        assert_eq!(text("koine.identity.v1", "UNSPECIFIED"), None);
    }

    #[test]
    fn one_violation_is_the_message_and_more_are_counted() {
        let one = fields(vec![FieldViolation::new("pageSize", "Give a whole number.")]);
        assert_eq!(one.message(), "`pageSize`: Give a whole number.");
        let two = fields(vec![FieldViolation::new("a", "x"), FieldViolation::new("b", "y")]);
        assert!(two.message().starts_with("2 fields"));
        assert_eq!(two.get_details_bad_request().unwrap().field_violations[1].reason, "FIELDS_INVALID");
    }

    #[test]
    fn what_the_transport_says_does_not_reach_the_caller() {
        let status = explained(Status::unavailable("tcp connect error: 10.0.0.7:4000"));
        assert_eq!(status.get_details_error_info().unwrap().reason, "UNREACHABLE");
        assert_eq!(status.code(), Code::Unavailable);
        assert!(!status.message().contains("10.0.0.7"), "{}", status.message());
    }

    #[test]
    fn a_status_with_a_reason_stays_as_it_is() {
        let status = explained(refuse(Reason::TenantUnknown, "There is no tenant `xx`."));
        assert_eq!((status.code(), status.message()), (Code::NotFound, "There is no tenant `xx`."));
    }
}
