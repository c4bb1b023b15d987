//! Stories of twinning: two classes, two countries, one project.

mod consent;
mod credit;
mod engagement;
mod entry;
mod export;
mod file;
mod matching;
mod message;
mod mirror;
mod moved;
mod operation;
mod output;
mod pair;
mod project;
mod race;
mod reminder;
mod sighting;
mod timeline;
