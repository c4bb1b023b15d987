//! The path of issue A, from a class to a delivered report: in every country, with the real dates of 2022-23.

use serde_json::Value;
use tests::{
    Caller, World,
    path::{Ground, Path, Walked, text},
    world,
};

/// Walks the path in a country, weeks before whose call the clock stands.
async fn walk(world: &World, tenant: &str) -> Walked {
    let coordinator = world.coordinator(tenant).await;
    let path = Path::new(Ground::World(world), coordinator, world.mailbox(tenant), "walk", |_| {});
    path.walk(world::data(&format!("schools/{tenant}.csv"))).await
}

async fn started(tenants: &[&str]) -> World {
    World::of(tenants).at("2022-09-01T08:00:00[UTC]").start().await
}

/// The call closed and the first report was due when the country's file says: local, with the zone and the day of the week.
fn assert_dates(walked: &Walked, closes: &str, due: (&str, &str)) {
    assert_eq!(walked.edition["callCloses"]["local"], closes);
    let deadline = &walked.report["verdict"]["deadline"];
    assert_eq!((text(&deadline["local"]).as_str(), text(&deadline["weekday"]).as_str()), due);
    let tracks = walked.edition["tracks"].as_array().expect("tracks");
    let codes: Vec<_> = tracks.iter().map(|track| text(&track["code"])).collect();
    assert_eq!(codes, ["upper_secondary", "lower_secondary", "english", "etc"]);
    assert!(tracks.iter().all(|track| track["lessons"].as_array().is_some_and(|lessons| lessons.len() == 4)));
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_in_italy_delivers_its_first_report() {
    let world = started(&["it"]).await;
    let walked = walk(&world, "it").await;
    let due = ("2022-12-20T23:59:59+01:00[Europe/Rome]", "TUESDAY");
    assert_dates(&walked, "2022-10-24T18:00:00+02:00[Europe/Rome]", due);
    assert_eq!(walked.team["code"], "22-23_0001");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_in_croatia_delivers_its_first_report() {
    let world = started(&["hr"]).await;
    let due = ("2022-12-21T23:59:59+01:00[Europe/Zagreb]", "WEDNESDAY");
    assert_dates(&walk(&world, "hr").await, "2022-11-04T16:00:00+01:00[Europe/Zagreb]", due);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_in_spain_delivers_its_first_report() {
    let world = started(&["es"]).await;
    let due = ("2022-12-16T23:59:59+01:00[Europe/Madrid]", "FRIDAY");
    assert_dates(&walk(&world, "es").await, "2022-10-28T14:00:00+02:00[Europe/Madrid]", due);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_in_greece_delivers_its_first_report() {
    let world = started(&["gr"]).await;
    let due = ("2022-12-21T23:59:59+02:00[Europe/Athens]", "WEDNESDAY");
    assert_dates(&walk(&world, "gr").await, "2022-10-31T15:00:00+02:00[Europe/Athens]", due);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_in_slovenia_delivers_its_first_report() {
    let world = started(&["si"]).await;
    let due = ("2022-12-19T23:59:59+01:00[Europe/Ljubljana]", "MONDAY");
    assert_dates(&walk(&world, "si").await, "2022-10-21T12:00:00+02:00[Europe/Ljubljana]", due);
    world.end().await;
}

/// Portugal is no country of this installation. It becomes one while the system runs, by a file: with a zone, a language, a
/// register and an alphabet of codes of its own.
#[tokio::test(crate = "::tests::limit")]
async fn a_sixth_country_is_one_more_file() {
    let world = started(&["hr"]).await;
    world.anybody("pt").get("/v1/tenant").await.refused("TENANT_UNKNOWN");

    let file = String::from_utf8(world::data("pt.toml")).expect("UTF-8");
    assert_eq!(world.write_tenant("pt", &file), []);
    let listed = world.http().json(http::Method::GET, "/v1/tenants", None, Value::Null).await.ok();
    let names: Vec<_> =
        listed["tenants"].as_array().expect("tenants").iter().map(|tenant| text(&tenant["id"])).collect();
    assert_eq!(names, ["hr", "pt"]);
    let territories = world.anybody("pt").get("/v1/territories?level=3&prefix=PT15").await.ok();
    assert_eq!(territories["territories"][0]["name"], "Algarve");

    let walked = walk(&world, "pt").await;
    let due = ("2022-12-16T23:59:59+00:00[Europe/Lisbon]", "FRIDAY");
    assert_dates(&walked, "2022-10-28T17:00:00+01:00[Europe/Lisbon]", due);
    assert_eq!(walked.edition["tracks"][0]["name"], "Escolas secundárias");
    assert_eq!(walked.team["territory"], "PT1A0");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_second_start_finds_everything_as_it_was() {
    let world = started(&["it"]).await;
    let walked = walk(&world, "it").await;
    let (edition, team) = (text(&walked.edition["id"]), text(&walked.team["id"]));
    let refresh = serde_json::json!({ "refreshToken": walked.callers["successor"].refresh() });

    let world = world.restart().await;
    let successor = Caller::clone(&walked.callers["successor"]).at(world.http());
    // the session, the team, the report, the file and the matrix have survived; so has the key of the tokens
    assert_eq!(successor.get(&format!("/v1/teams/{team}")).await.ok(), walked.team);
    let report = successor.get(&format!("/v1/teams/{team}/lessons/1/report")).await.ok();
    assert_eq!(report, walked.report);
    let file = text(&report["values"]["cover"]["files"]["items"][0]);
    let picture = successor.get(&format!("/v1/teams/{team}/files/{file}:download")).await;
    assert_eq!((picture.status, &picture.body[..4]), (http::StatusCode::OK, &b"\x89PNG"[..]));
    world.anybody("it").post("/v1/sessions:refresh", refresh).await.ok();
    let coordinator = world.coordinator("it").await;
    let matrix = coordinator.get(&format!("/v1/editions/{edition}/deliveries?pageSize=200")).await.ok();
    assert_eq!(matrix, walked.matrix);
    world.end().await;
}

/// What people type and what opens an account is in no log, span or label.
#[tokio::test(crate = "::tests::limit")]
async fn nothing_personal_is_logged_on_the_way() {
    let world = started(&["it"]).await;
    let walked = walk(&world, "it").await;
    let token = walked.callers["team"].token();
    for secret in ["@school.example", "Papadaki", "iron bridge", "river behind", "Green Bridges", token] {
        assert_eq!(world.log().find(secret), Vec::<String>::new(), "{secret}");
    }
    assert!(!world.log().find("TeamService").is_empty(), "calls are traced");
    world.end().await;
}
