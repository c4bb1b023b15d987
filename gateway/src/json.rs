//! Writes answers as JSON directly from their protobuf bytes. To build a [`DynamicMessage`] of an answer first, only to serialize it,
//! costs more for a list of fifty than everything else the gateway does.
//!
//! The JSON equals what `prost-reflect` writes of the same message. Rare cases are left to it: messages that arrive in several parts
//! or with several members of a oneof, and the well-known types other than `Timestamp`.

use std::collections::HashSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Buf;
use prost::{
    DecodeError,
    encoding::{WireType, decode_key, decode_varint},
};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};

/// How deep messages may be nested: the limit of prost.
const DEEPEST: u32 = 100;

/// Returns the JSON of a message of this type. Error: the bytes are not a message of it.
pub(crate) fn of(kind: &MessageDescriptor, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::with_capacity(bytes.len() * 3);
    message(kind, bytes, &mut out, DEEPEST)?;
    Ok(out)
}

/// Why bytes cannot be read as a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Wire(#[from] DecodeError),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("the message ends too early")]
    End,
    #[error("a text is not UTF-8")]
    Text(#[from] std::str::Utf8Error),
    #[error("a field does not have the form of its kind")]
    Form,
    #[error("the messages in it are too deep")]
    Depth,
}

/// The value of a field as it stands on the wire.
#[derive(Clone, Copy)]
enum Raw<'a> {
    Number(u64),
    Four(u32),
    Eight(u64),
    Bytes(&'a [u8]),
}

/// The number of a field, and a value of it.
type Part<'a> = (u32, Raw<'a>);

fn message(kind: &MessageDescriptor, bytes: &[u8], out: &mut Vec<u8>, depth: u32) -> Result<(), Fault> {
    let depth = depth.checked_sub(1).ok_or(Fault::Depth)?;
    match kind.full_name() {
        "google.protobuf.Timestamp" if timestamp(bytes, out)? => return Ok(()),
        name if name.starts_with("google.protobuf.") => return by_reflection(kind, bytes, out),
        _ => {}
    }
    let mut parts = parts(bytes)?;
    // of several members of a oneof the last one counts
    let is_set = |field: &FieldDescriptor| parts.iter().any(|(number, _)| *number == field.number());
    if kind.oneofs().any(|oneof| oneof.fields().filter(is_set).count() > 1) {
        return by_reflection(kind, bytes, out);
    }
    // fields in the order of their numbers; the sort is stable, so that the values of one field keep their order
    parts.sort_by_key(|(number, _)| *number);
    out.push(b'{');
    let (mut rest, mut is_first) = (&parts[..], true);
    while let Some((number, _)) = rest.first() {
        let (of_field, others) = rest.split_at(rest.partition_point(|(other, _)| other <= number));
        rest = others;
        // fields that the contract does not know are left out
        let Some(field) = kind.get_field(*number) else { continue };
        let before = out.len();
        name(&field, is_first, out)?;
        if self::field(&field, of_field, out, depth)? {
            is_first = false;
        } else {
            out.truncate(before);
        }
    }
    out.push(b'}');
    Ok(())
}

fn by_reflection(kind: &MessageDescriptor, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    Ok(serde_json::to_writer(out, &DynamicMessage::decode(kind.clone(), bytes)?)?)
}

fn name(field: &FieldDescriptor, is_first: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    if !is_first {
        out.push(b',');
    }
    text(field.json_name(), out)?;
    out.push(b':');
    Ok(())
}

fn text(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    Ok(serde_json::to_writer(out, text)?)
}

/// Writes the value of a field from its parts. Returns false where nothing is to be shown: the value is the default.
fn field(field: &FieldDescriptor, parts: &[Part<'_>], out: &mut Vec<u8>, depth: u32) -> Result<bool, Fault> {
    let kind = field.kind();
    if field.is_map() {
        return map(&kind, parts, out, depth).map(|()| true);
    }
    if field.is_list() {
        return list(&kind, parts, out, depth);
    }
    let [.., (_, last)] = parts else { return Ok(false) };
    if let Kind::Message(kind) = &kind {
        return match parts {
            [(_, Raw::Bytes(bytes))] => message(kind, bytes, out, depth),
            // the parts of one message are merged
            _ => by_reflection(kind, &merged(parts)?, out),
        }
        .map(|()| true);
    }
    if !field.supports_presence() && is_default(last) {
        return Ok(false);
    }
    scalar(&kind, *last, out).map(|()| true)
}

fn merged(parts: &[Part<'_>]) -> Result<Vec<u8>, Fault> {
    let each = parts.iter().map(|(_, raw)| if let Raw::Bytes(bytes) = raw { Ok(*bytes) } else { Err(Fault::Form) });
    each.collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
}

fn is_default(raw: &Raw<'_>) -> bool {
    match raw {
        Raw::Number(number) | Raw::Eight(number) => *number == 0,
        Raw::Four(number) => *number == 0,
        Raw::Bytes(bytes) => bytes.is_empty(),
    }
}

/// Writes a list. Returns false where it is empty.
fn list(kind: &Kind, parts: &[Part<'_>], out: &mut Vec<u8>, depth: u32) -> Result<bool, Fault> {
    out.push(b'[');
    let begin = out.len();
    for (_, raw) in parts {
        match raw {
            Raw::Bytes(bytes) if is_packed(kind) => {
                let mut bytes = *bytes;
                while !bytes.is_empty() {
                    let raw = one(wire_type(kind), &mut bytes)?;
                    element(kind, raw, begin, out, depth)?;
                }
            }
            raw => element(kind, *raw, begin, out, depth)?,
        }
    }
    let is_empty = out.len() == begin;
    out.push(b']');
    Ok(!is_empty)
}

fn element(kind: &Kind, raw: Raw<'_>, begin: usize, out: &mut Vec<u8>, depth: u32) -> Result<(), Fault> {
    if out.len() > begin {
        out.push(b',');
    }
    value(kind, raw, out, depth)
}

fn value(kind: &Kind, raw: Raw<'_>, out: &mut Vec<u8>, depth: u32) -> Result<(), Fault> {
    match (kind, raw) {
        (Kind::Message(kind), Raw::Bytes(bytes)) => message(kind, bytes, out, depth),
        (Kind::Message(_), _) => Err(Fault::Form),
        _ => scalar(kind, raw, out),
    }
}

fn map(kind: &Kind, parts: &[Part<'_>], out: &mut Vec<u8>, depth: u32) -> Result<(), Fault> {
    let Kind::Message(entry) = kind else { return Err(Fault::Form) };
    let (key, value_field) = (entry.map_entry_key_field(), entry.map_entry_value_field());
    let mut entries = Vec::with_capacity(parts.len());
    for (_, raw) in parts {
        let Raw::Bytes(bytes) = raw else { return Err(Fault::Form) };
        let fields = self::parts(bytes)?;
        let last = |number| fields.iter().rev().find(|(of, _)| *of == number).map(|(_, raw)| *raw);
        let mut name = Vec::new();
        scalar(&key.kind(), last(1).unwrap_or(default_of(&key.kind())), &mut name)?;
        entries.push((name, last(2).unwrap_or(default_of(&value_field.kind()))));
    }
    // of two entries with one key the later one counts
    let mut known = HashSet::new();
    entries.reverse();
    entries.retain(|(name, _)| known.insert(name.clone()));
    entries.reverse();
    out.push(b'{');
    let begin = out.len();
    for (name, raw) in entries {
        if out.len() > begin {
            out.push(b',');
        }
        match name.first() {
            Some(b'"') => out.extend(name),
            _ => out.extend([b"\"", &name[..], b"\""].concat()),
        }
        out.push(b':');
        value(&value_field.kind(), raw, out, depth)?;
    }
    out.push(b'}');
    Ok(())
}

/// The default value of a type.
fn default_of(kind: &Kind) -> Raw<'static> {
    match wire_type(kind) {
        WireType::ThirtyTwoBit => Raw::Four(0),
        WireType::SixtyFourBit => Raw::Eight(0),
        WireType::LengthDelimited => Raw::Bytes(&[]),
        _ => Raw::Number(0),
    }
}

fn is_packed(kind: &Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_))
}

fn wire_type(kind: &Kind) -> WireType {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireType::SixtyFourBit,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireType::ThirtyTwoBit,
        Kind::String | Kind::Bytes | Kind::Message(_) => WireType::LengthDelimited,
        _ => WireType::Varint,
    }
}

/// Writes a value that is not a message. Integers of 64 bits become strings, as ProtoJSON requires.
fn scalar(kind: &Kind, raw: Raw<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    match (kind, raw) {
        (Kind::Int32, Raw::Number(number)) => number_of(number as i32, out),
        (Kind::Sint32, Raw::Number(number)) => number_of(zigzag(u64::from(number as u32)) as i32, out),
        (Kind::Uint32, Raw::Number(number)) => number_of(number as u32, out),
        (Kind::Fixed32, Raw::Four(number)) => number_of(number, out),
        (Kind::Sfixed32, Raw::Four(number)) => number_of(number as i32, out),
        (Kind::Int64, Raw::Number(number)) | (Kind::Sfixed64, Raw::Eight(number)) => long(number as i64, out),
        (Kind::Sint64, Raw::Number(number)) => long(zigzag(number), out),
        (Kind::Uint64, Raw::Number(number)) | (Kind::Fixed64, Raw::Eight(number)) => long(number, out),
        (Kind::Bool, Raw::Number(number)) => Ok(serde_json::to_writer(out, &(number != 0))?),
        (Kind::Float, Raw::Four(bits)) => float(f32::from_bits(bits), f32::from_bits(bits).into(), out),
        (Kind::Double, Raw::Eight(bits)) => float(f64::from_bits(bits), f64::from_bits(bits), out),
        (Kind::String, Raw::Bytes(bytes)) => text(std::str::from_utf8(bytes)?, out),
        (Kind::Bytes, Raw::Bytes(bytes)) => text(&BASE64_STANDARD.encode(bytes), out),
        (Kind::Enum(kind), Raw::Number(number)) => match kind.get_value(number as i32) {
            _ if kind.full_name() == "google.protobuf.NullValue" => Ok(serde_json::to_writer(out, &())?),
            Some(value) => text(value.name(), out),
            None => number_of(number as i32, out),
        },
        _ => Err(Fault::Form),
    }
}

/// Decodes ZigZag.
fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn number_of(number: impl Into<i64>, out: &mut Vec<u8>) -> Result<(), Fault> {
    Ok(serde_json::to_writer(out, &number.into())?)
}

fn long(number: impl std::fmt::Display, out: &mut Vec<u8>) -> Result<(), Fault> {
    use std::io::Write;
    Ok(write!(out, "\"{number}\"").map_err(serde_json::Error::io)?)
}

/// Writes a float in the shortest form that its own precision needs; `as_double` tells the values that JSON has no number for.
fn float(number: impl serde::Serialize, as_double: f64, out: &mut Vec<u8>) -> Result<(), Fault> {
    match as_double {
        wide if wide.is_nan() => text("NaN", out),
        f64::INFINITY => text("Infinity", out),
        f64::NEG_INFINITY => text("-Infinity", out),
        _ => Ok(serde_json::to_writer(out, &number)?),
    }
}

/// Writes a timestamp. Returns false, and writes nothing, where it is outside of what RFC 3339 can express.
fn timestamp(bytes: &[u8], out: &mut Vec<u8>) -> Result<bool, Fault> {
    let (mut seconds, mut nanos) = (0, 0);
    for (number, raw) in parts(bytes)? {
        match (number, raw) {
            (1, Raw::Number(number)) => seconds = number as i64,
            (2, Raw::Number(number)) => nanos = number as i32,
            (1 | 2, _) => return Err(Fault::Form),
            _ => {}
        }
    }
    // the years 1 to 9999
    let is_written = (-62_135_596_800..=253_402_300_799).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
    if is_written {
        text(&prost_types::Timestamp { seconds, nanos }.to_string(), out)?;
    }
    Ok(is_written)
}

/// Returns the fields of a message in the order in which they stand.
fn parts(mut bytes: &[u8]) -> Result<Vec<Part<'_>>, Fault> {
    let mut parts = Vec::with_capacity(16);
    while !bytes.is_empty() {
        let (number, form) = decode_key(&mut bytes)?;
        parts.push((number, one(form, &mut bytes)?));
    }
    Ok(parts)
}

fn one<'a>(form: WireType, bytes: &mut &'a [u8]) -> Result<Raw<'a>, Fault> {
    Ok(match form {
        WireType::Varint => Raw::Number(decode_varint(bytes)?),
        WireType::ThirtyTwoBit => Raw::Four(bytes.try_get_u32_le().map_err(|_| Fault::End)?),
        WireType::SixtyFourBit => Raw::Eight(bytes.try_get_u64_le().map_err(|_| Fault::End)?),
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(bytes)?).map_err(|_| Fault::End)?;
            let (piece, rest) = bytes.split_at_checked(length).ok_or(Fault::End)?;
            *bytes = rest;
            Raw::Bytes(piece)
        }
        WireType::StartGroup | WireType::EndGroup => return Err(Fault::Form),
    })
}

#[cfg(test)]
mod tests;
