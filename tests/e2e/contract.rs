//! The contract as tests, from the descriptor alone: a new method, message or reason is held to all of this without another test.

mod again;
pub mod behavior;
pub mod messages;
pub mod methods;
mod openapi;
mod sightings;
mod surface;
mod words;

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// The files of the project's own packages.
fn files(pool: &DescriptorPool) -> Vec<FileDescriptor> {
    pool.files().filter(|file| file.package_name().starts_with("koine.")).collect()
}

/// The comments above the things of a file, by their paths.
pub fn comments(file: &FileDescriptor) -> HashMap<Vec<i32>, String> {
    let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|source| &source.location);
    let commented = locations.filter_map(|at| Some((at.path.clone(), at.leading_comments.as_ref()?.trim().to_owned())));
    commented.filter(|(_, text)| !text.is_empty()).collect()
}

/// The contract with one thing changed: every `from` becomes a `to` of the same length, so that what is encoded stays well-formed.
#[cfg(test)]
pub fn spoiled(from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> DescriptorPool {
    let (from, to) = (from.as_ref(), to.as_ref());
    assert_eq!(from.len(), to.len(), "the lengths are encoded too");
    let mut bytes = proto::DESCRIPTOR_SET.to_vec();
    let places: Vec<_> =
        bytes.windows(from.len()).enumerate().filter(|(_, at)| *at == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "the contract has no such thing any more: choose another sample");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    DescriptorPool::decode(bytes.as_slice()).expect("a descriptor")
}

/// The wire types of an option's value.
#[cfg(test)]
const VARINT: u64 = 0;
#[cfg(test)]
const BYTES: u64 = 2;

/// The tag of an option, as it is encoded.
#[cfg(test)]
fn tag(number: u64, wire_type: u64) -> Vec<u8> {
    let (mut left, mut bytes) = (number << 3 | wire_type, Vec::new());
    while left >= 0x80 {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}
