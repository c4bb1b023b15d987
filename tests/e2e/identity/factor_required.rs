//! Where a country says that a role needs a second factor, nobody acts in it without one, whichever way they come.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Answer, Caller, World, mailbox::CODE, scene::PASSWORD, world};

use super::factor::{OWN, Owner, begin, show};

/// The password coordinators of a world have.
pub(crate) const CENTRAL: &str = "a lantern above the harbour wall";

/// Says in the file of Italy for which roles a second factor is needed.
pub(crate) fn required(world: &World, roles: &[&str]) {
    required_beside(world, roles, "");
}

/// [`required`], beside other tables.
pub(super) fn required_beside(world: &World, roles: &[&str], tables: &str) {
    let file = world::tenant_files().join("it.toml");
    let text = std::fs::read_to_string(file).expect("a file");
    let said = format!("[identity]\nsecond_factor = {{ required_for = {roles:?} }}\n");
    assert!(text.contains("[identity]\n"));
    assert_eq!(world.write_tenant("it", &format!("{}\n{tables}", text.replacen("[identity]\n", &said, 1))), []);
}

/// That a session is good for enrolling a second factor alone.
async fn enrols_alone(caller: &Caller, session: &Value) -> Caller {
    assert_eq!((&session["enrolmentNeeded"], &session["refreshToken"]), (&json!(true), &Value::Null), "{session}");
    let caller = caller.with_session(caller.login(), "", session);
    for path in ["/v1/teams", "/v1/account/sessions"] {
        caller.get(path).await.refused("ENROLMENT_NEEDED");
    }
    caller.post("/v1/invitations", json!({})).await.refused("ENROLMENT_NEEDED");
    show(&caller, "123456").await.refused("ENROLMENT_NEEDED");
    caller.account().await;
    assert_eq!(caller.get("/v1/account/factor").await.ok(), json!({ "isNeeded": true }));
    caller
}

async fn sign_in(world: &World, login: &str, password: &str) -> Value {
    world.anybody("it").post("/v1/sessions", json!({ "login": login, "password": password })).await.ok()
}

async fn refresh(caller: &Caller) -> Answer {
    let anybody = Caller::anybody(caller.http().clone(), caller.tenant());
    anybody.post("/v1/sessions:refresh", json!({ "refreshToken": caller.refresh() })).await
}

/// The mandate that somebody holds with a role.
pub(super) async fn mandate(caller: &Caller, role: &str) -> Value {
    let held = caller.get("/v1/account/mandates").await.ok();
    let held = held["mandates"].as_array().cloned().expect("mandates");
    held.into_iter().find(|one| one["role"] == role).unwrap_or_else(|| panic!("{role} is not held"))["id"].clone()
}

/// A session of a caller in a mandate: this one, where it acts in it, or the one that it is switched to.
pub(super) async fn acting(caller: &Caller, session: Value, mandate: &Value) -> Value {
    if session["mandateId"] == *mandate {
        return session;
    }
    let own = caller.with_session(caller.login(), "", &session);
    own.post("/v1/sessions:switch", json!({ "mandateId": mandate })).await.ok()
}

#[tokio::test(crate = "::tests::limit")]
async fn who_signs_in_to_such_a_role_enrols_first_and_then_acts() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    required(&world, &["coordinator"]);
    let session = sign_in(&world, coordinator.login(), CENTRAL).await;
    let restricted = enrols_alone(&coordinator, &session).await;
    let owner = Owner::of(&world, &restricted, CENTRAL).await;
    owner.caller.get("/v1/teams").await.ok();
    refresh(&owner.caller).await.ok();
    let whole = show(&owner.half().await, &owner.shows(&world, 0)).await.ok();
    owner.caller.with_session(owner.caller.login(), CENTRAL, &whole).get("/v1/teams").await.ok();

    // who gives it up begins anew
    let given = owner.caller.again().await;
    world.passes_by(SignedDuration::from_secs(30)).await;
    let given = given.with_session(given.login(), CENTRAL, &show(&given, &owner.shows(&world, 0)).await.ok());
    let up = given.post("/v1/account/factor:giveUp", json!({ "currentPassword": CENTRAL })).await.ok();
    enrols_alone(&given, &up).await;
    // a role that does not need one is as it was
    let teacher = world.teacher("it", "Ana", "Kos").await;
    assert_eq!(teacher.get("/v1/account/factor").await.ok(), json!({}));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_session_from_before_lacks_it_when_it_is_refreshed_and_when_its_password_changes() {
    let world = World::of(&["it"]).start().await;
    let (one, other) = (world.coordinator("it").await, world.coordinator("it").await);
    required(&world, &["coordinator"]);
    let session = refresh(&one).await.ok();
    let restricted = enrols_alone(&one, &session).await;
    let change = json!({ "currentPassword": CENTRAL, "newPassword": PASSWORD });
    let session = restricted.post("/v1/account:changePassword", change.clone()).await.ok();
    enrols_alone(&one, &session).await;
    let session = other.post("/v1/account:changePassword", change).await.ok();
    enrols_alone(&other, &session).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_changed_password_keeps_what_was_shown_and_a_recovered_one_shows_nothing() {
    let world = World::of(&["it"]).start().await;
    let owner = Owner::of(&world, &world.teacher("it", "Ana", "Kos").await, OWN).await;
    let half = owner.half().await;
    let change = json!({ "currentPassword": OWN, "newPassword": PASSWORD });
    half.post("/v1/account:changePassword", change).await.refused("SECOND_FACTOR_NEEDED");
    let changed = owner.caller.change_password(PASSWORD).await;
    changed.account().await;
    refresh(&changed).await.ok();

    world.anybody("it").post("/v1/accounts:recoverPassword", json!({ "email": changed.login() })).await.ok();
    world.settle().await;
    let code = world.mailbox("it").find(changed.login(), CODE).expect("a code");
    let reset = json!({ "code": code, "newPassword": OWN });
    world.anybody("it").post("/v1/accounts:resetPassword", reset).await.ok();
    changed.get("/v1/account").await.refused("TOKEN_ENDED");
    let session = sign_in(&world, changed.login(), OWN).await;
    assert_eq!((&session["secondFactorNeeded"], &session["refreshToken"]), (&json!(true), &Value::Null));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_switches_into_such_a_role_enrols_first_and_goes_on_in_the_other_one() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    required(&world, &["juror"]);
    let juror = json!({ "accountId": teacher.account().await["id"], "role": "ROLE_JUROR" });
    coordinator.post("/v1/mandates", juror).await.ok();
    let switch = async |caller: &Caller, role: &str| {
        let id = mandate(caller, role).await;
        caller.post("/v1/sessions:switch", json!({ "mandateId": id })).await.ok()
    };
    let restricted = enrols_alone(&teacher, &switch(&teacher, "ROLE_JUROR").await).await;
    // back to what needs none, for as long as any session
    let back = switch(&restricted, "ROLE_TEACHER").await;
    let back = teacher.with_session(teacher.login(), OWN, &back);
    back.get("/v1/teams").await.ok();
    world.passes_by(SignedDuration::from_hours(24 * 20)).await;
    let back = back.with_session(back.login(), OWN, &refresh(&back).await.ok());

    let restricted = enrols_alone(&back, &switch(&back, "ROLE_JUROR").await).await;
    let owner = Owner::of(&world, &restricted, OWN).await;
    assert_eq!(owner.caller.get("/v1/account/factor").await.ok()["isNeeded"], true);
    owner.caller.get("/v1/account/sessions").await.ok();
    // what was shown is shown in the other mandate, too
    let teaching = switch(&owner.caller, "ROLE_TEACHER").await;
    let teaching = owner.caller.with_session(teacher.login(), OWN, &teaching);
    teaching.get("/v1/teams").await.ok();
    let judging = switch(&teaching, "ROLE_JUROR").await;
    assert_eq!(judging["enrolmentNeeded"], Value::Null);
    refresh(&teaching.with_session(teacher.login(), OWN, &judging)).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_switches_into_such_a_role_and_back_is_signed_in_no_longer_than_without_and_in_one_family() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    required(&world, &["juror"]);
    let juror = json!({ "accountId": teacher.account().await["id"], "role": "ROLE_JUROR" });
    coordinator.post("/v1/mandates", juror).await.ok();
    let current = async |caller: &Caller| {
        let listed = caller.get("/v1/account/sessions").await.ok();
        let listed = listed["sessions"].as_array().cloned().expect("sessions");
        listed.into_iter().find(|one| one["isCurrent"] == true).expect("the current one")["id"].clone()
    };
    let first = sign_in(&world, teacher.login(), OWN).await;
    let teacher = teacher.with_session(teacher.login(), OWN, &first);
    let family = current(&teacher).await;
    world.passes_by(SignedDuration::from_hours(24 * 20)).await;
    let mut teacher = teacher.with_session(teacher.login(), OWN, &refresh(&teacher).await.ok());
    let old = teacher.clone();
    for _ in 0..2 {
        let switch = async |caller: &Caller, mandate: &Value| {
            caller.post("/v1/sessions:switch", json!({ "mandateId": mandate })).await.ok()
        };
        let [judging, teaching] = [mandate(&teacher, "ROLE_JUROR").await, mandate(&teacher, "ROLE_TEACHER").await];
        let restricted = enrols_alone(&teacher, &switch(&teacher, &judging).await).await;
        let back = switch(&restricted, &teaching).await;
        assert_eq!(back["refreshExpiresAt"], first["refreshExpiresAt"]);
        teacher = teacher.with_session(teacher.login(), OWN, &back);
        assert_eq!(current(&teacher).await, family);
    }
    // a refresh token of before ends all of it
    refresh(&old).await.refused("SESSION_OVER");
    teacher.get("/v1/account").await.refused("TOKEN_ENDED");
    refresh(&teacher).await.refused("SESSION_OVER");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn nobody_crosses_into_a_programme_in_a_session_that_lacks_something() {
    let world = World::of(&["it", "it-hr"]).start().await;
    let coordinator = world.coordinator("it").await;
    let visitor = coordinator.cross("it-hr", "").await;
    visitor.get("/v1/membership").await.ok();
    required(&world, &["coordinator"]);
    // a token from before, and somebody who is there already
    coordinator.exchange("it-hr", "").await.refused("ENROLMENT_NEEDED");
    visitor.get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
    let restricted = enrols_alone(&coordinator, &refresh(&coordinator).await.ok()).await;
    restricted.exchange("it-hr", "").await.refused("ENROLMENT_NEEDED");
    let owner = Owner::of(&world, &restricted, CENTRAL).await;
    owner.half().await.exchange("it-hr", "").await.refused("SECOND_FACTOR_NEEDED");
    owner.caller.cross("it-hr", "").await.get("/v1/membership").await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_invited_to_such_a_role_enrols_before_acting_in_it() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    required(&world, &["juror"]);
    let email = "eva@jury.example";
    coordinator.post("/v1/invitations", json!({ "email": email, "role": "ROLE_JUROR" })).await.ok();
    world.settle().await;
    let code = world.mailbox("it").find(email, CODE).expect("a code");
    let form = json!({ "code": code, "password": OWN, "givenName": "Eva", "surname": "Kos" });
    let accepted = world.anybody("it").post("/v1/invitations:accept", form).await.ok();
    assert_eq!(accepted.as_object().map(|answer| answer.len()), Some(1), "no session: {accepted}");
    let session = sign_in(&world, email, OWN).await;
    let juror = world.anybody("it").with_session(email, OWN, &session);
    let restricted = enrols_alone(&juror, &session).await;
    begin(&restricted, OWN).await;
    Owner::of(&world, &restricted, OWN).await.caller.get("/v1/account/sessions").await.ok();
    world.end().await;
}
