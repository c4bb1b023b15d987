//! What takes several rooms in one transaction: signing in, submitting and admitting an application, issuing and redeeming a credential,
//! handing over, visiting a programme, and what is mailed. Its functions take a transaction and values and return values; the messages
//! are made in the `api` files.
//!
//! This room knows all others, and only `api` files and `lib.rs` know it.

pub(crate) mod admission;
pub(crate) mod credential;
pub(crate) mod door;
pub(crate) mod handover;
pub(crate) mod mailing;
pub(crate) mod reminding;
pub(crate) mod submission;
pub(crate) mod visiting;
