//! Regular expressions of a country's file.
//!
//! They are compiled when the file is read. An invalid expression is kept with its error message, so that all faults of the file
//! can be reported together, and it matches nothing.

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

/// An expression that a whole text must match.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Form(Result<Regex, String>);

impl Form {
    /// Whether the whole text matches.
    pub(super) fn fits(&self, text: &str) -> bool {
        self.0.as_ref().is_ok_and(|regex| regex.is_match(text))
    }

    /// The error message of an invalid expression, with its key in the file. None where the expression is valid.
    pub(super) fn fault(&self, key: &str) -> Option<String> {
        fault(&self.0, key)
    }
}

impl From<String> for Form {
    fn from(text: String) -> Self {
        Self(compiled(&text).and_then(|_| compiled(&format!("^(?:{text})$"))))
    }
}

/// An expression that may match any part of a text. Case is ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Hint(Result<Regex, String>);

impl Hint {
    /// Whether any part of the text matches.
    pub(super) fn occurs_in(&self, text: &str) -> bool {
        self.0.as_ref().is_ok_and(|regex| regex.is_match(text))
    }

    /// The error message of an invalid expression, with its key in the file. None where the expression is valid.
    pub(super) fn fault(&self, key: &str) -> Option<String> {
        fault(&self.0, key)
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self(RegexBuilder::new(&text).case_insensitive(true).build().map_err(|error| error.to_string()))
    }
}

fn compiled(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

fn fault(regex: &Result<Regex, String>, key: &str) -> Option<String> {
    let complaint = regex.as_ref().err()?;
    // the message of `regex` spans several lines, with a caret below the expression
    let words: Vec<_> = complaint.split_whitespace().collect();
    Some(format!("{key}: not a regular expression ({})", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_of_the_whole_text_and_a_hint_of_any_part() {
        let form = Form::from("a|ab".to_owned());
        assert!(form.fits("ab") && form.fits("a"));
        assert!(!form.fits("abc") && !form.fits("cab") && !form.fits("ab\n"));
        assert!(Hint::from("liceo".to_owned()).occurs_in("IL LICEO CLASSICO"));
    }

    #[test]
    fn a_broken_expression_says_so_on_one_line_and_matches_nothing() {
        let form = Form::from("[A-Z".to_owned());
        assert!(!form.fits("A"));
        let fault = form.fault("schools.code").unwrap();
        assert!(fault.starts_with("schools.code: not a regular expression") && !fault.contains('\n'), "{fault}");
        assert!(Form::from("a)(b".to_owned()).fault("x").is_some(), "brackets must not pair with ours");
    }
}
