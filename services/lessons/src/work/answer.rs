//! Answers: what a class writes into the fields of a form. A draft may be incomplete and too long, so that no work is lost. What is
//! submitted must be as the form asks, and everything that is not is named at once.

use platform::{Result, Violations};

use crate::{
    reason::Reason,
    work::file::File,
    year::form::{Field, FieldKind, Form},
};

mod check;
mod count;
mod link;
mod markup;
mod value;
mod wire;

pub use value::{Point, Value, Values};

const TANGLED: &str =
    "The markup has more elements, or stands deeper in itself, than a report needs. Paste it as plain text.";

impl Form {
    /// Checks that a draft can hold these values: each belongs to a field of the form and is of its kind. Error: `FIELD_UNKNOWN`,
    /// `FIELD_KIND`, `POINT_OUTSIDE`.
    pub fn check_draft(&self, values: &Values, cleared: &[String]) -> Result<()> {
        let mut violations = Violations::new();
        for (key, value) in values {
            match self.field(key) {
                Some(field) => check::draft(field, value, &path(key), &mut violations),
                None => self.unknown(&path(key), &mut violations),
            }
        }
        for (index, _) in cleared.iter().enumerate().filter(|(_, key)| self.field(key).is_none()) {
            self.unknown(&format!("cleared[{index}]"), &mut violations);
        }
        violations.done()
    }

    /// Checks that these values can be submitted: required fields are filled in, and values keep the form's limits. `files` are those the
    /// team has uploaded for the lesson. Error: every violation at once.
    pub fn check_final(&self, values: &Values, files: &[File]) -> Result<()> {
        let mut violations = Violations::new();
        for field in &self.fields {
            match values.get(&field.key).filter(|value| !is_blank(field, value)) {
                Some(value) => check::last(field, value, files, &path(&field.key), &mut violations),
                None if field.required => {
                    let text = format!("`{}` must be filled in before the report can be submitted.", field.label);
                    violations.add(path(&field.key), Reason::FieldEmpty, text);
                }
                None => {}
            }
        }
        violations.done()
    }

    /// The values as they are kept: with clean markup, without line breaks in single lines, without blank values.
    pub fn clean(&self, values: Values) -> Values {
        let cleaned = values.into_iter().filter_map(|(key, value)| {
            let field = self.field(&key)?;
            let value = clean(field.kind, value);
            (!is_blank(field, &value)).then_some((key, value))
        });
        cleaned.collect()
    }

    fn unknown(&self, path: &str, violations: &mut Violations) {
        let keys: Vec<_> = self.fields.iter().map(|field| field.key.as_str()).collect();
        violations.add(path, Reason::FieldUnknown, format!("The form has no such field. It has: {}.", keys.join(", ")));
    }
}

/// Cleans rich text for keeping. Adds `FIELD_KIND` to `violations`, and returns an empty text, for more markup than anybody writes by hand.
pub(crate) fn rich(violations: &mut Violations, field: &str, html: &str) -> String {
    if markup::is_sane(html) {
        return markup::clean(html);
    }
    violations.add(field, Reason::FieldKind, TANGLED);
    String::new()
}

/// The plain text of rich text, one line for each paragraph.
pub(crate) fn plain(html: &str) -> String {
    markup::blocks(html).join("\n")
}

fn path(key: &str) -> String {
    format!("values[{key}]")
}

fn clean(kind: FieldKind, value: Value) -> Value {
    match value {
        Value::Text(html) if kind == FieldKind::RichText => Value::Text(markup::clean(&html)),
        Value::Text(text) => Value::Text(text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ")),
        other => other,
    }
}

/// Whether a value is as good as none: an empty paragraph, an empty list of choices.
fn is_blank(field: &Field, value: &Value) -> bool {
    match value {
        Value::Text(html) if field.kind == FieldKind::RichText => markup::blocks(html).is_empty(),
        Value::Text(text) => text.trim().is_empty(),
        Value::Choices(choices) => choices.is_empty(),
        Value::Files(files) => files.is_empty(),
        Value::Boolean(_) | Value::Date(_) | Value::Time(_) | Value::Point(_) => false,
    }
}
