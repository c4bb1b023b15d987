//! JSON Schemas of messages and enums with the rules of their fields, in the mapping of proto3 JSON.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{DescriptorPool, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use proto::{
    behavior,
    options::v1::{Format, Rules},
};
use serde_json::{Map, Value, json};

use crate::{
    Error,
    comments::Comments,
    rpc::{self, Rpc},
};

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A caller sends it: the service refuses unknown fields.
    Written,
    /// A caller receives it: later versions may add fields.
    Read,
}

/// The schemas that were requested so far, by the full names of their types.
pub(super) struct Schemas<'c> {
    comments: &'c Comments,
    rules: ExtensionDescriptor,
    /// The names of all messages in answers. A message that callers send too has two schemas.
    read: BTreeSet<String>,
    named: BTreeMap<String, Value>,
}

impl<'c> Schemas<'c> {
    pub(super) fn new(pool: &DescriptorPool, rpcs: &[Rpc], comments: &'c Comments) -> Result<Self, Error> {
        let named = BTreeMap::from([("Problem".to_owned(), problem())]);
        let mut read = BTreeSet::new();
        rpcs.iter().for_each(|rpc| inside(&rpc.method.output(), &mut read));
        Ok(Self { comments, rules: rpc::extension(pool, "koine.options.v1.rules")?, read, named })
    }

    pub(super) fn finish(self) -> BTreeMap<String, Value> {
        self.named
    }

    /// The schema of a message, as a reference, or itself where JSON writes the message as one value.
    pub(super) fn message(&mut self, kind: &MessageDescriptor, way: Way) -> Value {
        if is_plain(kind) {
            return plain(kind);
        }
        let name = match way {
            Way::Written if self.read.contains(kind.full_name()) => format!("{}.Input", kind.full_name()),
            _ => kind.full_name().to_owned(),
        };
        if !self.named.contains_key(&name) {
            // a placeholder while the fields are written, for messages that contain themselves
            self.named.insert(name.clone(), Value::Null);
            let schema = self.object(kind, way, &[]);
            self.named.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// The schema of a message as an object, without these fields.
    pub(super) fn object(&mut self, kind: &MessageDescriptor, way: Way, without: &[&str]) -> Value {
        let fields: Vec<_> = kind.fields().filter(|field| !without.contains(&field.name())).collect();
        let required: Vec<_> = fields
            .iter()
            .filter(|field| behavior::is_required(field))
            .map(|field| field.json_name().to_owned())
            .collect();
        let properties: Map<_, _> =
            fields.iter().map(|field| (field.json_name().to_owned(), self.field(field, way))).collect();
        let mut schema = json!({
            "type": "object",
            "description": self.comments.at(&kind.parent_file(), kind.path()),
            "properties": properties,
        });
        if way == Way::Written {
            schema["additionalProperties"] = json!(false);
        }
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// The schema of a resource in an update: no field is required, because only changed fields are sent.
    pub(super) fn update(&mut self, kind: &MessageDescriptor) -> Value {
        let mut schema = self.object(kind, Way::Written, &[]);
        schema.as_object_mut().and_then(|schema| schema.remove("required"));
        schema
    }

    /// The schema of a field, with its comment, its rules and its behavior.
    pub(super) fn field(&mut self, field: &FieldDescriptor, way: Way) -> Value {
        let rules = self.rules(field);
        let least = u32::from(behavior::is_required(field));
        let mut schema = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let values = self.kind(&entry.map_entry_value_field().kind(), way);
                let mut schema = json!({"type": "object", "additionalProperties": values});
                count(&mut schema, &rules, least, "minProperties", "maxProperties");
                schema
            }
            kind if field.is_list() => {
                let mut items = self.kind(&kind, way);
                constrain(&mut items, &kind, &rules, 0);
                let mut schema = json!({"type": "array", "items": items});
                count(&mut schema, &rules, least, "minItems", "maxItems");
                schema
            }
            kind => {
                let mut schema = self.kind(&kind, way);
                constrain(&mut schema, &kind, &rules, least);
                schema
            }
        };
        schema["description"] = json!(self.describe(field));
        if behavior::is_output_only(field) {
            schema["readOnly"] = json!(true);
        }
        if field.field_descriptor_proto().options.as_ref().is_some_and(|options| options.deprecated()) {
            schema["deprecated"] = json!(true);
        }
        schema
    }

    fn describe(&self, field: &FieldDescriptor) -> String {
        let text = self.comments.at(&field.parent_file(), field.path());
        match field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            Some(oneof) => {
                let names: Vec<_> = oneof.fields().map(|field| format!("`{}`", field.json_name())).collect();
                format!("{text}\n\nOf {}, one is set.", names.join(", "))
            }
            None => text.to_owned(),
        }
    }

    pub(super) fn rules(&self, field: &FieldDescriptor) -> Rules {
        rpc::option(&field.options(), &self.rules)
    }

    fn kind(&mut self, kind: &Kind, way: Way) -> Value {
        match kind {
            Kind::Double | Kind::Float => json!({"type": "number", "format": "double"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "format": "int64", "minimum": 0}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({"type": "string", "format": "int64"}),
            Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Message(message) => self.message(message, way),
            Kind::Enum(kind) => {
                let schema = self.enumeration(kind);
                self.named.entry(kind.full_name().to_owned()).or_insert(schema);
                reference(kind.full_name())
            }
        }
    }

    fn enumeration(&self, kind: &EnumDescriptor) -> Value {
        let mut text = self.comments.at(&kind.parent_file(), kind.path()).to_owned();
        let mut names = Vec::new();
        for value in kind.values() {
            let meaning = self.comments.at(&value.parent_file(), value.path());
            text.push_str(&format!("\n\n- `{}`: {meaning}", value.name()));
            names.push(value.name().to_owned());
        }
        json!({"type": "string", "enum": names, "description": text})
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Whether JSON writes a message as one value, and not as an object of its fields.
pub(super) fn is_plain(kind: &MessageDescriptor) -> bool {
    kind.package_name() == "google.protobuf"
}

fn plain(kind: &MessageDescriptor) -> Value {
    match kind.name() {
        "Timestamp" => json!({"type": "string", "format": "date-time"}),
        "Duration" => json!({"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$"}),
        "FieldMask" => json!({"type": "string", "examples": ["name,email"]}),
        "BoolValue" => json!({"type": ["boolean", "null"]}),
        "StringValue" | "BytesValue" | "Int64Value" | "UInt64Value" => json!({"type": ["string", "null"]}),
        "Int32Value" | "UInt32Value" => json!({"type": ["integer", "null"]}),
        "DoubleValue" | "FloatValue" => json!({"type": ["number", "null"]}),
        // Struct, Value, ListValue, Any, Empty: any JSON
        _ => json!({}),
    }
}

/// Adds the names of a message and of all messages in it.
fn inside(kind: &MessageDescriptor, into: &mut BTreeSet<String>) {
    if into.insert(kind.full_name().to_owned()) {
        kind.fields().for_each(|field| {
            if let Kind::Message(inner) = field.kind() {
                inside(&inner, into);
            }
        });
    }
}

/// Adds the bounds on the number of elements. `at_least` is 1 for a required field.
fn count(schema: &mut Value, rules: &Rules, at_least: u32, least: &str, most: &str) {
    for (key, value) in
        [(least, rules.min_items.max(at_least)), (most, rules.max_items)].into_iter().filter(|(_, value)| *value > 0)
    {
        schema[key] = json!(value);
    }
}

fn constrain(schema: &mut Value, kind: &Kind, rules: &Rules, at_least: u32) {
    match kind {
        Kind::String => {
            let least = rules.min_len.max(rules.judged_min_len).max(at_least);
            for (key, value) in [("minLength", least), ("maxLength", rules.max_len)] {
                if value > 0 {
                    schema[key] = json!(value);
                }
            }
            if !rules.pattern.is_empty() {
                schema["pattern"] = json!(format!("^(?:{})$", rules.pattern));
            }
            match rules.format() {
                Format::Unspecified => {}
                Format::Uuid => schema["format"] = json!("uuid"),
                Format::Email => schema["format"] = json!("email"),
                Format::Url => schema["format"] = json!("uri"),
                // JSON Schema has no format for a local time: the examples show it
                Format::LocalTime => {}
            }
        }
        Kind::Message(_) | Kind::Enum(_) | Kind::Bool | Kind::Bytes => {}
        _ if schema["type"] == "string" => {}
        _ => {
            for (key, value) in [("minimum", rules.min), ("maximum", rules.max)] {
                if let Some(value) = value {
                    schema[key] = json!(value);
                }
            }
        }
    }
}

fn problem() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "description": "Why a call was refused (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "reason", "domain"],
        "properties": {
            "type": text("The address of a page about the reason: `/problems/identity/CALL_CLOSED`."),
            "title": text("The reason in one sentence, in the language the call names."),
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": text(
                "What is wrong and what to do about it: in the language the call names by `Accept-Language`, and where it names none \
                 for developers, in English.",
            ),
            "message": text("What is wrong with this call, for developers, in English, where the call names a language."),
            "code": text("The name of the gRPC code: `FAILED_PRECONDITION`."),
            "reason": text("The name of the reason, which never changes: `CALL_CLOSED`."),
            "domain": text("The package that declares the reason: `koine.identity.v1`."),
            "metadata": {
                "type": "object",
                "description": "Facts about this case, by name.",
                "additionalProperties": {"type": "string"},
            },
            "violations": {
                "type": "array",
                "description": "Every field that is not as the method asks for.",
                "items": {
                    "type": "object",
                    "required": ["field", "description"],
                    "properties": {
                        "field": text("The field, in the words of the `.proto`: `team.logo_file_id`."),
                        "description": text("What is wrong with it, in the language of `detail`."),
                        "message": text("What is wrong with it, for developers, in English, where the call names a language."),
                        "reason": text("The name of the reason."),
                    },
                },
            },
            "retry_after_seconds": {"type": "integer", "description": "When to come back, where waiting helps."},
        },
    })
}
