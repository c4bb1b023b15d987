//! Why lessons refuses. The reasons and their codes are declared in `koine/lessons/v1/reason.proto`; rules name them through
//! this module, so that a rule does not import the wire.

pub use platform::Reason as Refuse;
pub use proto::lessons::v1::Reason;
