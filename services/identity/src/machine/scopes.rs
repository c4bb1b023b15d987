//! What a machine may do, in the words of the contract.

use std::{collections::BTreeSet, fmt};

use platform::{Violations, error::Shared};

/// Scopes, each once, in the order of the alphabet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Every scope of the contract.
    pub fn all() -> Self {
        Self(proto::scopes::all().clone())
    }

    /// Those of `asked` that are among these. Adds a violation at `scopes` for each that is not.
    pub fn of(&self, asked: Vec<String>, violations: &mut Violations) -> Self {
        let (known, strange): (BTreeSet<_>, BTreeSet<_>) = asked.into_iter().partition(|scope| self.0.contains(scope));
        for scope in strange {
            violations.add("scopes", Shared::FieldsInvalid, format!("`{scope}` is none of: {self}."));
        }
        Self(known)
    }

    /// Whether a scope is among them.
    pub fn has(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// The words.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}

impl From<&str> for Scopes {
    fn from(words: &str) -> Self {
        Self(words.split_whitespace().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named_and_what_is_there_comes_once_and_in_order() {
        let most = Scopes::from("teams.read schools.read editions.read");
        let mut violations = Violations::new();
        let asked = ["teams.read", "editions.read", "teams.read"].map(str::to_owned);
        assert_eq!(most.of(asked.to_vec(), &mut violations).to_string(), "editions.read teams.read");
        violations.done().unwrap();
        let mut violations = Violations::new();
        most.of(vec!["teams.write".to_owned(), "schools.read".to_owned()], &mut violations);
        let refused = violations.done().unwrap_err();
        assert_eq!(refused.violations().len(), 1);
        assert!(
            refused.violations()[0].description.starts_with("`teams.write` is none of: editions.read schools.read")
        );
        assert_eq!(Scopes::from(most.to_string().as_str()), most);
        assert!(Scopes::all().words().contains(&"teams.read".to_owned()));
    }
}
