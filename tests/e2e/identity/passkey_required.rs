//! Passkeys as a second factor: a passkey is enough where a role needs one, the password then is not, and neither is a mailbox.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Answer, Caller, Device, World, mailbox::CODE, path::text, scene::PASSWORD};

use super::{
    factor::{OWN, Owner, show},
    factor_required::{CENTRAL, acting, mandate, required},
    passkey::{add, list, newest, sign_in},
};

async fn by_password(at: &Caller, password: &str) -> Value {
    let body = json!({ "login": at.login(), "password": password });
    Caller::anybody(at.http().clone(), at.tenant()).post("/v1/sessions", body).await.ok()
}

/// That a session lacks a passkey, and that nothing else can be put in its place.
async fn lacks_passkey(at: &Caller, session: &Value) -> Caller {
    assert_eq!((&session["passkeyNeeded"], &session["secondFactorNeeded"]), (&json!(true), &json!(true)), "{session}");
    assert_eq!((&session["enrolmentNeeded"], &session["refreshToken"]), (&Value::Null, &Value::Null), "{session}");
    let half = at.with_session(at.login(), "", session);
    for path in ["/v1/account/factor:begin", "/v1/account/factor:confirm", "/v1/account/passkeys:begin"] {
        half.post(path, json!({})).await.refused("SECOND_FACTOR_NEEDED");
    }
    for path in ["/v1/account", "/v1/teams", "/v1/account/passkeys"] {
        half.get(path).await.refused("SECOND_FACTOR_NEEDED");
    }
    show(&half, "123456").await.refused("FACTOR_MISSING");
    half
}

async fn switch(caller: &Caller, role: &str) -> Value {
    caller.post("/v1/sessions:switch", json!({ "mandateId": mandate(caller, role).await })).await.ok()
}

/// Replaces a forgotten password by the code of a letter.
async fn recover(world: &World, caller: &Caller, new: &str) {
    world.anybody("it").post("/v1/accounts:recoverPassword", json!({ "email": caller.login() })).await.ok();
    world.settle().await;
    reset(world, caller, new).await.ok();
}

async fn reset(world: &World, caller: &Caller, new: &str) -> Answer {
    let code = world.mailbox("it").find(caller.login(), CODE).expect("a code");
    world.anybody("it").post("/v1/accounts:resetPassword", json!({ "code": code, "newPassword": new })).await
}

#[tokio::test(crate = "::tests::limit")]
async fn a_role_that_needs_a_second_factor_is_satisfied_by_a_passkey_and_then_not_by_the_password() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    required(&world, &["coordinator"]);
    let enrols = coordinator.again().await;
    enrols.get("/v1/teams").await.refused("ENROLMENT_NEEDED");
    let waiting = coordinator.again().await;
    let mut device = Device::new();
    let on = add(&enrols, CENTRAL, &mut device).await;
    on.get("/v1/teams").await.ok();
    // whoever was about to enrol something else with the password alone is too late
    waiting.post("/v1/account/factor:begin", json!({ "currentPassword": CENTRAL })).await.refused("TOKEN_ENDED");
    lacks_passkey(&on, &by_password(&on, CENTRAL).await).await;
    let whole = on.with_session(on.login(), CENTRAL, &sign_in(&on, &device).await.ok());
    whole.get("/v1/teams").await.ok();

    // it stays what it is through a refresh and a new password
    let body = json!({ "refreshToken": whole.refresh() });
    let refreshed = world.anybody("it").post("/v1/sessions:refresh", body).await.ok();
    let whole = whole.with_session(whole.login(), CENTRAL, &refreshed).change_password(PASSWORD).await;
    whole.get("/v1/teams").await.ok();
    // without any, the role is one that enrols
    let id = list(&whole).await[0]["id"].clone();
    let gone = json!({ "passkeyId": id, "currentPassword": PASSWORD });
    let session = whole.post("/v1/account/passkeys:remove", gone).await.ok();
    assert_eq!((&session["enrolmentNeeded"], &session["passkeyNeeded"]), (&json!(true), &Value::Null));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_knows_the_password_comes_in_by_no_other_role_of_the_account() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    let id = teacher.account().await["id"].clone();
    coordinator.post("/v1/mandates", json!({ "accountId": id, "role": "ROLE_JUROR" })).await.ok();
    required(&world, &["juror"]);
    let mut device = Device::new();
    let on = add(&teacher, OWN, &mut device).await;
    // a teacher needs no second factor: the password opens that role, and nothing by which the other one is opened
    let teaching = on.with_session(on.login(), OWN, &by_password(&on, OWN).await);
    teaching.get("/v1/teams").await.ok();
    let typed = json!({ "currentPassword": OWN });
    for path in ["/v1/account/factor:begin", "/v1/account/passkeys:begin"] {
        teaching.post(path, typed.clone()).await.refused("SECOND_FACTOR_NEEDED");
    }
    let gone = json!({ "passkeyId": list(&on).await[0]["id"], "currentPassword": OWN });
    teaching.post("/v1/account/passkeys:remove", gone).await.refused("SECOND_FACTOR_NEEDED");
    // nor is the account linked with a provider at which anybody may show two factors
    let linking = json!({ "provider": "school", "currentPassword": OWN });
    teaching.post("/v1/account/providers:begin", linking).await.refused("SECOND_FACTOR_NEEDED");
    // nor is anything changed or learnt by which the account is taken over
    let (changed, moved) = (
        json!({ "currentPassword": OWN, "newPassword": PASSWORD }),
        json!({ "currentPassword": OWN, "newEmail": "thief@anybody.example" }),
    );
    for (path, body) in [
        ("/v1/account:changePassword", changed),
        ("/v1/account:changeEmail", moved),
        ("/v1/account:leave", typed.clone()),
    ] {
        teaching.post(path, body).await.refused("SECOND_FACTOR_NEEDED");
    }
    teaching.get("/v1/account/data:export").await.refused("SECOND_FACTOR_NEEDED");
    lacks_passkey(&teaching, &switch(&teaching, "ROLE_JUROR").await).await;
    let whole = on.with_session(on.login(), OWN, &sign_in(&on, &device).await.ok());
    whole.get("/v1/account/mandates").await.ok();
    let teaching = on.with_session(on.login(), OWN, &switch(&whole, "ROLE_TEACHER").await);
    assert_eq!(switch(&teaching, "ROLE_JUROR").await["secondFactorNeeded"], Value::Null, "it was shown");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_added_by_the_password_alone_opens_no_role_that_needs_more() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    // whoever knows the password adds a passkey before the owner has a role that needs more
    let mut strange = Device::new();
    let thief = add(&teacher, OWN, &mut strange).await;
    let id = thief.account().await["id"].clone();
    coordinator.post("/v1/mandates", json!({ "accountId": id, "role": "ROLE_JUROR" })).await.ok();
    required(&world, &["juror"]);
    assert_eq!(list(&thief).await[0]["isSecondFactor"], Value::Null);
    let juror = mandate(&thief, "ROLE_JUROR").await;
    let session = acting(&thief, sign_in(&thief, &strange).await.ok(), &juror).await;
    assert_eq!((&session["enrolmentNeeded"], &session["refreshToken"]), (&json!(true), &Value::Null), "{session}");
    // the owner adds the first that counts, and is not asked for the other one
    let (mut own, owner) = (Device::new(), teacher.again().await);
    let owner = add(&owner, OWN, &mut own).await;
    let counts: Vec<_> = list(&owner).await.iter().map(|passkey| passkey["isSecondFactor"].clone()).collect();
    assert_eq!(counts, [Value::Null, json!(true)]);
    let session = acting(&thief, sign_in(&thief, &strange).await.ok(), &juror).await;
    lacks_passkey(&thief, &session).await;
    let session = acting(&owner, sign_in(&owner, &own).await.ok(), &juror).await;
    assert_eq!((&session["secondFactorNeeded"], session["refreshToken"].is_string()), (&Value::Null, true));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_added_by_a_password_goes_with_it_and_passes_no_app() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let (mut strange, mut own) = (Device::new(), Device::new());
    add(&teacher, OWN, &mut strange).await;
    let owner = Owner::of(&world, &teacher.again().await, OWN).await;
    assert_eq!(sign_in(&teacher, &strange).await.ok()["secondFactorNeeded"], true);
    let on = add(&owner.caller, OWN, &mut own).await;
    let on = on.change_password(PASSWORD).await;
    world.settle().await;
    let told = world.mailbox("it").find(teacher.login(), "(una o più passkey) del tuo account sono state tolte");
    assert!(told.is_some());
    sign_in(&on, &strange).await.refused("PASSKEY_REFUSED");
    assert_eq!(sign_in(&on, &own).await.ok()["secondFactorNeeded"], Value::Null);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_passkey_counts_from_when_its_owner_has_come_by_it_and_enrols_an_app() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let (mut shown, mut other) = (Device::new(), Device::new());
    add(&teacher, OWN, &mut other).await;
    let on = add(&teacher.again().await, OWN, &mut shown).await;
    let on = on.with_session(on.login(), OWN, &sign_in(&on, &shown).await.ok());
    Owner::of(&world, &on, OWN).await;
    assert_eq!(sign_in(&on, &shown).await.ok()["secondFactorNeeded"], Value::Null);
    assert_eq!(sign_in(&on, &other).await.ok()["secondFactorNeeded"], true);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_passkey_opens_an_account_with_an_app_and_goes_with_a_recovery_while_the_app_stays() {
    let world = World::of(&["it"]).start().await;
    let owner = Owner::of(&world, &world.teacher("it", "Ana", "Kos").await, OWN).await;
    let mut device = Device::new();
    let on = add(&owner.caller, OWN, &mut device).await;
    let session = by_password(&on, OWN).await;
    assert_eq!((&session["secondFactorNeeded"], &session["passkeyNeeded"]), (&json!(true), &Value::Null));
    sign_in(&on, &device).await.ok();
    // whoever guessed the password may have enrolled both
    recover(&world, &on, PASSWORD).await;
    on.get("/v1/account").await.refused("TOKEN_ENDED");
    sign_in(&on, &device).await.refused("PASSKEY_REFUSED");
    assert_eq!(by_password(&on, PASSWORD).await["secondFactorNeeded"], true);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_proves_by_mail_to_be_the_owner_is_rid_of_the_passkeys_of_others() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let mut strange = Device::new();
    add(&teacher, OWN, &mut strange).await;
    recover(&world, &teacher, PASSWORD).await;
    world.settle().await;
    let told = world.mailbox("it").find(teacher.login(), "(una o più passkey) del tuo account sono state tolte");
    assert!(told.is_some());
    sign_in(&teacher, &strange).await.refused("PASSKEY_REFUSED");

    // where a second factor is needed a mailbox is none
    let coordinator = world.coordinator("it").await;
    required(&world, &["coordinator"]);
    let (mut own, mut strange) = (Device::new(), Device::new());
    let on = add(&coordinator.again().await, CENTRAL, &mut own).await;
    recover(&world, &on, PASSWORD).await;
    lacks_passkey(&on, &by_password(&on, PASSWORD).await).await;
    let on = on.with_session(on.login(), PASSWORD, &sign_in(&on, &own).await.ok());

    // what was added since somebody asked for another address goes with that address
    world.passes_by(SignedDuration::from_mins(1)).await;
    let wanted = json!({ "newEmail": "thief@anybody.example", "currentPassword": PASSWORD });
    on.post("/v1/account:changeEmail", wanted).await.ok();
    let thief = add(&on, PASSWORD, &mut strange).await;
    world.settle().await;
    let code = world.mailbox("it").find("thief@anybody.example", CODE).expect("a code");
    let confirmed = json!({ "code": code, "currentPassword": PASSWORD });
    thief.post("/v1/accounts:confirmEmail", confirmed).await.ok();
    world.settle().await;
    let back = world.mailbox("it").find(on.login(), CODE).expect("a code");
    world.anybody("it").post("/v1/accounts:restoreEmail", json!({ "code": back })).await.ok();
    sign_in(&on, &strange).await.refused("PASSKEY_REFUSED");
    sign_in(&on, &own).await.ok();
    world.settle().await;
    reset(&world, &on, CENTRAL).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_lost_the_device_is_helped_by_somebody_else_of_the_central_team() {
    let world = World::of(&["it"]).start().await;
    let (one, other) = (world.coordinator("it").await, world.coordinator("it").await);
    let mut device = Device::new();
    let on = add(&one, CENTRAL, &mut device).await;
    let path = format!("/v1/accounts/{}:resetFactor", text(&on.account().await["id"]));
    other.post(&path, json!({})).await.ok();
    on.get("/v1/account").await.refused("TOKEN_ENDED");
    sign_in(&on, &device).await.refused("PASSKEY_REFUSED");
    other.post(&path, json!({})).await.refused("FACTOR_MISSING");
    assert!(newest(&world, &on).await.contains("le passkey non funzionano più"));
    assert!(!on.again().await.refresh().is_empty());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_address_that_the_password_alone_has_asked_for_is_nothing_once_there_is_a_second_factor() {
    let world = World::of(&["it"]).start().await;
    let wish = |password: &str| json!({ "newEmail": "thief@anybody.example", "currentPassword": password });
    let redeem = async |password: &str| {
        world.settle().await;
        let code = world.mailbox("it").find("thief@anybody.example", CODE).expect("a code");
        let body = json!({ "code": code, "currentPassword": password });
        world.anybody("it").post("/v1/accounts:confirmEmail", body).await
    };
    // with an app, and with one that was taken away by somebody who helps
    let teacher = world.teacher("it", "Ana", "Kos").await;
    teacher.post("/v1/account:changeEmail", wish(OWN)).await.ok();
    let owner = Owner::of(&world, &teacher.again().await, OWN).await;
    redeem(OWN).await.refused("CODE_INVALID");
    let id = text(&owner.caller.account().await["id"]);
    let coordinator = world.coordinator("it").await;
    coordinator.post(&format!("/v1/accounts/{id}:resetFactor"), json!({})).await.ok();
    redeem(OWN).await.refused("CODE_INVALID");
    assert_eq!(teacher.again().await.account().await["login"], teacher.login());
    // with a passkey of an account that needs one
    let waiting = coordinator.again().await;
    waiting.post("/v1/account:changeEmail", wish(CENTRAL)).await.ok();
    required(&world, &["coordinator"]);
    let on = add(&coordinator.again().await, CENTRAL, &mut Device::new()).await;
    redeem(CENTRAL).await.refused("CODE_INVALID");
    // and what was asked for with it shown is redeemed
    on.post("/v1/account:changeEmail", wish(CENTRAL)).await.ok();
    redeem(CENTRAL).await.ok();
    assert_eq!(on.account().await["login"], "thief@anybody.example");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_has_shown_no_second_factor_learns_nothing_of_the_other_roles_and_makes_no_machine_token() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    let id = teacher.account().await["id"].clone();
    for role in ["ROLE_JUROR", "ROLE_INTEGRATOR"] {
        coordinator.post("/v1/mandates", json!({ "accountId": id, "role": role })).await.ok();
    }
    let system = json!({ "accountId": id, "name": "Registro", "purpose": "lists", "scopes": ["teams.read"] });
    let system = coordinator.post("/v1/integrators", system).await.ok();
    required(&world, &["juror"]);
    let mut device = Device::new();
    let technician = switch(&teacher.again().await, "ROLE_INTEGRATOR").await;
    let technician = teacher.with_session(teacher.login(), OWN, &technician);
    let path = format!("/v1/integrators/{}/tokens", text(&system["id"]));
    let wish = json!({ "label": "server", "scopes": ["teams.read"], "validDays": 90 });
    technician.post(&path, wish.clone()).await.ok();
    world.settle().await;
    let told = world.mailbox("it").find(teacher.login(), "creata una (chiave) per il sistema Registro");
    assert!(told.is_some(), "the technician is told");

    let integrator = mandate(&technician, "ROLE_INTEGRATOR").await;
    let on = add(&technician, OWN, &mut device).await;
    let session = acting(&on, by_password(&on, OWN).await, &integrator).await;
    let half = on.with_session(on.login(), OWN, &session);
    half.post(&path, wish.clone()).await.refused("SECOND_FACTOR_NEEDED");
    for path in ["/v1/account/data/identity", "/v1/account/data/lessons"] {
        half.get(path).await.refused("SECOND_FACTOR_NEEDED");
    }
    half.post("/v1/account/sessions:endOthers", json!({})).await.refused("SECOND_FACTOR_NEEDED");
    let session = acting(&on, sign_in(&on, &device).await.ok(), &integrator).await;
    let whole = on.with_session(on.login(), OWN, &session);
    whole.post(&path, wish).await.ok();
    assert!(whole.get("/v1/account/data/lessons").await.status.is_success());
    world.end().await;
}
