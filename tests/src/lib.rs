//! Tests of the system from outside. [`World`] is the whole system in one process, with its own storage and a clock that the test
//! sets. Callers are objects, and answers have assertions.
//!
//! ```ignore
//! let world = World::of(&["it"]).at("2022-10-10T09:00:00[Europe/Rome]").start().await;
//! let coordinator = world.coordinator("it").await;
//! let edition = coordinator.post("/v1/editions", json!({ "template": "22-23" })).await.ok();
//! world.passes("2022-10-24T18:00:01[Europe/Rome]").await;
//! teacher.post(&submit, json!({})).await.refused("CALL_CLOSED");
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "this crate stands outside of the system: a panic is how it says that something is wrong, and its ids are its own"
)]

pub mod caller;
pub mod device;
pub mod engine;
pub mod grpc;
pub mod http;
pub mod issuer;
pub mod keep;
pub mod limit;
pub mod log;
pub mod machine;
pub mod mailbox;
pub mod nats;
pub mod oidc;
pub mod path;
pub mod people;
pub mod phone;
pub mod reader;
pub mod receiver;
pub mod scene;
pub mod server;
pub mod twins;
pub mod world;

pub use caller::Caller;
pub use device::Device;
pub use http::{Answer, Http};
pub use machine::Machine;
pub use phone::Phone;
pub use reader::Reader;
pub use scene::{Class, Scene};
pub use twins::{Twin, Twins};
pub use world::World;
