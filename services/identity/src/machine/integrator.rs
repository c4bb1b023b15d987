//! Integrators: each is a system of somebody else, with its technician and the most that it may do.

use jiff::Timestamp;
use platform::{Allowed, Ctx, Error, Id, Result, Violations, error::Shared};
use proto::options::v1::Role;

use super::Scopes;
use crate::{account::Account, mandate::Mandate};

pub mod api;
pub(crate) mod store;
mod wire;

/// A system of somebody else that calls this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Integrator {
    id: Id<Integrator>,
    account: Id<Account>,
    mandate: Id<Mandate>,
    name: String,
    purpose: String,
    scopes: Scopes,
    created_at: Timestamp,
    created_by: Id<Account>,
}

/// What a coordinator says of a system.
#[derive(Clone, Debug)]
pub struct Registration {
    /// What it is called.
    pub name: String,
    /// What it uses the data for.
    pub purpose: String,
    /// The most that it may do, in the words of the caller.
    pub scopes: Vec<String>,
}

impl Integrator {
    /// A system of the technician who holds `mandates`. Error: every violation at once: at `account_id`, where none of them is that of an
    /// integrator; at `scopes`.
    pub fn register(ctx: &Ctx, registration: Registration, mandates: Vec<Mandate>) -> Result<Self> {
        let mut violations = Violations::new();
        let scopes = Scopes::all().of(registration.scopes, &mut violations);
        let mandate = mandates.into_iter().find(|mandate| mandate.is(Role::Integrator));
        if mandate.is_none() {
            let text = "Nobody with this account is a technician here. Invite them to the role of an integrator first.";
            violations.add("account_id", Shared::FieldsInvalid, text);
        }
        let mandate = violations.value(mandate)?;
        Ok(Self {
            id: ctx.new_id(),
            account: mandate.account(),
            mandate: mandate.id(),
            name: registration.name,
            purpose: registration.purpose,
            scopes,
            created_at: ctx.now(),
            created_by: ctx.account()?,
        })
    }

    /// Whether the caller may see it: coordinators, and its technician.
    pub fn is_visible_to(&self, ctx: &Ctx) -> bool {
        ctx.has(Role::Coordinator) || self.is_kept_by(ctx)
    }

    /// The proof that the caller may see it. Error: not found.
    pub fn seen_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.is_visible_to(ctx), || Error::not_found("integrator"))
    }

    /// The proof that the caller is its technician, who is shown secrets. Error: not found.
    pub fn kept_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.is_kept_by(ctx), || Error::not_found("integrator"))
    }

    /// Whether the caller acts in the mandate of its technician.
    fn is_kept_by(&self, ctx: &Ctx) -> bool {
        ctx.member().is_ok_and(|member| member.mandate == Some(self.mandate.uuid()))
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The account of its technician.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// The mandate of its technician.
    pub fn mandate(&self) -> Id<Mandate> {
        self.mandate
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The most that its tokens may do.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use platform::{Caller, Member};

    use super::*;
    use crate::{account::tests::account, testing::Ground};

    pub(crate) fn registration(scopes: &[&str]) -> Registration {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Registration { name: "Open data portal".to_owned(), purpose: "Shows classes on a map.".to_owned(), scopes }
    }

    /// Somebody who acts in a mandate.
    pub(crate) fn acting(ground: &Ground, mandate: &Mandate) -> Ctx {
        ground.ctx(Caller::Member(Member {
            account: mandate.account().uuid(),
            session: ground.anybody().new_id::<()>().uuid(),
            roles: vec![mandate.role()],
            mandate: Some(mandate.id().uuid()),
            bound: platform::Bound::default(),
            scopes: None,
            acts_for: None,
            home: None,
            lacks: None,
            is_half: false,
        }))
    }

    /// Somebody with one mandate.
    pub(crate) fn holder(ground: &Ground, role: Role) -> Mandate {
        let ctx = ground.anybody();
        Mandate::first(&ctx, &account(&ctx, "iva@portal.example", None, None), role)
    }

    #[test]
    fn who_is_no_technician_and_what_is_no_scope_is_named_at_once() {
        let ground = Ground::without_store();
        let coordinator = acting(&ground, &holder(&ground, Role::Coordinator));
        let teacher = holder(&ground, Role::Teacher);
        let refused = Integrator::register(&coordinator, registration(&["teams.eat"]), vec![teacher]).unwrap_err();
        let fields: Vec<_> = refused.violations().iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["scopes", "account_id"]);
    }

    #[test]
    fn coordinators_and_the_technician_see_it_and_only_the_technician_keeps_it() {
        let ground = Ground::without_store();
        let (coordinator, technician) = (holder(&ground, Role::Coordinator), holder(&ground, Role::Integrator));
        let by = acting(&ground, &coordinator);
        let integrator = Integrator::register(&by, registration(&["teams.read"]), vec![technician.clone()]).unwrap();
        let other = Mandate::first(&by, &account(&by, "eva@other.example", None, None), Role::Integrator);
        for (mandate, sees, keeps) in [(&coordinator, true, false), (&technician, true, true), (&other, false, false)] {
            let ctx = acting(&ground, mandate);
            assert_eq!((integrator.seen_by(&ctx).is_ok(), integrator.kept_by(&ctx).is_ok()), (sees, keeps));
        }
        assert!(integrator.seen_by(&ground.anybody()).is_err());
    }
}
