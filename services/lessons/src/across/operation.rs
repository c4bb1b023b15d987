//! The long-running operations of lessons, of whichever room their work is. What they are is said in [`platform::operation`].

pub mod api;
