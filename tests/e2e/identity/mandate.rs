//! One account, several roles: who gives them, who takes them away, and acting in one at a time.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tests::{Answer, Caller, Scene, World, path::text};

/// What a token says of who has it.
fn claims(caller: &Caller) -> Value {
    let payload = caller.token().split('.').nth(1).expect("a token");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON")
}

async fn refresh(caller: &Caller) -> Answer {
    // without the access token, which ends with its session
    let anybody = Caller::anybody(caller.http().clone(), caller.tenant());
    anybody.post("/v1/sessions:refresh", json!({ "refreshToken": caller.refresh() })).await
}

/// The mandates that somebody holds, by their roles.
async fn own(caller: &Caller) -> Vec<(String, String)> {
    let held = caller.get("/v1/account/mandates").await.ok();
    let held = held["mandates"].as_array().cloned().unwrap_or_default();
    held.iter().map(|one| (text(&one["role"]), text(&one["id"]))).collect()
}

/// The id of the mandate that somebody holds with a role.
async fn mandate(caller: &Caller, role: &str) -> String {
    let held = own(caller).await.into_iter().find(|(held, _)| held == role);
    held.unwrap_or_else(|| panic!("{role} is not held")).1
}

async fn give(giver: &Caller, to: &Caller, mandate: Value) -> Answer {
    let mut mandate = mandate;
    mandate["accountId"] = to.account().await["id"].clone();
    giver.post("/v1/mandates", mandate).await
}

async fn revoke(by: &Caller, mandate: &str) -> Answer {
    by.post(&format!("/v1/mandates/{mandate}:revoke"), json!({})).await
}

/// Somebody who goes on in another mandate of theirs.
async fn switched(caller: &Caller, role: &str) -> Caller {
    let id = mandate(caller, role).await;
    let session = caller.post("/v1/sessions:switch", json!({ "mandateId": id })).await.ok();
    assert_eq!((&session["role"], &session["mandateId"]), (&json!(role), &json!(id)));
    caller.with_session(caller.login(), "a sentence nobody else would choose", &session)
}

#[tokio::test(crate = "::tests::limit")]
async fn one_account_acts_in_one_of_its_roles_at_a_time_and_goes_on_in_another_without_a_password() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let juror = json!({ "role": "ROLE_JUROR", "territory": "ITF1", "editionId": scene.edition_id() });
    let given = give(&scene.coordinator, &teacher, juror.clone()).await.ok();
    let by = scene.coordinator.account().await["id"].clone();
    assert_eq!((&given["territory"], &given["editionId"]), (&juror["territory"], &juror["editionId"]));
    assert_eq!((&given["grantedBy"], &given["surname"]), (&by, &json!("Kos")));
    assert_eq!(teacher.account().await["roles"], json!(["ROLE_TEACHER", "ROLE_JUROR"]));

    // nothing changes for who is signed in
    assert_eq!(claims(&teacher)["roles"], json!(["teacher"]));
    teacher.get("/v1/teams").await.ok();
    let acting = switched(&teacher, "ROLE_JUROR").await;
    let said = claims(&acting);
    assert_eq!((&said["roles"], &said["mid"]), (&json!(["juror"]), &given["id"]));
    assert_eq!(said["bound"], json!({ "area": "ITF1", "period": scene.edition_id() }));
    acting.get("/v1/teams").await.refused("ROLE_MISSING");
    acting.patch("/v1/account", json!({ "subjectArea": "History" })).await.ok();
    acting.get("/v1/account/mandates").await.ok();
    // an old refresh token is used again, nobody knows by whom: the session that took its place ends too
    refresh(&teacher).await.refused("SESSION_OVER");
    acting.get("/v1/account/mandates").await.refused("TOKEN_ENDED");

    // who signs in again acts as last time
    let again = teacher.again().await;
    assert_eq!(claims(&again)["mid"], given["id"]);
    let back = switched(&again, "ROLE_TEACHER").await;
    back.get("/v1/teams").await.ok();

    world.settle().await;
    let letters = world.mailbox("it").to(teacher.login());
    assert!(letters.last().is_some_and(|letter| letter.subject.contains("componente della giuria")), "{letters:#?}");
    let actions = world.actions("it", "identity").await;
    for action in ["grant mandate", "switch mandate"] {
        assert!(actions.contains(&action.to_owned()), "{action}: {actions:?}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_role_that_was_taken_away_ends_what_acts_in_it_and_nothing_else() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    let given = text(&give(&coordinator, &teacher, json!({ "role": "ROLE_OBSERVER" })).await.ok()["id"]);
    let elsewhere = teacher.again().await;
    let acting = switched(&teacher, "ROLE_OBSERVER").await;
    let revoked = revoke(&coordinator, &given).await.ok();
    assert_eq!(revoked["revokedBy"], coordinator.account().await["id"]);
    acting.get("/v1/account").await.refused("TOKEN_ENDED");
    refresh(&acting).await.refused("SESSION_OVER");
    let kept = refresh(&elsewhere).await.ok();
    assert_eq!(kept["role"], "ROLE_TEACHER");
    assert_eq!(revoke(&coordinator, &given).await.ok(), revoked, "it stays as it was");

    // neither by a switch nor by a password
    let again = teacher.again().await;
    assert_eq!(claims(&again)["roles"], json!(["teacher"]));
    again.post("/v1/sessions:switch", json!({ "mandateId": given })).await.refused("NOT_FOUND");
    assert_eq!(own(&again).await.len(), 1);
    world.settle().await;
    let letters = world.mailbox("it").to(teacher.login());
    assert!(letters.last().is_some_and(|letter| letter.subject.starts_with("Non hai più")), "{letters:#?}");

    revoke(&coordinator, &mandate(&again, "ROLE_TEACHER").await).await.ok();
    let sign_in = json!({ "login": teacher.login(), "password": "a sentence nobody else would choose" });
    world.anybody("it").post("/v1/sessions", sign_in).await.refused("MANDATE_MISSING");
    let wrong = json!({ "login": teacher.login(), "password": "a sentence somebody guesses" });
    world.anybody("it").post("/v1/sessions", wrong).await.refused("SIGN_IN_FAILED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn nobody_gives_what_is_not_theirs_to_give() {
    let world = World::of(&["it", "hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let coordinator = &scene.coordinator;
    let faults = async |mandate: Value| give(coordinator, &teacher, mandate).await.violations();
    let not_given = |field: &str| vec![(field.to_owned(), "ROLE_NOT_GRANTABLE".to_owned())];
    for role in ["ROLE_TEAM", "ROLE_TWIN_TEACHER"] {
        assert_eq!(faults(json!({ "role": role })).await, not_given("role"));
    }
    assert_eq!(faults(json!({ "role": "ROLE_COORDINATOR", "territory": "ITF1" })).await, not_given("territory"));
    let strange = [("territory".to_owned(), "FIELDS_INVALID".to_owned())];
    assert_eq!(faults(json!({ "role": "ROLE_JUROR", "territory": "HR02" })).await, strange);
    let nowhere = json!({ "role": "ROLE_JUROR", "editionId": uuid::Uuid::now_v7().to_string() });
    assert_eq!(faults(nowhere).await, [("edition_id".to_owned(), "FIELDS_INVALID".to_owned())]);
    give(&teacher, &teacher, json!({ "role": "ROLE_COORDINATOR" })).await.refused("ROLE_MISSING");
    let class = scene.class("Novak").await;
    let to_team = give(coordinator, &class.team, json!({ "role": "ROLE_JUROR" })).await.violations();
    assert_eq!(to_team, [("account_id".to_owned(), "FIELDS_INVALID".to_owned())]);
    let shared = coordinator.get("/v1/mandates?filter=role%20%3D%20ROLE_TEAM").await.ok();
    revoke(coordinator, &text(&shared["mandates"][0]["id"])).await.refused("ROLE_NOT_GRANTABLE");

    // once is enough, and a request that is sent again is the same one
    let juror = json!({ "role": "ROLE_JUROR", "territory": "ITF1", "requestId": uuid::Uuid::now_v7().to_string() });
    let given = give(coordinator, &teacher, juror.clone()).await.ok();
    assert_eq!(give(coordinator, &teacher, juror).await.ok(), given);
    give(coordinator, &teacher, json!({ "role": "ROLE_JUROR", "territory": "ITF1" })).await.refused("MANDATE_HELD");
    give(coordinator, &teacher, json!({ "role": "ROLE_JUROR" })).await.ok();
    assert_eq!(own(&teacher).await.len(), 3);
    world.end().await;
}

/// The bad input of two coordinators who take away each other's role at once.
#[tokio::test(crate = "::tests::limit")]
async fn of_the_last_two_coordinators_who_revoke_each_other_at_once_one_stays() {
    let world = World::of(&["it"]).start().await;
    let (one, other) = (world.coordinator("it").await, world.coordinator("it").await);
    let [of_one, of_other] = [mandate(&one, "ROLE_COORDINATOR").await, mandate(&other, "ROLE_COORDINATOR").await];
    let (first, second) = tokio::join!(revoke(&one, &of_other), revoke(&other, &of_one));
    let won = [&first, &second].into_iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(won, 1, "{} {}", first.text(), second.text());
    let left = "SELECT role FROM mandate WHERE role = 'coordinator' AND revoked_at IS NULL";
    assert_eq!(world.rows("it", "identity", left, &["role"]).await.len(), 1);
    let (stays, own) = if first.status.is_success() { (one, of_one) } else { (other, of_other) };
    revoke(&stays, &own).await.refused("LAST_COORDINATOR");

    // with another one there, also the own role can be given up
    let teacher = world.teacher("it", "Ana", "Kos").await;
    give(&stays, &teacher, json!({ "role": "ROLE_COORDINATOR" })).await.ok();
    revoke(&stays, &own).await.ok();
    refresh(&stays).await.refused("SESSION_OVER");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_no_teacher_any_more_is_found_by_nobody_given_no_team_and_goes_nowhere() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Serra").await;
    let colleague = scene.teacher("Kos").await;
    let school = text(&scene.school("UPPER_SECONDARY")["id"]);
    colleague.patch("/v1/account", json!({ "schoolId": school })).await.ok();
    let find = format!("/v1/teachers:find?surname=kos&schoolId={school}");
    assert_eq!(class.referent.get(&find).await.ok()["teachers"].as_array().map(Vec::len), Some(1));
    let support = scene.teacher("Rossi").await;
    let support_id = text(&support.account().await["id"]);
    class.referent.post(&class.path(":addSupportTeacher"), json!({ "teacherId": support_id })).await.ok();
    let visitor = support.cross("it-hr", &class.id).await;
    visitor.get("/v1/membership").await.ok();

    // a colleague who only judges from now on, and one who supports a class no more
    give(&scene.coordinator, &colleague, json!({ "role": "ROLE_JUROR" })).await.ok();
    let id = text(&colleague.account().await["id"]);
    revoke(&scene.coordinator, &mandate(&colleague, "ROLE_TEACHER").await).await.ok();
    assert_eq!(class.referent.get(&find).await.ok()["teachers"], Value::Null);
    let refused = class.referent.post(&class.path(":addSupportTeacher"), json!({ "teacherId": id })).await;
    assert_eq!(refused.violations(), [("teacher_id".to_owned(), "TEACHER_NOT_REGISTERED".to_owned())]);
    revoke(&scene.coordinator, &mandate(&support, "ROLE_TEACHER").await).await.ok();
    visitor.get("/v1/membership").await.refused("MEMBERSHIP_ENDED");

    // the central team visits as such, and as nothing else
    let central = world.coordinator("it").await;
    let guest = central.cross("it-hr", "").await;
    guest.get("/v1/membership").await.ok();
    revoke(&scene.coordinator, &mandate(&central, "ROLE_COORDINATOR").await).await.ok();
    guest.get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_central_team_sees_who_may_do_what_and_the_log_says_who_looked() {
    let world = World::of(&["it"]).start().await;
    let (coordinator, teacher) = (world.coordinator("it").await, world.teacher("it", "Ana", "Kos").await);
    let given = give(&coordinator, &teacher, json!({ "role": "ROLE_JUROR", "territory": "ITF" })).await.ok();
    let found = async |filter: &str| {
        let filter: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
        coordinator.get(&format!("/v1/mandates?filter={filter}")).await.ok()["mandates"].clone()
    };
    assert_eq!(found("role = ROLE_JUROR AND NOT revoked_at:*").await, json!([given]));
    assert_eq!((&given["givenName"], &given["surname"]), (&json!("Ana"), &json!("Kos")));
    let all = coordinator.get("/v1/mandates").await.ok();
    let mut roles: Vec<_> =
        all["mandates"].as_array().expect("mandates").iter().map(|one| text(&one["role"])).collect();
    roles.sort();
    assert_eq!(roles, ["ROLE_COORDINATOR", "ROLE_JUROR", "ROLE_TEACHER"]);
    assert!(world.actions("it", "identity").await.contains(&"list mandates".to_owned()));
    teacher.get("/v1/mandates").await.refused("ROLE_MISSING");
    world.end().await;
}
