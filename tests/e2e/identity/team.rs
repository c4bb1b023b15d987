//! Teams: the credential, the teachers, the handover.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{
    Answer, Caller, Scene, World,
    path::text,
    scene::{PASSWORD, application},
};

async fn sign_in(world: &World, login: &str, password: &str) -> Answer {
    world.anybody("it").post("/v1/sessions", json!({ "login": login, "password": password })).await
}

async fn id_of(teacher: &Caller) -> Value {
    teacher.account().await["id"].clone()
}

/// What somebody who may not know of a team gets to see of it.
async fn assert_unseen(stranger: &Caller, class: &tests::Class) {
    let nothing = stranger.get(&format!("/v1/teams/{}", uuid::Uuid::now_v7())).await;
    for path in [class.path(""), class.report(1, "")] {
        let hidden = stranger.get(&path).await;
        hidden.refused("NOT_FOUND");
        assert_eq!(hidden.body, nothing.body, "{path}");
    }
    let list = stranger.get("/v1/teams").await.ok();
    assert!(!list.to_string().contains(&class.id), "{list}");
    for (verb, body) in [
        (":handOver", json!({ "teacherId": uuid::Uuid::nil().to_string(), "reason": "x" })),
        (":reissueCredential", json!({})),
        (":addSupportTeacher", json!({ "teacherId": id_of(stranger).await })),
        (":removeSupportTeacher", json!({ "teacherId": id_of(stranger).await })),
    ] {
        stranger.post(&class.path(verb), body).await.refused("NOT_FOUND");
    }
    stranger.patch(&class.path(""), json!({ "name": "Stolen" })).await.refused("NOT_FOUND");
}

#[tokio::test(crate = "::tests::limit")]
async fn a_credential_opens_one_door_the_choice_of_a_password() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.invited("Kos").await;
    let team = class.referent.get(&class.path("")).await.ok();
    assert_eq!(
        (&team["state"], &team["credentialExpiresAt"]),
        (&json!("TEAM_STATE_INVITED"), &json!("2022-10-24T07:00:00Z"))
    );

    // however it is typed: case, spaces, and the letters that look like digits
    let typed = class.credential.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    let session = sign_in(&world, &class.code.to_lowercase(), &typed).await.ok();
    assert_eq!((&session["passwordChangeNeeded"], &session["refreshToken"]), (&json!(true), &Value::Null));
    let provisional = class.team.sign_in(&class.code, &class.credential).await;
    let account = provisional.account().await;
    assert_eq!((&account["passwordChangeNeeded"], &account["teamId"]), (&json!(true), &json!(class.id)));
    for path in [class.path(""), class.report(1, ""), "/v1/teams".to_owned(), "/v1/editions".to_owned()] {
        provisional.get(&path).await.refused("PASSWORD_CHANGE_NEEDED");
    }
    let change = |new: &str| json!({ "currentPassword": class.credential, "newPassword": new });
    for weak in ["short", &class.credential, &format!("{} {}", class.code, class.code), "Green Bridges Green Bridges"] {
        let violations = provisional.post("/v1/account:changePassword", change(weak)).await.violations();
        assert!(
            violations.iter().all(|(field, reason)| field == "new_password" && reason == "PASSWORD_WEAK"),
            "{weak}"
        );
    }
    let team = provisional.change_password(PASSWORD).await;
    let own = team.get(&class.path("")).await.ok();
    assert_eq!((&own["state"], &own["credentialExpiresAt"]), (&json!("TEAM_STATE_ACTIVE"), &Value::Null));
    sign_in(&world, &class.code, &class.credential).await.refused("CREDENTIAL_USED");
    sign_in(&world, &class.code, "AAAA-BBBB-CCCC-DDDD-EEEE").await.refused("SIGN_IN_FAILED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_expired_credential_says_what_to_do_and_another_one_works() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.invited("Kos").await;
    let issued = world.clock().now();
    world.passes_to(issued + SignedDuration::from_hours(336)).await;
    sign_in(&world, &class.code, &class.credential).await.ok();
    world.passes_to(issued + SignedDuration::from_hours(336) + SignedDuration::from_secs(1)).await;
    let expired = sign_in(&world, &class.code, &class.credential).await.refused("CREDENTIAL_EXPIRED");
    assert!(text(&expired["detail"]).contains("referent"), "{expired}");
    assert_eq!(world.http().send(http::Method::GET, &text(&expired["type"]), &[], "").await.status, 200);

    let referent = class.referent.again().await;
    referent.post(&class.path(":reissueCredential"), json!({})).await.ok();
    let another = scene.credential(&referent).await;
    assert_ne!(another, class.credential);
    let replaced = sign_in(&world, &class.code, &class.credential).await.refused("CREDENTIAL_USED");
    assert!(text(&replaced["detail"]).contains("newer"), "{replaced}");
    class.team.sign_in(&class.code, &another).await.change_password(PASSWORD).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_new_credential_kills_the_one_before_and_the_password_with_it() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let support = scene.teacher("Serra").await;
    let add = json!({ "teacherId": id_of(&support).await });
    class.referent.post(&class.path(":addSupportTeacher"), add).await.ok();
    support.post(&class.path(":reissueCredential"), json!({})).await.refused("REFERENT_ONLY");
    class.team.post(&class.path(":reissueCredential"), json!({})).await.refused("ROLE_MISSING");
    scene.coordinator.post(&class.path(":reissueCredential"), json!({})).await.refused("ROLE_MISSING");

    let reissue = json!({ "requestId": "r-1" });
    let reissued = class.referent.post(&class.path(":reissueCredential"), reissue.clone()).await.ok();
    assert_eq!(reissued["state"], "TEAM_STATE_INVITED");
    let second = scene.credential(&class.referent).await;
    assert_eq!(class.referent.post(&class.path(":reissueCredential"), reissue).await.ok(), reissued);
    assert_eq!(scene.credential(&class.referent).await, second, "asked again with the same key, it is the same one");
    sign_in(&world, &class.code, PASSWORD).await.refused("SIGN_IN_FAILED");
    let refresh = json!({ "refreshToken": class.team.refresh() });
    world.anybody("it").post("/v1/sessions:refresh", refresh).await.refused("SESSION_OVER");
    class.referent.post(&class.path(":reissueCredential"), json!({})).await.ok();
    let third = scene.credential(&class.referent).await;
    sign_in(&world, &class.code, &second).await.refused("CREDENTIAL_USED");
    let team = class.team.sign_in(&class.code, &third).await.change_password("another sentence for the class").await;
    team.get(&class.path("")).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_two_redemptions_of_one_credential_at_once_one_wins() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.invited("Kos").await;
    let (one, other) = (
        class.team.sign_in(&class.code, &class.credential).await,
        class.team.sign_in(&class.code, &class.credential).await,
    );
    let change = |new: &str| json!({ "currentPassword": class.credential, "newPassword": new });
    let words = ["the first half of the class", "the second half of the class"];
    let (first, second) = tokio::join!(
        one.post("/v1/account:changePassword", change(words[0])),
        other.post("/v1/account:changePassword", change(words[1])),
    );
    let won = if first.status.is_success() { 0 } else { 1 };
    let answers = [first, second];
    answers[won].ok();
    let lost = answers[1 - won].json();
    assert!(["CREDENTIAL_USED", "SESSION_OVER", "TOKEN_ENDED"].contains(&lost["reason"].as_str().unwrap()), "{lost}");
    sign_in(&world, &class.code, words[won]).await.ok();
    sign_in(&world, &class.code, words[1 - won]).await.refused("SIGN_IN_FAILED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_support_teacher_sees_the_team_while_they_are_one() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let support = scene.teacher("Serra").await;
    assert_unseen(&support, &class).await;

    let id = id_of(&support).await;
    let whom = json!({ "teacherId": id });
    let team = class.referent.post(&class.path(":addSupportTeacher"), whom.clone()).await.ok();
    assert_eq!(team["supportTeacherIds"], json!([id]));
    class.referent.post(&class.path(":addSupportTeacher"), whom.clone()).await.refused("TEACHER_ALREADY_IN_TEAM");
    let themselves = json!({ "teacherId": id_of(&class.referent).await });
    class.referent.post(&class.path(":addSupportTeacher"), themselves).await.refused("TEACHER_ALREADY_IN_TEAM");
    for nobody in [json!(uuid::Uuid::now_v7().to_string()), scene.coordinator.account().await["id"].clone()] {
        let refused = class.referent.post(&class.path(":addSupportTeacher"), json!({ "teacherId": nobody })).await;
        assert_eq!(refused.violations(), [("teacher_id".to_owned(), "TEACHER_NOT_REGISTERED".to_owned())]);
    }

    assert_eq!(support.get(&class.path("")).await.ok()["id"], class.id);
    support.get(&class.report(1, "")).await.ok();
    assert_eq!(support.get("/v1/teams").await.ok()["teams"][0]["id"], class.id);
    let another = json!({ "teacherId": id_of(&scene.teacher("Novak").await).await });
    support.post(&class.path(":addSupportTeacher"), another.clone()).await.refused("REFERENT_ONLY");
    support.post(&class.path(":removeSupportTeacher"), whom.clone()).await.refused("REFERENT_ONLY");
    support.patch(&class.path(""), json!({ "name": "Mine" })).await.refused("REFERENT_ONLY");
    let take = json!({ "teacherId": id, "reason": "mine" });
    support.post(&class.path(":handOver"), take).await.refused("REFERENT_ONLY");

    class.referent.post(&class.path(":removeSupportTeacher"), another).await.refused("NOT_FOUND");
    let team = class.referent.post(&class.path(":removeSupportTeacher"), whom).await.ok();
    assert_eq!(team["supportTeacherIds"], Value::Null);
    assert_unseen(&support, &class).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_team_is_handed_over_and_the_old_referent_loses_it_at_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let (support, successor) = (scene.teacher("Serra").await, scene.teacher("Novak").await);
    let add = json!({ "teacherId": id_of(&support).await, "requestId": "add" });
    class.referent.post(&class.path(":addSupportTeacher"), add.clone()).await.ok();
    let logo = scene.file(&class.team, "LOGO").await;
    class.team.patch(&class.path(""), json!({ "logoFileId": logo, "email": "green@school.example" })).await.ok();
    let draft = json!({ "values": { "research_title": { "text": "Bridges" } } });
    let draft = class.team.patch(&class.report(1, ""), draft).await.ok();

    let to = |id: Value| json!({ "teacherId": id, "reason": "parental leave" });
    let nobody = class.referent.post(&class.path(":handOver"), to(json!(uuid::Uuid::now_v7().to_string()))).await;
    assert_eq!(nobody.violations(), [("teacher_id".to_owned(), "TEACHER_NOT_REGISTERED".to_owned())]);
    let itself = to(id_of(&class.referent).await);
    class.referent.post(&class.path(":handOver"), itself).await.refused("TEACHER_ALREADY_IN_TEAM");
    class.team.post(&class.path(":handOver"), to(id_of(&successor).await)).await.refused("ROLE_MISSING");
    let before = class.referent.get(&class.path("")).await.ok();
    class.referent.post(&class.path(":handOver"), to(id_of(&successor).await)).await.ok();
    assert_unseen(&class.referent, &class).await;
    // who had the class, and who has it, are told; so was the referent of who supports it
    world.settle().await;
    for reader in [&class.referent, &successor] {
        let told = world.mailbox("it").find(reader.login(), "Da ora il referente è (.* Novak)");
        assert!(told.is_some(), "{}", reader.login());
    }
    assert!(world.mailbox("it").find(class.referent.login(), "(.* Serra) è stato aggiunto alla classe").is_some());
    // nor by the answer to a request of before
    class.referent.post(&class.path(":addSupportTeacher"), add).await.refused("NOT_FOUND");

    // team, support, logo and report are as they were
    let mut expected = before;
    expected["referentId"] = id_of(&successor).await;
    let mut after = successor.get(&class.path("")).await.ok();
    expected["etag"] = after["etag"].take();
    after["etag"] = expected["etag"].clone();
    assert_eq!(after, expected);
    assert_eq!(successor.get(&class.report(1, "")).await.ok(), draft);
    assert_eq!(class.team.get(&class.report(1, "")).await.ok(), draft);
    // the central team can do it too, and a support teacher who takes over is a support no more
    let team = scene.coordinator.post(&class.path(":handOver"), to(id_of(&support).await)).await.ok();
    assert_eq!((&team["referentId"], &team["supportTeacherIds"]), (&id_of(&support).await, &Value::Null));
    assert_unseen(&successor, &class).await;
    support.post(&class.path(":reissueCredential"), json!({})).await.ok();
    let actions = world.actions("it", "identity").await;
    assert_eq!(actions.iter().filter(|action| *action == "hand over team").count(), 2);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_credential_nobody_redeemed_does_not_stay_with_the_old_referent() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.invited("Kos").await;
    let provisional = class.team.sign_in(&class.code, &class.credential).await;
    let successor = scene.teacher("Novak").await;
    let to = json!({ "teacherId": id_of(&successor).await, "reason": "parental leave" });
    class.referent.post(&class.path(":handOver"), to).await.ok();
    let used = sign_in(&world, &class.code, &class.credential).await.refused("CREDENTIAL_USED");
    assert!(text(&used["detail"]).contains("newer"), "{used}");
    let late = json!({ "currentPassword": class.credential, "newPassword": PASSWORD });
    provisional.post("/v1/account:changePassword", late).await.refused("TOKEN_ENDED");
    let next = scene.credential(&successor).await;
    assert_ne!(next, class.credential);
    assert_eq!(scene.credential(&class.referent).await, class.credential, "the old referent is mailed nothing");
    class.team.sign_in(&class.code, &next).await.change_password(PASSWORD).await.get(&class.path("")).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn why_a_team_was_handed_over_is_kept_and_not_in_the_log() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let successor = scene.teacher("Novak").await;
    let to = json!({ "teacherId": id_of(&successor).await, "reason": "parental leave" });
    class.referent.post(&class.path(":handOver"), to).await.ok();
    let kept = "SELECT reason FROM team_handover";
    let kept = world.rows("it", "identity", kept, &["reason"]).await;
    assert_eq!(kept, [["parental leave"]]);
    let log = "SELECT detail FROM audit WHERE action = 'hand over team'";
    let log = world.rows("it", "identity", log, &["detail"]).await;
    assert!(log[0][0].starts_with("handover ") && !log[0][0].contains("leave"), "{log:?}");
    // a team that works keeps its password
    sign_in(&world, &class.code, PASSWORD).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn names_and_addresses_of_teams_hold_no_word_of_the_programme() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    for (field, value) in [
        ("name", "Team ASOC"),
        ("name", "A-s-o-c"),
        ("name", "4S0C!"),
        ("name", "Open Coesióne"),
        ("email", "teamasoc2223@school.example"),
        ("email", "a.s.o.c@school.example"),
        ("email", "green@opencoesione.example"),
    ] {
        for caller in [&class.team, &class.referent] {
            let refused = caller.patch(&class.path(""), json!({ field: value })).await;
            assert_eq!(refused.violations(), [(format!("team.{field}"), "WORD_FORBIDDEN".to_owned())], "{value}");
        }
    }
    let both = class.team.patch(&class.path(""), json!({ "name": "ASOC", "email": "asoc@school.example" })).await;
    assert_eq!(both.violations().len(), 2);
    let fine = json!({ "name": "La Rocca", "email": "scuola.roccia@school.example" });
    let team = class.team.patch(&class.path(""), fine).await.ok();
    assert_eq!((&team["name"], &team["email"]), (&json!("La Rocca"), &json!("scuola.roccia@school.example")));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_patch_of_a_team_changes_what_it_names() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let other = scene.class("Serra").await;
    let before = class.team.get(&class.path("")).await.ok();
    let logo = scene.file(&class.team, "LOGO").await;
    let changed = class.team.patch(&class.path(""), json!({ "logoFileId": logo, "etag": before["etag"] })).await.ok();
    assert_eq!((&changed["logoFileId"], &changed["name"]), (&json!(logo), &before["name"]));
    let stale = class
        .team
        .patch(&class.path(""), json!({ "name": "Late", "etag": before["etag"] }))
        .await
        .refused("ETAG_STALE");
    assert_eq!(stale["metadata"]["current_etag"], changed["etag"]);

    let letter = scene.file(&class.referent, "AUTHORISATION").await;
    let stolen = scene.file(&other.team, "LOGO").await;
    for file in [letter, stolen, uuid::Uuid::now_v7().to_string()] {
        let refused = class.team.patch(&class.path(""), json!({ "logoFileId": file })).await;
        assert_eq!(refused.violations(), [("team.logo_file_id".to_owned(), "FILE_UNKNOWN".to_owned())], "{file}");
    }
    // the referent changes the name and need not have uploaded the logo
    let named = class.referent.patch(&class.path(""), json!({ "name": "Blue Bridges" })).await.ok();
    assert_eq!((&named["name"], &named["logoFileId"]), (&json!("Blue Bridges"), &json!(logo)));
    class.team.patch(&class.path(""), json!({ "name": "" })).await.refused("FIELDS_INVALID");
    let never = class.team.patch(&class.path(""), json!({ "size": 3, "code": "22-23_9999" })).await;
    assert_eq!(never.ok(), class.team.get(&class.path("")).await.ok(), "what only the service says is passed over");
    class.team.patch(&other.path(""), json!({ "name": "Taken" })).await.refused("NOT_FOUND");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn everybody_lists_the_teams_they_may_see() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (one, other) = (scene.class("Kos").await, scene.class("Serra").await);
    let ids = async |caller: &Caller, query: &str| -> Vec<String> {
        let page = caller.get(&format!("/v1/teams{query}")).await.ok();
        page["teams"].as_array().into_iter().flatten().map(|team| text(&team["id"])).collect()
    };
    assert_eq!(ids(&scene.coordinator, "").await, [one.id.clone(), other.id.clone()]);
    for class in [&one, &other] {
        assert_eq!(ids(&class.team, "").await, [class.id.clone()]);
        assert_eq!(ids(&class.referent, "").await, [class.id.clone()]);
    }
    let territory = text(&scene.school("UPPER_SECONDARY")["territory"]);
    assert_eq!(ids(&scene.coordinator, &format!("?territory={}", &territory[..4])).await.len(), 2);
    assert_eq!(ids(&scene.coordinator, "?territory=ITC").await.len(), 0);
    let english = format!("?trackId={}", text(&scene.track("english")["id"]));
    assert_eq!(ids(&scene.coordinator, &english).await.len(), 0);
    let first = scene.coordinator.get(&format!("/v1/teams?editionId={}&pageSize=1", scene.edition_id())).await.ok();
    let next = format!("?editionId={}&pageSize=1&pageToken={}", scene.edition_id(), text(&first["nextPageToken"]));
    assert_eq!(ids(&scene.coordinator, &next).await, [other.id.clone()]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teams_own_address_is_for_the_team_and_its_teachers() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    class.team.patch(&class.path(""), json!({ "email": "green@school.example" })).await.ok();
    for teacher in [&class.team, &class.referent] {
        assert_eq!(teacher.get(&class.path("")).await.ok()["email"], "green@school.example");
    }
    assert_eq!(scene.coordinator.get(&class.path("")).await.ok()["email"], Value::Null);
    assert_eq!(scene.coordinator.get("/v1/teams").await.ok()["teams"][0]["email"], Value::Null);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_is_asked_of_a_team_again_is_answered_again_and_done_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.invited("Kos").await;
    let support = id_of(&scene.teacher("Serra").await).await;
    let begun = scene.begun(&class.referent).await;
    for (path, action, body) in [
        (class.path(":addSupportTeacher"), "add support teacher", json!({ "teacherId": support })),
        (class.path(":removeSupportTeacher"), "remove support teacher", json!({ "teacherId": support })),
        (application(&begun, ":withdraw"), "withdraw application", json!({})),
    ] {
        let mut keyed = body.clone();
        keyed["requestId"] = json!(action);
        let first = class.referent.post(&path, keyed.clone()).await.ok();
        assert_eq!(class.referent.post(&path, keyed).await.ok(), first, "{action}");
        let done = world.actions("it", "identity").await;
        assert_eq!(done.iter().filter(|done| *done == action).count(), 1, "{action}");
        assert!(!class.referent.post(&path, body).await.status.is_success(), "{action}: without the key it is refused");
    }
    world.settle().await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_has_handed_a_team_over_and_asks_again_is_answered_as_a_stranger_is() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let (support, stranger) = (id_of(&scene.teacher("Serra").await).await, scene.teacher("Novak").await);
    let handover = json!({ "teacherId": support, "reason": "parental leave", "requestId": "hand" });
    let asked = [
        (class.path(":addSupportTeacher"), json!({ "teacherId": support, "requestId": "add" })),
        (class.path(":removeSupportTeacher"), json!({ "teacherId": support, "requestId": "remove" })),
        (class.path(":reissueCredential"), json!({ "requestId": "reissue" })),
        (class.path(":handOver"), handover),
    ];
    for (path, body) in &asked {
        class.referent.post(path, body.clone()).await.ok();
    }
    for (path, body) in asked {
        let refused = stranger.post(&path, body.clone()).await.refused("NOT_FOUND");
        assert_eq!(class.referent.post(&path, body.clone()).await.refused("NOT_FOUND"), refused, "{path}");
        // by the central team it can be asked again, and is answered as before
        if path.ends_with(":handOver") {
            let mut back = body;
            back["teacherId"] = id_of(&class.referent).await;
            let first = scene.coordinator.post(&path, back.clone()).await.ok();
            assert_eq!(scene.coordinator.post(&path, back).await.ok(), first);
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_team_that_is_moved_keeps_all_but_its_track() {
    let world = World::of(&["it", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Kos").await;
    let before = scene.coordinator.get(&class.path("")).await.ok();
    let to = |track: &Value| json!({ "trackId": track["id"], "reason": "its twin was lost", "requestId": "once" });
    let english = scene.track("english");
    class.referent.post(&class.path(":move"), to(english)).await.refused("ROLE_MISSING");
    let moved = scene.coordinator.post(&class.path(":move"), to(english)).await.ok();
    assert_eq!(scene.coordinator.post(&class.path(":move"), to(english)).await.ok(), moved, "asked again");
    let mut expected = before;
    expected["trackId"] = english["id"].clone();
    expected["etag"] = moved["etag"].clone();
    assert_eq!(moved, expected);
    sign_in(&world, &class.code, PASSWORD).await.ok();
    for (track, count) in [("english", 1), ("etc", 0)] {
        let found = scene.coordinator.get(&format!("/v1/teams?trackId={}", text(&scene.track(track)["id"]))).await.ok();
        assert_eq!(found["teams"].as_array().map_or(0, Vec::len), count, "{track}");
    }

    assert_eq!(
        world.rows("it", "identity", "SELECT reason FROM team_move", &["reason"]).await,
        [["its twin was lost"]]
    );
    let log = "SELECT subject, detail FROM audit WHERE action = 'move team'";
    let log = world.rows("it", "identity", log, &["subject", "detail"]).await;
    assert_eq!((log.len(), &log[0][0]), (1, &format!("team {}", class.id)));
    assert!(log[0][1].starts_with("move ") && !log[0][1].contains("lost"), "{log:?}");
    // the code of a team that has gone is not given to another one
    let next = scene.twin("it-hr", "Serra").await;
    assert_eq!((class.code.as_str(), next.code.as_str()), ("22-23-ETC_0001", "22-23-ETC_0002"));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_team_goes_to_no_track_that_does_not_admit_it() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let other = scene.coordinator.post("/v1/editions", json!({ "template": "24-25" })).await.ok();
    for (track, reasons) in [
        (scene.track("upper_secondary")["id"].clone(), vec!["FIELDS_INVALID"]),
        (scene.track("lower_secondary")["id"].clone(), vec!["LEVEL_NOT_ADMITTED"]),
        (other["tracks"][0]["id"].clone(), vec!["TRACK_UNKNOWN"]),
        (other["tracks"][1]["id"].clone(), vec!["TRACK_UNKNOWN", "LEVEL_NOT_ADMITTED"]),
        (json!(uuid::Uuid::now_v7().to_string()), vec!["TRACK_UNKNOWN"]),
    ] {
        let body = json!({ "trackId": track, "reason": "its twin was lost" });
        let refused = scene.coordinator.post(&class.path(":move"), body).await.violations();
        let expected: Vec<_> = reasons.iter().map(|reason| ("track_id".to_owned(), (*reason).to_owned())).collect();
        assert_eq!(refused, expected);
    }
    let nobody = format!("/v1/teams/{}:move", uuid::Uuid::now_v7());
    let body = json!({ "trackId": scene.track("english")["id"], "reason": "x" });
    scene.coordinator.post(&nobody, body).await.refused("NOT_FOUND");
    assert!(!world.actions("it", "identity").await.contains(&"move team".to_owned()));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn several_teams_are_given_at_once_to_who_may_see_them_all() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (kos, serra) = (scene.class("Kos").await, scene.class("Serra").await);
    let both = format!("/v1/teams:batchGet?teamIds={}&teamIds={}", serra.id, kos.id);
    let given = scene.coordinator.get(&both).await.ok();
    assert_eq!([&given["teams"][0]["code"], &given["teams"][1]["code"]], [&json!(serra.code), &json!(kos.code)]);
    for stranger in [&kos.referent, &kos.team] {
        let refused = stranger.get(&both).await.refused("NOT_FOUND");
        assert_eq!(refused["metadata"]["ids"], serra.id.as_str());
    }
    world.end().await;
}
