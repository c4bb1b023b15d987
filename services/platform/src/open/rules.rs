//! The rules for the shape of messages, read once from the descriptor.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::LazyLock,
};

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value};
use proto::{
    behavior,
    options::v1::{Format, Rules},
};
use regex::Regex;

use super::shape;
use crate::{
    Error, Result, Violations,
    error::{Reason as _, Shared, Violation, Wording},
    text::is_unseen,
};

/// The limits of strings and lists without a rule: enough for people, too little for abuse.
const DEFAULT_MAX_LEN: u32 = 1_000;
const DEFAULT_MAX_ITEMS: u32 = 1_000;

/// The longest key of a map, in bytes.
const LONGEST_KEY: usize = 100;

struct Plan {
    fields: Vec<FieldPlan>,
    /// Whether something a caller cannot set can stand in it, at any depth.
    holds_output: bool,
    /// Whether it changes the resource it carries: then what the resource needs is needed only where it is changed.
    is_update: bool,
}

struct FieldPlan {
    field: FieldDescriptor,
    rules: Rules,
    pattern: Option<Regex>,
    is_required: bool,
    is_output: bool,
}

/// A plan for every message of the descriptor, by its full name.
static PLANS: LazyLock<HashMap<String, Plan>> = LazyLock::new(|| {
    let pool = proto::descriptor();
    pool.all_messages().map(|message| (message.full_name().to_owned(), plan(&message))).collect()
});

fn plan(message: &MessageDescriptor) -> Plan {
    let extension = proto::descriptor().get_extension_by_name("koine.options.v1.rules");
    let rules_of = |field: &FieldDescriptor| {
        let options = field.options();
        let value = extension.as_ref().map(|extension| options.get_extension(extension).into_owned());
        value
            .and_then(|value| value.as_message().and_then(|rules| rules.transcode_to::<Rules>().ok()))
            .unwrap_or_default()
    };
    let fields = message.fields().map(|field| {
        let rules = rules_of(&field);
        let pattern = (!rules.pattern.is_empty()).then(|| Regex::new(&format!("^(?:{})$", rules.pattern)));
        FieldPlan {
            pattern: pattern.and_then(std::result::Result::ok),
            is_required: behavior::is_required(&field),
            is_output: behavior::is_output_only(&field),
            rules,
            field,
        }
    });
    Plan {
        fields: fields.collect(),
        holds_output: holds_output(message, &mut HashSet::new()),
        is_update: message.get_field_by_name("update_mask").is_some(),
    }
}

fn holds_output(message: &MessageDescriptor, seen: &mut HashSet<String>) -> bool {
    seen.insert(message.full_name().to_owned())
        && message.fields().any(|field| {
            behavior::is_output_only(&field) || field.kind().as_message().is_some_and(|inner| holds_output(inner, seen))
        })
}

/// The message without what its caller cannot set, if it has the shape its proto asks for. Error: `FIELDS_INVALID` with every violation.
pub(super) fn taken<T: ReflectMessage + Default>(message: T) -> Result<T> {
    let mut dynamic = dynamic(&message);
    let message = if clear(&mut dynamic) { dynamic.transcode_to().map_err(Error::internal)? } else { message };
    let mut found = Violations::new();
    walk(&dynamic, "", true, &mut found);
    found.done().map(|()| message)
}

/// Empties what a caller cannot set, at any depth. Whether anything was there.
fn clear(message: &mut DynamicMessage) -> bool {
    let Some(plan) = PLANS.get(message.descriptor().full_name()).filter(|plan| plan.holds_output) else { return false };
    let mut was_there = false;
    for FieldPlan { field, is_output, .. } in &plan.fields {
        if message.has_field(field) && *is_output {
            message.clear_field(field);
            was_there = true;
        } else if message.has_field(field) {
            was_there |= clear_inside(message.get_field_mut(field));
        }
    }
    was_there
}

fn clear_inside(value: &mut Value) -> bool {
    match value {
        Value::Message(message) => clear(message),
        Value::List(items) => items.iter_mut().fold(false, |before, item| clear_inside(item) | before),
        Value::Map(items) => items.values_mut().fold(false, |before, item| clear_inside(item) | before),
        _ => false,
    }
}

/// Checks a message against the rules in its proto. Error: `FIELDS_INVALID` with every violation.
pub fn check<T: ReflectMessage>(message: &T) -> Result<()> {
    let mut found = Violations::new();
    // a message without fields, or with scalars at their default only, encodes to nothing: the cheapest case is the common one
    walk(&dynamic(message), "", true, &mut found);
    found.done()
}

fn dynamic<T: ReflectMessage>(message: &T) -> DynamicMessage {
    let mut dynamic = DynamicMessage::new(message.descriptor());
    let bytes = message.encode_to_vec();
    // the bytes were just made from the same descriptor, so this cannot fail; an empty message would only be refused
    let _ = dynamic.merge(bytes.as_slice());
    dynamic
}

/// `is_whole`: what the message needs must be there.
fn walk(message: &DynamicMessage, path: &str, is_whole: bool, found: &mut Violations) {
    let Some(plan) = PLANS.get(message.descriptor().full_name()) else { return };
    for field in &plan.fields {
        let name = field.field.name();
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if field.is_required && is_whole && is_empty(message, &field.field) {
            found.push(violation(&path, "This field is needed.", "required", []));
        } else if message.has_field(&field.field) {
            value(field, &message.get_field(&field.field), &path, !plan.is_update, found);
        }
    }
}

fn is_empty(message: &DynamicMessage, field: &FieldDescriptor) -> bool {
    match message.get_field(field).as_ref() {
        Value::String(text) => {
            text.chars().all(|letter| letter.is_whitespace() || matches!(letter, '\u{200c}' | '\u{200d}'))
        }
        _ => !message.has_field(field),
    }
}

fn value(plan: &FieldPlan, value: &Value, path: &str, is_whole: bool, found: &mut Violations) {
    match value {
        Value::List(items) => {
            if !count(&plan.rules, items.len(), path, found) {
                return;
            }
            for (index, item) in items.iter().enumerate() {
                single(plan, item, &format!("{path}[{index}]"), true, found);
            }
        }
        Value::Map(items) => {
            if !count(&plan.rules, items.len(), path, found) {
                return;
            }
            let sorted: BTreeMap<String, &Value> =
                items.iter().map(|(key, item)| (key.as_str().unwrap_or_default().to_owned(), item)).collect();
            for (key, item) in sorted {
                if key.len() > LONGEST_KEY {
                    let text = format!("A key of at most {LONGEST_KEY} bytes fits here.");
                    found.push(violation(path, text, "field", []));
                    continue;
                }
                found_in_text(&key, path, found);
                single(plan, item, &format!("{path}[{key}]"), true, found);
            }
        }
        one => single(plan, one, path, is_whole, found),
    }
}

/// Whether there are as many as may be. Of too many, not one is looked at: that would be work done for an attacker.
fn count(rules: &Rules, items: usize, path: &str, found: &mut Violations) -> bool {
    let max = if rules.max_items == 0 { DEFAULT_MAX_ITEMS } else { rules.max_items } as usize;
    if items > max {
        let text = format!("At most {max} entries fit here; there are {items}.");
        found.push(violation(path, text, "many", [("limit", &max), ("counted", &items)]));
    }
    if items < rules.min_items as usize {
        let text = format!("At least {} entries are needed.", rules.min_items);
        found.push(violation(path, text, "few", [("limit", &rules.min_items)]));
    }
    items <= max
}

fn single(plan: &FieldPlan, value: &Value, path: &str, is_whole: bool, found: &mut Violations) {
    match value {
        Value::String(text) => string(plan, text, path, found),
        Value::Message(message) => walk(message, path, is_whole, found),
        Value::EnumNumber(number) => {
            if let Kind::Enum(known) = plan.field.kind()
                && known.get_value(*number).is_none()
            {
                found.push(violation(path, format!("{number} is not a value of {}.", known.name()), "choice", []));
            }
        }
        number => {
            let number = number.as_i64().or_else(|| number.as_i32().map(i64::from));
            range(&plan.rules, number, path, found);
        }
    }
}

fn range(rules: &Rules, number: Option<i64>, path: &str, found: &mut Violations) {
    let Some(number) = number else { return };
    if rules.min.is_some_and(|min| number < min) || rules.max.is_some_and(|max| number > max) {
        let bound = |bound: Option<i64>, word: &str| bound.map_or(String::new(), |bound| format!(" {word} {bound}"));
        let text = format!("Must be{}{}.", bound(rules.min, "at least"), bound(rules.max, "at most"));
        found.push(match (rules.min, rules.max) {
            (Some(min), Some(max)) => violation(path, text, "between", [("min", &min), ("max", &max)]),
            (Some(min), None) => violation(path, text, "least", [("min", &min)]),
            (None, max) => violation(path, text, "most", [("max", &max.unwrap_or_default())]),
        });
    }
}

fn string(plan: &FieldPlan, text: &str, path: &str, found: &mut Violations) {
    let rules = &plan.rules;
    found_in_text(text, path, found);
    if !rules.lines {
        found_in_line(text, path, found);
    }
    if text.is_empty() {
        return;
    }
    let max = if rules.max_len == 0 { DEFAULT_MAX_LEN } else { rules.max_len } as usize;
    // a byte count below the limit settles it without counting characters
    if text.len() > max {
        let length = text.chars().count();
        if length > max {
            let text = format!("At most {max} characters fit here; there are {length}.");
            found.push(violation(path, text, "long", [("limit", &max), ("counted", &length)]));
        }
    }
    if (text.chars().take(rules.min_len as usize).count() as u32) < rules.min_len {
        let text = format!("At least {} characters are needed.", rules.min_len);
        found.push(violation(path, text, "short", [("limit", &rules.min_len)]));
    }
    if let Some(pattern) = &plan.pattern
        && !pattern.is_match(text)
    {
        found.push(violation(path, format!("Must match `{}`.", rules.pattern), "pattern", []));
    }
    let format = Format::try_from(rules.format).unwrap_or_default();
    if let Err((wanted, form)) = shape::fits(format, text) {
        found.push(violation(path, wanted, form, []));
    }
}

/// No text field, anywhere, holds characters that no person types: they break exports, logs and databases.
fn found_in_text(text: &str, path: &str, found: &mut Violations) {
    if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
        let text = "Control characters, such as NUL, cannot be part of a text.";
        found.push(violation(path, text, "control", []));
    }
}

/// A text of one line shows all that it holds. Otherwise a name could write lines of its own into a letter, or read like another one.
fn found_in_line(text: &str, path: &str, found: &mut Violations) {
    if text.chars().any(|letter| matches!(letter, '\n' | '\r' | '\u{2028}' | '\u{2029}')) {
        found.push(violation(path, "This is one line: line breaks cannot be part of it.", "line", []));
    }
    // many blanks in a row make what follows stand on a line of its own
    let blanks = text.split(|letter: char| !letter.is_whitespace()).any(|blanks| blanks.chars().count() > 3);
    if blanks || text.chars().any(|letter| letter == '\t' || is_unseen(letter)) {
        let text = "Tabs, marks of direction, characters without width and many blanks in a row cannot be part of a text of one line.";
        found.push(violation(path, text, "unseen", []));
    }
}

/// `form` is how the catalogues word it, with these facts.
fn violation<const N: usize>(
    path: &str,
    description: impl Into<String>,
    form: &'static str,
    facts: [(&'static str, &dyn std::fmt::Display); N],
) -> Violation {
    let facts = facts.map(|(name, fact)| (name, fact.to_string())).into();
    let (reason, wording) = (Shared::FieldsInvalid.name(), Wording { form, facts });
    Violation { field: path.to_owned(), reason, description: description.into(), wording }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proto::{Declared, identity::v1 as pb};

    use super::*;
    use crate::language::{Language, sentence};

    fn fields<T: ReflectMessage>(message: &T) -> Vec<String> {
        let error = check(message).err();
        error.map_or(Vec::new(), |error| error.violations().iter().map(|one| one.field.clone()).collect())
    }

    #[test]
    fn every_rule_states_a_pattern_that_compiles() {
        let broken: Vec<_> = PLANS
            .values()
            .flat_map(|plan| &plan.fields)
            .filter(|plan| plan.pattern.is_none() && !plan.rules.pattern.is_empty())
            .map(|plan| plan.field.full_name().to_owned())
            .collect();
        assert_eq!(broken, Vec::<String>::new());
    }

    #[test]
    fn all_violations_are_named_at_once() {
        let request = pb::CreateAccountRequest {
            email: "nobody".into(),
            given_name: "a\0".into(),
            surname: "x".repeat(101),
            ..Default::default()
        };
        assert_eq!(fields(&request), ["email", "password", "given_name", "surname"]);
    }

    #[test]
    fn rules_reach_into_nested_and_repeated_fields() {
        let application = pb::Application {
            file_ids: vec!["0190-nope".into()],
            classes: vec!["3A".into(); 21],
            team_size: 501,
            track_id: uuid::Uuid::nil().to_string(),
            ..Default::default()
        };
        let request = pb::CreateApplicationRequest { application: Some(application), request_id: String::new() };
        assert_eq!(fields(&request), ["application.classes", "application.team_size", "application.file_ids[0]"]);
    }

    #[test]
    fn a_number_that_no_enum_has_is_refused() {
        let request = pb::ListApplicationsRequest { state: 99, ..Default::default() };
        assert_eq!(fields(&request), ["state"]);
    }

    #[test]
    fn what_a_caller_cannot_set_is_neither_judged_nor_kept() {
        let application = pb::Application {
            track_id: uuid::Uuid::nil().to_string(),
            team_name: "Kos".into(),
            refusal: "x".repeat(2_000),
            reservation: Some(pb::Reservation { documents: "\0".into(), due_on: None }),
            state: 99,
            ..Default::default()
        };
        let request = pb::CreateApplicationRequest { application: Some(application), request_id: "k".into() };
        let kept = taken(request).unwrap();
        let application =
            pb::Application { track_id: uuid::Uuid::nil().to_string(), team_name: "Kos".into(), ..Default::default() };
        assert_eq!(kept, pb::CreateApplicationRequest { application: Some(application), request_id: "k".into() });
    }

    #[test]
    fn what_a_resource_needs_is_needed_to_make_it_and_not_to_change_it() {
        let application = Some(pb::Application::default());
        let create = pb::CreateApplicationRequest { application: application.clone(), ..Default::default() };
        assert_eq!(fields(&create), ["application.track_id"]);
        assert_eq!(fields(&pb::UpdateApplicationRequest { application, update_mask: None }), Vec::<String>::new());
        assert_eq!(fields(&pb::UpdateApplicationRequest::default()), ["application"]);
    }

    #[test]
    fn every_shape_has_words_of_its_own_in_every_catalogue() {
        let mut forms = BTreeSet::from(["required", "field", "many", "few", "choice", "between", "least", "most"]);
        forms.extend(["long", "short", "pattern", "control", "line", "unseen"]);
        forms.extend([Format::Uuid, Format::Email, Format::Url, Format::LocalTime].map(|format| {
            let (_, form) = shape::fits(format, "none of these").unwrap_err();
            form
        }));
        let facts = ["limit", "counted", "min", "max"].map(|fact| (fact, "7"));
        let reason = (Shared::DOMAIN, Shared::FieldsInvalid.name());
        for (form, language) in forms.iter().flat_map(|form| Language::all().map(move |language| (form, language))) {
            assert!(sentence(language, reason, Some(form), facts).is_some(), "{form} {language:?}");
        }
        // what a violation has is one of them, with the facts it needs
        let request = pb::CreateAccountRequest { surname: "x".repeat(101), ..Default::default() };
        for violation in check(&request).unwrap_err().violations() {
            let facts = violation.wording.facts.iter().map(|(name, fact)| (*name, fact.as_str()));
            assert!(
                sentence(Language::ENGLISH, reason, Some(violation.wording.form), facts).is_some(),
                "{violation:?}"
            );
        }
    }

    #[test]
    fn a_text_is_one_line_that_shows_all_it_holds_unless_its_rule_says_otherwise() {
        let named = |surname: &str| fields(&pb::Account { surname: surname.to_owned(), ..Default::default() });
        for honest in ["Kos", "D'Àngelo-Šćepanović", "Ρούσσου\u{a0}Α.", "Ana \u{1f469}\u{200d}\u{1f3eb}"] {
            assert_eq!(named(honest), [""; 0], "{honest}");
        }
        let strange = [
            "a\nb",
            "a\rb",
            "a\tb",
            "a\u{2028}b",
            "a\u{202e}b",
            "a\u{2067}b",
            "a\u{200b}b",
            "\u{feff}a",
            "a\u{ad}b",
            "a\u{3164}b",
            "a\u{e0041}b",
            "a    b",
        ];
        for strange in strange {
            assert_eq!(named(strange), ["surname"], "{strange:?}");
        }
        let motivation = "First.\n\nSecond.\tThird.".to_owned();
        assert!(!fields(&pb::Application { motivation, ..Default::default() }).contains(&"motivation".to_owned()));
    }

    #[test]
    fn a_good_message_passes() {
        let request = pb::FindTeachersRequest { surname: "Žižek".into(), school_id: uuid::Uuid::nil().to_string() };
        assert_eq!(fields(&request), Vec::<String>::new());
    }
}
