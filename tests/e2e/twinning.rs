//! Stories of twinning: two classes, two countries, one project.

mod export;
mod pair;
mod project;
mod sighting;
