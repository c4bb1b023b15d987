//! Finds all that is wrong with a JSON body. It is used only for bodies that were refused, so it may be slow.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use proto::error::v1::Reason;
use serde_json::{Value as Json, json};
use tonic::Status;
use tonic_types::FieldViolation;

use crate::reason;

/// The most violations that are listed: enough to show the pattern, so that a body with many wrong fields gets a short answer.
const MOST: usize = 50;

#[derive(Default)]
struct Finding {
    /// Whether there was a field that does not exist.
    unknown: bool,
    violations: Vec<FieldViolation>,
}

/// Why `text` is not a message of this type. `prefix` is the path of the body in the request: `team.`, or empty.
pub(crate) fn body(kind: &MessageDescriptor, prefix: &str, text: &[u8], fault: &serde_json::Error) -> Status {
    let malformed = |what: &str| reason::refuse(Reason::BodyMalformed, format!("The body is not {what}: {fault}."));
    if std::str::from_utf8(text).is_err() {
        return reason::refuse(Reason::BodyMalformed, "The body is not UTF-8.");
    }
    let value = match serde_json::from_slice(text) {
        Ok(value @ Json::Object(_)) => value,
        Ok(_) => return malformed("a JSON object"),
        Err(_) => return malformed("well-formed JSON"),
    };
    let mut finding = Finding::default();
    finding.message(kind, prefix, &value);
    match finding {
        Finding { violations, .. } if violations.is_empty() => malformed("what this method asks for"),
        Finding { unknown: true, violations } => reason::malformed(violations),
        Finding { violations, .. } => reason::fields(violations),
    }
}

impl Finding {
    fn add(&mut self, reason: Reason, field: String, description: impl Into<String>) {
        self.unknown |= reason == Reason::BodyMalformed;
        if !self.full() {
            self.violations.push(reason::violation(reason, field, description));
        }
    }

    fn full(&self) -> bool {
        self.violations.len() == MOST
    }

    fn message(&mut self, kind: &MessageDescriptor, prefix: &str, value: &Json) {
        let Json::Object(entries) = value else {
            return self.add(Reason::FieldsInvalid, whole_path(prefix), "Give an object.");
        };
        for (key, value) in entries {
            if self.full() {
                return;
            }
            match kind.get_field_by_json_name(key).or_else(|| kind.get_field_by_name(key)) {
                Some(field) => self.field(kind, &field, prefix, value),
                None => {
                    let names: Vec<_> = kind.fields().map(|field| format!("`{}`", field.json_name())).collect();
                    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                    self.add(
                        Reason::BodyMalformed,
                        format!("{prefix}{key}"),
                        format!("There is no such field. There is {known}."),
                    );
                }
            }
        }
        if self.violations.is_empty() {
            self.whole(kind, prefix, value);
        }
    }

    fn field(&mut self, kind: &MessageDescriptor, field: &FieldDescriptor, prefix: &str, value: &Json) {
        let path = format!("{prefix}{}", field.name());
        match (group(field), value) {
            (_, Json::Null) => {}
            (Some(inner), Json::Array(items)) if field.is_list() => {
                for (index, item) in items.iter().enumerate() {
                    self.message(&inner, &format!("{path}[{index}]."), item);
                }
            }
            (Some(inner), value) if !field.is_list() && !field.is_map() => {
                self.message(&inner, &format!("{path}."), value);
            }
            (Some(entry), Json::Object(entries)) if field.is_map() => self.map(&entry, &path, entries),
            _ => {
                if let Err(fault) = DynamicMessage::deserialize(kind.clone(), json!({ field.json_name(): value })) {
                    self.add(Reason::FieldsInvalid, path, sentence(&fault));
                }
            }
        }
    }

    fn map(&mut self, entry: &MessageDescriptor, path: &str, entries: &serde_json::Map<String, Json>) {
        let field = entry.map_entry_value_field();
        for (key, value) in entries {
            if self.full() {
                return;
            }
            match group(&field) {
                Some(inner) => self.message(&inner, &format!("{path}.{key}."), value),
                None => {
                    if let Err(fault) = DynamicMessage::deserialize(entry.clone(), json!({ "value": value })) {
                        self.add(Reason::FieldsInvalid, format!("{path}.{key}"), sentence(&fault));
                    }
                }
            }
        }
    }

    /// Checks a message as a whole, for faults that no single field shows: two fields of one `oneof`.
    fn whole(&mut self, kind: &MessageDescriptor, prefix: &str, value: &Json) {
        if let Err(fault) = DynamicMessage::deserialize(kind.clone(), value) {
            self.add(Reason::FieldsInvalid, whole_path(prefix), sentence(&fault));
        }
    }
}

/// The path of a message whose fields' paths begin with `prefix`.
fn whole_path(prefix: &str) -> String {
    if prefix.is_empty() { "body".to_owned() } else { prefix.trim_end_matches('.').to_owned() }
}

/// The message type of a field that JSON writes as an object of fields. None for other fields.
fn group(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let Kind::Message(kind) = field.kind() else { return None };
    (kind.package_name() != "google.protobuf").then_some(kind)
}

fn sentence(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;

    use super::*;

    fn diagnosis(message: &str, text: &str) -> (String, Vec<String>) {
        let kind = proto::descriptor().get_message_by_name(message).unwrap();
        let mut json = serde_json::Deserializer::from_str(text);
        let fault = DynamicMessage::deserialize(kind.clone(), &mut json).unwrap_err();
        let status = body(&kind, "", text.as_bytes(), &fault);
        let fields = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
        (status.get_details_error_info().unwrap().reason, fields.into_iter().map(|violation| violation.field).collect())
    }

    #[test]
    fn every_unknown_field_and_every_wrong_value_is_named() {
        let text = r#"{"team": {"nam": "x", "size": "many", "admittedAt": "today"}, "updateMask": 7}"#;
        let (reason, fields) = diagnosis("koine.identity.v1.UpdateTeamRequest", text);
        assert_eq!(reason, "BODY_MALFORMED");
        assert_eq!(fields, ["team.admitted_at", "team.nam", "team.size", "update_mask"]);
    }

    #[test]
    fn wrong_values_alone_are_invalid_fields() {
        let (reason, fields) = diagnosis("koine.identity.v1.SignInRequest", r#"{"login": 1, "password": []}"#);
        assert_eq!(reason, "FIELDS_INVALID");
        assert_eq!(fields, ["login", "password"]);
    }

    #[test]
    fn values_of_maps_and_lists_are_named_by_key_and_place() {
        let text = r#"{"values": {"title": {"text": 1}, "photo": {"files": {"items": ["a", 2]}}}}"#;
        let (_, fields) = diagnosis("koine.lessons.v1.SaveDraftRequest", text);
        assert_eq!(fields, ["values.photo.files.items", "values.title.text"]);
    }

    #[test]
    fn two_values_where_one_is_meant_are_refused() {
        let text = r#"{"values": {"title": {"text": "a", "boolean": true}}}"#;
        let (reason, fields) = diagnosis("koine.lessons.v1.SaveDraftRequest", text);
        assert_eq!((reason.as_str(), fields.as_slice()), ("FIELDS_INVALID", &["values.title".to_owned()][..]));
    }

    #[test]
    fn a_body_of_nothing_but_faults_has_a_short_answer() {
        let keys: Vec<_> = (0..100_000).map(|index| format!("\"k{index}\": 0")).collect();
        let (_, fields) = diagnosis("koine.identity.v1.SignInRequest", &format!("{{{}}}", keys.join(",")));
        assert_eq!(fields.len(), MOST);
    }

    #[test]
    fn broken_json_says_where() {
        let kind = proto::descriptor().get_message_by_name("koine.identity.v1.SignInRequest").unwrap();
        let fault = serde_json::from_str::<Json>("{\"login\": }").unwrap_err();
        let status = body(&kind, "", b"{\"login\": }", &fault);
        assert!(status.message().contains("line 1 column"), "{}", status.message());
        let status = body(&kind, "", b"{\"login\": \"\xff\"}", &fault);
        assert_eq!(status.message(), "The body is not UTF-8.");
    }
}
