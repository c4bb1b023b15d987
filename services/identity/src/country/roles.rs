//! The roles of the contract that a country's file names: their words, and which are given to people.

pub(super) use proto::roles::{all, granting, word};
