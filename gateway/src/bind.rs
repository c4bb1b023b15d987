//! Binds the path and the query of a request to the fields of its message.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName};
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, Value};
use tonic_types::FieldViolation;

use crate::{
    field::{FieldPath, parse},
    path::decode,
    rpc::Body,
    table::{Found, Route},
};

/// Sets the fields that the path names. Adds a violation for a value that cannot be read, and for a field with another value in the
/// body.
pub(crate) fn path(found: &Found<'_>, message: &mut DynamicMessage, violations: &mut Vec<FieldViolation>) {
    for (field, text) in found.route.bound.iter().zip(&found.values) {
        match parse(&field.field().kind(), text) {
            Ok(value) => set_bound(field, value, message, violations),
            Err(expected) => violations.push(FieldViolation::new(field.name(), expected)),
        }
    }
}

fn set_bound(field: &FieldPath, value: Value, message: &mut DynamicMessage, violations: &mut Vec<FieldViolation>) {
    let Some(holder) = field.holder(message) else { return };
    if holder.has_field(field.field()) && *holder.get_field(field.field()) != value {
        let said = "The path and the body say different things. Leave it out of the body, or say the same.";
        violations.push(FieldViolation::new(field.name(), said));
    }
    holder.set_field(field.field(), value);
}

/// Sets the fields that the query names. Adds a violation for each parameter that cannot be used.
pub(crate) fn query(
    found: &Found<'_>,
    text: Option<&str>,
    message: &mut DynamicMessage,
    violations: &mut Vec<FieldViolation>,
) {
    let mut query = Query { found, message, given: BTreeSet::new() };
    for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let set = match form_decode(name).zip(form_decode(value)) {
            Some((name, value)) => query.set(&name, &value),
            None => Err(FieldViolation::new(name, "It is not percent-encoded UTF-8.")),
        };
        violations.extend(set.err());
    }
}

/// The header for a `request_id`, as HTTP clients know it (draft-ietf-httpapi-idempotency-key-header).
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Sets the `request_id` from the header, where the method has one. Adds a violation where the body has another one. A method
/// without a `request_id` ignores the header, because clients send it with every POST.
pub(crate) fn key(
    route: &Route,
    headers: &HeaderMap,
    message: &mut DynamicMessage,
    violations: &mut Vec<FieldViolation>,
) {
    let Some(field) = &route.key else { return };
    let mut given = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(first) = given.next() else { return };
    // the draft requires quotes, most clients leave them out
    let text = first.to_str().ok().map(|text| text.trim().trim_matches('"')).filter(|text| !text.is_empty());
    let said = message.get_field(field).as_str().unwrap_or_default().to_owned();
    let fault = match text {
        None => "The header `Idempotency-Key` holds no key. Give letters, digits and hyphens, best a UUID.",
        Some(_) if given.any(|other| other != first) => "The header `Idempotency-Key` is given twice. Give one.",
        Some(text) if !said.is_empty() && said != text => {
            "The header `Idempotency-Key` and `request_id` say different things. Give one of them, or say the same."
        }
        Some(text) => return message.set_field(field, Value::String(text.to_owned())),
    };
    violations.push(FieldViolation::new(field.name(), fault));
}

/// Decodes a part of a form, where a space is a plus. None, where it is not percent-encoded UTF-8.
fn form_decode(text: &str) -> Option<String> {
    decode(&text.replace('+', " "), false).map(|text| text.into_owned())
}

struct Query<'q> {
    found: &'q Found<'q>,
    message: &'q mut DynamicMessage,
    /// Fields that have a value and accept no second one.
    given: BTreeSet<String>,
}

impl Query<'_> {
    fn set(&mut self, name: &str, text: &str) -> Result<(), FieldViolation> {
        let route = self.found.route;
        let path = FieldPath::resolve(&route.input, name);
        let path = path.ok_or_else(|| FieldViolation::new(name, unknown(route)))?;
        let set = match self.in_path(&path) {
            Some(value) if value == text => Ok(()),
            Some(_) => Err("The path says something else. Leave it out of the query.".to_owned()),
            None => in_body(route, &path).and_then(|()| self.place(&path, text)),
        };
        set.map_err(|fault| FieldViolation::new(path.name(), fault))
    }

    /// The text that the path has for a field. None, where the field is not in the path.
    fn in_path(&self, path: &FieldPath) -> Option<&str> {
        let at = self.found.route.bound.iter().position(|bound| bound.name() == path.name())?;
        self.found.values.get(at).map(String::as_str)
    }

    fn place(&mut self, path: &FieldPath, text: &str) -> Result<(), String> {
        let field = path.field();
        if field.is_map() {
            return Err("A map cannot be given in the query.".to_owned());
        }
        if !field.is_list() && !self.given.insert(path.name()) {
            return Err("It is given twice and can have one value only.".to_owned());
        }
        let value = parse(&field.kind(), text)?;
        let Some(holder) = path.holder(self.message) else { return Ok(()) };
        if let Some(other) = other_of_oneof(field, holder) {
            return Err(format!("Give either this or `{}`.", other.name()));
        }
        match field.is_list().then(|| holder.get_field_mut(field).as_list_mut()).flatten() {
            Some(list) => list.push(value),
            None => holder.set_field(field, value),
        }
        Ok(())
    }
}

/// Refuses a parameter that belongs into the body.
fn in_body(route: &Route, path: &FieldPath) -> Result<(), String> {
    match &route.body {
        Body::Whole => Err("This method takes its fields in the body. Give it there.".to_owned()),
        Body::Field(body) if body == path.first() => {
            Err(format!("`{}` is the body of this method. Give it there.", body.name()))
        }
        _ => Ok(()),
    }
}

/// Another field of the same `oneof` that is set. Setting this field would clear it, and so lose what the caller sent.
fn other_of_oneof(field: &FieldDescriptor, holder: &DynamicMessage) -> Option<FieldDescriptor> {
    field.containing_oneof()?.fields().find(|other| other != field && holder.has_field(other))
}

fn unknown(route: &Route) -> String {
    let names = parameter_names(&route.input, route);
    if names.is_empty() {
        return "This method has no parameters.".to_owned();
    }
    format!("This method has no such parameter. It has {}.", names.join(", "))
}

fn parameter_names(input: &MessageDescriptor, route: &Route) -> Vec<String> {
    let in_path = |field: &FieldDescriptor| route.bound.iter().any(|bound| bound.first() == field);
    let in_body = |field: &FieldDescriptor| match &route.body {
        Body::Nothing => false,
        Body::Whole => true,
        Body::Field(body) => body == field,
    };
    let left = input.fields().filter(|field| !in_path(field) && !in_body(field));
    left.map(|field| format!("`{}`", field.json_name())).collect()
}
