//! Going into a programme and coming back: who is given a token, what it is worth, and when it is worth nothing any more.

use serde_json::{Value, json};
use tests::{Caller, Scene, World, path::text};

const WORLD: [&str; 3] = ["it", "hr", "it-hr"];

/// What a visitor is in the programme, as the programme says.
async fn membership(visitor: &Caller) -> Value {
    visitor.get("/v1/membership").await.ok()
}

#[tokio::test]
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
