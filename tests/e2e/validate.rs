//! The law of `validate_only`: a request with it is answered or refused as the same request without it, and nothing is changed: no row,
//! no fact, no letter, no audit entry, no file, no kept answer. The methods are found in the contract; this asks for a call to each.

use std::{collections::BTreeMap, path::Path};

use ::tests::{Answer, Caller, Class, Scene, World, path::text, scene::application, world};
use prost_reflect::{DescriptorPool, Kind, MethodDescriptor};
use proto::behavior;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    border::{as_text, plain},
    contract::methods::{access, http, methods},
    schema::made,
    source::holds,
};

/// What is sent.
#[derive(Clone)]
enum Sent {
    Json(Value),
    Sheet(Vec<u8>),
}

/// A method that has the field, and what is asked of it.
struct Case {
    method: &'static str,
    caller: Caller,
    path: String,
    sent: Sent,
    /// The same for something that is wrong.
    wrong: (String, Sent),
}

impl Case {
    async fn ask(&self, path: &str, sent: &Sent, validate_only: bool) -> Answer {
        match sent.clone() {
            Sent::Json(mut body) => {
                body["validateOnly"] = json!(validate_only);
                self.caller.post(path, body).await
            }
            Sent::Sheet(bytes) => {
                let path = format!("{path}?validateOnly={validate_only}");
                self.caller.upload(&path, "text/csv", bytes).await
            }
        }
    }

    /// The law, for what can be done, what is done already and what is wrong. Returns the method.
    async fn holds(self, world: &World) -> String {
        assert!(self.holds_for(world, &self.path, &self.sent).await, "{} has done nothing", self.method);
        // what is done already is refused, or done again
        self.holds_for(world, &self.path, &self.sent).await;
        assert!(!self.holds_for(world, &self.wrong.0, &self.wrong.1).await, "{}", self.method);
        self.method.to_owned()
    }

    /// Asks what the call would do, and then for it. Returns whether it did something.
    async fn holds_for(&self, world: &World, path: &str, sent: &Sent) -> bool {
        let before = State::of(world, self.caller.tenant()).await;
        let first = self.ask(path, sent, true).await;
        let after = State::of(world, self.caller.tenant()).await;
        assert_eq!(after, before, "{}: what is only validated changes nothing", self.method);
        let second = self.ask(path, sent, false).await;
        assert_eq!(first.status, second.status, "{}: {} and {}", self.method, first.text(), second.text());
        assert_eq!(before.masked(&first.json()), before.masked(&second.json()), "{}", self.method);
        let done = State::of(world, self.caller.tenant()).await;
        assert!(done == before || second.status.is_success(), "{}: a refusal changed something", self.method);
        done != before
    }
}

/// Whatever there is of a tenant.
#[derive(Debug, PartialEq)]
struct State {
    rows: Vec<String>,
    files: Vec<String>,
}

impl State {
    async fn of(world: &World, tenant: &str) -> Self {
        world.settle().await;
        let mut rows = Vec::new();
        for service in migrations::SERVICES {
            rows.extend(self::rows(world, tenant, service).await);
        }
        let mut files = Vec::new();
        for folder in ["blobs", "mail"] {
            files_under(&world.folder().join("data").join(folder).join(tenant), &mut files);
        }
        files.sort();
        Self { rows, files }
    }

    /// An answer, with one mark for all ids that were not there: those that two calls give differ.
    fn masked(&self, answer: &Value) -> Value {
        match answer {
            Value::String(text) => {
                text.split('/').map(|part| self.masked_id(part)).collect::<Vec<_>>().join("/").into()
            }
            Value::Array(items) => items.iter().map(|item| self.masked(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), self.masked(field))).collect(),
            other => other.clone(),
        }
    }

    fn masked_id<'a>(&self, text: &'a str) -> &'a str {
        if text.parse::<Uuid>().is_ok_and(|id| !self.knows(id)) { "an id" } else { text }
    }

    fn knows(&self, id: Uuid) -> bool {
        let id = id.simple().to_string();
        self.rows.iter().any(|row| plain(row).contains(&id))
    }
}

/// Every row of a service in a tenant, as text.
async fn rows(world: &World, tenant: &str, service: &'static str) -> Vec<String> {
    let mut tables = BTreeMap::<_, Vec<_>>::new();
    for column in made(world, tenant, service).await {
        let text = as_text(&column.name, &column.kind);
        tables.entry(column.table).or_default().push(format!("COALESCE({text}, '-')"));
    }
    let selects: Vec<_> = tables
        .iter()
        .map(|(table, columns)| {
            let row = columns.join(" || ' ' || ");
            format!(r#"SELECT '{service}.{table}: ' || {row} AS value FROM "{table}""#)
        })
        .collect();
    let mut rows = world.rows(tenant, service, &selects.join(" UNION ALL "), &["value"]).await.concat();
    rows.sort();
    rows
}

fn files_under(folder: &Path, into: &mut Vec<String>) {
    // there is none before the first file
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("a file").path()) {
        if path.is_dir() { files_under(&path, into) } else { into.push(path.display().to_string()) }
    }
}

/// A case whose path names a thing: what is wrong is that there is none.
fn of_thing(method: &'static str, caller: &Caller, path: impl Fn(&str) -> String, id: &Value, body: Value) -> Case {
    let sent = Sent::Json(body);
    let wrong = (path(&Uuid::now_v7().to_string()), sent.clone());
    Case { method, caller: caller.clone(), path: path(&text(id)), sent, wrong }
}

/// A case whose path names nothing.
fn of_list(method: &'static str, caller: &Caller, path: &str, sent: Sent, wrong: Sent) -> Case {
    Case { method, caller: caller.clone(), path: path.to_owned(), sent, wrong: (path.to_owned(), wrong) }
}

async fn imports(world: &World) -> [Case; 2] {
    let sheet = |name: &str| Sent::Sheet(world::data(name));
    let wrong = || Sent::Sheet(b"a;b\n1;2\n".to_vec());
    let (central, secretariat) = (world.coordinator("hr").await, world.coordinator("it-hr").await);
    [
        of_list("SchoolService.ImportSchools", &central, "/v1/schools:import", sheet("schools/hr.csv"), wrong()),
        of_list(
            "ProjectService.ImportProjects",
            &secretariat,
            "/v1/projects:import",
            sheet("projects/it-hr.csv"),
            wrong(),
        ),
    ]
}

async fn plans(scene: &Scene<'_>, class: &Class) -> [Case; 4] {
    let coordinator = &scene.coordinator;
    let submitted = scene.submitted(&scene.teacher("Kos").await).await;
    let items =
        format!("/v1/editions/{}/calendar?trackId={}", scene.edition_id(), text(&scene.track("upper_secondary")["id"]));
    let items = coordinator.get(&items).await.ok();
    let is_due = |item: &&Value| item["kind"] == "CALENDAR_ITEM_KIND_REPORT_DEADLINE" && item["lesson"] == 1;
    let due = items["items"].as_array().expect("items").iter().find(is_due).expect("a deadline")["id"].clone();
    let team = json!(class.id);
    let later = json!({ "startsLocal": "2022-12-21T23:59:59", "reason": "a strike" });
    let more = json!({ "deadlineLocal": "2022-12-24T12:00:00", "reason": "the school was flooded" });
    let admit = |id: &str| application(&json!({ "id": id }), ":admit");
    let template = |code: &str| Sent::Json(json!({ "template": code }));
    [
        of_list("EditionService.CreateEdition", coordinator, "/v1/editions", template("24-25"), template("1999")),
        of_thing("ApplicationService.AdmitApplication", coordinator, admit, &submitted["id"], json!({})),
        of_thing(
            "CalendarService.ReviseCalendarItem",
            coordinator,
            |id| format!("/v1/calendar/{id}:revise"),
            &due,
            later,
        ),
        of_thing(
            "CalendarService.GrantExtension",
            coordinator,
            |id| format!("/v1/teams/{id}/lessons/1:extend"),
            &team,
            more,
        ),
    ]
}

/// Deadlines that are over are set again. Time has to pass before.
fn replan(coordinator: &Caller, class: &Class) -> Case {
    let body = json!({ "reason": "its twin was lost" });
    of_thing("CalendarService.ReplanTeam", coordinator, |id| format!("/v1/teams/{id}:replan"), &json!(class.id), body)
}

/// The methods that have the field.
fn with_field() -> Vec<String> {
    let has_field = |method: &MethodDescriptor| method.input().get_field_by_name("validate_only").is_some();
    let name = |method: MethodDescriptor| format!("{}.{}", method.parent_service().name(), method.name());
    let mut names: Vec<_> = methods(&proto::descriptor()).into_iter().filter(has_field).map(name).collect();
    names.sort();
    names
}

#[tokio::test(crate = "::tests::limit")]
async fn what_is_only_validated_is_answered_as_it_would_be_and_changes_nothing() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Serra").await;
    let mut named = Vec::new();
    for case in imports(&world).await.into_iter().chain(plans(&scene, &class).await) {
        named.push(case.holds(&world).await);
    }
    world.passes("2023-03-10T12:00:00[Europe/Rome]").await;
    named.push(replan(&scene.coordinator.again().await, &class).holds(&world).await);
    named.sort();
    assert_eq!(named, with_field(), "each method with `validate_only` has a case");
    world.end().await;
}

fn faults(pool: &DescriptorPool) -> Vec<String> {
    let mut faults = Vec::new();
    for method in methods(pool) {
        let Some(field) = method.input().get_field_by_name("validate_only") else { continue };
        let (name, access) = (method.full_name(), access(&method).unwrap_or_default());
        if field.kind() != Kind::Bool || field.is_list() || behavior::is_required(&field) {
            faults.push(format!("{name}: `validate_only` is an optional `bool`, or nothing sees it"));
        }
        if http(&method).iter().any(|(verb, _)| *verb == "GET") {
            faults.push(format!("{name}: what reads changes nothing; it needs no `validate_only`"));
        }
        if !access.sighting.is_empty() {
            faults.push(format!("{name}: who sees a class is written down, so it cannot have `validate_only`"));
        }
    }
    faults
}

#[test]
fn what_can_be_validated_changes_something_and_shows_no_class() {
    holds("`validate_only` is for what changes something:", &faults(&proto::descriptor()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::spoiled;

    #[test]
    fn a_field_that_nothing_sees_is_named() {
        // its number, that it comes once, and its kind: a number where there was a `bool`
        let faults = faults(&spoiled("validate_only\x18\x06 \x01(\x08", "validate_only\x18\x06 \x01(\x05"));
        assert!(faults.iter().any(|fault| fault.contains("CreateEdition: `validate_only`")), "{faults:?}");
    }
}
