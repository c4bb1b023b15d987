//! Classes that take part: the rules of the track a class applies to, the files it attaches, its application, and the team it becomes.
//!
//! This room knows schools and accounts. It knows no session, no programme that a team crosses into, and no mail.

pub mod application;
pub mod file;
pub mod team;
pub mod track;
