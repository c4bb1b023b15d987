//! The mask of a PATCH that gives none: the fields that stand in its body.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use serde_json::{Map, Value as Json};

use crate::{field::field_mask, table::Route};

/// AIP-154: the version the caller read is a condition on the change and no part of it.
const CONDITION: &str = "etag";

/// Fills the mask of `message` from the keys of `body`, unless the caller gave one.
pub(crate) fn derive(route: &Route, body_field: &FieldDescriptor, body: &[u8], message: &mut DynamicMessage) {
    let Some(mask) = route.mask.as_ref().filter(|mask| !message.has_field(mask)) else { return };
    let (Kind::Message(mask_kind), Kind::Message(kind)) = (mask.kind(), body_field.kind()) else { return };
    let Ok(Json::Object(keys)) = serde_json::from_slice(body) else { return };
    let mut paths = Vec::new();
    walk(&kind, &keys, "", &mut paths);
    let identity: Vec<_> =
        route.bound.iter().filter_map(|bound| Some(bound.name().split_once('.')?.1.to_owned())).collect();
    paths.retain(|path| path != CONDITION && !identity.contains(path));
    message.set_field(mask, Value::Message(field_mask(&mask_kind, paths.into_iter())));
}

fn walk(kind: &MessageDescriptor, keys: &Map<String, Json>, prefix: &str, paths: &mut Vec<String>) {
    for (key, value) in keys {
        let Some(field) = kind.get_field_by_json_name(key).or_else(|| kind.get_field_by_name(key)) else { continue };
        let path = format!("{prefix}{}", field.name());
        match (group(&field), value) {
            (Some(inner), Json::Object(keys)) if !keys.is_empty() => walk(&inner, keys, &format!("{path}."), paths),
            _ => paths.push(path),
        }
    }
}

/// The fields inside a field are named one by one only where it is one message of ours: half a date or half an instant is none.
fn group(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let Kind::Message(kind) = field.kind() else { return None };
    let whole = field.is_list() || field.is_map() || kind.package_name().starts_with("google.");
    (!whole).then_some(kind)
}
