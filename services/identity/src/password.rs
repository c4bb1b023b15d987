//! Passwords: how strong a new one must be, how it is hashed, and how fast somebody may guess one, guess a mailed code, or have mails
//! sent to an address.
//!
//! This room knows the words of the country, which are no passwords. It knows no account: it is given texts, and keeps nothing in the
//! database.

pub(crate) mod even;
pub(crate) mod hasher;
pub(crate) mod settings;
pub(crate) mod strength;
pub(crate) mod throttle;
