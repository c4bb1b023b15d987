//! The work of one class: the files it uploads, the reports it writes, the verdicts on them, and the credits for what it delivered
//! elsewhere. It may know the plan of the year. It may not know that classes pair up: that is decided in later rooms.

pub mod answer;
pub mod credit;
pub mod file;
pub mod report;
