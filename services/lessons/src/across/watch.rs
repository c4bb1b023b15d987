//! What clients watch as it changes: the delivery matrix, and the messages of a pair.

pub(crate) mod deliveries;
pub(crate) mod messages;
