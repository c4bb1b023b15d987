//! Regular expressions of a country's file.
//!
//! They are compiled when the file is read. A broken one is kept with its complaint until the faults of the whole file are
//! collected; until then it matches nothing.

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

/// An expression a whole text has to match.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Form(Result<Regex, String>);

impl Form {
    /// Whether the text has this form.
    pub(super) fn fits(&self, text: &str) -> bool {
        self.0.as_ref().is_ok_and(|regex| regex.is_match(text))
    }

    /// What is wrong with the expression, named by its key.
    pub(super) fn fault(&self, key: &str) -> Option<String> {
        fault(&self.0, key)
    }
}

impl From<String> for Form {
    fn from(text: String) -> Self {
        Self(compiled(&text).and_then(|_| compiled(&format!("^(?:{text})$"))))
    }
}

/// An expression that occurs somewhere in a text, in upper or lower case.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Hint(Result<Regex, String>);

impl Hint {
    /// Whether it occurs in the text.
    pub(super) fn occurs_in(&self, text: &str) -> bool {
        self.0.as_ref().is_ok_and(|regex| regex.is_match(text))
    }

    /// What is wrong with the expression, named by its key.
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
    // the crate draws a caret under the expression, over several lines
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
