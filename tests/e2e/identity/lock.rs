//! Accounts that are locked, reinstated and left.

use serde_json::{Value, json};
use tests::{Answer, Caller, Scene, World, mailbox::CODE, path::text, scene::PASSWORD};

use super::account::seen;

/// The password teachers of a world have.
const OWN: &str = "a sentence nobody else would choose";

const WHY: &str = "The school told us that somebody else uses it.";

async fn sign_in(world: &World, login: &str, password: &str) -> Answer {
    world.anybody("it").post("/v1/sessions", json!({ "login": login, "password": password })).await
}

async fn lock(coordinator: &Caller, id: &Value) -> Answer {
    coordinator.post(&format!("/v1/accounts/{}:lock", text(id)), json!({ "reason": WHY })).await
}

async fn reinstate(coordinator: &Caller, id: &Value) -> Answer {
    coordinator.post(&format!("/v1/accounts/{}:reinstate", text(id)), json!({})).await
}

async fn leave(caller: &Caller, password: &str) -> Answer {
    caller.post("/v1/account:leave", json!({ "currentPassword": password })).await
}

/// The newest letter to an address.
async fn newest(world: &World, email: &str) -> String {
    world.settle().await;
    world.mailbox("it").to(email).pop().expect("a letter").text
}

#[tokio::test(crate = "::tests::limit")]
async fn nobody_enters_a_locked_account_and_its_owner_is_told_why() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let id = teacher.account().await["id"].clone();
    let recover = json!({ "email": teacher.login() });
    world.anybody("it").post("/v1/accounts:recoverPassword", recover.clone()).await.ok();
    world.settle().await;
    let code = world.mailbox("it").find(teacher.login(), CODE).expect("a code");
    lock(&teacher, &id).await.refused("ROLE_MISSING");
    let locked = lock(&scene.coordinator, &id).await.ok();
    assert_eq!((&locked["state"], &locked["lockReason"]), (&json!("ACCOUNT_STATE_LOCKED"), &json!(WHY)));
    let told = newest(&world, teacher.login()).await;
    assert!(told.contains(WHY), "{told}");

    // who does not know the password learns nothing
    let wrong = seen(&sign_in(&world, teacher.login(), "a wrong guess").await);
    assert_eq!(wrong, seen(&sign_in(&world, "nobody@school.example", "a wrong guess").await));
    sign_in(&world, teacher.login(), OWN).await.refused("ACCOUNT_LOCKED");
    let token = json!({ "refreshToken": teacher.refresh() });
    world.anybody("it").post("/v1/sessions:refresh", token).await.refused("SESSION_OVER");
    let reset = json!({ "code": code, "newPassword": PASSWORD });
    world.anybody("it").post("/v1/accounts:resetPassword", reset).await.refused("CODE_INVALID");
    let unknown = json!({ "email": "nobody@school.example" });
    let ask = async |body: Value| seen(&world.anybody("it").post("/v1/accounts:recoverPassword", body).await);
    assert_eq!(ask(recover).await, ask(unknown).await);
    assert_eq!(newest(&world, teacher.login()).await, told, "nothing was mailed");
    let send = format!("/v1/accounts/{}:sendRecovery", text(&id));
    let refused = scene.coordinator.post(&send, json!({})).await.refused("ACCOUNT_STATE");
    assert_eq!(refused["metadata"]["state"], "LOCKED");
    lock(&scene.coordinator, &id).await.refused("ACCOUNT_STATE");

    let found = scene.coordinator.post("/v1/accounts:find", json!({ "email": teacher.login() })).await.ok();
    assert_eq!(found["lockReason"], WHY);
    let open = reinstate(&scene.coordinator, &id).await.ok();
    assert_eq!((&open["state"], &open["lockReason"]), (&json!("ACCOUNT_STATE_LIVING"), &Value::Null));
    assert!(newest(&world, teacher.login()).await.contains("/it/sign-in"));
    sign_in(&world, teacher.login(), OWN).await.ok();
    reinstate(&scene.coordinator, &id).await.refused("ACCOUNT_STATE");

    // the log, where nothing can be erased, has the deed and not the words
    let entries =
        world.rows("it", "identity", "SELECT action || subject || detail AS said FROM audit", &["said"]).await;
    assert!(entries.iter().flatten().any(|said| said == &format!("lock accountaccount {}", text(&id))), "{entries:?}");
    assert!(entries.iter().flatten().all(|said| !said.contains(WHY) && !said.contains('@')), "{entries:?}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_country_keeps_somebody_who_can_sign_in() {
    let world = World::of(&["it"]).start().await;
    let (one, other) = (world.coordinator("it").await, world.coordinator("it").await);
    let ids = [one.account().await["id"].clone(), other.account().await["id"].clone()];
    lock(&one, &ids[0]).await.refused("OWN_ACCOUNT");
    // each takes the other one away
    let (first, second) = tokio::join!(lock(&one, &ids[1]), lock(&other, &ids[0]));
    let (stays, gone) = if first.status.is_success() { (&one, &ids[1]) } else { (&other, &ids[0]) };
    assert!(first.status.is_success() != second.status.is_success(), "{} {}", first.text(), second.text());
    let stays = stays.again().await;
    let password = "a lantern above the harbour wall";
    leave(&stays, password).await.refused("LAST_COORDINATOR");
    reinstate(&stays, gone).await.ok();
    leave(&stays, password).await.ok();
    sign_in(&world, stays.login(), password).await.refused("SIGN_IN_FAILED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_leaves_is_gone_and_leaves_the_address_behind() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, support) = (scene.class("Novak").await, scene.teacher("Kos").await);
    let school = text(&scene.school("UPPER_SECONDARY")["id"]);
    support.patch("/v1/account", json!({ "schoolId": school })).await.ok();
    let id = support.account().await["id"].clone();
    class.referent.post(&class.path(":addSupportTeacher"), json!({ "teacherId": id })).await.ok();
    let wrong = leave(&support, "not my password").await;
    assert_eq!(wrong.violations(), [("current_password".to_owned(), "SIGN_IN_FAILED".to_owned())]);
    assert_eq!(leave(&support, OWN).await.ok(), json!({}));

    sign_in(&world, support.login(), OWN).await.refused("SIGN_IN_FAILED");
    let token = json!({ "refreshToken": support.refresh() });
    world.anybody("it").post("/v1/sessions:refresh", token).await.refused("SESSION_OVER");
    let find = format!("/v1/teachers:find?surname=Kos&schoolId={school}");
    assert_eq!(class.referent.get(&find).await.ok()["teachers"], Value::Null);
    assert_eq!(class.referent.get(&class.path("")).await.ok()["supportTeacherIds"], Value::Null);
    let again = class.referent.post(&class.path(":addSupportTeacher"), json!({ "teacherId": id })).await;
    assert_eq!(again.violations()[0].1, "TEACHER_NOT_REGISTERED");
    reinstate(&scene.coordinator, &id).await.refused("ACCOUNT_STATE");
    scene.coordinator.post("/v1/accounts:find", json!({ "email": support.login() })).await.refused("NOT_FOUND");

    // the address begins anew
    let form = json!({ "email": support.login(), "password": PASSWORD, "givenName": "Ana", "surname": "Kos" });
    let anybody = world.anybody("it");
    anybody.post("/v1/accounts", form).await.ok();
    world.settle().await;
    let code = world.mailbox("it").find(support.login(), CODE).expect("a code");
    anybody.post("/v1/accounts:verifyEmail", json!({ "code": code, "password": PASSWORD })).await.ok();
    assert_ne!(anybody.sign_in(support.login(), PASSWORD).await.account().await["id"], id);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_referent_of_a_class_at_work_hands_it_over_and_then_leaves() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Novak").await;
    let refused = leave(&class.referent, OWN).await.refused("TEAM_AT_WORK");
    assert_eq!(refused["metadata"]["teams"], class.code.as_str());
    // nor is the role taken away, without which the class could not be handed over
    let held = class.referent.get("/v1/account/mandates").await.ok();
    let revoke = format!("/v1/mandates/{}:revoke", text(&held["mandates"][0]["id"]));
    scene.coordinator.post(&revoke, json!({})).await.refused("TEAM_AT_WORK");
    let next = scene.teacher("Kos").await;
    let to = json!({ "teacherId": next.account().await["id"], "reason": "I leave." });
    class.referent.post(&class.path(":handOver"), to).await.ok();
    leave(&class.referent, OWN).await.ok();
    // once the year is over, nobody has to take it over
    leave(&next, OWN).await.refused("TEAM_AT_WORK");
    world.passes("2023-09-01T09:00:00[Europe/Rome]").await;
    // whatever role one acts in
    let coordinator = scene.coordinator.again().await;
    let juror = json!({ "accountId": next.again().await.account().await["id"], "role": "ROLE_JUROR" });
    let mandate = coordinator.post("/v1/mandates", juror.clone()).await.ok();
    let next = next.again().await;
    let session = next.post("/v1/sessions:switch", json!({ "mandateId": mandate["id"] })).await.ok();
    leave(&next.with_session(next.login(), OWN, &session), OWN).await.ok();
    // nobody is given a role whose account has ended
    let refused = coordinator.post("/v1/mandates", juror).await.violations();
    assert_eq!(refused, [("account_id".to_owned(), "FIELDS_INVALID".to_owned())]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_is_not_handed_to_somebody_who_leaves_at_the_same_time() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Novak").await;
    for _ in 0..3 {
        let next = scene.teacher("Kos").await;
        let to = json!({ "teacherId": next.account().await["id"], "reason": "parental leave" });
        let hand_over = class.path(":handOver");
        let (handed, left) = tokio::join!(scene.coordinator.post(&hand_over, to), leave(&next, OWN));
        assert!(handed.status.is_success() != left.status.is_success(), "{} {}", handed.text(), left.text());
    }
    world.end().await;
}
