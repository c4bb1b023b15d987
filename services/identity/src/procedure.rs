//! Procedures: what takes several rooms in one transaction. Each takes a transaction and values, and gives values; the messages are made
//! in the `api` files.
//!
//! This room knows all others, and only `api` files and `lib.rs` know it.

pub(crate) mod mailing;
pub(crate) mod reminding;
pub(crate) mod visiting;
