//! What all services have of a person, for the person.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use tests::{Caller, Scene, World, path::text, scene::PDF};

/// The records of each place in an exported document.
fn places(document: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut places = BTreeMap::<_, Vec<Value>>::new();
    for holding in document["holdings"].as_array().expect("holdings") {
        assert!(!text(&holding["purpose"]).is_empty() && !text(&holding["keptUntil"]).is_empty(), "{holding}");
        let records = holding["records"].as_array().cloned().unwrap_or_default();
        places.entry(text(&holding["place"])).or_default().extend(records.iter().map(|one| one["values"].clone()));
    }
    places
}

async fn export(caller: &Caller) -> Value {
    let answer = caller.get("/v1/account/data:export").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    answer.ok()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teacher_is_given_what_all_services_have_of_them_and_of_nobody_else() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let neighbour = scene.teacher("Novak").await;
    let teacher = world.teacher("it", "Quercia", "Zyxwell").await;
    let upload = "/v1/files:upload?name=quercia-letter.pdf&purpose=FILE_PURPOSE_AUTHORISATION";
    let file = teacher.upload(upload, "application/pdf", PDF).await.ok();
    let mut draft = scene.draft(&teacher).await;
    draft["motivation"] = json!("Quercia saw the bridge fall.");
    teacher.post("/v1/applications", json!({ "application": draft })).await.ok();
    let change =
        json!({ "newEmail": "quercia@elsewhere.example", "currentPassword": "a sentence nobody else would choose" });
    teacher.post("/v1/account:changeEmail", change).await.ok();
    scene.submitted(&neighbour).await;
    world.chain().await;

    let document = export(&teacher).await;
    let account = text(&teacher.account().await["id"]);
    assert_eq!((&document["account"], &document["tenant"]), (&json!(account), &json!("it")));
    assert_eq!(document["exported_at"], world.clock().now().to_string());
    let places = places(&document);
    let one = |place: &str| match &places[place][..] {
        [one] => one.clone(),
        all => panic!("{place}: {all:?}"),
    };
    assert_eq!(one("identity.account")["given_name"], "Quercia");
    assert_eq!(one("identity.account")["login"], teacher.login());
    assert_eq!(one("identity.account").get("password"), None);
    assert_eq!(one("identity.application")["motivation"], "Quercia saw the bridge fall.");
    assert_eq!(one("identity.application")["team_size"], "21");
    assert_eq!(one("identity.email_change")["wanted"], "quercia@elsewhere.example");
    assert_eq!(one("identity.mandate")["role"], "teacher");
    assert_eq!(one("identity.mandate").get("revoked_at"), None, "what has no value is left out");
    assert!(text(&one("identity.session")["created_at"]).starts_with("2022-10-10T"));
    let files = &places["identity.file"];
    let named = files.iter().find(|one| one["name"] == "quercia-letter.pdf").expect("the file");
    assert_eq!((&named["id"], &named["size_bytes"]), (&file["id"], &json!(PDF.len().to_string())));
    let deeds: Vec<_> = places["identity.audit"].iter().map(|entry| text(&entry["action"])).collect();
    assert!(
        ["verify account", "upload file", "ask for another address"]
            .iter()
            .all(|deed| deeds.contains(&(*deed).to_owned()))
    );
    for place in ["identity.team", "identity.recovery", "lessons.audit", "lessons.operation"] {
        assert_eq!(places[place], [] as [Value; 0], "{place}: it is said that there is nothing");
    }
    let whole = document.to_string();
    for other in ["Novak", neighbour.login(), &text(&neighbour.account().await["id"]), scene.coordinator.login()] {
        assert!(!whole.contains(other), "{other} is somebody else");
    }

    // each service notes that it gave its part, and the next export tells of it
    for service in ["identity", "lessons"] {
        let said =
            format!("SELECT subject FROM audit WHERE action = 'describe subject' AND actor = 'account {account}'");
        assert_eq!(world.rows("it", service, &said, &["subject"]).await, [[format!("account {account}")]], "{service}");
    }
    assert_eq!(places_of(&export(&teacher).await, "lessons.audit"), 1);
    world.end().await;
}

fn places_of(document: &Value, place: &str) -> usize {
    places(document)[place].len()
}

#[tokio::test(crate = "::tests::limit")]
async fn each_service_tells_its_own_part_and_those_who_are_no_person_are_told_nothing() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    // a part comes as a stream
    let token = class.referent.token().to_owned();
    let mut parts = world.http().events("/it/v1/account/data/identity", &token).await;
    let first = parts.next().await.expect("a part");
    assert_eq!(first["place"], "identity.account");
    let mut places = vec![text(&first["place"])];
    while let Some(part) = parts.next().await {
        places.push(text(&part["place"]));
    }
    assert!(places.contains(&"identity.team".to_owned()) && places.iter().all(|place| place.starts_with("identity.")));
    let mut parts = world.http().events("/it/v1/account/data/lessons", &token).await;
    assert_eq!(parts.next().await.expect("a part")["place"], "lessons.audit");

    for path in ["/v1/account/data:export", "/v1/account/data/identity", "/v1/account/data/lessons"] {
        class.team.get(path).await.refused("ROLE_MISSING");
        world.anybody("it").get(path).await.refused("TOKEN_MISSING");
    }
    // the central team is a person as others are
    let central = export(&scene.coordinator).await;
    assert_eq!(places_of(&central, "identity.account"), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn much_of_one_place_comes_in_parts_and_is_told_whole() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    let account = text(&teacher.account().await["id"]);
    let (process, ctx) = (world.process(), world.process().operator("it").expect("a tenant"));
    let tx = process.store("lessons").expect("lessons").change(&ctx).await.expect("a turn");
    for _ in 0..1_201 {
        tx.note("try", format!("account {account}"), "");
    }
    tx.commit().await.expect("a commit");
    world.chain().await;
    let document = export(&teacher).await;
    assert_eq!(places_of(&document, "lessons.audit"), 1_201);
    let parts = document["holdings"].as_array().expect("holdings").iter();
    assert_eq!(parts.filter(|part| part["place"] == "lessons.audit").count(), 3);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn where_one_service_cannot_answer_the_document_breaks_off() {
    let world = World::of(&["it"]).start().await;
    let teacher = world.teacher("it", "Ana", "Kos").await;
    world.tamper("it", "lessons", "ALTER TABLE operation RENAME TO operation_away").await;
    let (answer, is_whole) = teacher.get_some("/v1/account/data:export").await;
    assert!(!is_whole && serde_json::from_slice::<Value>(&answer.body).is_err(), "{}", answer.text());
    assert!(!world.expected_errors().is_empty(), "it is an error of ours");
    world.tamper("it", "lessons", "ALTER TABLE operation_away RENAME TO operation").await;
    export(&teacher).await;
    let refused = world.http().json(Method::GET, "/it/v1/account/data:export", Some("nobody"), Value::Null).await;
    refused.refused("TOKEN_INVALID");
    world.end().await;
}
