//! The access law: who may call a method is what its option says, for every method of the contract and every kind of caller.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use platform::{
    Lack,
    token::{Claims, Signer},
};
use proto::options::v1::{Access, Role};
use tests::{
    Caller, World,
    grpc::{access, address, call_raw, methods, reason},
};

/// The roles of people of a tenant, and those of visitors of a programme.
fn roles() -> (Vec<Role>, Vec<Role>) {
    let pool = proto::descriptor();
    let mark = pool.get_extension_by_name("koine.options.v1.visiting").expect("the option");
    let roles = pool.get_enum_by_name("koine.options.v1.Role").expect("the roles");
    let visits = |role: &Role| {
        let value = roles.get_value(*role as i32).expect("a role");
        value.options().get_extension(&mark).as_bool() == Some(true)
    };
    proto::roles::all().partition(|role| !visits(role))
}

/// What refuses a caller, whatever is asked for.
const GATES: [&str; 13] = [
    "TENANT_UNKNOWN",
    "TOKEN_MISSING",
    "TOKEN_INVALID",
    "TOKEN_EXPIRED",
    "TOKEN_ENDED",
    "TOKEN_FOREIGN",
    "PASSWORD_CHANGE_NEEDED",
    "SECOND_FACTOR_NEEDED",
    "ENROLMENT_NEEDED",
    "ROLE_MISSING",
    "SCOPE_MISSING",
    "MEMBERSHIP_ENDED",
    "PROGRAMME_ONLY",
];

/// A kind of caller, and what a method with this option must answer: a gate's reason, or none where it lets them in.
struct Kind {
    name: String,
    caller: Caller,
    expected: Box<dyn Fn(&Access) -> Option<&'static str>>,
}

impl Kind {
    fn new(
        name: impl Into<String>,
        caller: Caller,
        expected: impl Fn(&Access) -> Option<&'static str> + 'static,
    ) -> Self {
        Self { name: name.into(), caller, expected: Box::new(expected) }
    }

    /// Whoever they are: their token does not count here, or there is none that could.
    fn never(name: &str, caller: Caller, gate: &'static str) -> Self {
        Self::new(name, caller, move |access| (!access.tenantless).then_some(gate))
    }
}

/// What refuses a role in a country.
fn in_country(access: &Access, role: Role) -> Option<&'static str> {
    match access {
        _ if access.anonymous => None,
        _ if !lets_in(access, role) => Some("ROLE_MISSING"),
        // a person has no scopes
        _ if role == Role::Integrator && !access.scopes.is_empty() => Some("SCOPE_MISSING"),
        _ => access.programme.then_some("PROGRAMME_ONLY"),
    }
}

fn lets_in(access: &Access, role: Role) -> bool {
    access.roles().any(|allowed| allowed == role)
}

/// A token of a shape of its own: `header.claims.` and a signature.
fn handmade(header: &str, claims: &Claims) -> String {
    let part = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", part(header.as_bytes()), part(&serde_json::to_vec(claims).expect("claims")))
}

fn kinds(world: &World) -> Vec<Kind> {
    let mut kinds =
        vec![Kind::new("nobody", world.anybody("it"), |access| (!access.anonymous).then_some("TOKEN_MISSING"))];
    for role in roles().0 {
        let name = role.as_str_name();
        let known = world.forged("it", &[role], |_| {});
        kinds.push(Kind::new(name, known, move |access| in_country(access, role)));
        kinds.extend(lacking(world, role));
        let expired = world.forged("it", &[role], |claims| claims.exp = claims.iat);
        kinds.push(Kind::never(&format!("{name}, expired"), expired, "TOKEN_EXPIRED"));
        let foreign = world.forged("hr", &[role], |_| {}).in_tenant("it");
        kinds.push(Kind::never(&format!("{name} of another tenant"), foreign, "TOKEN_FOREIGN"));
    }
    kinds.push(Kind::new("no role", world.forged("it", &[], |_| {}), |access| {
        (!access.anonymous).then_some("ROLE_MISSING")
    }));
    kinds.extend(machines(world));
    kinds.extend(visitors(world));
    kinds.extend(strangers(world));
    kinds
}

/// Machines: one with every scope that there is, one for each scope with all others, and one with none.
fn machines(world: &World) -> Vec<Kind> {
    let all = proto::scopes::all();
    assert!(all.len() > 3, "the scopes are not where they were");
    let with = |name: String, held: BTreeSet<String>| {
        let scopes = held.iter().cloned().collect();
        let caller = world.forged("it", &[Role::Integrator], |claims| claims.scopes = Some(scopes));
        Kind::new(name, caller, move |access| match access {
            _ if access.anonymous => None,
            _ if !lets_in(access, Role::Integrator) || access.scopes.is_empty() => Some("ROLE_MISSING"),
            _ if access.scopes.iter().any(|scope| !held.contains(scope)) => Some("SCOPE_MISSING"),
            _ => access.programme.then_some("PROGRAMME_ONLY"),
        })
    };
    let mut kinds = vec![
        with("a machine with every scope".to_owned(), all.clone()),
        with("a machine without a scope".to_owned(), BTreeSet::new()),
    ];
    kinds.extend(all.iter().map(|scope| {
        let others = all.iter().filter(|other| *other != scope).cloned().collect();
        with(format!("a machine without {scope}"), others)
    }));
    kinds
}

/// A role in sessions that lack something.
fn lacking(world: &World, role: Role) -> impl Iterator<Item = Kind> {
    let lacks: [(Option<Lack>, fn(&Access) -> bool, _); 3] = [
        (None, |access| access.provisional, "PASSWORD_CHANGE_NEEDED"),
        (Some(Lack::SecondFactor), |access| access.unconfirmed, "SECOND_FACTOR_NEEDED"),
        (Some(Lack::Enrolment), |access| access.unenrolled, "ENROLMENT_NEEDED"),
    ];
    let half = Kind::new(
        format!("{}, the second factor not shown", role.as_str_name()),
        world.forged("it", &[role], |claims| claims.is_half = true),
        move |access| match access {
            _ if access.anonymous => None,
            _ if access.whole => Some("SECOND_FACTOR_NEEDED"),
            _ => in_country(access, role),
        },
    );
    let lacking = lacks.into_iter().map(move |(lack, is_enough, refused)| {
        let caller = world.forged("it", &[role], |claims| (claims.provisional, claims.lacks) = (true, lack));
        Kind::new(format!("{}, {refused}", role.as_str_name()), caller, move |access| match access {
            _ if access.anonymous => None,
            _ if !is_enough(access) => Some(refused),
            _ => in_country(access, role),
        })
    });
    lacking.chain([half])
}

/// Visitors of a programme whose membership nobody at home knows of: every method of every service asks, also those that are for
/// anybody.
fn visitors(world: &World) -> Vec<Kind> {
    let visitor = |role: Role, home: &str| {
        world.forged("it-hr", &[role], |claims| {
            (claims.home, claims.acts_for) = (home.parse().ok(), Some(uuid::Uuid::now_v7()));
        })
    };
    let asked = |role: Role| {
        move |access: &Access| match access {
            _ if access.tenantless => None,
            _ if !access.anonymous && !lets_in(access, role) => Some("ROLE_MISSING"),
            _ => Some("MEMBERSHIP_ENDED"),
        }
    };
    let mut kinds: Vec<_> =
        roles().1.into_iter().map(|role| Kind::new(role.as_str_name(), visitor(role, "it"), asked(role))).collect();
    let one = Role::TwinTeacher;
    kinds.extend([
        Kind::new("a visitor of a country that has no share", visitor(one, "es"), asked(one)),
        Kind::new("a visitor who is at home nowhere", visitor(one, "it-hr"), asked(one)),
        Kind::never("a visitor in another programme", visitor(one, "it").in_tenant("it-si"), "TOKEN_FOREIGN"),
        Kind::never("a visitor at home", visitor(one, "it").in_tenant("it"), "TOKEN_FOREIGN"),
    ]);
    kinds
}

/// Those whose token is none of ours, and those who name no tenant of ours.
fn strangers(world: &World) -> Vec<Kind> {
    let mut said = None;
    let coordinator = world.forged("it", &[Role::Coordinator], |claims| said = Some(claims.clone()));
    let claims = said.expect("claims");
    let own = Signer::random().expect("a key").sign(&claims).expect("a token");
    let elsewhere = world.forged("it", &[Role::Coordinator], |claims| claims.iss = "another installation".to_owned());
    let audience = world.forged("it", &[Role::Coordinator], |claims| claims.aud = "another installation".to_owned());
    let endless = world.forged("it", &[Role::Coordinator], |claims| claims.exp += 3600);
    let early = world.forged("it", &[Role::Coordinator], |claims| claims.nbf += 3600);
    let prepared = world.forged("it", &[Role::Coordinator], |claims| claims.iat += 3600);
    let altered = format!("{}x", coordinator.token());
    let with = |token: &str| world.anybody("it").with_token(token);
    vec![
        Kind::never("signed with a key of one's own", with(&own), "TOKEN_INVALID"),
        Kind::never(
            "signed with no key",
            with(&handmade(r#"{"alg":"none","typ":"at+jwt"}"#, &claims)),
            "TOKEN_INVALID",
        ),
        Kind::never(
            "signed with a shared key",
            with(&handmade(r#"{"alg":"HS256","typ":"at+jwt","kid":"x"}"#, &claims)),
            "TOKEN_INVALID",
        ),
        Kind::never("altered", with(&altered), "TOKEN_INVALID"),
        Kind::never("no token at all", with("anything"), "TOKEN_INVALID"),
        Kind::never("of another installation", elsewhere, "TOKEN_INVALID"),
        Kind::never("for another installation", audience, "TOKEN_INVALID"),
        Kind::never("valid for longer than any", endless, "TOKEN_INVALID"),
        Kind::never("not valid yet", early, "TOKEN_INVALID"),
        Kind::never("issued in the future", prepared, "TOKEN_INVALID"),
        Kind::never("in a tenant there is none of", coordinator.in_tenant("xx"), "TENANT_UNKNOWN"),
        Kind::never("in a tenant that cannot be", coordinator.in_tenant("../it"), "TENANT_UNKNOWN"),
        Kind::never("in no tenant", coordinator.in_tenant(""), "TENANT_UNKNOWN"),
    ]
}

#[tokio::test(crate = "::tests::limit")]
async fn every_method_lets_in_whom_its_option_names_and_nobody_else() {
    let world = World::of(&["it", "hr", "it-hr", "it-si"]).start().await;
    let channel = world.channel();
    let methods = methods();
    assert!(methods.len() > 40, "the contract has its methods");
    let mut broken = Vec::new();
    let signed_out = world.teacher("it", "Ana", "Kos").await;
    signed_out.post("/v1/sessions:signOut", serde_json::json!({})).await.ok();
    let signed_out = Kind::never("signed out", signed_out, "TOKEN_ENDED");
    for kind in kinds(&world).into_iter().chain([signed_out]) {
        for method in &methods {
            let expected = (kind.expected)(&access(method));
            // what is no message shows that nobody looked at it before the caller was refused
            let message = if expected.is_some() { &b"\xff\xff\xff"[..] } else { b"" };
            let refused = call_raw(&channel, &kind.caller, method, message).await.err();
            let gate = refused.as_ref().map(reason).filter(|reason| GATES.contains(&reason.as_str()));
            if gate.as_deref() != expected {
                broken.push(format!("{} for {}: {gate:?} instead of {expected:?}", method.full_name(), kind.name));
            }
            if refused.as_ref().is_some_and(|status| reason(status).is_empty() || reason(status) == "INTERNAL") {
                broken.push(format!("{} for {}: {refused:?}", method.full_name(), kind.name));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    world.end().await;
}

/// What everybody can do who signs in here, whatever their role; and what who can have several roles needs for that.
#[test]
fn whoever_signs_in_may_see_and_leave_their_account_and_choose_among_their_roles() {
    const ALL: [&str; 6] = [
        "AccountService.GetAccount",
        "SessionService.SignOut",
        "SessionService.ChangePassword",
        "SessionService.ListSessions",
        "SessionService.EndSession",
        "SessionService.EndOtherSessions",
    ];
    const GIVEN: [&str; 15] = [
        "AccountService.UpdateAccount",
        "AccountService.ChangeEmail",
        "AccountService.LeaveAccount",
        "SessionService.ConfirmSecondFactor",
        "FactorService.GetFactor",
        "FactorService.BeginEnrolment",
        "FactorService.ConfirmEnrolment",
        "FactorService.GiveUpFactor",
        "FactorService.ReplaceRecoveryCodes",
        "PasskeyService.BeginPasskey",
        "PasskeyService.ConfirmPasskey",
        "PasskeyService.ListPasskeys",
        "PasskeyService.RemovePasskey",
        "SessionService.SwitchMandate",
        "MandateService.ListOwnMandates",
    ];
    let (people, visitors) = roles();
    assert!(people.len() > 7 && visitors.len() == 3, "{people:?} {visitors:?}");
    let mut missing = Vec::new();
    for role in people {
        let given = proto::roles::granting(role).is_some();
        for name in ALL.iter().chain(GIVEN.iter().filter(|_| given)) {
            let method = tests::grpc::method(&format!("identity.v1.{name}"));
            if !lets_in(&access(&method), role) {
                missing.push(format!("{name}: let in {}", role.as_str_name()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Methods on one's own account that are not for everybody who was given a role, and why.
const OWN_OF_SOME: [(&str, &str); 1] =
    [("koine.identity.v1.ConfirmationService.AskSchool", "teachers alone are vouched for")];

/// Whoever was given a role may do with their own account what others may: the paths below `/v1/account` are of one's own.
#[test]
fn every_method_on_ones_own_account_lets_in_everybody_who_was_given_a_role() {
    let given: Vec<_> = roles().0.into_iter().filter(|role| proto::roles::granting(*role).is_some()).collect();
    let is_own = |path: &str| path.strip_prefix("/v1/account").is_some_and(|rest| !rest.starts_with('s'));
    let (mut missing, mut seen) = (Vec::new(), 0);
    for method in methods().into_iter().filter(|method| is_own(&address(method))) {
        seen += 1;
        let excused = OWN_OF_SOME.iter().any(|(name, _)| *name == method.full_name());
        let out = given.iter().filter(|role| !lets_in(&access(&method), **role));
        missing.extend(out.filter(|_| !excused).map(|role| format!("{}: {}", method.full_name(), role.as_str_name())));
    }
    assert!(seen > 10 && missing.is_empty(), "{seen} methods, and these let not in: {missing:#?}");
}

/// The law above asks by gRPC. By HTTP the same methods stand behind the same gates.
#[tokio::test(crate = "::tests::limit")]
async fn the_gates_are_the_same_by_http() {
    let world = World::of(&["it", "hr"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    world.anybody("it").get("/v1/teams").await.refused("TOKEN_MISSING");
    teacher.in_tenant("hr").get("/v1/teams").await.refused("TOKEN_FOREIGN");
    teacher.in_tenant("xx").get("/v1/teams").await.refused("TENANT_UNKNOWN");
    teacher.post("/v1/editions", serde_json::json!({})).await.refused("ROLE_MISSING");
    let tenant = [("authorization", format!("Bearer {}", teacher.token())), ("koine-tenant", "hr".to_owned())];
    let tenant = tenant.each_ref().map(|(name, value)| (*name, value.as_str()));
    world.http().send(http::Method::GET, "/it/v1/teams", &tenant, "").await.refused("TENANT_UNKNOWN");
    for scheme in ["Basic YTpi", "Bearer", "bearer", ""] {
        let headers = [("authorization", scheme)];
        world.http().send(http::Method::GET, "/it/v1/teams", &headers, "").await.refused("TOKEN_INVALID");
    }
    world.end().await;
}
