//! The architecture as tests: which crate may know which, what a slice is made of, how large things get. Nothing here names a
//! service or a file that could be forgotten: new code is found in `cargo metadata` and in the folders of the members.
//!
//! Each law is a function from what was found to what is wrong with it, and is shown a small bad sample, so that it is known to fail.

mod border;
mod crates;
mod debug;
mod limits;
mod order;
mod rooms;
mod sizes;
mod slices;
mod words;
