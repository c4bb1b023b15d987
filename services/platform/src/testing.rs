//! What the tests of a service cannot make by themselves: a context of anybody's. Behind the feature `testing`, which
//! nothing but `[dev-dependencies]` may ask for: outside of tests a context comes from the edge alone.

use std::{net::IpAddr, sync::Arc};

use crate::{Caller, Clock, Ctx, Ids, Tenant, ctx::Call};

/// A context of `caller`, at the instant of the clock.
pub fn ctx(tenant: &Arc<Tenant>, caller: Caller, clock: &Clock, ids: &Ids) -> Ctx {
    Ctx::new(tenant.clone(), caller, clock, ids.clone())
}

/// The same, from a network address.
pub fn ctx_from(tenant: &Arc<Tenant>, caller: Caller, clock: &Clock, ids: &Ids, address: IpAddr) -> Ctx {
    ctx(tenant, caller, clock, ids).with_call(Call { token: None, address: Some(address) }, None)
}
