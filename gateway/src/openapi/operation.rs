//! An HTTP rule as an operation of the OpenAPI document.

use http::Method;
use prost_reflect::{FieldDescriptor, Kind};
use proto::{behavior, options::v1::Access};
use serde_json::{Value, json};

use super::{
    example,
    schema::{Schemas, Way, is_plain},
    tag,
};
use crate::{
    comments::{Comments, first_sentence},
    field::FieldPath,
    rpc::{self, Binding, Body, Rpc, Shape},
};

pub(super) fn operation(
    schemas: &mut Schemas<'_>,
    comments: &Comments,
    rpc: &Rpc,
    binding: &Binding,
    index: usize,
) -> Value {
    let service = rpc.method.parent_service();
    let tag = tag(service.package_name(), service.name());
    let text = comments.at(&rpc.method.parent_file(), rpc.method.path());
    // a second rule of the same method needs another name
    let suffix = if index == 0 { String::new() } else { format!("_{}", index + 1) };
    let mut operation = json!({
        "operationId": format!("{tag}.{}{suffix}", rpc.method.name()),
        "tags": [tag],
        "summary": first_sentence(text),
        "description": format!("{text}\n\n{}", audience(&rpc.access)),
        "parameters": parameters(schemas, rpc, binding),
        "responses": {"200": answer(schemas, rpc), "default": {"$ref": "#/components/responses/Problem"}},
        "security": if rpc.access.anonymous { json!([]) } else { json!([{"token": []}]) },
        "x-koine-roles": roles(&rpc.access),
        "x-koine-grpc": format!("{}/{}", service.full_name(), rpc.method.name()),
    });
    if !rpc.access.scopes.is_empty() {
        operation["x-koine-scopes"] = json!(rpc.access.scopes);
    }
    if let Some(body) = request_body(schemas, rpc, binding) {
        operation["requestBody"] = body;
    }
    if rpc.method.method_descriptor_proto().options.as_ref().is_some_and(|options| options.deprecated()) {
        operation["deprecated"] = json!(true);
    }
    operation
}

fn roles(access: &Access) -> Vec<String> {
    access.roles().map(|role| role.as_str_name().trim_start_matches("ROLE_").to_lowercase()).collect()
}

fn audience(access: &Access) -> String {
    let lacking = lacking(access);
    match &roles(access)[..] {
        [] => "For everybody, without a token.".to_owned(),
        roles => format!("For the roles: {}.{lacking}{}{}", roles.join(", "), scopes(access), confines(access)),
    }
}

/// The sentence about machines in a description.
fn scopes(access: &Access) -> String {
    match &access.scopes[..] {
        [] => String::new(),
        scopes => format!(" A machine needs the scopes: {}.", scopes.join(", ")),
    }
}

/// The sentences about sessions that lack something.
fn lacking(access: &Access) -> String {
    let sentences = [
        (access.provisional, " A provisional credential is enough."),
        (access.unconfirmed, " Also before the second factor was shown."),
        (access.unenrolled, " Also before a second factor was enrolled."),
        (access.whole, " Not before the second factor of the account was shown, where it has one."),
    ];
    sentences.into_iter().filter(|(said, _)| *said).map(|(_, sentence)| sentence).collect()
}

/// The sentences about programmes and sightings in a description.
fn confines(access: &Access) -> String {
    let programme = if access.programme { " Only in a twinning programme." } else { "" };
    match access.sighting.as_str() {
        "" => programme.to_owned(),
        kind => format!("{programme} It is written down which country and role saw it: a sighting of the kind {kind}."),
    }
}

fn parameters(schemas: &mut Schemas<'_>, rpc: &Rpc, binding: &Binding) -> Vec<Value> {
    let input = rpc.method.input();
    let tenant = (!rpc.access.tenantless).then(|| json!({"$ref": "#/components/parameters/tenant"}));
    let takes_key = binding.method != Method::GET && rpc::key(&input).is_some();
    let key = takes_key.then(|| json!({"$ref": "#/components/parameters/idempotencyKey"}));
    let mut parameters: Vec<_> = tenant.into_iter().chain(key).collect();
    for variable in &binding.template.variables {
        if let Some(path) = FieldPath::resolve(&input, &variable.field) {
            let mut parameter = parameter(schemas, path.field(), &variable.field, "path");
            parameter["required"] = json!(true);
            parameters.push(parameter);
        }
    }
    let in_query = input.fields().filter(|field| match &binding.body {
        Body::Nothing => true,
        Body::Whole => false,
        Body::Field(body) => body != field,
    });
    for field in in_query {
        query_parameters(schemas, binding, &field, "", &mut parameters);
    }
    parameters
}

/// Adds a field as a parameter of the query. The fields of a group are added one by one, with names like `date.year`.
fn query_parameters(
    schemas: &mut Schemas<'_>,
    binding: &Binding,
    field: &FieldDescriptor,
    prefix: &str,
    parameters: &mut Vec<Value>,
) {
    let in_path = |name: &str| binding.template.variables.iter().any(|variable| variable.field == name);
    let name = format!("{prefix}{}", field.json_name());
    match field.kind() {
        _ if field.is_map() || in_path(field.name()) => {}
        // deeper groups could be endless in a message that contains itself, and nobody writes them by hand
        Kind::Message(group) if !is_plain(&group) && !field.is_list() && !prefix.contains('.') => {
            for inner in group.fields() {
                query_parameters(schemas, binding, &inner, &format!("{name}."), parameters);
            }
        }
        Kind::Message(group) if !is_plain(&group) => {}
        _ => parameters.push(parameter(schemas, field, &name, "query")),
    }
}

fn parameter(schemas: &mut Schemas<'_>, field: &FieldDescriptor, name: &str, place: &str) -> Value {
    let mut schema = schemas.field(field, Way::Written);
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description")).unwrap_or_default();
    let required = behavior::is_required(field);
    let mut parameter =
        json!({"name": name, "in": place, "required": required, "description": description, "schema": schema});
    // an optional parameter has no example, so that a first try leaves it out
    if required || place == "path" {
        parameter["example"] = example::of_field(field, &|field| schemas.rules(field));
    }
    parameter
}

fn request_body(schemas: &mut Schemas<'_>, rpc: &Rpc, binding: &Binding) -> Option<Value> {
    let in_path: Vec<_> = binding.template.variables.iter().map(|variable| variable.field.as_str()).collect();
    let input = rpc.method.input();
    let (kind, schema) = match (&rpc.shape, &binding.body) {
        (_, Body::Nothing) => return None,
        (Shape::Upload(_), _) => {
            let content = json!({"*/*": {"schema": {"type": "string", "format": "binary"}}});
            return Some(json!({"required": true, "content": content}));
        }
        (_, Body::Field(field)) => match field.kind().as_message() {
            Some(kind) if binding.method == Method::PATCH => (kind.clone(), schemas.update(kind)),
            Some(kind) => (kind.clone(), schemas.message(kind, Way::Written)),
            None => return None,
        },
        (_, Body::Whole) if in_path.is_empty() => (input.clone(), schemas.message(&input, Way::Written)),
        (_, Body::Whole) => (input.clone(), schemas.object(&input, Way::Written, &in_path)),
    };
    let example = example::of_message(&kind, &in_path, &|field| schemas.rules(field));
    Some(json!({"required": true, "content": {"application/json": {"schema": schema, "example": example}}}))
}

fn answer(schemas: &mut Schemas<'_>, rpc: &Rpc) -> Value {
    if rpc.shape == Shape::Download {
        let schema = json!({"type": "string", "format": "binary"});
        return json!({"description": "The bytes.", "content": {"*/*": {"schema": schema}}});
    }
    let schema = schemas.message(&rpc.method.output(), Way::Read);
    match rpc.shape {
        Shape::Events => json!({
            "description": "Events as they happen. The `data` of each is one message; an event named `error` is the last one \
                            and its `data` a problem.",
            "content": {"text/event-stream": {"schema": schema}},
        }),
        _ => json!({"description": "The answer.", "content": {"application/json": {"schema": schema}}}),
    }
}
