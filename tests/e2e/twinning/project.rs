//! Projects of a programme: imported by its secretariat, found by its classes.

use serde_json::{Value, json};
use tests::{Answer, Caller, Twins, World, keep, path::text, world};

async fn import(secretariat: &Caller, sheet: impl Into<bytes::Bytes>) -> Answer {
    secretariat.upload("/v1/projects:import", "text/csv", sheet).await
}

/// What an import has changed, once it is done.
async fn imported(secretariat: &Caller, sheet: impl Into<bytes::Bytes>) -> Value {
    let begun = import(secretariat, sheet).await.ok();
    let mut changed = secretariat.outcome(&begun).await["response"].take();
    let kind = changed.as_object_mut().expect("a response").remove("@type");
    assert_eq!(kind, Some(json!("type.googleapis.com/koine.lessons.v1.ImportProjectsResponse")));
    changed
}

async fn projects(caller: &Caller, query: &str) -> Vec<Value> {
    let page = caller.get(&format!("/v1/projects?pageSize=1000{query}")).await.ok();
    page["projects"].as_array().cloned().unwrap_or_default()
}

fn acronyms(projects: &[Value]) -> Vec<String> {
    projects.iter().map(|project| text(&project["acronym"])).collect()
}

fn sample() -> String {
    String::from_utf8(world::data("projects/it-hr.csv")).expect("UTF-8")
}

#[tokio::test(crate = "::tests::limit")]
async fn the_sample_of_every_programme_is_of_that_programme_and_of_no_other() {
    let programmes = ["it-hr", "it-si", "gr-it", "si-hr", "euro-med"];
    let world = World::of(&programmes).start().await;
    for programme in programmes {
        let secretariat = world.coordinator(programme).await;
        let done = imported(&secretariat, world::data(&format!("projects/{programme}.csv"))).await;
        assert_eq!(done["added"], 20, "{programme}: {done}");
        let countries = secretariat.get("/v1/tenant").await.ok()["countries"].as_array().cloned().unwrap_or_default();
        let both = format!("&countries={}&countries={}", text(&countries[0]), text(&countries[1]));
        assert!(!projects(&secretariat, &both).await.is_empty(), "{programme}");
        if programme != "it-hr" {
            let foreign = import(&secretariat, sample()).await.violations();
            assert!(foreign.iter().all(|(_, reason)| reason == "PROJECT_FOREIGN"), "{programme}: {foreign:?}");
            assert!(foreign[0].0.ends_with(", programme_cci"), "{foreign:?}");
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_finds_projects_by_words_countries_and_territory() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    imported(&twins.secretariat, sample()).await;
    let class = &twins.classes[0].class;
    let all = projects(class, "").await;
    assert_eq!(all.len(), 20);
    assert!(acronyms(&all).is_sorted());
    let [found] = &projects(class, "&query=%C3%81ir%20school").await[..] else { panic!("one project") };
    assert_eq!(found["acronym"], "CLEARAIR", "whatever the case and the accents");
    assert_eq!(class.get(&format!("/v1/projects/{}", text(&found["id"]))).await.ok(), *found);
    assert_eq!(found["total"]["state"], "BUDGET_STATE_PUBLISHED");
    let zero = found["partners"].as_array().unwrap().iter().filter(|one| one["isLead"].is_null());
    assert!(zero.clone().count() > 0 && zero.clone().all(|one| one["share"]["state"] == "BUDGET_STATE_PUBLISHED_ZERO"));
    let [dolphins] = &projects(class, "&query=deepnoise").await[..] else { panic!("one project") };
    assert_eq!(dolphins["total"], json!({ "state": "BUDGET_STATE_UNPUBLISHED" }), "what is not published is not zero");
    assert_eq!(projects(class, "&countries=it&countries=hr").await.len(), 20);
    assert_eq!(projects(class, "&countries=si").await.len(), 0);
    let zadar = projects(class, "&territory=HR033").await;
    let there = |project: &Value| project["partners"].to_string().contains("HR033");
    assert!(!zadar.is_empty() && zadar.len() < 20 && zadar.iter().all(there), "{zadar:?}");
    let first = class.get("/v1/projects?pageSize=3").await.ok();
    let next = class.get(&format!("/v1/projects?pageSize=3&pageToken={}", text(&first["nextPageToken"]))).await.ok();
    assert_eq!(next["projects"][0], all[3]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn imported_again_a_sheet_says_what_differs_and_what_a_pair_agreed_to_stays() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let agreed = twins.pair["project"].clone();
    let again = imported(&twins.secretariat, sample()).await;
    assert_eq!((&again["unchanged"], &again["added"], &again["changed"]), (&json!(20), &Value::Null, &Value::Null));

    let keep_id = text(&agreed["keepId"]);
    let gone = "9000003";
    assert_ne!(keep_id, gone);
    let changed: String = sample()
        .lines()
        .filter(|line| !line.starts_with(gone))
        .map(|line| if line.starts_with(&keep_id) { line.replace(",closed,", ",archived,") } else { line.to_owned() })
        .map(|line| line + "\n")
        .collect();
    let done = imported(&twins.secretariat, changed).await;
    let differences = json!([{ "keepId": keep_id, "acronym": agreed["acronym"], "columns": ["status"] }]);
    assert_eq!((&done["changed"], &done["differences"]), (&json!(1), &differences), "{done}");
    assert_eq!((&done["missing"], &done["missingKeepIds"]), (&json!(1), &json!([gone])), "{done}");
    let now = twins.secretariat.get(&format!("/v1/projects/{}", text(&agreed["id"]))).await.ok();
    assert_eq!(now["status"], "archived");
    let pair = twins.classes[0].class.get(&twins.path("")).await.ok();
    assert_eq!(pair["project"], agreed, "as it was on the day both agreed");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn every_wrong_line_is_named_and_nothing_is_imported() {
    let world = World::of(&["it", "it-hr"]).start().await;
    let secretariat = world.coordinator("it-hr").await;
    let mut lines: Vec<String> = sample().lines().map(str::to_owned).collect();
    lines[1] = lines[1].replace("2014TC16RFCB042", "2014TC16RFCB036").replace(",Croatia,", ",Atlantis,");
    lines.push("1,X,Y,2014TC16RFCB042,,soon,,1.234.567,,,A town,lead,HR,,,".to_owned());
    let refused = import(&secretariat, lines.join("\n")).await;
    let violations = refused.violations();
    let wrong: Vec<_> = violations.iter().map(|(field, reason)| (field.as_str(), reason.as_str())).collect();
    let last = lines.len();
    assert_eq!(wrong[..2], [("line 2, programme_cci", "PROJECT_FOREIGN"), ("line 2, country", "LINE_INVALID")]);
    assert!(wrong.contains(&(format!("line {last}, start_date").as_str(), "LINE_INVALID")), "{wrong:?}");
    assert!(wrong.contains(&(format!("line {last}, total_budget").as_str(), "LINE_INVALID")), "{wrong:?}");
    assert_eq!(import(&secretariat, "a,b\n1,2\n").await.violations()[0].1, "COLUMN_MISSING");
    assert_eq!(projects(&secretariat, "").await, [] as [Value; 0]);
    let country = world.coordinator("it").await;
    import(&country, sample()).await.refused("PROGRAMME_ONLY");
    country.get("/v1/projects").await.refused("PROGRAMME_ONLY");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn thousands_of_projects_come_in_one_sheet() {
    let world = World::of(&["it-hr"]).start().await;
    let secretariat = world.coordinator("it-hr").await;
    let sheet = keep::sheet("2014TC16RFCB042", &["it", "hr"], 3_000);
    let done = imported(&secretariat, sheet.clone()).await;
    assert_eq!(done, json!({ "lines": 7_000, "added": 3_000 }));
    let again = imported(&secretariat, sheet.replace("ongoing", "closed")).await;
    assert_eq!((&again["unchanged"], &again["changed"]), (&json!(2_250), &json!(750)));
    assert_eq!(again["differences"].as_array().map(Vec::len), Some(200), "the rest is counted");
    let [found] = &projects(&secretariat, "&query=acr02999").await[..] else { panic!("one project") };
    assert_eq!(found["keepId"], "2999");
    world.end().await;
}
