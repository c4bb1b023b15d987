//! Streams for clients that watch changes: of the delivery matrix, and of the messages of a pair.

pub(crate) mod deliveries;
pub(crate) mod messages;
