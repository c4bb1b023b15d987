//! Stories of what is kept for some days and then goes, of its own accord: what the dry run names goes at the hour, and nothing else.

use std::{collections::BTreeSet, fs};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::{
    Caller, Scene, World,
    path::text,
    scene::{PASSWORD, application},
    world::tenant_files,
};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Writes the file of a country anew, with these days in place of its own.
fn keeps(world: &World, tenant: &str, days: &[(&str, i64)]) {
    let file = fs::read_to_string(tenant_files().join(format!("{tenant}.toml"))).expect("a tenant");
    let mut file: toml::Table = file.parse().expect("TOML");
    let identity = file["identity"].as_table_mut().expect("a table");
    let days = days.iter().map(|(key, days)| ((*key).to_owned(), (*days).into()));
    identity.insert("retention".to_owned(), toml::Table::from_iter(days).into());
    assert_eq!(world.write_tenant(tenant, &toml::to_string(&file).expect("TOML")), []);
}

/// A rule as the dry run shows it.
async fn rule(central: &Caller, setting: &str, within: u32) -> Value {
    let preview = central.get(&format!("/v1/retention:preview?withinDays={within}")).await.ok();
    let rules = preview["rules"].as_array().cloned().expect("rules");
    rules.into_iter().find(|rule| rule["setting"] == setting).unwrap_or_else(|| panic!("no rule {setting}"))
}

/// The ids that a rule names, by place.
fn named(rule: &Value, when: &str) -> BTreeSet<(String, String)> {
    let mut named = BTreeSet::new();
    for finding in rule[when].as_array().into_iter().flatten() {
        let ids = finding["ids"].as_array().into_iter().flatten();
        let before = named.len();
        named.extend(ids.map(|id| (text(&finding["place"]), text(id))));
        assert_eq!(text(&finding["count"]), (named.len() - before).to_string(), "{finding}");
    }
    named
}

fn pair(place: &str, id: &Value) -> (String, String) {
    (place.to_owned(), text(id))
}

/// What was noted of what was too old.
async fn noted(world: &World, tenant: &str) -> Vec<Vec<String>> {
    let sql = "SELECT subject, detail FROM audit WHERE action = 'delete what is too old' ORDER BY seq";
    world.rows(tenant, "identity", sql, &["subject", "detail"]).await
}

/// The number of files whose bytes are kept.
fn kept_bytes(world: &World) -> usize {
    fn below(folder: &std::path::Path) -> usize {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.map(|entry| if entry.is_dir() { below(&entry) } else { 1 }).sum()
    }
    below(&world.folder().join("data/blobs"))
}

#[tokio::test(crate = "::tests::limit")]
async fn a_draft_goes_with_its_files_when_its_days_are_over_and_the_dry_run_names_just_that() {
    let world = World::of(&["it", "hr"]).start().await;
    keeps(&world, "it", &[("abandoned_drafts", 40)]);
    let scene = Scene::open(&world, "it").await;
    let teacher = scene.teacher("Kos").await;
    let (draft, withdrawn) = (scene.begun(&teacher).await, scene.begun(&teacher).await);
    teacher.post(&application(&withdrawn, ":withdraw"), json!({})).await.ok();
    let changed = scene.begun(&teacher).await;
    let submitted = scene.submitted(&scene.teacher("Novak").await).await;
    let alone = scene.file(&teacher, "LOGO").await;
    let elsewhere = Scene::open(&world, "hr").await;
    let abroad = elsewhere.teacher("Horvat").await;
    let theirs = elsewhere.begun(&abroad).await;
    let begun = world.clock().now();
    world.passes_by(DAY * 3).await;
    let change = json!({ "motivation": "Still at it." });
    teacher.again().await.patch(&application(&changed, ""), change).await.ok();

    // to the instant there is nothing, though it is seen coming
    world.passes_to(begun + DAY * 40).await;
    world.hour_strikes().await;
    let central = scene.coordinator.again().await;
    let gone = |drafts: &[&Value]| -> BTreeSet<_> {
        let files = drafts.iter().map(|draft| pair("file", &draft["fileIds"][0]));
        drafts.iter().map(|draft| pair("application", &draft["id"])).chain(files).collect()
    };
    let rule = async |central: &Caller, within| self::rule(central, "abandoned_drafts", within).await;
    let ahead = rule(&central, 1).await;
    assert_eq!((&ahead["days"], named(&ahead, "due")), (&json!(40), BTreeSet::new()));
    let due: BTreeSet<_> = gone(&[&draft, &withdrawn]).into_iter().chain([pair("file", &json!(alone))]).collect();
    assert_eq!(named(&ahead, "dueUntil"), due);
    let all: BTreeSet<_> = gone(&[&draft, &withdrawn, &changed]).into_iter().chain(due.clone()).collect();
    assert_eq!(named(&rule(&central, 4).await, "dueUntil"), all);
    assert_eq!(noted(&world, "it").await, [] as [Vec<String>; 0]);

    world.passes_by(SECOND).await;
    let central = central.again().await;
    assert_eq!(named(&rule(&central, 0).await, "due"), due);
    let bytes = kept_bytes(&world);
    // a process that begins does what is due, and one that was ended in between has done it once
    let world = world.restart().await;
    world.hour_strikes().await;
    world.hour_strikes().await;
    let central = central.at(world.http()).again().await;
    let teacher = teacher.at(world.http()).again().await;
    assert_eq!(noted(&world, "it").await, [["rule abandoned_drafts", "application 2, file 3"]]);
    assert_eq!(kept_bytes(&world), bytes - 3);
    assert_eq!(named(&rule(&central, 0).await, "due"), BTreeSet::new());
    for one in [&draft, &withdrawn] {
        teacher.get(&application(one, "")).await.refused("NOT_FOUND");
        teacher.get(&format!("/v1/files/{}:download", text(&one["fileIds"][0]))).await.refused("NOT_FOUND");
    }
    teacher.get(&application(&changed, "")).await.ok();
    central.get(&application(&submitted, "")).await.ok();
    let document = format!("/v1/files/{}:download", text(&submitted["fileIds"][0]));
    assert!(central.get(&document).await.status.is_success());
    // Croatia keeps what it has for as long as its own file says
    abroad.at(world.http()).again().await.get(&application(&theirs, "")).await.ok();
    assert_eq!(noted(&world, "hr").await, [] as [Vec<String>; 0]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn documents_go_some_days_after_the_last_calendar_of_their_edition_has_ended() {
    let world = World::of(&["it"]).start().await;
    keeps(&world, "it", &[("authorisation_files", 20)]);
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let logo = scene.file(&class.team, "LOGO").await;
    class.team.patch(&class.path(""), json!({ "logoFileId": logo })).await.ok();
    let items = scene.coordinator.get(&format!("/v1/editions/{}/calendar", scene.edition_id())).await.ok();
    let at = |item: &Value| item.get("ends").unwrap_or(&item["starts"])["at"].as_str().map(str::parse::<Timestamp>);
    let items = items["items"].as_array().cloned().expect("items");
    let end = items.iter().filter_map(at).map(|at| at.expect("an instant")).max().expect("an end");
    // lessons says when calendars end, at the hour
    world.hour_strikes().await;

    world.passes_to(end + DAY * 20).await;
    world.hour_strikes().await;
    let central = scene.coordinator.again().await;
    let document = pair("file", &class.application["fileIds"][0]);
    let ahead = rule(&central, "authorisation_files", 1).await;
    assert_eq!(named(&ahead, "due"), BTreeSet::new());
    assert_eq!(named(&ahead, "dueUntil"), BTreeSet::from([document.clone()]), "and not the logo, which the team has");
    world.passes_by(SECOND).await;
    let bytes = kept_bytes(&world);
    world.hour_strikes().await;
    world.hour_strikes().await;
    assert_eq!(noted(&world, "it").await, [["rule authorisation_files", "file 1"]]);
    assert_eq!(kept_bytes(&world), bytes - 1);
    let central = central.again().await;
    central.get(&format!("/v1/files/{}:download", document.1)).await.refused("NOT_FOUND");
    central.get(&application(&class.application, "")).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn an_account_nobody_signs_in_to_ends_after_a_letter_and_who_cannot_leave_is_kept_with_the_reason() {
    let world = World::of(&["it"]).start().await;
    keeps(&world, "it", &[("inactive_accounts", 60), ("inactive_warning", 10)]);
    let scene = Scene::open(&world, "it").await;
    let (gone, back, class) = (scene.teacher("Novak").await, scene.teacher("Horvat").await, scene.class("Kos").await);
    let [gone_id, class_id] = [&gone, &class.referent].map(|one| one.account());
    let (gone_id, class_id) = (text(&gone_id.await["id"]), text(&class_id.await["id"]));
    world.hour_strikes().await;
    let ends = |caller: &Caller| {
        let letters = world.mailbox("it").to(caller.login());
        letters.iter().filter(|letter| letter.subject.starts_with("Il tuo account sta per terminare")).count()
    };
    world.passes_by(DAY * 50).await;
    world.hour_strikes().await;
    assert_eq!([ends(&gone), ends(&back)], [0, 0]);
    world.passes_by(SECOND).await;
    world.hour_strikes().await;
    world.hour_strikes().await;
    assert_eq!(
        [ends(&gone), ends(&back), ends(&class.referent)],
        [1, 1, 0],
        "once, and no end is told that does not come"
    );
    back.again().await;

    world.passes_by(DAY * 10).await;
    world.hour_strikes().await;
    let central = scene.coordinator.again().await;
    let ahead = rule(&central, "inactive_accounts", 1).await;
    assert_eq!(named(&ahead, "due"), BTreeSet::new(), "to the instant of the letter");
    assert_eq!(named(&ahead, "dueUntil"), BTreeSet::from([pair("account", &json!(gone_id))]));
    assert_eq!(ahead["kept"], json!([{ "accountId": class_id, "kind": "OBSTACLE_KIND_TEAM_AT_WORK" }]));
    world.passes_by(SECOND).await;
    let central = central.again().await;
    assert_eq!(
        named(&rule(&central, "inactive_accounts", 0).await, "due"),
        BTreeSet::from([pair("account", &json!(gone_id))])
    );
    let world = world.restart().await;
    world.hour_strikes().await;
    world.hour_strikes().await;
    let central = central.at(world.http()).again().await;
    assert_eq!(noted(&world, "it").await, [["rule inactive_accounts".to_owned(), format!("account {gone_id}")]]);
    let erasure = central.get(&format!("/v1/accounts/{gone_id}/erasure")).await.ok();
    assert!(erasure.get("doneAt").is_some(), "{erasure}");
    let login = |one: &Caller| json!({ "login": one.login(), "password": PASSWORD });
    world.anybody("it").post("/v1/sessions", login(&gone)).await.refused("SIGN_IN_FAILED");
    for one in [&back, &class.referent] {
        one.at(world.http()).again().await.account().await;
    }
    // whoever signed in begins anew, and is told anew before the next end
    assert_eq!(named(&rule(&central, "inactive_accounts", 60).await, "due"), BTreeSet::new());
    assert_eq!(noted(&world, "it").await.len(), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_has_left_is_erased_after_the_same_days_without_a_letter() {
    let world = World::of(&["it"]).start().await;
    keeps(&world, "it", &[("inactive_accounts", 60), ("inactive_warning", 10)]);
    let scene = Scene::open(&world, "it").await;
    let left = scene.teacher("Novak").await;
    let id = text(&left.account().await["id"]);
    world.passes_by(DAY).await;
    let password = json!({ "currentPassword": "a sentence nobody else would choose" });
    left.again().await.post("/v1/account:leave", password).await.ok();
    world.passes_by(DAY * 60).await;
    world.hour_strikes().await;
    scene.coordinator.again().await.get(&format!("/v1/accounts/{id}/erasure")).await.refused("NOT_FOUND");
    world.passes_by(SECOND).await;
    world.hour_strikes().await;
    let erasure = scene.coordinator.again().await.get(&format!("/v1/accounts/{id}/erasure")).await.ok();
    assert!(erasure.get("doneAt").is_some(), "{erasure}");
    world.end().await;
}
