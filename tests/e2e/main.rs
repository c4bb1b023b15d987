//! The system from outside: stories of what people do with it, and laws that hold for all there is of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::cloned_ref_to_slice_refs,
    reason = "tests stand outside of the system: a panic is how they say that something is wrong, their ids are their own, and a story is as \
              long as what it tells"
)]

mod access;
mod architecture;
mod bad_input;
mod batch;
mod border;
mod contract;
mod doors;
mod errors;
mod gateway;
mod identity;
mod isolation;
mod languages;
mod lessons;
mod letters;
mod listing;
mod pages;
mod path;
mod people;
mod portal;
mod process;
mod schema;
mod source;
mod stories;
mod subjects;
mod telemetry;
mod twice;
mod twinning;
mod update;
mod validate;
