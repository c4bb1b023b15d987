//! The system from outside: stories of what people do with it, and laws that hold for all there is of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests stand outside of the system: a panic is how they say that something is wrong, and their ids are their own"
)]

mod access;
mod architecture;
mod bad_input;
mod contract;
mod errors;
mod gateway;
mod identity;
mod isolation;
mod lessons;
mod path;
mod process;
mod schema;
mod source;
