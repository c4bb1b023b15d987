//! Classes that take part: the rules of the track a class applies to, the files it attaches, its application, and the team it
//! becomes.
//!
//! This room imports `country`, `school` and `account`. It does not know sessions, memberships in programmes, or letters.

pub mod application;
pub mod file;
pub mod team;
pub mod track;
