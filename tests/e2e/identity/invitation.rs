//! People come by invitation: a letter, a code, and what it is worth to whom.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Answer, Caller, Scene, World, mailbox::CODE, path::text, scene::PASSWORD};

const INVITED: &str = "eva@jury.example";

/// The password of the teachers of a world.
const TEACHERS: &str = "a sentence nobody else would choose";

async fn invite(giver: &Caller, email: &str, role: &str) -> Value {
    giver.post("/v1/invitations", json!({ "email": email, "role": role, "locale": "en" })).await.ok()
}

/// The code in the newest letter to an address.
async fn code(world: &World, email: &str) -> String {
    world.settle().await;
    world.mailbox("it").find(email, CODE).expect("a code in a letter")
}

async fn read(world: &World, code: &str) -> Answer {
    world.anybody("it").post("/v1/invitations:read", json!({ "code": code })).await
}

/// Accepts as somebody new would, and somebody who has an account and this password.
async fn accept(world: &World, code: &str, password: &str) -> Answer {
    let form = json!({ "code": code, "password": password, "givenName": "Eva", "surname": "Novak" });
    world.anybody("it").post("/v1/invitations:accept", form).await
}

async fn reissue(by: &Caller, invitation: &Value) -> Answer {
    by.post(&format!("/v1/invitations/{}:reissue", text(&invitation["id"])), json!({})).await
}

async fn withdraw(by: &Caller, invitation: &Value) -> Answer {
    by.post(&format!("/v1/invitations/{}:revoke", text(&invitation["id"])), json!({})).await
}

async fn now(by: &Caller, invitation: &Value) -> Value {
    by.get(&format!("/v1/invitations/{}", text(&invitation["id"]))).await.ok()
}

#[tokio::test(crate = "::tests::limit")]
async fn somebody_new_comes_by_a_letter_to_the_role_they_were_invited_to() {
    let world = World::of(&["it"]).at("2022-10-10T09:00:00[Europe/Rome]").start().await;
    let scene = Scene::open(&world, "it").await;
    let asked = json!({
        "email": "Eva@Jury.example", "role": "ROLE_JUROR", "territory": "ITF1", "editionId": scene.edition_id(), "locale": "hr",
    });
    let invitation = scene.coordinator.post("/v1/invitations", asked).await.ok();
    assert_eq!((&invitation["email"], &invitation["state"]), (&json!(INVITED), &json!("INVITATION_STATE_PENDING")));
    assert_eq!(invitation["expiresAt"], "2022-10-24T07:00:00Z", "two weeks, unless the country says otherwise");
    let code = code(&world, INVITED).await;
    let [letter] = &world.mailbox("it").to(INVITED)[..] else { panic!("one letter") };
    assert!(letter.subject.starts_with("Pozivnica") && letter.text.contains("član žirija"), "{letter:?}");
    assert!(letter.text.contains(&format!("/it/accept-invitation#{code}")), "{letter:?}");

    let said = read(&world, &code).await.ok();
    let expected = json!({
        "email": INVITED, "role": "ROLE_JUROR", "territory": "ITF1", "editionId": scene.edition_id(),
        "programmeName": said["programmeName"], "expiresAt": "2022-10-24T07:00:00Z",
    });
    assert_eq!(said, expected, "there is no account");
    let nameless = json!({ "code": code, "password": "short" });
    let nameless = world.anybody("it").post("/v1/invitations:accept", nameless).await.violations();
    assert!(nameless.iter().any(|(field, _)| field == "given_name"), "{nameless:?}");
    assert!(nameless.iter().any(|(_, reason)| reason == "PASSWORD_WEAK"), "{nameless:?}");

    let mandate = accept(&world, &code, PASSWORD).await.ok()["mandateId"].clone();
    let juror = world.anybody("it").sign_in(INVITED, PASSWORD).await;
    let account = juror.account().await;
    assert_eq!((&account["roles"], &account["surname"]), (&json!(["ROLE_JUROR"]), &json!("Novak")));
    let held = juror.get("/v1/account/mandates").await.ok();
    assert_eq!((&held["mandates"][0]["id"], &held["mandates"][0]["territory"]), (&mandate, &json!("ITF1")));
    let ended = now(&scene.coordinator, &invitation).await;
    assert_eq!((&ended["state"], &ended["accountId"]), (&json!("INVITATION_STATE_ACCEPTED"), &account["id"]));
    accept(&world, &code, PASSWORD).await.refused("CODE_INVALID");
    read(&world, &code).await.refused("CODE_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_has_an_account_gains_the_role_by_its_password_and_nobody_else_learns_that_there_is_one() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    let shape = |mut invitation: Value| {
        for field in ["id", "email"] {
            invitation[field] = Value::Null;
        }
        invitation
    };
    let known = invite(&coordinator, teacher.login(), "ROLE_COORDINATOR").await;
    let unknown = invite(&coordinator, INVITED, "ROLE_COORDINATOR").await;
    assert_eq!(shape(known), shape(unknown));
    let code = code(&world, teacher.login()).await;
    assert_eq!(read(&world, &code).await.ok()["hasAccount"], true);

    // the letter went astray: who has it and not the password gains nothing, and guesses as slowly as at the door
    for _ in 0..5 {
        accept(&world, &code, "a sentence somebody guesses").await.refused("SIGN_IN_FAILED");
    }
    accept(&world, &code, TEACHERS).await.refused("RATE_EXCEEDED");
    world.passes_by(SignedDuration::from_mins(5)).await;
    let mandate = accept(&world, &code, TEACHERS).await.ok()["mandateId"].clone();
    let account = teacher.again().await.account().await;
    assert_eq!((&account["roles"], &account["surname"]), (&json!(["ROLE_TEACHER", "ROLE_COORDINATOR"]), &json!("Kos")));
    let session = teacher.again().await.post("/v1/sessions:switch", json!({ "mandateId": mandate })).await.ok();
    let second = teacher.with_session(teacher.login(), TEACHERS, &session);
    second.get("/v1/mandates").await.ok();

    // the same role twice is refused, and the invitation is not used up by that
    let again = invite(&second, teacher.login(), "ROLE_COORDINATOR").await;
    let code = self::code(&world, teacher.login()).await;
    accept(&world, &code, TEACHERS).await.refused("MANDATE_HELD");
    assert_eq!(now(&second, &again).await["state"], "INVITATION_STATE_PENDING");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_invitation_that_is_sent_again_by_its_request_id_is_one_and_who_looked_at_them_is_noted() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let asked = json!({ "email": INVITED, "role": "ROLE_JUROR", "requestId": "once" });
    let first = coordinator.post("/v1/invitations", asked.clone()).await.ok();
    for _ in 0..6 {
        assert_eq!(coordinator.post("/v1/invitations", asked.clone()).await.ok(), first);
    }
    world.settle().await;
    assert_eq!(world.mailbox("it").to(INVITED).len(), 1);
    now(&coordinator, &first).await;
    coordinator.get("/v1/invitations").await.ok();
    let actions = world.actions("it", "identity").await;
    for action in ["invite", "read invitation", "list invitations"] {
        assert_eq!(actions.iter().filter(|noted| *noted == action).count(), 1, "{action}: {actions:?}");
    }
    // an address does not belong into a URL
    coordinator.get("/v1/invitations?filter=email%20%3D%20%22eva%40jury.example%22").await.violations();
    world.end().await;
}

/// The bad input of an invitation that is redeemed twice at once, by somebody new and by somebody known.
#[tokio::test(crate = "::tests::limit")]
async fn of_two_redemptions_at_once_one_wins() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    for (email, password) in [(INVITED, PASSWORD), (teacher.login(), TEACHERS)] {
        invite(&coordinator, email, "ROLE_JUROR").await;
        let code = code(&world, email).await;
        let (one, other) = tokio::join!(accept(&world, &code, password), accept(&world, &code, password));
        let (won, lost) = if one.status.is_success() { (one, other) } else { (other, one) };
        won.ok();
        lost.refused("CODE_INVALID");
        let account = world.anybody("it").sign_in(email, password).await.account().await;
        let jury = "SELECT role FROM mandate WHERE role = 'juror' AND revoked_at IS NULL";
        let held = if email == INVITED { 1 } else { 2 };
        assert_eq!(world.rows("it", "identity", jury, &["role"]).await.len(), held, "{account}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_code_is_worth_nothing_once_it_was_replaced_withdrawn_or_too_old() {
    let world = World::of(&["it", "hr"]).start().await;
    let coordinator = world.coordinator("it").await;
    let invitation = invite(&coordinator, INVITED, "ROLE_OBSERVER").await;
    let first = code(&world, INVITED).await;
    world.anybody("hr").post("/v1/invitations:read", json!({ "code": first })).await.refused("CODE_INVALID");
    accept(&world, &format!("{first}A"), PASSWORD).await.refused("CODE_INVALID");
    reissue(&coordinator, &invitation).await.ok();
    let second = code(&world, INVITED).await;
    assert_ne!(first, second);
    accept(&world, &first, PASSWORD).await.refused("CODE_INVALID");

    world.passes_by(SignedDuration::from_hours(14 * 24 + 1)).await;
    let coordinator = coordinator.again().await;
    accept(&world, &second, PASSWORD).await.refused("CODE_EXPIRED");
    assert_eq!(now(&coordinator, &invitation).await["state"], "INVITATION_STATE_EXPIRED");
    reissue(&coordinator, &invitation).await.ok();
    let third = code(&world, INVITED).await;
    let withdrawn = withdraw(&coordinator, &invitation).await.ok();
    assert_eq!(withdrawn["state"], "INVITATION_STATE_REVOKED");
    assert_eq!(withdraw(&coordinator, &invitation).await.ok(), withdrawn, "it stays withdrawn");
    for code in [&first, &second, &third] {
        accept(&world, code, PASSWORD).await.refused("CODE_INVALID");
    }
    let late = reissue(&coordinator, &invitation).await.refused("INVITATION_STATE");
    assert_eq!(late["metadata"]["state"], "REVOKED");
    let sign_in = json!({ "login": INVITED, "password": PASSWORD });
    world.anybody("it").post("/v1/sessions", sign_in).await.refused("SIGN_IN_FAILED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn nobody_comes_to_a_role_that_who_invites_may_not_give() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, other) = (world.coordinator("it").await, world.coordinator("it").await);
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let asked = |role: &str| json!({ "email": INVITED, "role": role });
    let refused = coordinator.post("/v1/invitations", asked("ROLE_TEAM")).await.violations();
    assert_eq!(refused, [("role".to_owned(), "ROLE_NOT_GRANTABLE".to_owned())]);
    teacher.post("/v1/invitations", asked("ROLE_JUROR")).await.refused("ROLE_MISSING");
    world.settle().await;
    assert_eq!(world.mailbox("it").to(INVITED), []);

    // nor after who invited lost the right to give it, until somebody else invites
    let invitation = invite(&other, INVITED, "ROLE_COORDINATOR").await;
    let code = code(&world, INVITED).await;
    let held = text(&other.get("/v1/account/mandates").await.ok()["mandates"][0]["id"]);
    coordinator.post(&format!("/v1/mandates/{held}:revoke"), json!({})).await.ok();
    accept(&world, &code, PASSWORD).await.refused("CODE_INVALID");
    reissue(&coordinator, &invitation).await.ok();
    accept(&world, &self::code(&world, INVITED).await, PASSWORD).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_address_stands_in_no_log_and_is_forgotten_after_its_invitation_ended() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let invitation = invite(&coordinator, INVITED, "ROLE_JUROR").await;
    code(&world, INVITED).await;
    let log = "SELECT actor, action, subject, detail FROM audit ORDER BY seq";
    let entries = world.rows("it", "identity", log, &["actor", "action", "subject", "detail"]).await.concat();
    assert!(entries.contains(&"invite".to_owned()) && entries.iter().all(|text| !text.contains("eva@")), "{entries:?}");
    assert_eq!(world.log().find("eva@"), [] as [String; 0]);

    // fourteen days until it expires, and thirty after that
    world.passes_by(SignedDuration::from_hours(44 * 24)).await;
    world.hour_strikes().await;
    let coordinator = coordinator.again().await;
    assert_eq!(now(&coordinator, &invitation).await["email"], INVITED);
    world.passes_by(SignedDuration::from_hours(1)).await;
    world.hour_strikes().await;
    let coordinator = coordinator.again().await;
    assert_eq!(now(&coordinator, &invitation).await["email"], Value::Null);
    reissue(&coordinator, &invitation).await.refused("INVITATION_STATE");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_first_coordinator_of_a_country_comes_by_the_operators_invitation() {
    let world = World::of(&["it"]).start().await;
    let ctx = world.process().operator("it").expect("a tenant");
    let store = world.process().store("identity").expect("identity");
    assert!(!identity::has_coordinator(store, &ctx).await.unwrap());
    let wrong = identity::invite_coordinator(store, &ctx, "nobody", String::new()).await.unwrap_err();
    assert_eq!(wrong.violations()[0].field, "email");
    let id = identity::invite_coordinator(store, &ctx, INVITED, "en".to_owned()).await.unwrap();
    accept(&world, &code(&world, INVITED).await, PASSWORD).await.ok();
    let coordinator = world.anybody("it").sign_in(INVITED, PASSWORD).await;
    let invitation = coordinator.get(&format!("/v1/invitations/{id}")).await.ok();
    assert_eq!((&invitation["role"], &invitation["invitedBy"]), (&json!("ROLE_COORDINATOR"), &Value::Null));
    assert!(identity::has_coordinator(store, &ctx).await.unwrap());
    world.end().await;
}
