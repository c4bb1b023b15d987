//! What the tests of a service cannot make by themselves: a context of anybody's. Behind the feature `testing`, which
//! nothing but `[dev-dependencies]` may ask for: outside of tests a context comes from the edge alone.

use std::{net::IpAddr, sync::Arc};

use proto::options::v1::Role;
use uuid::Uuid;

use crate::{
    Border, Caller, Clock, Ctx, Ids, Member, Store, Tenant, TenantId, Tenants, Watch, ctx::Call, service::Readiness,
};

/// A context of `caller`, at the instant of the clock.
pub fn ctx(tenant: &Arc<Tenant>, caller: Caller, clock: &Clock, ids: &Ids) -> Ctx {
    Ctx::new(tenant.clone(), caller, clock, ids.clone())
}

/// The same, from a network address.
pub fn ctx_from(tenant: &Arc<Tenant>, caller: Caller, clock: &Clock, ids: &Ids, address: IpAddr) -> Ctx {
    ctx(tenant, caller, clock, ids).with_call(Call::new(None, Some(address)), None)
}

/// A caller of a programme who is at home in one of its countries, as an exchange makes one: `Role::TwinTeam` with the team it
/// stands for. Each is another account.
pub fn visitor(role: Role, home: &TenantId, acts_for: Option<Uuid>, ids: &Ids) -> Caller {
    let (account, session) = (ids.next::<()>().uuid(), ids.next::<()>().uuid());
    let home = Some(home.clone());
    Caller::Member(Member { account, session, roles: vec![role], acts_for, home, provisional: false })
}

/// The border between these tenants.
pub fn border(tenants: &Tenants) -> Border {
    Border::new(tenants.clone())
}

/// Lets callers watch a store, of a process that wants calls.
pub fn watch(store: &Store) -> Watch {
    let readiness = Readiness::default();
    readiness.set(true);
    Watch::new(store.clone(), readiness)
}
