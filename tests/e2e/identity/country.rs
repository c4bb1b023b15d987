//! Tenants and territories.

use http::Method;
use serde_json::{Value, json};
use tests::{World, path::text};

#[tokio::test(crate = "::tests::limit")]
async fn every_tenant_is_listed_for_who_picks_a_country() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let listed = world.http().json(Method::GET, "/v1/tenants", None, Value::Null).await.ok();
    let kinds: Vec<_> =
        listed["tenants"].as_array().unwrap().iter().map(|one| (text(&one["id"]), text(&one["kind"]))).collect();
    let expected = [("hr", "COUNTRY"), ("it", "COUNTRY"), ("it-hr", "PROGRAMME")];
    assert_eq!(kinds, expected.map(|(id, kind)| (id.to_owned(), format!("TENANT_KIND_{kind}"))));
    let italy = world.anybody("it").get("/v1/tenant").await.ok();
    let expected = json!({
        "id": "it", "kind": "TENANT_KIND_COUNTRY", "name": "A Scuola di OpenCoesione", "locales": ["it", "en"], "zone": "Europe/Rome",
    });
    assert_eq!(italy, expected);
    assert_eq!(listed["tenants"][1], expected);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn territories_are_those_of_the_country_and_come_in_pages() {
    let world = World::of(&["gr", "it-hr"]).start().await;
    let greece = world.anybody("gr");
    let whole = greece.get("/v1/territories?level=3&pageSize=1000").await.ok();
    let codes = |page: &Value| -> Vec<String> {
        page["territories"].as_array().unwrap().iter().map(|territory| text(&territory["code"])).collect()
    };
    let all = codes(&whole);
    assert!(all.len() > 50 && all.iter().all(|code| code.starts_with("EL") && code.len() == 5), "{all:?}");

    let (mut pieces, mut token) = (Vec::new(), String::new());
    loop {
        let page = greece.get(&format!("/v1/territories?level=3&pageSize=7&pageToken={token}")).await.ok();
        assert!(codes(&page).len() <= 7);
        pieces.extend(codes(&page));
        token = text(&page["nextPageToken"]);
        if token.is_empty() {
            break;
        }
        greece.get(&format!("/v1/territories?level=2&pageToken={token}")).await.refused("PAGE_TOKEN_INVALID");
    }
    assert_eq!(pieces, all);
    // a programme has the territories of its area
    let area = codes(&world.anybody("it-hr").get("/v1/territories?level=3&pageSize=1000").await.ok());
    assert!(
        area.contains(&"HR033".to_owned()) && area.contains(&"ITH35".to_owned()) && !area.contains(&"ITC11".to_owned())
    );
    greece.get("/v1/territories?level=4").await.refused("FIELDS_INVALID");
    world.end().await;
}
