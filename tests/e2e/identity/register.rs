//! Registers of schools: imported whole or not at all, again and again.

use serde_json::{Value, json};
use tests::{Caller, World, path::text, world};

async fn import(coordinator: &Caller, register: impl Into<bytes::Bytes>) -> tests::Answer {
    coordinator.upload("/v1/schools:import", "text/csv", register).await
}

async fn schools(caller: &Caller, query: &str) -> Vec<Value> {
    let page = caller.get(&format!("/v1/schools?pageSize=200{query}")).await.ok();
    page["schools"].as_array().cloned().unwrap_or_default()
}

fn codes(schools: &[Value]) -> Vec<String> {
    schools.iter().map(|school| text(&school["code"])).collect()
}

/// The register of Italy, as text.
fn italy() -> String {
    String::from_utf8(world::data("schools/it.csv")).expect("UTF-8")
}

#[tokio::test(crate = "::tests::limit")]
async fn the_register_of_italy_gives_institutes_and_their_sites() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let done = import(&coordinator, italy()).await.ok();
    assert_eq!(done, json!({ "read": 13, "created": 13 }));
    let [site] = &schools(&coordinator, "&query=CHTD007011").await[..] else { panic!("one school") };
    let expected = json!({
        "id": site["id"], "code": "CHTD007011", "instituteCode": "CHIS00700P", "name": "ISTITUTO TECNICO DEL COLLE",
        "instituteName": "ISTITUTO SUPERIORE DEL COLLE", "level": "SCHOOL_LEVEL_UPPER_SECONDARY",
        "kind": "ISTITUTO TECNICO COMMERCIALE", "municipality": "CHIETI", "territory": "ITF14",
        "address": "VIA DELLA PRIMULA 1", "open": true,
    });
    assert_eq!(*site, expected);
    assert_eq!(coordinator.get(&format!("/v1/schools/{}", text(&site["id"]))).await.ok(), expected);
    // by the code of the institute all of its sites are found
    assert_eq!(codes(&schools(&coordinator, "&query=chis00700p").await), ["CHIS00700P", "CHTD007011"]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_school_is_found_by_words_whatever_their_case_and_accents() {
    let world = World::of(&["hr", "gr"]).start().await;
    for (tenant, query, code) in [("hr", "skola bura rijeka", "08-901-502"), ("gr", "γυμνάσιο αίνου", "2590011")]
    {
        let coordinator = world.coordinator(tenant).await;
        import(&coordinator, world::data(&format!("schools/{tenant}.csv"))).await.ok();
        let query: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(codes(&schools(&coordinator, &format!("&query={query}")).await), [code]);
        // what means something to a database means nothing to a search
        assert_eq!(codes(&schools(&coordinator, "&query=%25").await), [] as [&str; 0]);
        assert_eq!(codes(&schools(&coordinator, "&query=_").await), [] as [&str; 0]);
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_list_comes_in_pages_and_loses_nothing() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    import(&coordinator, italy()).await.ok();
    let all = codes(&schools(&coordinator, "").await);
    assert_eq!(all.len(), 13);
    assert!(all.is_sorted());
    for size in [1, 4, 13] {
        let (mut pieces, mut token) = (Vec::new(), String::new());
        loop {
            let page = coordinator.get(&format!("/v1/schools?pageSize={size}&pageToken={token}")).await.ok();
            pieces.extend(codes(page["schools"].as_array().unwrap()));
            token = text(&page["nextPageToken"]);
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(pieces, all, "{size}");
    }
    let page = coordinator.get("/v1/schools?pageSize=4").await.ok();
    let other = format!("/v1/schools?territory=ITF1&pageToken={}", text(&page["nextPageToken"]));
    coordinator.get(&other).await.refused("PAGE_TOKEN_INVALID");
    coordinator.get("/v1/schools?pageToken=anything").await.refused("PAGE_TOKEN_INVALID");
    let abruzzo = codes(&schools(&coordinator, "&territory=ITF1").await);
    assert_eq!(abruzzo, ["CHIS00700P", "CHTD007011", "PEIC828004", "PEMM828015"]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn imported_again_a_register_changes_what_changed_and_says_so() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    import(&coordinator, italy()).await.ok();
    assert_eq!(import(&coordinator, italy()).await.ok(), json!({ "read": 13, "unchanged": 13 }));
    let before = schools(&coordinator, "&query=MCPC900018").await[0].clone();

    // a name changes, a school is gone, and a byte order mark and other line ends change nothing
    let gone = italy().lines().filter(|line| !line.contains("TSSD90001Q")).collect::<Vec<_>>().join("\r\n");
    let changed = format!("\u{feff}{}", gone.replace("LICEO DELLE QUERCE", "LICEO DEI CEDRI"));
    let done = import(&coordinator, changed).await.ok();
    assert_eq!(done, json!({ "read": 12, "updated": 1, "unchanged": 11, "closed": 1 }));
    let after = schools(&coordinator, "&query=MCPC900018").await[0].clone();
    assert_eq!((&after["id"], &after["name"]), (&before["id"], &json!("LICEO DEI CEDRI")));
    let closed = schools(&coordinator, "&query=TSSD90001Q").await[0].clone();
    assert_eq!(closed["open"], Value::Null, "it is kept: teams may point to it");

    let done = import(&coordinator, italy()).await.ok();
    assert_eq!(done, json!({ "read": 13, "updated": 2, "unchanged": 11 }));
    assert_eq!(schools(&coordinator, "&query=TSSD90001Q").await[0]["id"], closed["id"], "it is open again");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn every_wrong_line_is_named_and_nothing_is_imported() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let wrong = italy()
        .replace("CHTD007011", "not a code")
        .replace(",PESCARA,PEIC828004", ",ATLANTIS,PEIC828004")
        .replace("LICEO DEL CASTELLO,BAPS900019,LICEO DEL CASTELLO", "LICEO DEL CASTELLO,BAPS900019,");
    let answer = import(&coordinator, wrong).await;
    let violations = answer.violations();
    let mut fields: Vec<_> = violations.iter().map(|(field, _)| field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["line 3, CODICESCUOLA", "line 4, PROVINCIA", "line 5, PROVINCIA", "line 6, DENOMINAZIONESCUOLA"],
        "{}",
        answer.text()
    );
    assert!(violations.iter().all(|(_, reason)| reason == "LINE_INVALID"), "{violations:?}");
    assert_eq!(schools(&coordinator, "").await, [] as [Value; 0]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_file_that_is_no_register_of_the_country_says_which_columns_are_missing() {
    let world = World::of(&["it", "hr"]).start().await;
    let coordinator = world.coordinator("it").await;
    for (file, column) in [(world::data("schools/hr.csv"), "CODICESCUOLA"), (b"a;b\n1;2\n".to_vec(), "CODICESCUOLA")] {
        let violations = import(&coordinator, file).await;
        assert!(violations.text().contains(column), "{}", violations.text());
        assert_eq!(violations.violations()[0].1, "COLUMN_MISSING");
    }
    assert_eq!(import(&coordinator, "").await.violations()[0].1, "COLUMN_MISSING");
    let latin = italy().replace("DEL COLLE", "DELLA VIRT\u{d9}").replace('\u{d9}', "\u{1}").into_bytes();
    let latin: Vec<u8> = latin.into_iter().map(|byte| if byte == 1 { 0xd9 } else { byte }).collect();
    let violations = import(&coordinator, latin).await.violations();
    assert!(
        violations.iter().all(|(field, reason)| field.starts_with("line ") && reason == "LINE_INVALID"),
        "{violations:?}"
    );
    let many = "A,B\n".to_owned() + &italy().lines().take(1).collect::<String>() + "\n";
    assert_eq!(import(&coordinator, many).await.violations()[0].1, "COLUMN_MISSING");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn more_wrong_lines_than_anybody_reads_are_counted() {
    let world = World::of(&["it"]).start().await;
    let coordinator = world.coordinator("it").await;
    let header = italy().lines().next().unwrap().to_owned();
    let line = italy()
        .lines()
        .nth(1)
        .unwrap()
        .replace(",CHIS00700P,ISTITUTO SUPERIORE DEL COLLE,VIA", ",x,ISTITUTO SUPERIORE DEL COLLE,VIA");
    let answer = import(&coordinator, format!("{header}\n{}", format!("{line}\n").repeat(250))).await;
    let violations = answer.violations();
    assert_eq!(violations.len(), 61);
    assert_eq!(violations[60].0, "file");
    assert!(answer.text().contains("190"), "{}", answer.text());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_closed_school_takes_no_new_class_and_stays_with_those_it_has() {
    let world = World::of(&["it"]).start().await;
    let scene = tests::Scene::open(&world, "it").await;
    let class = scene.class("Serra").await;
    let begun = scene.teacher("Kos").await;
    let draft = scene.begun(&begun).await;
    let code = text(&scene.school("UPPER_SECONDARY")["code"]);
    let without: String =
        italy().lines().filter(|line| !line.contains(&code)).map(|line| format!("{line}\n")).collect();
    import(&scene.coordinator, without).await.ok();
    let refused = begun.post(&tests::scene::application(&draft, ":submit"), json!({})).await;
    assert_eq!(refused.violations(), [("school_id".to_owned(), "SCHOOL_UNKNOWN".to_owned())]);
    let team = class.referent.get(&class.path("")).await.ok();
    assert_eq!(team["schoolCode"], code);
    class.team.get(&format!("/v1/schools/{}", text(&team["schoolId"]))).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_programme_keeps_no_register() {
    let world = World::of(&["it-hr"]).start().await;
    let coordinator = world.coordinator("it-hr").await;
    assert_eq!(import(&coordinator, italy()).await.violations()[0].1, "COLUMN_MISSING");
    world.end().await;
}
