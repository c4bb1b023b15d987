//! What is amiss with a request: every field at once.

use std::fmt::Display;

use platform::{Error, Result, Violations};

use crate::reason::Refuse;

/// Collects violations, and the facts a program can act on.
#[derive(Debug, Default)]
pub struct Amiss {
    violations: Violations,
    count: usize,
    facts: Vec<(&'static str, String)>,
}

impl Amiss {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field that is not as it should be.
    pub fn add(&mut self, field: impl Into<String>, reason: impl Refuse, description: impl Into<String>) {
        self.add_with(field, reason, description, []);
    }

    /// The same, with the facts its reason announces.
    pub fn add_with<'a>(
        &mut self,
        field: impl Into<String>,
        reason: impl Refuse,
        description: impl Into<String>,
        facts: impl IntoIterator<Item = (&'static str, &'a dyn Display)>,
    ) {
        self.violations.add(field, reason, description);
        self.count += 1;
        self.facts.extend(facts.into_iter().map(|(key, fact)| (key, fact.to_string())));
    }

    /// Nothing, or one error that names every field.
    pub fn done(self) -> Result<()> {
        // facts stand on the error, not on a field: with two fields nobody could tell whose they are
        let facts = if self.count == 1 { self.facts } else { Vec::new() };
        let with = |error: Error| facts.into_iter().fold(error, |error, (key, fact)| error.with(key, fact));
        self.violations.done().map_err(with)
    }

    /// The value, which is missing only where something is amiss.
    pub fn value<T>(self, value: Option<T>) -> Result<T> {
        self.done()?;
        value.ok_or_else(|| Error::internal("a value is missing though nothing is amiss"))
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;
    use crate::reason::Reason;

    fn says(amiss: Amiss, fact: &str) -> bool {
        let status = Status::from(amiss.done().unwrap_err());
        status.details().windows(fact.len()).any(|bytes| bytes == fact.as_bytes())
    }

    #[test]
    fn an_error_has_facts_only_where_one_field_is_wrong() {
        let long = |amiss: &mut Amiss, field| {
            amiss.add_with(field, Reason::TextTooLong, "Too long.", [("counted", &301 as _)])
        };
        let (mut one, mut two) = (Amiss::new(), Amiss::new());
        long(&mut one, "title");
        long(&mut two, "title");
        long(&mut two, "story");
        assert!(says(one, "301"));
        assert!(!says(two, "301"));
    }
}
