//! Fields that are not as they should be: all of them are found before any is reported.

use std::fmt;

use super::{Error, Inner, Reason, Result, Shared};

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field, `application.team_size`, or of a line, `line 17, CODICESCUOLA`.
    pub field: String,
    /// The name of the reason: `TEAM_TOO_LARGE`. Empty where the description says it all.
    pub reason: &'static str,
    /// What is wrong and what would be right, for developers.
    pub description: String,
    /// How it is said to the person who calls.
    pub wording: Wording,
}

/// Which sentence of its catalogue a violation is said with, and the facts that stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// The attribute of the reason's message. Where there is none of this name, or a fact of it is missing, the message is said.
    pub form: &'static str,
    /// The facts, by the names they have in the catalogue.
    pub facts: Vec<(&'static str, String)>,
}

impl Wording {
    /// The form that is said with what a reason announces as its metadata.
    pub const EXACT: &'static str = "exact";
}

impl Default for Wording {
    fn default() -> Self {
        Self { form: Self::EXACT, facts: Vec::new() }
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

/// A text of a caller's own making, cut to a length that fits into an answer.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add<R: Reason>(&mut self, field: impl Into<String>, reason: R, description: impl Into<String>) {
        let (field, description) = (field.into(), description.into());
        self.push(Violation { field, reason: reason.name(), description, wording: Wording::default() });
    }

    /// Adds one for a field that is needed and is not there.
    pub fn missing(&mut self, field: impl Into<String>, description: impl Into<String>) {
        let wording = Wording { form: "required", ..Wording::default() };
        let (field, description) = (field.into(), description.into());
        self.push(Violation { field, reason: Shared::FieldsInvalid.name(), description, wording });
    }

    /// Adds one, and the facts its reason announces: `("counted", &301 as _)`.
    pub fn add_with<'a, R: Reason>(
        &mut self,
        field: impl Into<String>,
        reason: R,
        description: impl Into<String>,
        facts: impl IntoIterator<Item = (&'static str, &'a dyn fmt::Display)>,
    ) {
        let facts: Vec<_> = facts.into_iter().map(|(key, fact)| (key, fact.to_string())).collect();
        self.facts.extend(facts.iter().cloned());
        let (field, description) = (field.into(), description.into());
        let wording = Wording { facts, ..Wording::default() };
        self.push(Violation { field, reason: reason.name(), description, wording });
    }

    /// Adds one that is already made.
    pub fn push(&mut self, violation: Violation) {
        let violation = Violation { field: cut(violation.field), description: cut(violation.description), ..violation };
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
                let Inner { reason, message: description, metadata: facts, .. } = *error.0;
                let wording = Wording { facts, ..Wording::default() };
                self.push(Violation { field: field.to_owned(), reason, description, wording });
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
    use tonic::Status;
    use tonic_types::StatusExt;

    use super::*;

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
}
