//! Stories of twinning: two classes, two countries, one project.

mod credit;
mod entry;
mod export;
mod mirror;
mod output;
mod pair;
mod project;
mod sighting;
