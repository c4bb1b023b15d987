//! Derives the mask of a PATCH without one: the fields in its body that can be set.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use proto::behavior;
use serde_json::{Map, Value as Json};

use crate::{field::field_mask, table::Route};

/// Sets the mask of `message` from the keys of `body`, unless the caller gave one.
pub(crate) fn derive(route: &Route, body_field: &FieldDescriptor, body: &[u8], message: &mut DynamicMessage) {
    let Some(mask) = route.mask.as_ref().filter(|mask| !message.has_field(mask)) else { return };
    let (Kind::Message(mask_kind), Kind::Message(kind)) = (mask.kind(), body_field.kind()) else { return };
    let Ok(Json::Object(keys)) = serde_json::from_slice(body) else { return };
    let mut paths = Vec::new();
    walk(&kind, &keys, "", &mut paths);
    message.set_field(mask, Value::Message(field_mask(&mask_kind, paths.into_iter())));
}

fn walk(kind: &MessageDescriptor, keys: &Map<String, Json>, prefix: &str, paths: &mut Vec<String>) {
    for (key, value) in keys {
        let Some(field) = kind.get_field_by_json_name(key).or_else(|| kind.get_field_by_name(key)) else { continue };
        // fields that callers cannot set are left out; immutable ones are named, so that another value is refused and not lost
        if !behavior::is_changeable(&field) && !behavior::is_immutable(&field) {
            continue;
        }
        let path = format!("{prefix}{}", field.name());
        match (group(&field), value) {
            (Some(inner), Json::Object(keys)) if !keys.is_empty() => walk(&inner, keys, &format!("{path}."), paths),
            _ => paths.push(path),
        }
    }
}

/// The message type whose fields are named one by one. None for lists, maps and Google's types: half a date is not a date.
fn group(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let Kind::Message(kind) = field.kind() else { return None };
    let whole = field.is_list() || field.is_map() || kind.package_name().starts_with("google.");
    (!whole).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_names_the_fields_of_a_group_and_takes_a_date_whole() {
        let kind = proto::descriptor().get_message_by_name("koine.identity.v1.AdmitApplicationRequest").unwrap();
        let body = r#"{"reservation": {"documents": "x", "dueOn": {"year": 2023}}, "applicationId": "7", "colour": 1}"#;
        let mut paths = Vec::new();
        walk(&kind, &serde_json::from_str(body).unwrap(), "", &mut paths);
        paths.sort();
        assert_eq!(paths, ["application_id", "reservation.documents", "reservation.due_on"]);
    }
}
