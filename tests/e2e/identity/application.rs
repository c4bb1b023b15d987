//! Applications: a class asks to take part, the central team decides.

use serde_json::{Value, json};
use tests::{Answer, Caller, Scene, World, grpc, path::text, scene::application};
use tonic_types::StatusExt;

async fn submit(teacher: &Caller, begun: &Value) -> Answer {
    teacher.post(&application(begun, ":submit"), json!({})).await
}

async fn change(teacher: &Caller, begun: &Value, with: Value) -> Answer {
    teacher.patch(&application(begun, ""), with).await
}

fn sorted(answer: &Answer) -> Vec<(String, String)> {
    let mut violations = answer.violations();
    violations.sort();
    violations
}

fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    expected.iter().map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned())).collect()
}

#[tokio::test(crate = "::tests::limit")]
async fn all_that_an_empty_draft_lacks_is_said_at_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let track = json!({ "application": { "trackId": scene.track("upper_secondary")["id"] } });
    let begun = teacher.post("/v1/applications", track).await.ok();
    assert_eq!(begun["state"], "APPLICATION_STATE_DRAFT");
    let expected = pairs([
        ("file_ids", "DOCUMENT_MISSING"),
        ("integration_mode", "FIELDS_INVALID"),
        ("motivation", "FIELDS_INVALID"),
        ("school_id", "FIELDS_INVALID"),
        ("team_name", "FIELDS_INVALID"),
        ("team_size", "FIELDS_INVALID"),
        ("team_type", "FIELDS_INVALID"),
    ]);
    assert_eq!(sorted(&submit(&teacher, &begun).await), expected);
    assert_eq!(teacher.get(&application(&begun, "")).await.ok(), begun, "nothing was half-written");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn every_rule_of_a_track_that_is_broken_is_named_at_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (teacher, other) = (scene.teacher("Kos").await, scene.teacher("Serra").await);
    let mut draft = scene.draft(&teacher).await;
    draft["trackId"] = scene.track("english")["id"].clone();
    draft["schoolId"] = scene.school("LOWER_SECONDARY")["id"].clone();
    draft["teamName"] = json!("A.S.0.C. forever");
    draft["teamSize"] = json!(26);
    draft["fileIds"] = json!([scene.file(&other, "AUTHORISATION").await, scene.file(&teacher, "SUPPORT_LETTER").await]);
    let begun = teacher.post("/v1/applications", json!({ "application": draft })).await.ok();
    let expected = pairs([
        ("file_ids", "DOCUMENT_MISSING"),
        ("file_ids[0]", "FILE_UNKNOWN"),
        ("school_id", "LEVEL_NOT_ADMITTED"),
        ("team_name", "WORD_FORBIDDEN"),
        ("team_size", "TEAM_TOO_LARGE"),
    ]);
    assert_eq!(sorted(&submit(&teacher, &begun).await), expected);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn twenty_six_pupils_are_a_team_only_as_a_whole_class() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let begun = scene.begun(&teacher).await;
    for kind in ["GROUP_IN_CLASS", "MIXED_CLASSES"] {
        let with = json!({ "teamSize": 26, "teamType": format!("TEAM_TYPE_{kind}") });
        change(&teacher, &begun, with).await.ok();
        assert_eq!(submit(&teacher, &begun).await.violations(), pairs([("team_size", "TEAM_TOO_LARGE")]), "{kind}");
    }
    change(&teacher, &begun, json!({ "teamType": "TEAM_TYPE_WHOLE_CLASS" })).await.ok();
    submit(&teacher, &begun).await.ok();
    // twenty-five are a team of any kind
    let colleague = scene.teacher("Serra").await;
    let begun = scene.begun(&colleague).await;
    change(&colleague, &begun, json!({ "teamSize": 25 })).await.ok();
    submit(&colleague, &begun).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_call_takes_applications_to_the_end_of_its_last_second() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (teacher, late) = (scene.teacher("Kos").await, scene.teacher("Serra").await);
    let (begun, too_late) = (scene.begun(&teacher).await, scene.begun(&late).await);

    world.passes("2022-09-15T09:59:59[Europe/Rome]").await;
    let early = submit(&teacher.again().await, &begun).await.refused("CALL_NOT_OPEN");
    assert_eq!(early["metadata"]["opens_at"], "2022-09-15T10:00:00+02:00[Europe/Rome]");

    world.passes_to("2022-10-24T16:00:00.999999Z".parse().unwrap()).await;
    submit(&teacher.again().await, &begun).await.ok();
    world.passes("2022-10-24T18:00:01[Europe/Rome]").await;
    let late = late.again().await;
    let closed = submit(&late, &too_late).await.refused("CALL_CLOSED");
    assert_eq!(closed["metadata"]["closed_at"], "2022-10-24T18:00:00+02:00[Europe/Rome]");
    assert_eq!(late.get(&application(&too_late, "")).await.ok(), too_late);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_draft_is_its_authors_alone() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let (teacher, other) = (scene.teacher("Kos").await, scene.teacher("Serra").await);
    let begun = scene.begun(&teacher).await;
    let nothing = format!("/v1/applications/{}", uuid::Uuid::now_v7());
    for stranger in [&scene.coordinator, &other] {
        let hidden = stranger.get(&application(&begun, "")).await;
        hidden.refused("NOT_FOUND");
        assert_eq!(hidden.body, stranger.get(&nothing).await.body, "the same bytes as for what does not exist");
        let list = stranger.get("/v1/applications").await.ok();
        assert_eq!(list, json!({}));
    }
    change(&other, &begun, json!({ "teamSize": 3 })).await.refused("NOT_FOUND");
    submit(&other, &begun).await.refused("NOT_FOUND");
    // submitted, it is the central team's to see, and still no colleague's
    submit(&teacher, &begun).await.ok();
    scene.coordinator.get(&application(&begun, "")).await.ok();
    other.get(&application(&begun, "")).await.refused("NOT_FOUND");
    assert_eq!(other.get("/v1/applications").await.ok(), json!({}));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_was_submitted_is_changed_by_withdrawing_it_and_beginning_again() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let submitted = scene.submitted(&teacher).await;
    let refused = change(&teacher, &submitted, json!({ "teamSize": 3 })).await.refused("APPLICATION_STATE");
    assert_eq!(refused["metadata"]["state"], "submitted".to_uppercase());
    submit(&teacher, &submitted).await.refused("APPLICATION_STATE");
    let withdrawn = teacher.post(&application(&submitted, ":withdraw"), json!({})).await.ok();
    assert_eq!(withdrawn["state"], "APPLICATION_STATE_WITHDRAWN");
    scene.coordinator.post(&application(&submitted, ":admit"), json!({})).await.refused("APPLICATION_STATE");
    // one that was taken back does not count against the teams a referent may have
    let again = scene.submitted(&teacher).await;
    scene.coordinator.post(&application(&again, ":admit"), json!({})).await.ok();
    teacher.post(&application(&again, ":withdraw"), json!({})).await.refused("APPLICATION_STATE");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_referent_has_as_many_teams_as_the_track_allows() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let (one, other) = (scene.begun(&teacher).await, scene.begun(&teacher).await);
    // also when both are submitted at once
    let (first, second) = tokio::join!(submit(&teacher, &one), submit(&teacher, &other));
    let (won, lost) = if first.status.is_success() { (first, second) } else { (second, first) };
    won.ok();
    let refused = lost.refused("TEAMS_TOO_MANY");
    assert_eq!(refused["metadata"]["max"], "1");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_patch_of_a_draft_changes_what_it_names() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let begun = scene.begun(&teacher).await;
    let changed = change(&teacher, &begun, json!({ "teamName": "Blue Bridges", "classes": [] })).await.ok();
    let mut expected = begun.clone();
    expected["teamName"] = json!("Blue Bridges");
    expected.as_object_mut().unwrap().remove("classes");
    expected["etag"] = json!("2");
    assert_eq!(changed, expected);
    let stale = json!({ "teamName": "Red Bridges", "etag": begun["etag"] });
    let stale = change(&teacher, &begun, stale).await.refused("ETAG_STALE");
    assert_eq!(stale["metadata"]["current_etag"], "2");
    let state = change(&teacher, &begun, json!({ "state": "APPLICATION_STATE_ADMITTED", "refusal": "no" })).await;
    assert_eq!(state.ok(), changed, "what only the service says is passed over");
    let shape = change(&teacher, &begun, json!({ "teamSize": 501, "classes": ["x".repeat(21)] })).await;
    assert_eq!(shape.violations().len(), 2, "{}", shape.text());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_application_is_for_a_track_of_an_open_edition() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let hidden = json!({ "template": "24-25" });
    let hidden = scene.coordinator.post("/v1/editions", hidden).await.ok();
    for track in [json!(uuid::Uuid::now_v7().to_string()), hidden["tracks"][0]["id"].clone()] {
        let refused = teacher.post("/v1/applications", json!({ "application": { "trackId": track } })).await;
        assert_eq!(refused.violations(), pairs([("application.track_id", "TRACK_UNKNOWN")]));
    }
    let without = teacher.post("/v1/applications", json!({ "application": { "trackId": "" } })).await;
    assert_eq!(without.violations(), pairs([("application.track_id", "FIELDS_INVALID")]));
    teacher.post("/v1/applications", json!({})).await.refused("FIELDS_INVALID");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_draft_names_a_school_that_is_in_the_register() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let mut draft = scene.draft(&teacher).await;
    let unknown = json!(uuid::Uuid::now_v7().to_string());
    draft["schoolId"] = unknown.clone();
    let expected = pairs([("application.school_id", "SCHOOL_UNKNOWN")]);
    let refused = teacher.post("/v1/applications", json!({ "application": draft })).await;
    assert_eq!(refused.violations(), expected);
    let begun = scene.begun(&teacher).await;
    let refused = change(&teacher, &begun, json!({ "schoolId": unknown })).await;
    assert_eq!(refused.violations(), expected);
    assert_eq!(teacher.get(&application(&begun, "")).await.ok(), begun, "nothing was half-written");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_change_says_of_which_application_or_team() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    for (name, field, message) in [
        ("ApplicationService.UpdateApplication", "application.id", json!({ "application": { "teamName": "Blue" } })),
        ("TeamService.UpdateTeam", "team.id", json!({ "team": { "name": "Blue" } })),
    ] {
        let method = grpc::method(&format!("identity.v1.{name}"));
        let refused = grpc::call(&world.channel(), &teacher, &method, grpc::message(&method, &message)).await;
        let refused = refused.unwrap_err();
        assert_eq!(grpc::reason(&refused), "FIELDS_INVALID");
        let violations = refused.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [field]);
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_reservation_is_lifted_by_admitting_again() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let submitted = scene.submitted(&teacher).await;
    let admit = application(&submitted, ":admit");
    let until = |day: u32| json!({ "reservation": { "documents": "The statute.", "dueOn": { "year": 2022, "month": 10, "day": day } } });
    let over = scene.coordinator.post(&admit, until(9)).await;
    assert_eq!(over.violations()[0].0, "reservation.due_on");
    let never =
        json!({ "reservation": { "documents": "The statute.", "dueOn": { "year": 2022, "month": 2, "day": 30 } } });
    assert_eq!(scene.coordinator.post(&admit, never).await.violations()[0].0, "reservation.due_on");

    let admitted = scene.coordinator.post(&admit, until(10)).await.ok();
    assert_eq!(admitted["state"], "APPLICATION_STATE_ADMITTED_WITH_RESERVATION");
    let path = format!("/v1/teams/{}", text(&admitted["teamId"]));
    assert_eq!(teacher.get(&path).await.ok()["reservation"], until(10)["reservation"]);
    let lifted = scene.coordinator.post(&admit, json!({})).await.ok();
    assert_eq!((&lifted["state"], &lifted["teamId"]), (&json!("APPLICATION_STATE_ADMITTED"), &admitted["teamId"]));
    assert_eq!(teacher.get(&path).await.ok()["reservation"], Value::Null);
    scene.coordinator.post(&admit, json!({})).await.refused("APPLICATION_STATE");
    world.settle().await;
    let letters = world.mailbox("it").to(teacher.login());
    let credentials = letters.iter().filter(|letter| letter.text.contains("22-23_0001")).count();
    assert_eq!(credentials, 1, "the credential is mailed once");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_is_not_admitted_reads_why() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let submitted = scene.submitted(&teacher).await;
    let refuse = application(&submitted, ":refuse");
    scene.coordinator.post(&refuse, json!({})).await.refused("FIELDS_INVALID");
    let refused =
        scene.coordinator.post(&refuse, json!({ "refusal": "Two teams of your school take part." })).await.ok();
    assert_eq!(refused["state"], "APPLICATION_STATE_REFUSED");
    let own = teacher.get(&application(&submitted, "")).await.ok();
    assert_eq!(own["refusal"], "Two teams of your school take part.");
    scene.coordinator.post(&refuse, json!({ "refusal": "Again." })).await.refused("APPLICATION_STATE");
    scene.coordinator.post(&application(&submitted, ":admit"), json!({})).await.refused("APPLICATION_STATE");
    world.settle().await;
    let letters = world.mailbox("it").to(teacher.login());
    assert_eq!(letters.iter().filter(|letter| letter.text.contains("Two teams of your school take part.")).count(), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_central_team_sees_what_was_submitted_oldest_first() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let mut submitted = Vec::new();
    for surname in ["Kos", "Serra", "Papadaki"] {
        submitted.push(scene.submitted(&scene.teacher(surname).await).await);
    }
    let withdrawn = scene.teacher("Novak").await;
    let draft = scene.begun(&withdrawn).await;
    withdrawn.post(&application(&draft, ":withdraw"), json!({})).await.ok();
    scene.coordinator.post(&application(&submitted[1], ":refuse"), json!({ "refusal": "No." })).await.ok();

    let ids = |page: &Value| -> Vec<Value> {
        page["applications"].as_array().into_iter().flatten().map(|application| application["id"].clone()).collect()
    };
    let all = [0, 1, 2].map(|index| submitted[index]["id"].clone());
    let edition = format!("/v1/applications?editionId={}", scene.edition_id());
    assert_eq!(ids(&scene.coordinator.get(&edition).await.ok()), all, "a draft that was withdrawn was never submitted");
    let waiting = format!("{edition}&state=APPLICATION_STATE_SUBMITTED");
    let first = scene.coordinator.get(&format!("{waiting}&pageSize=1")).await.ok();
    assert_eq!(ids(&first), [all[0].clone()]);
    let token = text(&first["nextPageToken"]);
    let second = scene.coordinator.get(&format!("{waiting}&pageSize=1&pageToken={token}")).await.ok();
    assert_eq!((ids(&second), &second["nextPageToken"]), (vec![all[2].clone()], &Value::Null));
    scene.coordinator.get(&format!("{edition}&pageToken={token}")).await.refused("PAGE_TOKEN_INVALID");
    let elsewhere = format!("/v1/applications?editionId={}", uuid::Uuid::now_v7());
    assert_eq!(ids(&scene.coordinator.get(&elsewhere).await.ok()), [] as [Value; 0]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_request_that_is_repeated_is_answered_again_and_done_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let create = json!({ "application": scene.draft(&teacher).await, "requestId": "a-1" });
    let begun = teacher.post("/v1/applications", create.clone()).await.ok();
    assert_eq!(teacher.post("/v1/applications", create.clone()).await.ok(), begun);
    let mut other = create.clone();
    other["application"]["teamSize"] = json!(3);
    teacher.post("/v1/applications", other).await.refused("REQUEST_ID_REUSED");
    // a key is the caller's own
    let colleague = scene.teacher("Serra").await;
    assert_ne!(colleague.post("/v1/applications", create).await.ok()["id"], begun["id"]);

    let submit = json!({ "requestId": "s-1", "etag": begun["etag"] });
    let submitted = teacher.post(&application(&begun, ":submit"), submit.clone()).await.ok();
    assert_eq!(teacher.post(&application(&begun, ":submit"), submit).await.ok(), submitted);
    let admit = json!({ "requestId": "d-1" });
    let path = application(&begun, ":admit");
    let (one, two) =
        tokio::join!(scene.coordinator.post(&path, admit.clone()), scene.coordinator.post(&path, admit.clone()));
    assert_eq!(one.ok(), two.ok());
    let teams = scene.coordinator.get("/v1/teams").await.ok();
    assert_eq!(teams["teams"].as_array().map(Vec::len), Some(1));

    // a day later the key means nothing any more
    world.passes_by(jiff::SignedDuration::from_hours(24) + jiff::SignedDuration::from_secs(1)).await;
    let coordinator = scene.coordinator.again().await;
    coordinator.post(&path, admit).await.refused("APPLICATION_STATE");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn two_admissions_at_once_give_two_teams_with_codes_of_their_own() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let one = scene.submitted(&scene.teacher("Kos").await).await;
    let other = scene.submitted(&scene.teacher("Serra").await).await;
    let paths = [application(&one, ":admit"), application(&other, ":admit")];
    let answers =
        tokio::join!(scene.coordinator.post(&paths[0], json!({})), scene.coordinator.post(&paths[1], json!({})),);
    for (path, answer) in paths.iter().zip([answers.0, answers.1]) {
        // of two that take the same number one may be told to try again; it has changed nothing
        if answer.status != http::StatusCode::OK {
            answer.refused("ETAG_STALE");
            scene.coordinator.post(path, json!({})).await.ok();
        }
    }
    let teams = scene.coordinator.get("/v1/teams").await.ok();
    let codes: Vec<_> = teams["teams"].as_array().unwrap().iter().map(|team| text(&team["code"])).collect();
    assert_eq!(codes, ["22-23_0001", "22-23_0002"]);
    world.end().await;
}
