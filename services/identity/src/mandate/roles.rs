//! The roles of the contract: their words in data, who may give them, and what may bound them.

pub(crate) use proto::roles::{all, granting, of_word, word};
