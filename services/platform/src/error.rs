//! The error of all crates. Its reason decides the gRPC code, and the code decides the HTTP status.
//!
//! Two texts never mix: the message is for the caller (what was wrong, where, what to do), the source is for the operator's
//! log. The source is logged once, where the error leaves the process as a `Status`.

use std::{error::Error as StdError, fmt, time::Duration};

use proto::Declared;
pub use tonic::Code;
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::telemetry;

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

/// A text of a caller's own making, cut to a length that fits into an answer.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

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

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field, `application.team_size`, or of a line, `line 17, CODICESCUOLA`.
    pub field: String,
    /// The name of the reason: `TEAM_TOO_LARGE`. Empty where the description says it all.
    pub reason: &'static str,
    /// What is wrong and what would be right.
    pub description: String,
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
        if !violations.is_empty() {
            details.set_bad_request(violations.into_iter().map(FieldViolation::from).collect::<Vec<_>>());
        }
        if let Some(delay) = retry_after {
            details.set_retry_info(Some(delay));
        }
        Status::with_error_details(code, message, details)
    }
}

impl From<Violation> for FieldViolation {
    fn from(violation: Violation) -> Self {
        let Violation { field, reason, description } = violation;
        FieldViolation { field, description, reason: reason.to_owned(), ..FieldViolation::default() }
    }
}

/// Collects every violation before any is reported. All travel in one trailer, whose size is limited: past a hundred of them they
/// are counted and not told one by one, and neither a field nor a description is told at any length.
#[derive(Debug, Default)]
pub struct Violations {
    told: Vec<Violation>,
    more: usize,
    facts: Vec<(&'static str, String)>,
}

/// How many violations are told one by one: who has more of them has one cause.
const MOST: usize = 100;
/// The most bytes that are told of a field's path, and of a description.
const LONGEST: usize = 300;
/// The most bytes that are told in all: with what stands around them, and in base 64, less than the 16 KiB of headers that clients
/// of gRPC take.
const TOLD: usize = 10_000;

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add<R: Reason>(&mut self, field: impl Into<String>, reason: R, description: impl Into<String>) {
        self.push(Violation { field: field.into(), reason: reason.name(), description: description.into() });
    }

    /// Adds one, and the facts its reason announces: `("counted", &301 as _)`.
    pub fn add_with<'a, R: Reason>(
        &mut self,
        field: impl Into<String>,
        reason: R,
        description: impl Into<String>,
        facts: impl IntoIterator<Item = (&'static str, &'a dyn fmt::Display)>,
    ) {
        self.add(field, reason, description);
        self.facts.extend(facts.into_iter().map(|(key, fact)| (key, fact.to_string())));
    }

    /// Adds one that is already made.
    pub fn push(&mut self, violation: Violation) {
        let Violation { field, reason, description } = violation;
        let violation = Violation { field: cut(field), reason, description: cut(description) };
        let told: usize = self
            .told
            .iter()
            .chain([&violation])
            .map(|one| one.field.len() + one.reason.len() + one.description.len())
            .sum();
        if self.more == 0 && self.told.len() < MOST && told <= TOLD {
            self.told.push(violation)
        } else {
            self.more += 1
        }
    }

    /// Keeps the value, or the error's violations (the error itself, when it is of another kind, as one of them).
    pub fn keep<T>(&mut self, field: &str, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) if error.0.violations.is_empty() => {
                self.push(Violation { field: field.to_owned(), reason: error.0.reason, description: error.0.message });
                None
            }
            Err(error) => {
                error.0.violations.into_iter().for_each(|violation| self.push(violation));
                None
            }
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// The value, which is missing only where there is a violation. Error: one that names them all.
    pub fn value<T>(self, value: Option<T>) -> Result<T> {
        self.done()?;
        value.ok_or_else(|| Error::internal("a value is missing though nothing is wrong with it"))
    }

    /// Nothing, or one error that names them all.
    pub fn done(self) -> Result<()> {
        if self.told.is_empty() {
            return Ok(());
        }
        let fields = match (self.told.len(), self.more) {
            (1, 0) => "One field is".to_owned(),
            (told, 0) => format!("{told} fields are"),
            (told, _) => format!("More than {told} fields, of which the first are named, are"),
        };
        let mut error = Shared::FieldsInvalid.error(format!("{fields} not as asked for; nothing was changed."));
        // facts stand on the error, not on a field: with two fields nobody could tell whose they are
        if self.told.len() + self.more == 1 {
            error.0.metadata = self.facts;
        }
        error.0.violations = self.told;
        Err(error)
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
    fn a_fact_travels_where_it_can_belong_to_one_field_only() {
        let says = |fields: &[&str]| {
            let mut violations = Violations::new();
            for field in fields {
                violations.add_with(*field, Shared::FieldsInvalid, "Too long.", [("counted", &301 as _)]);
            }
            let status = Status::from(violations.value::<()>(None).unwrap_err());
            status.get_error_details().error_info().unwrap().metadata.contains_key("counted")
        };
        assert!(says(&["title"]) && !says(&["title", "story"]));
    }

    #[test]
    fn however_much_is_wrong_the_answer_stays_small() {
        let mut violations = Violations::new();
        for number in 0..5_000 {
            let field = format!("values[{number}{}]", "à".repeat(10_000));
            violations.add(field, Shared::FieldsInvalid, "x".repeat(10_000));
        }
        let status = Status::from(violations.done().unwrap_err());
        assert!(status.details().len() < 12_000, "{}", status.details().len());
    }

    #[test]
    fn what_is_not_there_and_what_is_hidden_are_the_same_bytes() {
        let (one, other) = (Status::from(Error::not_found("team")), Status::from(Error::not_found("team")));
        assert_eq!((one.message(), one.details()), (other.message(), other.details()));
    }
}
