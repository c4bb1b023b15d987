//! What is written to people: the letters in each language, and the reminders that reach a class or the central team.
//!
//! This is the first room: it turns values into letters, reads no database, and does not decide who is written to.

pub(crate) mod letters;
pub(crate) mod reminder;
