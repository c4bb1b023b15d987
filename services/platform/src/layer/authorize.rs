//! Checks whether the caller's role may call the method at all, as the method's option `access` declares. Domain code decides which
//! objects the caller may use.

use http::Response;
use proto::{
    Declared,
    options::v1::{Access, Role},
};
use tonic::{Code, Status, body::Body};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Inbound, Layer, Method, Next, method::PROGRAMME_ONLY, refuse};
use crate::{
    Ctx, Lack, Member, Result,
    error::{Reason, Shared},
    tenant::Kind,
};

pub(super) struct Authorize;

impl Layer for Authorize {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let Some(access) = &call.method.access else { return no_such_method().into_http() };
        match check(access, call.ctx.as_ref()) {
            Ok(()) if access.programme && !is_in_programme(call.ctx.as_ref()) => {
                programme_only(&call.method).into_http()
            }
            Ok(()) => next.run(call).await,
            Err(error) => refuse(error),
        }
    }
}

fn check(access: &Access, ctx: Option<&Ctx>) -> Result<()> {
    if access.anonymous {
        return Ok(());
    }
    let missing = || Shared::TokenMissing.error("Sign in first, and send `authorization: Bearer <access token>`.");
    let ctx = ctx.ok_or_else(missing)?;
    let member = ctx.member().map_err(|_| missing())?;
    if let Some(lack) = member.lacks.filter(|lack| !is_good_enough(access, *lack)) {
        return Err(lack.refusal());
    }
    if access.whole && member.is_half {
        return Err(Lack::SecondFactor.refusal());
    }
    if !access.roles().any(|role| member.roles.contains(&role)) {
        return Err(Shared::RoleMissing.error("This is for other roles than yours."));
    }
    check_scopes(access, member)
}

/// A machine calls what needs scopes, with all of them. A person who acts in its role calls the rest.
fn check_scopes(access: &Access, member: &Member) -> Result<()> {
    if !member.roles.contains(&Role::Integrator) {
        return Ok(());
    }
    if member.scopes.is_some() && access.scopes.is_empty() {
        return Err(Shared::RoleMissing.error("This is for people, and not for machines."));
    }
    let held = member.scopes.as_deref().unwrap_or_default();
    match access.scopes.iter().find(|scope| !held.contains(scope)) {
        None => Ok(()),
        Some(scope) => {
            let text = format!("This is for machine tokens with the scope `{scope}`.");
            Err(Shared::ScopeMissing.error(text).with("scope", scope))
        }
    }
}

/// Whether the method is also for a session that lacks this.
fn is_good_enough(access: &Access, lack: Lack) -> bool {
    match lack {
        Lack::Password => access.provisional,
        Lack::SecondFactor => access.unconfirmed,
        Lack::Enrolment => access.unenrolled,
    }
}

fn is_in_programme(ctx: Option<&Ctx>) -> bool {
    ctx.is_some_and(|ctx| ctx.tenant().kind() == Kind::Programme)
}

/// The error for a method that only programmes have. Its reason is one of the method's package; [`Methods`](super::Methods) checks
/// that.
fn programme_only(method: &Method) -> Status {
    let package = method.name.rsplit_once('.').map_or("", |(package, _)| package);
    let details = ErrorDetails::with_error_info(PROGRAMME_ONLY, package, []);
    let text = "This is a country. Ask the twinning programme; `/v1/tenants` lists all.";
    Status::with_error_details(Code::FailedPrecondition, text, details)
}

/// The error for a method that does not exist. Its code is not that of its reason, because gRPC requires `UNIMPLEMENTED` here.
fn no_such_method() -> Status {
    let details = ErrorDetails::with_error_info(Shared::RouteUnknown.name(), Shared::DOMAIN, []);
    Status::with_error_details(Code::Unimplemented, "There is no such method.", details)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::{
        Caller, Ids, Tenants,
        layer::{
            Call,
            testing::{call_of, clock, fine, programme, reason, tenants},
        },
    };

    fn as_caller(caller: Caller) -> Ctx {
        let (tenants, _folder) = tenants();
        Ctx::new(tenants.get("it").unwrap(), caller, &clock(), Ids::new(clock()))
    }

    fn member(role: Role, lacks: Option<Lack>) -> Caller {
        let (account, session) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (roles, bound) = (vec![role], crate::Bound::default());
        Caller::Member(Member {
            account,
            session,
            roles,
            mandate: None,
            bound,
            scopes: None,
            acts_for: None,
            home: None,
            lacks,
            is_half: false,
        })
    }

    fn access(roles: &[Role]) -> Access {
        Access { roles: roles.iter().map(|role| *role as i32).collect(), ..Access::default() }
    }

    #[tokio::test]
    async fn what_only_programmes_have_is_refused_in_a_country_with_the_reason_of_its_package() {
        let access = Access { programme: true, ..access(&[Role::Coordinator]) };
        let method = Arc::new(Method { name: "koine.lessons.v1.PairService/Any".into(), ..Method::of_access(access) });
        let asked = async |tenants: &Tenants, tenant: &str, role| {
            let ctx = Ctx::new(tenants.get(tenant).unwrap(), member(role, None), &clock(), Ids::new(clock()));
            Authorize.around(Box::new(Call { ctx: Some(ctx), ..*call_of(method.clone(), &[]) }), &fine()).await
        };
        let ((countries, _one), (programmes, _other)) = (tenants(), programme());
        assert_eq!(reason(&asked(&programmes, "it-hr", Role::Coordinator).await), "OK");
        assert_eq!(reason(&asked(&countries, "it", Role::Teacher).await), "ROLE_MISSING");
        let refused = asked(&countries, "it", Role::Coordinator).await;
        let text = "This is a country. Ask the twinning programme; `/v1/tenants` lists all.";
        let expected = Status::from(proto::lessons::v1::Reason::ProgrammeOnly.error(text)).into_http::<Body>();
        assert_eq!(refused.headers(), expected.headers(), "to the byte as lessons would");
    }

    async fn outcome(access: Option<Access>, caller: Caller) -> String {
        let call = Box::new(Call { ctx: Some(as_caller(caller)), ..*call_of(Method::with(access), &[]) });
        reason(&Authorize.around(call, &fine()).await)
    }

    #[tokio::test]
    async fn a_method_is_for_the_roles_it_names() {
        let both = || Some(access(&[Role::Teacher, Role::Coordinator]));
        assert_eq!(outcome(both(), member(Role::Teacher, None)).await, "OK");
        assert_eq!(outcome(both(), member(Role::Coordinator, None)).await, "OK");
        assert_eq!(outcome(both(), member(Role::Team, None)).await, "ROLE_MISSING");
        assert_eq!(outcome(both(), Caller::Anonymous).await, "TOKEN_MISSING");
    }

    #[tokio::test]
    async fn an_anonymous_method_is_for_everybody() {
        let anybody = || Some(Access { anonymous: true, ..Access::default() });
        assert_eq!(outcome(anybody(), Caller::Anonymous).await, "OK");
        assert_eq!(outcome(anybody(), member(Role::Team, Some(Lack::Password))).await, "OK");
    }

    #[tokio::test]
    async fn who_lacks_something_gets_it_before_anything_else() {
        let one = || access(&[Role::Teacher]);
        let flags = [
            (Lack::Password, "PASSWORD_CHANGE_NEEDED", Access { provisional: true, ..one() }),
            (Lack::SecondFactor, "SECOND_FACTOR_NEEDED", Access { unconfirmed: true, ..one() }),
            (Lack::Enrolment, "ENROLMENT_NEEDED", Access { unenrolled: true, ..one() }),
        ];
        for (lack, refused, _) in &flags {
            assert_eq!(outcome(Some(one()), member(Role::Teacher, Some(*lack))).await, *refused);
            for (other, _, allowed) in &flags {
                let expected = if other == lack { "OK" } else { refused };
                assert_eq!(outcome(Some(allowed.clone()), member(Role::Teacher, Some(*lack))).await, expected);
            }
        }
    }

    #[tokio::test]
    async fn what_is_for_whole_sessions_asks_for_the_second_factor_of_an_account_that_has_one() {
        let Caller::Member(teacher) = member(Role::Teacher, None) else { panic!("a member") };
        for (whole, is_half, expected) in
            [(true, true, "SECOND_FACTOR_NEEDED"), (true, false, "OK"), (false, true, "OK")]
        {
            let access = Access { whole, ..access(&[Role::Teacher]) };
            let caller = Caller::Member(Member { is_half, ..teacher.clone() });
            assert_eq!(outcome(Some(access), caller).await, expected);
        }
    }

    #[tokio::test]
    async fn a_machine_calls_what_all_its_scopes_are_for_and_a_person_in_its_role_the_rest() {
        let holder = |scopes: Option<&[&str]>| {
            let Caller::Member(member) = member(Role::Integrator, None) else { panic!("a member") };
            let scopes = scopes.map(|scopes| scopes.iter().map(|scope| (*scope).to_owned()).collect());
            Caller::Member(Member { scopes, ..member })
        };
        let plain = || Some(access(&[Role::Integrator, Role::Teacher]));
        let scopes = vec!["teams.read".to_owned(), "deliveries.read".to_owned()];
        let scoped = || Some(Access { scopes: scopes.clone(), ..access(&[Role::Integrator, Role::Teacher]) });
        let both: &[&str] = &["deliveries.read", "teams.read"];
        assert_eq!(outcome(scoped(), holder(Some(both))).await, "OK");
        for some in [&[][..], &both[..1], &both[1..], &["teams"]] {
            assert_eq!(outcome(scoped(), holder(Some(some))).await, "SCOPE_MISSING", "{some:?}");
            assert_eq!(outcome(plain(), holder(Some(some))).await, "ROLE_MISSING", "{some:?}");
        }
        assert_eq!(outcome(scoped(), holder(None)).await, "SCOPE_MISSING");
        assert_eq!(outcome(plain(), holder(None)).await, "OK");
        assert_eq!(outcome(scoped(), member(Role::Teacher, None)).await, "OK", "scopes bind no other role");
        let closed = Some(Access { scopes: scopes.clone(), ..access(&[Role::Teacher]) });
        assert_eq!(outcome(closed, holder(Some(both))).await, "ROLE_MISSING");
    }

    #[tokio::test]
    async fn a_method_that_does_not_exist_is_unimplemented() {
        let answer = Authorize.around(call_of(Method::with(None), &[]), &fine()).await;
        assert_eq!(Status::from_header_map(answer.headers()).unwrap().code(), Code::Unimplemented);
        assert_eq!(reason(&answer), "ROUTE_UNKNOWN");
    }
}
