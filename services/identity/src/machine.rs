//! Machines: systems of others that call this one, and the tokens by which they are known.
//!
//! The technician of a system is a person with a mandate as `ROLE_INTEGRATOR`, to which a coordinator invites by letter; a coordinator
//! registers the system as an integrator; the technician makes its machine tokens, so that a secret is shown once and to nobody else, and
//! no letter, log or row has it. A machine exchanges its secret for an access token of the usual kind, which also says its scopes: every
//! service verifies it as it does for people. What stands for a session in it ends with the token, the integrator, the technician's mandate
//! or the lock of the account (`across::machines`).
//!
//! Its webhooks are the other way: a server of the integrator is told what has happened (`across::hooks`).
//!
//! This room imports `country`, `account`, `mandate` and `session`.

pub mod integrator;
mod scopes;
mod secret;
pub(crate) mod token;
pub mod webhook;

pub use integrator::Integrator;
pub use scopes::Scopes;
pub use token::MachineToken;
