//! What lessons has of a person: nothing but what every service has. What classes write is of a class, and of nobody alone; who of it
//! has written it is not kept.

use platform::{Ctx, Result, subject::Holding};

pub mod api;

/// The places besides those of every service: none.
pub fn holdings(_: &Ctx) -> Result<Vec<Holding>> {
    Ok(Vec::new())
}
