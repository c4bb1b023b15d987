//! What takes several rooms in one transaction: signing in, opening sessions, second factors, passkeys and identity providers, recovering,
//! locking and leaving an account, giving roles and taking them away, vouching for teachers and finding them, inviting, submitting and admitting an application, issuing and
//! redeeming a credential, handing over, visiting a programme, machines that begin and end, telling webhooks, erasing people, and mailing.
//! The functions take a transaction and values and return values; the messages are made in the `api` files.
//!
//! This room imports all other rooms. Only `api` files and `lib.rs` import it.

pub(crate) mod admission;
pub mod audit;
pub(crate) mod confirming;
pub(crate) mod coordinator;
pub(crate) mod credential;
pub(crate) mod entrance;
pub(crate) mod entry;
pub(crate) mod erasing;
pub(crate) mod erasure;
pub(crate) mod factoring;
pub(crate) mod finding;
pub(crate) mod handover;
pub(crate) mod hooks;
pub(crate) mod inviting;
pub(crate) mod leaving;
pub(crate) mod machines;
pub(crate) mod mailing;
pub(crate) mod mandating;
pub(crate) mod other_ways;
pub(crate) mod passkeys;
pub(crate) mod providing;
pub(crate) mod reminding;
pub(crate) mod retention;
pub(crate) mod sign_in;
pub mod subject;
pub(crate) mod submission;
pub(crate) mod visiting;
