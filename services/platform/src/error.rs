//! The error of all crates. Its reason decides the gRPC code, and the code decides the HTTP status.
//!
//! Two texts never mix: the message is for the caller (what was wrong, where, what to do), the source is for the operator's
//! log. The source is logged once, where the error leaves the process as a `Status`. What the person who calls reads in a language of
//! their own is added there by [`language`](crate::language).

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use proto::Declared;
pub use tonic::Code;
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{language::Wordings, telemetry};

mod violations;

pub use violations::{Violation, Violations, Wording};

/// A result with the error [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reasons that all services share, declared in `koine.error.v1`.
pub use proto::error::v1::Reason as Shared;

/// A declared reason: a value of the `Reason` enum of a package. Its code is declared with it in the proto.
pub trait Reason: Declared {
    /// Its gRPC code.
    fn code(self) -> Code {
        Code::from_i32(self.entry().1)
    }

    /// Its name on the wire: `CALL_CLOSED`.
    fn name(self) -> &'static str {
        self.entry().0
    }

    /// An error with this reason and a message for the caller.
    fn error(self, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            domain: Self::DOMAIN,
            reason: self.name(),
            code: self.code(),
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            retry_after: None,
            source: None,
        }))
    }
}

impl<R: Declared> Reason for R {}

/// What was wrong, for the caller, and why, for the operator.
pub struct Error(Box<Inner>);

struct Inner {
    domain: &'static str,
    reason: &'static str,
    code: Code,
    message: String,
    metadata: Vec<(&'static str, String)>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// There is no such thing, or the caller may not know of it. The answer has the same bytes in both cases.
    pub fn not_found(kind: &'static str) -> Self {
        Shared::NotFound.error(format!("There is no such {kind}.")).with("kind", kind)
    }

    /// A fault of the system. The caller reads a general sentence, the operator the source.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Shared::Internal.error("Something went wrong on our side. Nothing was changed.").caused_by(source)
    }

    /// Another service, the database or the broker cannot be reached now.
    pub fn unreachable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Shared::Unreachable
            .error("A part of the system cannot be reached now. Nothing was changed; try again in a moment.")
            .retry_after(Duration::from_secs(1))
            .caused_by(source)
    }

    /// Adds a fact that a program can use, as the reason's comment describes.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.metadata.push((key, value.to_string()));
        self
    }

    /// Tells the caller how long to wait before trying again.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Adds the cause for the operator's log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The gRPC code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The name of the reason: `CALL_CLOSED`.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// Whether the error has this reason.
    pub fn is<R: Reason>(&self, reason: R) -> bool {
        self.0.domain == R::DOMAIN && self.0.reason == reason.name()
    }

    /// The fields whose values are not accepted.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// The text for the caller.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Adds the id of the trace to an internal error, so that it can be found in the log.
    fn traced(self) -> Self {
        match telemetry::trace_id() {
            Some(trace) if self.0.code == Code::Internal => self.with("trace_id", trace),
            _ => self,
        }
    }

    fn log(&self) {
        let Inner { domain, reason, source, .. } = &*self.0;
        match source {
            Some(source) if self.0.code == Code::Internal => {
                tracing::error!(domain, reason, error = %Chain(source.as_ref()), "call failed");
            }
            Some(source) => tracing::warn!(domain, reason, error = %Chain(source.as_ref()), "call refused"),
            None => {}
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.reason, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { domain, reason, message, violations, source, .. } = &*self.0;
        write!(f, "{domain}/{reason}: {message} {violations:?}")?;
        source.as_ref().map_or(Ok(()), |source| write!(f, " ({})", Chain(source.as_ref())))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// An error and its causes on one line.
struct Chain<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(next) = cause {
            write!(f, ": {next}")?;
            cause = next.source();
        }
        Ok(())
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        error.log();
        let error = error.traced();
        let Inner { domain, reason, code, message, metadata, violations, retry_after, .. } = *error.0;
        let mut details = ErrorDetails::new();
        details.set_error_info(
            reason,
            domain,
            metadata
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<std::collections::HashMap<_, _>>(),
        );
        let mut wordings = Vec::with_capacity(violations.len());
        if !violations.is_empty() {
            let apart = violations.into_iter().map(|violation| {
                let Violation { field, reason, description, wording } = violation;
                wordings.push(wording);
                FieldViolation { field, description, reason: reason.to_owned(), ..FieldViolation::default() }
            });
            details.set_bad_request(apart.collect::<Vec<_>>());
        }
        if let Some(delay) = retry_after {
            details.set_retry_info(Some(delay));
        }
        let mut status = Status::with_error_details(code, message, details);
        if !wordings.is_empty() {
            status.set_source(Arc::new(Wordings(wordings)));
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_travels_with_its_reason_facts_and_violations() {
        let mut violations = Violations::new();
        violations.add("team_size", Shared::FieldsInvalid, "at most 25");
        violations.add("team_name", Shared::FieldsInvalid, "too long");
        let error = violations.done().unwrap_err().with("max", 25).retry_after(Duration::from_secs(3));
        let status = Status::from(error);
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(details.error_info().unwrap().reason, "FIELDS_INVALID");
        assert_eq!(details.error_info().unwrap().metadata["max"], "25");
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 2);
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(3)));
    }

    #[test]
    fn what_is_not_there_and_what_is_hidden_are_the_same_bytes() {
        let (one, other) = (Status::from(Error::not_found("team")), Status::from(Error::not_found("team")));
        assert_eq!((one.message(), one.details()), (other.message(), other.details()));
    }
}
