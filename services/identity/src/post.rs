//! What is written to people: the letters in each language, and the reminders that reach a class or the central team.
//!
//! This room turns values into letters. It reads no database, and does not decide who is written to.

pub(crate) mod letters;
pub(crate) mod reminder;
