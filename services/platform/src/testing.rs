//! What tests of a service need and cannot make: a context of any caller. Only `[dev-dependencies]` may use the feature `testing`:
//! outside of tests, only the layers make contexts.

use std::{net::IpAddr, sync::Arc};

use proto::options::v1::Role;
use uuid::Uuid;

use crate::{
    Border, Bound, Caller, Clock, Ctx, Ids, Member, Peers, Store, Tenant, TenantId, Tenants, Watch, client::Gathering,
    ctx::Call, service::Readiness,
};

/// A context of `caller` at the clock's instant.
pub fn ctx(tenant: &Arc<Tenant>, caller: Caller, clock: &Clock, ids: &Ids) -> Ctx {
    Ctx::new(tenant.clone(), caller, clock, ids.clone())
}

/// A context of `caller` at the clock's instant, with a network address.
pub fn ctx_from(tenant: &Arc<Tenant>, caller: Caller, clock: &Clock, ids: &Ids, address: IpAddr) -> Ctx {
    ctx(tenant, caller, clock, ids).with_call(Call::new(None, Some(address)), None)
}

/// A visitor of a programme from one of its countries, as an exchange of tokens makes one: `Role::TwinTeam` with the team that it
/// acts for. Each visitor is another account.
pub fn visitor(role: Role, home: &TenantId, acts_for: Option<Uuid>, ids: &Ids) -> Caller {
    let (account, session) = (ids.next::<()>().uuid(), ids.next::<()>().uuid());
    let home = Some(home.clone());
    let (roles, bound) = (vec![role], Bound::default());
    let (mandate, scopes, lacks) = (None, None, None);
    let is_half = false;
    Caller::Member(Member { account, session, roles, mandate, bound, scopes, acts_for, home, lacks, is_half })
}

/// The peers of a service that is alone: it can call no other.
pub fn no_peers(clock: &Clock) -> Peers {
    Gathering::new(clock.clone()).peers()
}

/// The border between these tenants.
pub fn border(tenants: &Tenants) -> Border {
    Border::new(tenants.clone())
}

/// A watch over a store, of a process that accepts calls.
pub fn watch(store: &Store) -> Watch {
    let readiness = Readiness::default();
    readiness.set(true);
    Watch::new(store.clone(), readiness)
}
