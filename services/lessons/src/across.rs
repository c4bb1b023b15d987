//! What needs several rooms in one transaction. Its functions take a transaction and values and return values, never messages of the wire.
//! It may know every other room; only the `api` modules know it.

pub mod audit;
pub(crate) mod classes;
pub(crate) mod ending;
pub(crate) mod entry;
pub(crate) mod erasing;
pub(crate) mod export;
pub(crate) mod judging;
pub(crate) mod leaving;
pub(crate) mod mirror;
pub(crate) mod moved;
pub mod operation;
pub(crate) mod output;
pub(crate) mod reminder;
pub(crate) mod report;
pub(crate) mod shelf;
pub mod subject;
pub(crate) mod timeline;
pub(crate) mod watch;
