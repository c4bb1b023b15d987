//! The border between a programme and its countries: the only way from a context in one tenant to a context in another.
//!
//! No context leads from one country to another: a country names no programme, and a programme names its countries, so no pair of
//! countries can be asked for. Which data cross is fixed by the message types. Which files may cross is a list that a law checks,
//! because a context on the other side opens that tenant's data.

use std::{any::Any, pin::Pin, sync::Arc};

use crate::{
    Ctx, Result, TenantId, Tenants,
    error::{Reason, Shared},
    tenant::{self, Kind},
};

/// Makes contexts in other tenants. Cheap to clone.
#[derive(Clone)]
pub struct Border {
    tenants: Tenants,
}

impl Border {
    pub(crate) fn new(tenants: Tenants) -> Self {
        Self { tenants }
    }

    /// From a country to a programme that it takes part in. Error: `TENANT_UNKNOWN`, both where there is no such programme and
    /// where the country takes no part in it.
    pub fn enter(&self, ctx: &Ctx, programme: &str) -> Result<Ctx> {
        let programme = self.tenants.get(programme)?;
        if programme.kind() != Kind::Programme || !programme.countries().contains(ctx.tenant().id()) {
            return Err(tenant::unknown());
        }
        Ok(ctx.across(programme))
    }

    /// From a programme to one of its countries. Error: `TENANT_UNKNOWN`, both where there is no such country and where it takes no
    /// part in the programme.
    pub fn home(&self, ctx: &Ctx, country: &TenantId) -> Result<Ctx> {
        if !ctx.tenant().countries().contains(country) {
            return Err(tenant::unknown());
        }
        let country = self.tenants.get(country.as_str())?;
        if country.kind() == Kind::Country { Ok(ctx.across(country)) } else { Err(tenant::unknown()) }
    }
}

type Asking = Pin<Box<dyn Future<Output = Result<Said>> + Send>>;

/// What a check returned besides that a visitor may be here. Only the check and the readers of [`Ctx::said`] know the type.
pub(crate) type Said = Arc<dyn Any + Send + Sync>;

/// Checks whether a visitor may still be here. It runs before every call, and its result is not cached.
#[derive(Clone)]
pub struct Recheck(Arc<dyn Fn(Ctx) -> Asking + Send + Sync>);

impl Recheck {
    /// Uses `ask` as the check. Its error is returned to the visitor: `MEMBERSHIP_ENDED`, or unreachable where it cannot decide.
    /// Its value travels with the call, so that nobody has to ask again: [`Ctx::said`].
    pub fn new<F, Answer, T>(ask: F) -> Self
    where
        F: Fn(Ctx) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<T>> + Send + 'static,
        T: Any + Send + Sync,
    {
        Self(Arc::new(move |ctx| {
            let answer = ask(ctx);
            Box::pin(async move { Ok(Arc::new(answer.await?) as Said) })
        }))
    }

    /// For a process that serves no visitors.
    pub(crate) fn nobody() -> Self {
        Self::new(|_| std::future::ready(Err::<(), _>(ended())))
    }

    /// Checks whether the caller may be here, and returns the value of the check. A caller who is not a visitor is not checked.
    /// Error: `MEMBERSHIP_ENDED`, unreachable.
    pub(crate) async fn check(&self, ctx: &Ctx) -> Result<Option<Said>> {
        match ctx.home() {
            None => Ok(None),
            // the country has left the programme since the token was given
            Some(home) if !ctx.tenant().countries().contains(home) => Err(ended()),
            Some(_) => (self.0)(ctx.clone()).await.map(Some),
        }
    }
}

/// The error for a visitor whose membership has ended.
pub fn ended() -> crate::Error {
    Shared::MembershipEnded
        .error("What let you into this programme has ended at home. Sign in there and exchange your token again.")
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;
    use tonic::Status;
    use uuid::Uuid;

    use super::*;
    use crate::{Caller, Clock, Ids, testing};

    fn clock() -> Clock {
        Clock::held("2026-03-02T10:00:00Z".parse().unwrap())
    }

    /// Three countries, of which two share a programme.
    fn ground() -> (Tenants, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let head = |kind| format!("kind = '{kind}'\nname = 'Test'\nlocales = ['it']\nzone = 'Europe/Rome'\n");
        for name in ["it", "hr", "si"] {
            std::fs::write(folder.path().join(format!("{name}.toml")), head("country")).unwrap();
        }
        let text = format!("{}countries = ['it', 'hr']\n", head("programme"));
        std::fs::write(folder.path().join("it-hr.toml"), text).unwrap();
        let (tenants, faults) = Tenants::load(folder.path(), Vec::new());
        assert_eq!(faults, []);
        (tenants, folder)
    }

    fn ctx(tenants: &Tenants, tenant: &str, caller: Caller) -> Ctx {
        Ctx::new(tenants.get(tenant).unwrap(), caller, &clock(), Ids::new(clock()))
    }

    fn bytes(refused: Result<Ctx>) -> (String, Vec<u8>) {
        let status = Status::from(refused.unwrap_err());
        (status.message().to_owned(), status.details().to_vec())
    }

    #[test]
    fn the_other_side_of_a_border_is_a_programme_of_this_country_or_a_country_of_this_programme() {
        let (tenants, _folder) = ground();
        let border = Border::new(tenants.clone());
        let of = |tenant| ctx(&tenants, tenant, Caller::Anonymous);
        let there = border.enter(&of("it"), "it-hr").unwrap();
        assert_eq!(there.tenant().id().as_str(), "it-hr");
        assert_eq!(border.home(&there, &"hr".parse().unwrap()).unwrap().tenant().id().as_str(), "hr");

        let unknown = bytes(border.enter(&of("it"), "nowhere"));
        for refused in [
            border.enter(&of("si"), "it-hr"),
            border.enter(&of("it"), "hr"),
            border.enter(&of("it"), "it"),
            border.enter(&of("it-hr"), "it-hr"),
            border.home(&of("it-hr"), &"si".parse().unwrap()),
            border.home(&of("it-hr"), &"it-hr".parse().unwrap()),
            border.home(&of("it"), &"hr".parse().unwrap()),
            border.home(&of("it"), &"it".parse().unwrap()),
        ] {
            assert_eq!(bytes(refused), unknown, "all the same");
        }
    }

    #[test]
    fn who_crosses_is_named_and_their_call_goes_on_without_their_token() {
        let (tenants, _folder) = ground();
        let border = Border::new(tenants.clone());
        let event = Uuid::from_u128(5);
        let here = Ctx::for_job(tenants.get("it-hr").unwrap(), "credit", &clock(), Ids::new(clock()));
        let here = here.handling(event, "credit");
        let home = border.home(&here, &"it".parse().unwrap()).unwrap();
        assert_eq!((home.actor(), home.caller()), ("job credit of it-hr".to_owned(), &Caller::Job("border")));
        assert_eq!(home.now(), here.now());
        here.handled_event().unwrap().recorded();
        let handling = home.handled_event().unwrap();
        assert_eq!((handling.event, handling.handler, handling.is_recorded()), (event, "credit", false));

        let (team, it) = (Uuid::from_u128(7), "it".parse().unwrap());
        let visitor = testing::visitor(Role::TwinTeam, &it, Some(team), &Ids::new(clock()));
        let Caller::Member(member) = visitor.clone() else { panic!("a member") };
        let there = ctx(&tenants, "it-hr", visitor);
        assert_eq!((there.home(), there.actor()), (Some(&it), format!("account {} of it", member.account)));
        let home = border.home(&there, &it).unwrap();
        assert_eq!(home.actor(), format!("account {} through it-hr", member.account));
        assert!(home.home().is_none() && home.call().token.is_none());
    }

    #[tokio::test]
    async fn a_visitor_whose_country_left_is_asked_about_nowhere() {
        let (tenants, _folder) = ground();
        let fine = Recheck::new(|_| std::future::ready(Ok(())));
        let visitor = |home: &str| {
            let caller = testing::visitor(Role::TwinCoordinator, &home.parse().unwrap(), None, &Ids::new(clock()));
            ctx(&tenants, "it-hr", caller)
        };
        assert!(fine.check(&visitor("it")).await.is_ok());
        assert!(fine.check(&visitor("si")).await.is_err_and(|error| error.is(Shared::MembershipEnded)));
        assert!(Recheck::nobody().check(&visitor("it")).await.is_err_and(|error| error.is(Shared::MembershipEnded)));
        assert!(Recheck::nobody().check(&ctx(&tenants, "it", Caller::Anonymous)).await.is_ok(), "no visitor");
    }
}
