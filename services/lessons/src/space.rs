//! What belongs to both classes of a pair: its timeline, joint outputs, messages, consents, the export of all that, and the entry that a
//! jury reads. It may know every earlier room. It may not change them: what happens to a pair or a report is decided in `across`.

pub mod consent;
pub mod entry;
pub mod export;
pub mod message;
pub mod mirror;
pub mod output;
pub(crate) mod shelf;
pub mod timeline;
