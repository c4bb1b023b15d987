//! Stories of twinning: two classes, two countries, one project.

mod pair;
mod project;
