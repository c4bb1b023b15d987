//! The contract: every message, every service, and their descriptor.
//!
//! A package is a folder: `koine.identity.v1` is `koine/identity/v1/`. The rules of a method or a field for its callers are options
//! of [`options::v1`], declared with it; `platform` enforces them by the [`descriptor`], and the gateway documents them.
#![allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated code; the comments of the .proto become its docs"
)]

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

pub mod behavior;
pub mod roles;
pub mod scopes;

/// The encoded `FileDescriptorSet` of every package, with comments and custom options.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// The descriptors of every package, decoded once.
pub fn descriptor() -> DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "the build made these bytes; nothing at run time can change them")]
        DescriptorPool::decode(DESCRIPTOR_SET).expect("the embedded descriptor set decodes")
    });
    POOL.clone()
}

/// Every package as a module: `koine.identity.v1` is `identity::v1`, `google.api` is `google::api`.
mod packages {
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));
}
pub use packages::{google, koine::*};

/// A declared reason: a value of an enum with the name `Reason`, with the gRPC code of its option. The build implements it, and
/// fails for a reason without a code.
pub trait Declared: Copy {
    /// The package that declares it: `koine.identity.v1`.
    const DOMAIN: &'static str;

    /// Its name on the wire, `CALL_CLOSED`, and the number of its gRPC code.
    fn entry(self) -> (&'static str, i32);
}

include!(concat!(env!("OUT_DIR"), "/reasons.rs"));

/// What callers read of the reasons of one package, in one language: the file `reasons/<language>.ftl` beside the package's reasons.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue {
    /// The package that declares the reasons: `koine.identity.v1`.
    pub domain: &'static str,
    /// The BCP 47 tag of the language: `hr`.
    pub language: &'static str,
    /// One Fluent message for each reason, under its name on the wire.
    pub text: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/catalogues.rs"));

/// A message that tells a fact: a message of a file `event.proto`. Implemented by the build, which fails for one that does not say
/// who handles it.
pub trait Fact: prost::Message + prost::Name + Default + 'static {
    /// The service that publishes it: `identity`.
    const PRODUCER: &'static str;

    /// The services that handle it.
    const CONSUMERS: &'static [&'static str];
}

include!(concat!(env!("OUT_DIR"), "/facts.rs"));
