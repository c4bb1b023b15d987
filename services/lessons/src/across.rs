//! What needs several rooms in one transaction. Its functions take a transaction and values and return values, never messages of the wire. It
//! may know every other room; only the `api` modules know it.

pub mod reminder;
pub(crate) mod watch;
