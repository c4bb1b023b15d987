//! Stories of lessons: editions, calendars, forms, reports, files, the matrix.

mod calendar;
mod edition;
mod file;
mod form;
mod matrix;
mod moved;
pub(crate) mod report;
mod verdict;
