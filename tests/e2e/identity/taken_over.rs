//! Whoever has taken a part of an account over by its password keeps nothing of it: what they have begun, planted or given up before the
//! owner came back.

use serde_json::{Value, json};
use tests::{Answer, Caller, Device, World, mailbox::CODE, path::text, scene::PASSWORD};

use super::{
    factor::{OWN, Owner},
    factor_required::{acting, mandate, required},
    passkey::{add, list, sign_in},
};

const THIEF: &str = "thief@anybody.example";

/// Asks for another address.
async fn ask(caller: &Caller, address: &str, password: &str) {
    let wish = json!({ "newEmail": address, "currentPassword": password });
    caller.post("/v1/account:changeEmail", wish).await.ok();
}

/// The code of the newest letter to an address.
async fn code(world: &World, address: &str) -> String {
    world.settle().await;
    world.mailbox("it").find(address, CODE).expect("a code")
}

/// Redeems the code of the newest letter to a new address.
async fn confirm(world: &World, address: &str, password: &str) -> Answer {
    let body = json!({ "code": code(world, address).await, "currentPassword": password });
    world.anybody("it").post("/v1/accounts:confirmEmail", body).await
}

/// Takes a change back with a code of the former address.
async fn restore(world: &World, code: &str) -> Answer {
    world.anybody("it").post("/v1/accounts:restoreEmail", json!({ "code": code })).await
}

/// Makes a teacher a juror, whose role needs a second factor from now on. Returns the juror's mandate.
async fn made_juror(world: &World, teacher: &Caller) -> Value {
    let coordinator = world.coordinator("it").await;
    let id = teacher.account().await["id"].clone();
    coordinator.post("/v1/mandates", json!({ "accountId": id, "role": "ROLE_JUROR" })).await.ok();
    required(world, &["juror"]);
    mandate(teacher, "ROLE_JUROR").await
}

#[tokio::test(crate = "::tests::limit")]
async fn an_address_that_somebody_put_there_takes_nothing_back() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    ask(&teacher, THIEF, OWN).await;
    confirm(&world, THIEF, OWN).await.ok();
    let back = code(&world, teacher.login()).await;
    // the owner changes it once more, to an address of hers: the thief is told, and is given no way back
    let at_thief = teacher.sign_in(THIEF, OWN).await;
    ask(&at_thief, "ana@home.example", OWN).await;
    confirm(&world, "ana@home.example", OWN).await.ok();
    world.settle().await;
    let letter = world.mailbox("it").to(THIEF).pop().expect("a letter");
    assert!(letter.text.contains("ana@home.example") && !letter.text.contains("restore-email"), "{}", letter.text);
    // the address of before the thief can take both back
    restore(&world, &back).await.ok();
    world.settle().await;
    assert!(world.mailbox("it").find(teacher.login(), CODE).is_some());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_former_mailbox_is_no_second_factor() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    ask(&teacher, "ana@home.example", OWN).await;
    confirm(&world, "ana@home.example", OWN).await.ok();
    let back = code(&world, teacher.login()).await;
    let owner = teacher.sign_in("ana@home.example", OWN).await;
    let juror = made_juror(&world, &owner).await;
    // while the change can be taken back an app alone is a second factor
    let mut device = Device::new();
    let owner = add(&owner.sign_in("ana@home.example", OWN).await, OWN, &mut device).await;
    let session = acting(&owner, sign_in(&owner, &device).await.ok(), &juror).await;
    assert_eq!(session["enrolmentNeeded"], true);
    Owner::of(&world, &owner.with_session("ana@home.example", OWN, &session), OWN).await;
    restore(&world, &back).await.ok();
    let body = json!({ "code": code(&world, teacher.login()).await, "newPassword": PASSWORD });
    world.anybody("it").post("/v1/accounts:resetPassword", body).await.ok();
    let session = json!({ "login": teacher.login(), "password": PASSWORD });
    let session = world.anybody("it").post("/v1/sessions", session).await.ok();
    let session = acting(&teacher, session, &juror).await;
    assert_eq!((&session["secondFactorNeeded"], &session["enrolmentNeeded"]), (&json!(true), &Value::Null));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_planted_behind_another_address_goes_when_it_is_taken_back() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let id = teacher.account().await["id"].clone();
    let technician = json!({ "accountId": id, "role": "ROLE_INTEGRATOR" });
    coordinator.post("/v1/mandates", technician).await.ok();
    let system = json!({ "accountId": id, "name": "Registro", "purpose": "lists", "scopes": ["teams.read"] });
    let system = coordinator.post("/v1/integrators", system).await.ok();
    let mandates = [made_juror(&world, &teacher).await, mandate(&teacher, "ROLE_INTEGRATOR").await];
    ask(&teacher, THIEF, OWN).await;
    confirm(&world, THIEF, OWN).await.ok();
    let back = code(&world, teacher.login()).await;
    let mut device = Device::new();
    let thief = add(&teacher.sign_in(THIEF, OWN).await, OWN, &mut device).await;
    let session = acting(&thief, sign_in(&thief, &device).await.ok(), &mandates[0]).await;
    assert_eq!(session["enrolmentNeeded"], true, "it counts as the password");
    let session = acting(&thief, sign_in(&thief, &device).await.ok(), &mandates[1]).await;
    let wish = json!({ "label": "server", "scopes": ["teams.read"], "validDays": 90 });
    let path = format!("/v1/integrators/{}/tokens", text(&system["id"]));
    let made = thief.with_session(THIEF, OWN, &session).post(&path, wish).await.ok();
    restore(&world, &back).await.ok();
    sign_in(&thief, &device).await.refused("PASSKEY_REFUSED");
    let secret = json!({ "secret": made["secret"] });
    world.anybody("it").post("/v1/integrators:token", secret).await.refused("MACHINE_TOKEN_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_invitation_is_nothing_to_who_reads_the_mail_of_an_address_that_was_given_up() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let [moving, leaving] = [world.teacher("it", "Ana", "Kos").await, world.teacher("it", "Iva", "Novak").await];
    for teacher in [&moving, &leaving] {
        let invited = json!({ "email": teacher.login(), "role": "ROLE_COORDINATOR" });
        coordinator.post("/v1/invitations", invited).await.ok();
    }
    let codes = [code(&world, moving.login()).await, code(&world, leaving.login()).await];
    ask(&moving, "ana@home.example", OWN).await;
    confirm(&world, "ana@home.example", OWN).await.ok();
    leaving.post("/v1/account:leave", json!({ "currentPassword": OWN })).await.ok();
    for code in codes {
        let body = json!({ "code": code, "password": PASSWORD, "givenName": "Eva", "surname": "Rossi" });
        world.anybody("it").post("/v1/invitations:accept", body).await.refused("CODE_INVALID");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_added_by_an_app_that_is_given_up_counts_as_the_password() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let thief = Owner::of(&world, &teacher, OWN).await.caller;
    let mut device = Device::new();
    let thief = add(&thief, OWN, &mut device).await;
    assert_eq!(list(&thief).await[0]["isSecondFactor"], true);
    ask(&thief, THIEF, OWN).await;
    let session = thief.post("/v1/account/factor:giveUp", json!({ "currentPassword": OWN })).await.ok();
    let thief = thief.with_session(thief.login(), OWN, &session);
    assert_eq!(list(&thief).await[0]["isSecondFactor"], Value::Null);
    // nor does what was asked for by it go on
    confirm(&world, THIEF, OWN).await.refused("CODE_INVALID");
    let juror = made_juror(&world, &thief).await;
    let session = acting(&thief, sign_in(&thief, &device).await.ok(), &juror).await;
    assert_eq!((&session["enrolmentNeeded"], &session["secondFactorNeeded"]), (&json!(true), &Value::Null));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_passkey_that_is_removed_has_asked_for_nothing() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let owner = Owner::of(&world, &teacher, OWN).await;
    let mut device = Device::new();
    let on = add(&owner.caller, OWN, &mut device).await;
    let thief = on.with_session(on.login(), OWN, &sign_in(&on, &device).await.ok());
    ask(&thief, THIEF, OWN).await;
    let gone = json!({ "passkeyId": list(&on).await[0]["id"], "currentPassword": OWN });
    on.post("/v1/account/passkeys:remove", gone).await.ok();
    confirm(&world, THIEF, OWN).await.refused("CODE_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_has_shown_no_second_factor_gives_no_class_away() {
    let world = World::of(&["it"]).start().await;
    let scene = tests::Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let other = scene.teacher("Serra").await;
    let juror = made_juror(&world, &class.referent).await;
    let mut device = Device::new();
    let teaching = mandate(&class.referent, "ROLE_TEACHER").await;
    let owner = add(&class.referent, OWN, &mut device).await;
    let body = json!({ "login": owner.login(), "password": OWN });
    let session = acting(&owner, world.anybody("it").post("/v1/sessions", body).await.ok(), &teaching).await;
    let half = owner.with_session(owner.login(), OWN, &session);
    let id = other.account().await["id"].clone();
    let deeds = [
        (":addSupportTeacher", json!({ "teacherId": id })),
        (":handOver", json!({ "teacherId": id, "reason": "It is hers." })),
        (":reissueCredential", json!({})),
    ];
    for (verb, body) in deeds {
        half.post(&class.path(verb), body).await.refused("SECOND_FACTOR_NEEDED");
    }
    half.get(&class.path("")).await.ok();
    assert_eq!(text(&session["mandateId"]), text(&teaching));
    assert_ne!(juror, teaching);
    world.end().await;
}
