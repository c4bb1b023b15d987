//! Examples of requests that satisfy the rules of their fields.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use proto::{
    behavior,
    options::v1::{Format, Rules},
};
use serde_json::{Map, Value, json};

use super::schema::is_plain;

/// The rules of a field.
type RulesOf<'r> = &'r dyn Fn(&FieldDescriptor) -> Rules;

const UUID: &str = "0190a6c2-7f3e-7c4a-9d2b-5e8f1a2b3c4d";

/// The example of a message: the required fields, or, where there are none, all that can be set. Fields of `without` are left out.
pub(super) fn of_message(kind: &MessageDescriptor, without: &[&str], rules: RulesOf<'_>) -> Value {
    let written = |field: &FieldDescriptor| {
        let is_first_choice = field
            .containing_oneof()
            .is_none_or(|choice| choice.fields().next().is_some_and(|first| first.name() == field.name()));
        let is_set = behavior::is_required(field) || behavior::is_changeable(field);
        is_set && is_first_choice && !without.contains(&field.name())
    };
    let fields: Vec<_> = kind.fields().filter(written).collect();
    let needs_some = fields.iter().any(behavior::is_required);
    let shown = fields.iter().filter(|field| !needs_some || behavior::is_required(field));
    let shown: Map<_, _> = shown.map(|field| (field.json_name().to_owned(), of_field(field, rules))).collect();
    Value::Object(shown)
}

/// The example of a field; of a repeated field, the least number of elements that is accepted.
pub(super) fn of_field(field: &FieldDescriptor, rules: RulesOf<'_>) -> Value {
    let said = rules(field);
    if let Kind::Message(entry) = field.kind()
        && entry.is_map_entry()
    {
        return json!({"key": of_kind(&entry.map_entry_value_field(), &said, rules)});
    }
    let one = of_kind(field, &said, rules);
    if field.is_list() { json!(vec![one; said.min_items.max(1) as usize]) } else { one }
}

fn of_kind(field: &FieldDescriptor, said: &Rules, rules: RulesOf<'_>) -> Value {
    match field.kind() {
        Kind::String => json!(of_text(field, said)),
        Kind::Bool => json!(true),
        Kind::Bytes => json!("a29pbmU="),
        Kind::Float | Kind::Double => json!(41.9),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => json!(number(said).to_string()),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => json!(number(said)),
        Kind::Enum(kind) => {
            let value = kind.values().nth(1).or_else(|| kind.values().next());
            json!(value.map(|value| value.name().to_owned()))
        }
        Kind::Message(kind) => match kind.full_name() {
            "google.type.Date" => json!({"year": 2022, "month": 12, "day": 20}),
            "google.protobuf.Timestamp" => json!("2022-12-20T23:59:59Z"),
            "google.protobuf.Duration" => json!("3600s"),
            "google.protobuf.FieldMask" => json!(""),
            _ if is_plain(&kind) => json!({}),
            _ => of_message(&kind, &[], rules),
        },
    }
}

fn number(rules: &Rules) -> i64 {
    1.clamp(rules.min.unwrap_or(i64::MIN), rules.max.unwrap_or(i64::MAX).max(rules.min.unwrap_or(i64::MIN)))
}

/// The rule's example, or one of its format, or the name of the field.
fn of_text(field: &FieldDescriptor, rules: &Rules) -> String {
    if !rules.example.is_empty() {
        return rules.example.clone();
    }
    match rules.format() {
        Format::Uuid => UUID.to_owned(),
        Format::Email => "ana.kos@school.example".to_owned(),
        Format::Url => "https://school.example/bridge".to_owned(),
        Format::LocalTime => "2022-12-20T23:59:59".to_owned(),
        Format::Unspecified => field.name().replace('_', " "),
    }
}
