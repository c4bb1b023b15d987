//! The span of a call, on the side that makes it and on the side that answers. Its fields are names and ids, nothing of the call
//! itself.

use http::HeaderMap;
use tonic::Code;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{id_of, parent};
use crate::TenantId;

/// The side of a call that a span tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Makes it.
    Client,
    /// Answers it.
    Server,
}

/// Begins the span of a call, named by its method (`koine.identity.v1.TeamService/GetTeam`), which continues the trace that the
/// headers name. The name must be one of the contract's: what a stranger writes is not repeated.
pub fn begin(side: Side, method: &str, headers: &HeaderMap) -> Span {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // as it is asked for, if it can be one at all
    let tenant = text("koine-tenant").filter(|tenant| tenant.parse::<TenantId>().is_ok());
    let parent = parent(headers);
    // every field is given at once: a log in JSON writes all of them anew for each one that comes later
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
        // where nothing is traced there is nothing to follow
        Some(parent) => drop(span.set_parent(parent)),
        None => drop(id_of(&span.context()).map(|id| span.record("trace_id", id))),
    }
    span
}

/// Ends it with what is known then, which goes to the trace alone.
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

/// The code as the conventions of OpenTelemetry write it.
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
