//! Checks one value against its field.

use platform::{Id, Violations, error::Shared, mail};

use super::{Field, FieldKind, TANGLED, Value, count, link, markup};
use crate::{reason::Reason, work::file::File};

/// The most characters where the form does not say.
const MAX_CHARS: usize = 20_000;

/// Adds a violation where a draft cannot hold the value.
pub(super) fn draft(field: &Field, value: &Value, path: &str, violations: &mut Violations) {
    use FieldKind as K;
    let fits = match value {
        Value::Text(_) => field.kind.is_text() || field.kind.is_link() || matches!(field.kind, K::Email | K::Choice),
        Value::Boolean(_) => field.kind == K::Boolean,
        Value::Date(_) => field.kind == K::Date,
        Value::Time(_) => field.kind == K::Time,
        Value::Choices(_) => field.kind == K::Choices,
        Value::Files(_) => field.kind.is_file(),
        Value::Point(_) => field.kind == K::Point,
    };
    if !fits {
        violations.add(path, Reason::FieldKind, format!("`{}` takes {}.", field.label, wanted(field.kind)));
    }
    if let Value::Text(html) = value
        && field.kind == K::RichText
        && !markup::is_sane(html)
    {
        violations.add(path, Reason::FieldKind, TANGLED);
    }
    if let Value::Point(point) = value
        && !point.is_on_earth()
    {
        let text = "There is no such place: latitudes go from -90 to 90 and longitudes from -180 to 180.";
        violations.add(path, Reason::PointOutside, text);
    }
}

/// Adds a violation for everything that keeps the value from being submitted.
pub(super) fn last(field: &Field, value: &Value, files: &[File], path: &str, violations: &mut Violations) {
    draft(field, value, path, violations);
    match value {
        Value::Text(chosen) if field.kind == FieldKind::Choice => {
            choices(field, std::slice::from_ref(chosen), path, violations)
        }
        Value::Text(text) => written(field, text, path, violations),
        Value::Choices(chosen) => choices(field, chosen, path, violations),
        Value::Files(ids) => uploaded(field, ids, files, path, violations),
        Value::Boolean(_) | Value::Date(_) | Value::Time(_) | Value::Point(_) => {}
    }
}

fn written(field: &Field, text: &str, path: &str, violations: &mut Violations) {
    let counted = count::text(text, field.kind == FieldKind::RichText);
    let limit = if field.max_chars == 0 { MAX_CHARS } else { field.max_chars.into() };
    let chars = if field.spaces_count || field.max_chars == 0 { counted.chars } else { counted.chars_without_spaces };
    if chars > limit {
        let spaces = if field.spaces_count { "including" } else { "without" };
        let text = format!("At most {limit} characters fit here, {spaces} spaces; there are {chars}.");
        violations.add_with(path, Reason::TextTooLong, text, [("limit", &limit as _), ("counted", &chars as _)]);
    }
    let (limit, words) = (usize::from(field.max_words), counted.words);
    if limit > 0 && words > limit {
        let text = format!("At most {limit} words fit here; there are {words}.");
        violations.add_with(path, Reason::WordsTooMany, text, [("limit", &limit as _), ("counted", &words as _)]);
    }
    if field.kind.is_link() {
        leads_somewhere(field, text, path, violations);
    }
    if field.kind == FieldKind::Email && !mail::is_address(text.trim()) {
        violations.add(path, Reason::FieldKind, format!("`{}` takes {}.", field.label, wanted(field.kind)));
    }
}

fn leads_somewhere(field: &Field, text: &str, path: &str, violations: &mut Violations) {
    match link::host(text.trim()) {
        None => violations.add(path, Reason::FieldKind, format!("`{}` takes {}.", field.label, wanted(field.kind))),
        Some(host) if !link::is_one_of(&host, &field.hosts) => {
            let text = format!("This link leads to {host}. It must lead to one of: {}.", field.hosts.join(", "));
            violations.add(path, Reason::ProjectSource, text);
        }
        Some(_) => {}
    }
}

fn choices(field: &Field, chosen: &[String], path: &str, violations: &mut Violations) {
    for choice in chosen.iter().filter(|choice| !field.choices.contains(choice)) {
        let text = format!("`{choice}` is not offered. Choose from: {}.", field.choices.join(", "));
        violations.add(path, Reason::ChoiceUnknown, text);
    }
    let most = most(field);
    if chosen.len() > most {
        violations.add(
            path,
            Reason::ChoiceUnknown,
            format!("At most {most} can be chosen; there are {}.", chosen.len()),
        );
    }
}

fn uploaded(field: &Field, ids: &[Id<File>], files: &[File], path: &str, violations: &mut Violations) {
    for id in ids.iter().filter(|id| !files.iter().any(|file| file.id() == **id && file.is_for(&field.key))) {
        let text =
            format!("The team has not uploaded file {id} for `{}`. Upload it first, for this field.", field.label);
        violations.add(path, Reason::FileUnknown, text);
    }
    let most = most(field);
    if ids.len() > most {
        violations.add(path, Shared::FieldsInvalid, format!("At most {most} files fit here; there are {}.", ids.len()));
    }
}

/// The most choices or files a field takes.
fn most(field: &Field) -> usize {
    field.max_items.max(1).into()
}

fn wanted(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Line => "one line of text",
        FieldKind::RichText => "a text",
        FieldKind::Url => "a link that begins with https:// or http://",
        FieldKind::Email => "an e-mail address",
        FieldKind::Date => "a date",
        FieldKind::Time => "a time of day",
        FieldKind::File => "uploaded files",
        FieldKind::Image => "uploaded pictures",
        FieldKind::Video => "uploaded videos",
        FieldKind::Boolean => "yes or no",
        FieldKind::Choice => "one of the choices",
        FieldKind::Choices => "some of the choices",
        FieldKind::Point => "a place on the map",
        FieldKind::Embed => "the link to a page that can be embedded",
        FieldKind::Project => "the link to the project's page",
        FieldKind::MonitoringReport => "the link to the monitoring report",
    }
}

#[cfg(test)]
mod tests;
