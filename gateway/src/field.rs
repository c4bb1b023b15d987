//! Fields that are named by a path (`team.id`), and values that are given as text, in paths and queries.

use std::{fmt::Display, str::FromStr};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use bytes::Bytes;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value};
use serde::de::{IntoDeserializer, value::StrDeserializer};

/// A field of a message, or of a message inside it.
#[derive(Clone, Debug)]
pub(crate) struct FieldPath {
    parents: Vec<FieldDescriptor>,
    field: FieldDescriptor,
}

impl FieldPath {
    /// Finds a field by its path, with names as in the `.proto` (`edition_id`) or in JSON (`editionId`). None, where there is none.
    pub(crate) fn resolve(message: &MessageDescriptor, path: &str) -> Option<Self> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let mut found = Self { parents: Vec::new(), field: named(message, first)? };
        for name in rest.into_iter().flat_map(|rest| rest.split('.')) {
            if found.field.cardinality() == prost_reflect::Cardinality::Repeated {
                return None;
            }
            let inner = named(found.field.kind().as_message()?, name)?;
            found.parents.push(std::mem::replace(&mut found.field, inner));
        }
        Some(found)
    }

    pub(crate) fn field(&self) -> &FieldDescriptor {
        &self.field
    }

    /// The field of the request itself with which the path begins.
    pub(crate) fn first(&self) -> &FieldDescriptor {
        self.parents.first().unwrap_or(&self.field)
    }

    /// The path with the names of the `.proto`, which services use in violations too.
    pub(crate) fn name(&self) -> String {
        let names: Vec<_> = self.parents.iter().chain([&self.field]).map(FieldDescriptor::name).collect();
        names.join(".")
    }

    /// The message that contains the field. It is created where it is missing.
    pub(crate) fn holder<'m>(&self, message: &'m mut DynamicMessage) -> Option<&'m mut DynamicMessage> {
        self.parents.iter().try_fold(message, |message, parent| message.get_field_mut(parent).as_message_mut())
    }
}

fn named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}

/// Reads a value. Error: what is accepted.
pub(crate) fn parse(kind: &Kind, text: &str) -> Result<Value, String> {
    const INTEGER: &str = "a whole number";
    Ok(match kind {
        Kind::String => Value::String(text.to_owned()),
        Kind::Bool => Value::Bool(number(text, "`true` or `false`")?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number(text, INTEGER)?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number(text, INTEGER)?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number(text, "a whole number that is not negative")?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number(text, "a whole number that is not negative")?),
        Kind::Float => Value::F32(number(text, "a number")?),
        Kind::Double => Value::F64(number(text, "a number")?),
        Kind::Bytes => {
            let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
            Value::Bytes(Bytes::from(bytes.map_err(|fault| format!("Give base64: {fault}."))?))
        }
        Kind::Enum(kind) => Value::EnumNumber(enumerated(kind, text)?),
        Kind::Message(kind) => Value::Message(well_known(kind, text)?),
    })
}

fn number<T: FromStr<Err: Display>>(text: &str, expected: &str) -> Result<T, String> {
    text.parse().map_err(|fault| format!("Give {expected}: {fault}."))
}

fn enumerated(kind: &EnumDescriptor, text: &str) -> Result<i32, String> {
    let by_number = || kind.get_value(text.parse().ok()?);
    let value = kind.get_value_by_name(text).or_else(by_number);
    value.map(|value| value.number()).ok_or_else(|| {
        let names: Vec<_> = kind.values().map(|value| value.name().to_owned()).collect();
        format!("Give one of {}.", names.join(", "))
    })
}

/// Reads a message that proto3 JSON writes as a string. Other messages are given field by field: `date.year=2023`.
fn well_known(kind: &MessageDescriptor, text: &str) -> Result<DynamicMessage, String> {
    let string: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    match kind.full_name() {
        "google.protobuf.Timestamp" => DynamicMessage::deserialize(kind.clone(), string)
            .map_err(|fault| format!("Give an instant such as `2022-12-20T23:59:59Z`: {fault}.")),
        "google.protobuf.Duration" => DynamicMessage::deserialize(kind.clone(), string)
            .map_err(|fault| format!("Give a duration such as `1.5s`: {fault}.")),
        "google.protobuf.FieldMask" => Ok(field_mask(kind, text.split(',').map(snake_case))),
        name => match kind.get_field_by_name("value").filter(|_| name.starts_with("google.protobuf.")) {
            Some(value) => {
                let mut wrapper = DynamicMessage::new(kind.clone());
                wrapper.set_field(&value, parse(&value.kind(), text)?);
                Ok(wrapper)
            }
            None => Err("This is a group of fields. Give each by its own name, after a dot.".to_owned()),
        },
    }
}

/// A `FieldMask` of these paths.
pub(crate) fn field_mask(kind: &MessageDescriptor, paths: impl Iterator<Item = String>) -> DynamicMessage {
    let mut mask = DynamicMessage::new(kind.clone());
    mask.set_field_by_name("paths", Value::List(paths.filter(|path| !path.is_empty()).map(Value::String).collect()));
    mask
}

/// Converts `givenName` to `given_name`. JSON uses the first form, but people often write the second, so both are accepted.
fn snake_case(path: &str) -> String {
    let mut snake = String::with_capacity(path.len() + 4);
    for letter in path.trim().chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str) -> MessageDescriptor {
        proto::descriptor().get_message_by_name(name).unwrap()
    }

    #[test]
    fn a_field_is_found_in_the_words_of_proto_and_of_json() {
        let update = message("koine.identity.v1.UpdateTeamRequest");
        for path in ["team.logo_file_id", "team.logoFileId"] {
            assert_eq!(FieldPath::resolve(&update, path).unwrap().name(), "team.logo_file_id");
        }
        assert!(FieldPath::resolve(&update, "team.logo").is_none());
        assert!(FieldPath::resolve(&update, "team.name.first").is_none());
        assert!(FieldPath::resolve(&update, "").is_none());
    }

    #[test]
    fn enums_are_read_by_name_and_by_number() {
        let kind = proto::descriptor().get_enum_by_name("koine.identity.v1.FilePurpose").unwrap();
        assert_eq!(enumerated(&kind, "FILE_PURPOSE_LOGO"), Ok(3));
        assert_eq!(enumerated(&kind, "3"), Ok(3));
        assert!(enumerated(&kind, "9").unwrap_err().contains("FILE_PURPOSE_LOGO"));
    }

    #[test]
    fn a_mask_may_be_in_either_spelling() {
        let kind = message("google.protobuf.FieldMask");
        let mask = well_known(&kind, "givenName,school_id,,").unwrap();
        let mask: prost_types::FieldMask = mask.transcode_to().unwrap();
        assert_eq!(mask.paths, ["given_name", "school_id"]);
    }

    #[test]
    fn well_known_types_are_read_from_text() {
        let instant = well_known(&message("google.protobuf.Timestamp"), "2022-12-20T23:59:59Z").unwrap();
        assert_eq!(instant.transcode_to::<prost_types::Timestamp>().unwrap().seconds, 1_671_580_799);
        assert!(well_known(&message("google.protobuf.Timestamp"), "tomorrow").unwrap_err().contains("2022-12-20"));
        assert!(well_known(&message("google.type.Date"), "2022-12-20").unwrap_err().contains("after a dot"));
    }

    #[test]
    fn numbers_and_bools_say_what_was_expected() {
        assert_eq!(parse(&Kind::Int64, "-7"), Ok(Value::I64(-7)));
        assert_eq!(parse(&Kind::Bool, "true"), Ok(Value::Bool(true)));
        assert!(parse(&Kind::Bool, "yes").unwrap_err().contains("`true` or `false`"));
        assert!(parse(&Kind::Int32, "99999999999").unwrap_err().contains("whole number"));
        assert_eq!(parse(&Kind::Bytes, "_-8="), Ok(Value::Bytes(Bytes::from_static(&[0xff, 0xef]))));
    }
}
