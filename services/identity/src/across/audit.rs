//! The audit log of identity, which has entries of every room. What it is is said in [`platform::audit`].

pub mod api;
