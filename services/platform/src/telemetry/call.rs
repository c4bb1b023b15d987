//! The span of a call, for its client and its server. Its fields are names and ids; nothing of the message.

use http::HeaderMap;
use tonic::Code;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{id_of, parent};
use crate::TenantId;

/// The side of a call that a span describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// Begins the span of a call. It is named after the method (`koine.identity.v1.TeamService/GetTeam`) and continues the trace in the
/// headers. The name must be a method of the contract, so that a caller's text is not repeated.
pub fn begin(side: Side, method: &str, headers: &HeaderMap) -> Span {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // the tenant as the caller names it, where the name is valid
    let tenant = text("koine-tenant").filter(|tenant| tenant.parse::<TenantId>().is_ok());
    let parent = parent(headers);
    // all fields are given at once: the JSON log would otherwise write the earlier ones again for each one added
    let span = tracing::info_span!(
        parent: None,
        "call",
        otel.name = method,
        otel.kind = match side {
            Side::Client => "client",
            Side::Server => "server",
        },
        rpc.method = method,
        tenant,
        trace_id = parent.as_ref().and_then(id_of),
    );
    match parent {
        // where nothing is traced, there is no parent
        Some(parent) => drop(span.set_parent(parent)),
        None => drop(id_of(&span.context()).map(|id| span.record("trace_id", id))),
    }
    span
}

/// Ends the span with the result of the call, which is exported and not logged.
pub fn end(span: &Span, code: Code) {
    span.set_attribute("rpc.system.name", "grpc");
    span.set_attribute("rpc.response.status_code", name_of(code));
    let ours = matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    if ours {
        span.set_status(opentelemetry::trace::Status::error(name_of(code)));
    }
}

/// The code, as the conventions of OpenTelemetry write it.
pub(crate) fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = (0..17).map(|code| name_of(Code::from_i32(code))).collect();
        assert_eq!(names.len(), 17);
    }
}
