//! Going into a programme and coming back: who is given a token, what it is worth, and when it is worth nothing any more.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{Caller, Class, Scene, World, path::text};

const WORLD: [&str; 3] = ["it", "hr", "it-hr"];

/// What a visitor is in the programme, as the programme says.
async fn membership(visitor: &Caller) -> Value {
    visitor.get("/v1/membership").await.ok()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_its_teachers_and_the_central_team_come_as_what_they_are_at_home() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Serra").await;
    let school = scene.school_inside("it-hr").await;
    let projection = json!({
        "teamId": class.id, "home": "it", "alias": "Green Bridges",
        "schoolName": school["name"], "territory": school["territory"],
    });
    for (caller, team_id, role) in [
        (&class.referent, class.id.as_str(), "ROLE_TWIN_TEACHER"),
        (&class.team, "", "ROLE_TWIN_TEAM"),
        (&class.team, &class.id, "ROLE_TWIN_TEAM"),
    ] {
        let seen = membership(&caller.cross("it-hr", team_id).await).await;
        assert_eq!(seen, json!({ "role": role, "home": "it", "team": projection }));
    }
    let central = membership(&scene.coordinator.cross("it-hr", "").await).await;
    assert_eq!(central, json!({ "role": "ROLE_TWIN_COORDINATOR", "home": "it" }));

    let secretariat = world.coordinator("it-hr").await;
    let members = secretariat.get("/v1/members").await.ok();
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(members["members"][0]["team"], projection);
    let crossings = scene.coordinator.get("/v1/crossings").await.ok();
    let counted: Vec<_> = crossings["crossings"]
        .as_array()
        .expect("crossings")
        .iter()
        .map(|one| (text(&one["programme"]), text(&one["role"]), text(&one["teamCode"]), one["count"].clone()))
        .collect();
    let of = |role: &str, code: &str, count: i32| ("it-hr".to_owned(), role.to_owned(), code.to_owned(), json!(count));
    assert_eq!(
        counted,
        [
            of("ROLE_TWIN_COORDINATOR", "", 1),
            of("ROLE_TWIN_TEAM", &class.code, 2),
            of("ROLE_TWIN_TEACHER", &class.code, 1)
        ]
    );
    assert_eq!(crossings["crossings"][0]["day"], json!({ "year": 2022, "month": 10, "day": 10 }));
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_token_of_a_programme_has_the_shape_of_the_standard_and_lives_five_minutes() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let given = scene.coordinator.exchange("it-hr", "").await.ok();
    let visitor = scene.coordinator.in_tenant("it-hr").with_token(text(&given["access_token"]));
    let mut fields: Vec<_> = given.as_object().expect("an object").keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["access_token", "expires_at", "expires_in", "issued_token_type", "token_type"]);
    assert_eq!(given["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(
        (&given["token_type"], &given["expires_in"], &given["expires_at"]),
        (&json!("Bearer"), &json!(300), &json!("2022-10-10T07:05:00Z"))
    );
    world.passes_by(SignedDuration::from_secs(299)).await;
    membership(&visitor).await;
    world.passes_by(SignedDuration::from_secs(1)).await;
    visitor.get("/v1/membership").await.refused("TOKEN_EXPIRED");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_programme_that_is_not_ones_own_is_refused_like_one_that_does_not_exist() {
    let world = World::of(&["it", "hr", "si", "it-hr", "si-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Serra").await;
    for (caller, team_id) in [(&scene.coordinator, ""), (&class.referent, class.id.as_str()), (&class.team, "")] {
        let nowhere = caller.exchange("nowhere", team_id).await;
        nowhere.refused("TENANT_UNKNOWN");
        for forged in ["si-hr", "hr", "it", "gr-it", "../it-hr", "IT-HR", "v1", "it-hr "] {
            let refused = caller.exchange(forged, team_id).await;
            assert_eq!((refused.status, refused.body.clone()), (nowhere.status, nowhere.body.clone()), "{forged}");
        }
    }
    // nor does a way lead on from a programme, or back
    let visitor = class.referent.cross("it-hr", &class.id).await;
    visitor.exchange("it", &class.id).await.refused("ROLE_MISSING");
    let secretariat = world.coordinator("it-hr").await;
    for elsewhere in ["it", "hr", "it-hr", "si-hr"] {
        secretariat.exchange(elsewhere, "").await.refused("TENANT_UNKNOWN");
    }
    let crossings = scene.coordinator.get("/v1/crossings").await.ok();
    assert_eq!(crossings["crossings"].as_array().map(Vec::len), Some(1), "what was refused is no crossing");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_token_counts_in_its_programme_and_nowhere_else() {
    let world = World::of(&["it", "hr", "si", "it-hr", "it-si"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Serra").await;
    let visitor = class.referent.cross("it-hr", &class.id).await;
    membership(&visitor).await;
    for elsewhere in ["it", "hr", "it-si"] {
        visitor.in_tenant(elsewhere).get("/v1/membership").await.refused("TOKEN_FOREIGN");
        visitor.in_tenant(elsewhere).get(&class.path("")).await.refused("TOKEN_FOREIGN");
    }
    class.referent.in_tenant("it-hr").get("/v1/membership").await.refused("TOKEN_FOREIGN");
    // what is at home stays there, whatever the token says
    visitor.get(&class.path("")).await.refused("ROLE_MISSING");
    visitor.get("/v1/account").await.refused("ROLE_MISSING");
    visitor.get("/v1/members").await.refused("ROLE_MISSING");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn only_a_class_of_the_etc_track_that_works_and_is_in_the_area_is_let_in() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let inside = scene.school_inside("it-hr").await;
    let outside = scene.school_outside("it-hr").await;
    let outside = scene.invited_to("Fuori", "etc", outside).await.activated().await;
    let territory = outside.referent.get(&outside.path("")).await.ok()["territory"].clone();
    for caller in [&outside.referent, &outside.team] {
        let refused = caller.exchange("it-hr", &outside.id).await.refused("TERRITORY_OUTSIDE_PROGRAMME");
        assert_eq!(refused["metadata"]["territory"], territory);
    }
    let national = scene.invited_to("Altro", "upper_secondary", inside).await.activated().await;
    for caller in [&national.referent, &national.team] {
        caller.exchange("it-hr", &national.id).await.refused("TEAM_NOT_ETC");
    }
    let invited = scene.invited_to("Nuovo", "etc", inside).await;
    invited.referent.exchange("it-hr", &invited.id).await.refused("TEAM_NOT_ACTIVE");
    let provisional = invited.team.sign_in(&invited.code, &invited.credential).await;
    provisional.exchange("it-hr", "").await.refused("PASSWORD_CHANGE_NEEDED");
    let class = invited.activated().await;
    class.referent.cross("it-hr", &class.id).await;
    let members = world.coordinator("it-hr").await.get("/v1/members").await.ok();
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1), "nothing of the others has crossed: {members}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_team_of_others_is_refused_like_one_that_does_not_exist() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let (class, other) = (scene.twin("it-hr", "Serra").await, scene.twin("it-hr", "Kos").await);
    for caller in [&other.referent, &other.team] {
        let nothing = caller.exchange("it-hr", &uuid::Uuid::now_v7().to_string()).await;
        nothing.refused("NOT_FOUND");
        assert_eq!(caller.exchange("it-hr", &class.id).await.body, nothing.body);
    }
    for (caller, team_id) in [(&class.referent, ""), (&scene.coordinator, class.id.as_str())] {
        assert_eq!(caller.exchange("it-hr", team_id).await.violations()[0].0, "team_id");
    }
    let wrong = json!({ "grant_type": "password", "requested_token_type": "urn:ietf:params:oauth:token-type:jwt" });
    let fields: Vec<_> =
        class.referent.post("/v1/token", wrong).await.violations().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["grant_type", "audience", "requested_token_type"]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teacher_of_two_teams_comes_for_each_of_them() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let first = scene.twin("it-hr", "Serra").await;
    let school = scene.school_inside("it-hr").await;
    let second = scene.admitted(first.referent.clone(), "etc", school).await.activated().await;
    let visits = [first.referent.cross("it-hr", &first.id).await, first.referent.cross("it-hr", &second.id).await];
    for (visit, class) in visits.iter().zip([&first, &second]) {
        assert_eq!(membership(visit).await["team"]["teamId"], class.id.as_str());
    }
    let successor = scene.teacher("Nova").await;
    hand_over(&first, &successor).await;
    visits[0].get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
    membership(&visits[1]).await;
    world.end().await;
}

async fn hand_over(class: &Class, to: &Caller) {
    let body = json!({ "teacherId": to.account().await["id"], "reason": "A move to another school." });
    class.referent.post(&class.path(":handOver"), body).await.ok();
}

#[tokio::test(crate = "::tests::limit")]
async fn who_leaves_the_team_at_home_leaves_the_programme_on_the_next_call() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Serra").await;
    let (support, successor) = (scene.teacher("Eva").await, scene.teacher("Nova").await);
    let whom = json!({ "teacherId": support.account().await["id"] });
    class.referent.post(&class.path(":addSupportTeacher"), whom.clone()).await.ok();
    let visitors = [support.cross("it-hr", &class.id).await, class.referent.cross("it-hr", &class.id).await];
    membership(&visitors[0]).await;
    class.referent.post(&class.path(":removeSupportTeacher"), whom).await.ok();
    visitors[0].get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
    support.exchange("it-hr", &class.id).await.refused("NOT_FOUND");

    membership(&visitors[1]).await;
    hand_over(&class, &successor).await;
    for path in ["/v1/membership", "/v1/tenant", "/v1/territories"] {
        visitors[1].get(path).await.refused("MEMBERSHIP_ENDED");
    }
    class.referent.exchange("it-hr", &class.id).await.refused("NOT_FOUND");
    membership(&successor.cross("it-hr", &class.id).await).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_session_that_ends_at_home_ends_in_the_programme_on_the_next_call() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Serra").await;
    for caller in [&class.referent, &scene.coordinator] {
        let team_id = if caller.login() == class.referent.login() { class.id.as_str() } else { "" };
        let (visitor, again) =
            (caller.cross("it-hr", team_id).await, caller.again().await.cross("it-hr", team_id).await);
        caller.post("/v1/sessions:signOut", json!({})).await.ok();
        visitor.get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
        caller.exchange("it-hr", team_id).await.refused("TOKEN_ENDED");
        membership(&again).await;
    }
    // the credential issued anew takes the class's password away, and its visits with it
    let referent = class.referent.again().await;
    let visitors = [class.team.cross("it-hr", "").await, referent.cross("it-hr", &class.id).await];
    referent.post(&class.path(":reissueCredential"), json!({})).await.ok();
    visitors[0].get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
    membership(&visitors[1]).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_country_that_leaves_a_programme_takes_its_visitors_along() {
    let world = World::of(&["it", "hr", "si", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let visitor = scene.coordinator.cross("it-hr", "").await;
    let whole = std::fs::read_to_string(world.folder().join("tenants/it-hr.toml")).expect("a file");
    let without = whole.replace(r#"countries = ["it", "hr"]"#, r#"countries = ["si", "hr"]"#);
    assert_eq!(world.write_tenant("it-hr", &without), []);
    visitor.get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
    scene.coordinator.exchange("it-hr", "").await.refused("TENANT_UNKNOWN");
    assert_eq!(world.write_tenant("it-hr", &whole), []);
    membership(&visitor).await;

    let file = world.folder().join("tenants/it.toml");
    let home = std::fs::read_to_string(&file).expect("a file");
    std::fs::remove_file(file).expect("a file");
    assert_eq!(world.process().tenants().reload(), []);
    visitor.get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
    assert_eq!(world.write_tenant("it", &home), []);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_crossing_is_in_the_audit_logs_of_both_sides_and_counted_once_a_day() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Serra").await;
    let account = text(&class.referent.account().await["id"]);
    let first = world.clock().now();
    class.referent.cross("it-hr", &class.id).await;
    let written = async |tenant: &str| {
        let sql = "SELECT actor, subject, detail FROM audit WHERE action = 'exchange token'";
        world.rows(tenant, "identity", sql, &["actor", "subject", "detail"]).await
    };
    let subject = format!("team {}", class.id);
    assert_eq!(
        written("it").await,
        [[format!("account {account}"), subject.clone(), "ROLE_TWIN_TEACHER in it-hr".to_owned()]]
    );
    assert_eq!(written("it-hr").await, [[format!("account {account} of it"), subject, "ROLE_TWIN_TEACHER".to_owned()]]);
    world.passes_by(SignedDuration::from_mins(5)).await;
    class.referent.cross("it-hr", &class.id).await;
    world.passes_by(SignedDuration::from_hours(24)).await;
    class.referent.again().await.cross("it-hr", &class.id).await;
    let crossings = scene.coordinator.again().await.get("/v1/crossings").await.ok();
    let [last, before] = &crossings["crossings"].as_array().expect("crossings")[..] else { panic!("{crossings}") };
    assert_eq!((&last["count"], &before["count"]), (&json!(1), &json!(2)));
    assert_eq!(before["firstAt"], first.to_string());
    assert_eq!(before["lastAt"], (first + SignedDuration::from_mins(5)).to_string());
    assert!(!crossings.to_string().contains(&account), "no person: {crossings}");

    let members = world.coordinator("it-hr").await.get("/v1/members").await.ok();
    assert_eq!(members["members"][0]["firstSeenAt"], first.to_string());
    assert_ne!(members["members"][0]["lastSeenAt"], first.to_string());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_team_that_moves_to_a_national_track_leaves_the_programme_on_the_next_call() {
    let world = World::of(&WORLD).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Serra").await;
    let visitors = [class.referent.cross("it-hr", &class.id).await, class.team.cross("it-hr", "").await];
    let central = scene.coordinator.cross("it-hr", "").await;
    let to = async |track: &str| {
        let body = json!({ "trackId": scene.track(track)["id"], "reason": "its twin was lost" });
        scene.coordinator.post(&class.path(":move"), body).await.ok()
    };
    for visitor in &visitors {
        membership(visitor).await;
    }
    to("english").await;
    for visitor in &visitors {
        visitor.get("/v1/membership").await.refused("MEMBERSHIP_ENDED");
        visitor.get("/v1/pairs").await.refused("MEMBERSHIP_ENDED");
    }
    for caller in [&class.referent, &class.team] {
        caller.exchange("it-hr", &class.id).await.refused("TEAM_NOT_ETC");
        assert_eq!(caller.get(&class.path("")).await.ok()["code"], class.code.as_str(), "at home it works on");
    }
    membership(&central).await;
    to("etc").await;
    membership(&class.referent.cross("it-hr", &class.id).await).await;
    world.end().await;
}
