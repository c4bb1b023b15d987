//! The plan of a school year: templates from the country's file, editions with their tracks, the calendar, the report forms, and the
//! classes that take part. It may know nothing of what a class writes, and nothing of twinning: a class works in a space, whatever that is.

pub mod calendar;
pub mod edition;
pub mod form;
pub mod moment;
pub mod team;
pub mod template;
