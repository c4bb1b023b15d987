//! What is written equals what `prost-reflect` writes, for every message of the contract.

use prost::Message;
use prost_reflect::{DescriptorPool, MapKey, Value as Field};
use serde_json::Value;

use super::*;

/// A pseudo-random generator with a fixed seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn wide(&mut self) -> u64 {
        (self.next(1 << 31) << 33) ^ (self.next(1 << 31) << 11) ^ self.next(1 << 11)
    }

    fn scalar(&mut self, kind: &Kind) -> Field {
        match kind {
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Field::I32([0, 1, -1, i32::MIN, 77][self.next(5) as usize]),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Field::I64(self.wide() as i64),
            Kind::Uint32 | Kind::Fixed32 => Field::U32(self.wide() as u32),
            Kind::Uint64 | Kind::Fixed64 => Field::U64(self.wide()),
            Kind::Bool => Field::Bool(self.next(2) == 1),
            Kind::Float => Field::F32([0.0, 0.1, f32::NAN, -2.5e20][self.next(4) as usize]),
            Kind::Double => Field::F64([0.0, 0.1, f64::NEG_INFINITY, 45.07][self.next(4) as usize]),
            Kind::String => Field::String(["", "plain", "\"\\\n\u{1}", "Žižek £ 🦀"][self.next(4) as usize].to_owned()),
            Kind::Bytes => Field::Bytes(vec![0xff; self.next(5) as usize].into()),
            Kind::Enum(_) => Field::EnumNumber([0, 1, 2, 4_000][self.next(4) as usize]),
            Kind::Message(_) => unreachable!("no scalar"),
        }
    }

    fn value(&mut self, kind: &Kind, depth: u32) -> Field {
        match kind {
            Kind::Message(kind) => Field::Message(self.message(kind, depth)),
            kind => self.scalar(kind),
        }
    }

    fn message(&mut self, kind: &MessageDescriptor, depth: u32) -> DynamicMessage {
        let mut message = DynamicMessage::new(kind.clone());
        if kind.full_name() == "google.protobuf.Timestamp" {
            message.set_field_by_name("seconds", Field::I64(self.next(4_000_000_000) as i64 - 1_000_000_000));
            message.set_field_by_name("nanos", Field::I32([0, 5_000_000, 123_000, 1][self.next(4) as usize]));
            return message;
        }
        for field in kind.fields() {
            let is_known = |kind: &Kind| match kind {
                Kind::Message(kind) => {
                    kind.full_name() == "google.protobuf.Timestamp" || !kind.full_name().starts_with("google.protobuf.")
                }
                _ => true,
            };
            let inner = if field.is_map() {
                field.kind().as_message().expect("an entry").map_entry_value_field().kind()
            } else {
                field.kind()
            };
            if self.next(2) == 0 || !is_known(&inner) || (depth == 0 && matches!(inner, Kind::Message(_))) {
                continue;
            }
            let deeper = depth.saturating_sub(1);
            let value = if field.is_map() {
                let entries = (0..self.next(4))
                    .map(|number| (MapKey::String(format!("key {number}")), self.value(&inner, deeper)));
                Field::Map(entries.collect())
            } else if field.is_list() {
                Field::List((0..self.next(4)).map(|_| self.value(&inner, deeper)).collect())
            } else {
                self.value(&inner, deeper)
            };
            message.set_field(&field, value);
        }
        message
    }
}

fn same(message: &DynamicMessage, bytes: &[u8]) {
    let kind = prost_reflect::ReflectMessage::descriptor(message);
    let ours: Value = serde_json::from_slice(&of(&kind, bytes).unwrap()).unwrap();
    assert_eq!(ours, serde_json::to_value(message).unwrap(), "{}", kind.full_name());
}

#[test]
fn every_message_of_the_contract_is_written_as_the_library_writes_it() {
    let contract: DescriptorPool = proto::descriptor();
    let mut dice = Dice(1);
    let kinds = contract.all_messages().filter(|kind| !kind.is_map_entry() && kind.full_name().starts_with("koine."));
    let mut count = 0;
    for kind in kinds {
        for _ in 0..20 {
            let message = dice.message(&kind, 3);
            same(&message, &message.encode_to_vec());
            count += 1;
        }
    }
    assert!(count > 1_000, "{count}");
}

#[test]
fn fields_come_in_any_order_in_parts_and_beside_what_nobody_knows() {
    let kind = proto::descriptor().get_message_by_name("koine.lessons.v1.ListPairsResponse").unwrap();
    let mut dice = Dice(7);
    let (one, other) = (dice.message(&kind, 3).encode_to_vec(), dice.message(&kind, 3).encode_to_vec());
    // two messages one after the other are one, with the fields of both
    let unknown = [0xf8, 0xff, 0x03, 0x01];
    let bytes = [&unknown[..], &one, &unknown, &other].concat();
    same(&DynamicMessage::decode(kind.clone(), &bytes[..]).unwrap(), &bytes);
    let pair = proto::descriptor().get_message_by_name("koine.lessons.v1.Pair").unwrap();
    let bytes = [dice.message(&pair, 3).encode_to_vec(), dice.message(&pair, 3).encode_to_vec()].concat();
    same(&DynamicMessage::decode(pair, &bytes[..]).unwrap(), &bytes);
}

#[test]
fn of_several_members_of_a_oneof_the_last_one_is_written() {
    let kind = proto::descriptor().get_message_by_name("koine.lessons.v1.Value").unwrap();
    let members: Vec<_> = kind.oneofs().next().unwrap().fields().collect();
    assert!(members.len() > 1);
    for (one, other) in members.iter().zip(members.iter().rev()) {
        let mut bytes = Vec::new();
        for field in [one, other] {
            let mut message = DynamicMessage::new(kind.clone());
            message.set_field(field, Field::default_value_for_field(field));
            bytes.extend(message.encode_to_vec());
        }
        same(&DynamicMessage::decode(kind.clone(), &bytes[..]).unwrap(), &bytes);
    }
}

#[test]
fn bytes_that_are_no_message_are_refused_and_never_half_written() {
    let kind = proto::descriptor().get_message_by_name("koine.lessons.v1.ListPairsResponse").unwrap();
    let bytes = Dice(3).message(&kind, 3).encode_to_vec();
    assert!(bytes.len() > 10);
    for cut in 1..bytes.len() {
        let (ours, library) = (of(&kind, &bytes[..cut]), DynamicMessage::decode(kind.clone(), &bytes[..cut]));
        assert_eq!(ours.is_ok(), library.is_ok(), "{cut}");
    }
}
