//! Everything two tenants both have after two classes have worked together, compared value by value: every column of every table of
//! every service, with the leaves of what is stored as JSON, and every fact that was told. What both have and the lists here do not
//! name has crossed a border that it must not cross.
//!
//! Left out is what says nothing of anybody: the words of the code and of the files of rules, what another country has that had no
//! part in any of it, days, and numbers. An instant or a size that crosses is therefore not seen here; the list of fields above is
//! for them.

use std::collections::{BTreeMap, BTreeSet};

use ::tests::{Scene, Twins, World, scene::application, world::tenant_files};
use jiff::civil::Date;
use proto::options::v1::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{plain, values};
use crate::{
    source::{holds, root},
    twice::keep_facts,
};

/// Columns of one tenant whose values another one may have, and in which columns: `*` is all of them.
type May = [(&'static str, &'static str)];

/// What a programme may have of a country: what the token of a visitor says. Of who they are it says an id.
const GOES_OUT: &May = &[
    ("identity.team.id", "*"),
    ("identity.team.name", "*"),
    ("identity.team.school_name", "*"),
    ("identity.team.territory", "*"),
    ("identity.account.id", "audit.actor"),
    // the teacher of the twin who bound both classes did something in the programme too
    ("lessons.audit.actor", "audit.actor"),
];

/// What a country may have of a programme: which pair its class is in, what was delivered, and which facts it was told.
const COMES_HOME: &May = &[
    ("lessons.pair.id", "*"),
    ("lessons.submission.digest", "*"),
    ("lessons.output.digest", "*"),
    ("lessons.inbox.event", "lessons.inbox.event"),
];

/// What the countries of two twins may have of each other: their pair, and the id of who bound both classes to it.
const OF_BOTH: &May = &[("lessons.engagement.pair_id", "*"), ("identity.account.id", "lessons.audit.actor")];

/// Columns that hold words of the code, or public files and forms as they were read.
const IMPERSONAL: [&str; 16] = [
    "identity.audit.action",
    "identity.inbox.handler",
    "lessons.audit.action",
    "lessons.calendar_item.title",
    "lessons.credit.kind",
    "lessons.form.fields",
    "lessons.inbox.handler",
    "lessons.pair.project",
    "lessons.pair.state",
    "lessons.project.acronym",
    "lessons.project.contents",
    "lessons.project.words",
    "lessons.sighting.kind",
    "lessons.sighting.viewer_role",
    "lessons.told.name",
    "lessons.track.rules",
];

/// Words of the code in columns that hold more than that; and what the classes of the walk type into their reports, which is part of the
/// name they both have.
const WORDS: [&str; 8] =
    ["account", "central team", "deliveries", "job credit home", "lesson", "pair", "team", "Bridges"];

/// Everything one tenant has.
struct Written {
    tenant: &'static str,
    /// Every value, and every leaf of a value that is JSON, with the columns it stands in.
    leaves: BTreeMap<String, BTreeSet<String>>,
    /// All text of each column. Bytes are in hex.
    columns: BTreeMap<String, String>,
}

impl Written {
    async fn of(world: &World, tenant: &'static str) -> Self {
        let (mut leaves, mut columns) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeMap::<_, String>::new());
        for service in migrations::SERVICES {
            for (place, value) in values(world, tenant, service).await {
                let column = place.split_once(' ').expect("tenant and column").1.to_owned();
                if IMPERSONAL.contains(&column.as_str()) {
                    continue;
                }
                for leaf in leaves_of(&value) {
                    leaves.entry(leaf).or_default().insert(column.clone());
                }
                let text = columns.entry(column).or_default();
                text.push_str(&plain(&value));
                text.push('\n');
            }
        }
        Self { tenant, leaves, columns }
    }

    /// The columns that hold a value, be it inside of something larger. One of a few letters is looked for as a whole only.
    fn holding(&self, value: &str) -> BTreeSet<String> {
        if value.chars().count() < 5 {
            return self.leaves.get(value).cloned().unwrap_or_default();
        }
        let forms = [plain(value), hex(value), hex(&hyphenated(value))];
        let holds = |text: &str| forms.iter().any(|form| text.contains(form.as_str()));
        self.columns.iter().filter(|(_, text)| holds(text)).map(|(column, _)| column.clone()).collect()
    }

    /// What of this tenant's another one has, but for what the lists allow: `may` by where it stands here, `there` by where it stands
    /// there.
    fn found_in(&self, other: &Self, may: &May, there: &May, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        for (value, columns) in self.leaves.iter().filter(|(value, _)| says_something(value) && !is_known(value)) {
            let places = other.holding(value);
            let is_listed = is_allowed(may, columns, &places)
                || other.leaves.get(value).is_some_and(|origin| is_allowed(there, origin, columns));
            if !places.is_empty() && !is_listed {
                found.push(format!("{} {columns:?} is in {} {places:?}: {value}", self.tenant, other.tenant));
            }
        }
        found
    }

    /// Whether both have a value in the very columns: people of two classes may have one name.
    fn has_alike(&self, other: &Self, value: &str) -> bool {
        self.leaves.get(value).is_some_and(|columns| other.leaves.get(value) == Some(columns))
    }
}

/// Whether a value of these columns may be in those places.
fn is_allowed(may: &May, columns: &BTreeSet<String>, places: &BTreeSet<String>) -> bool {
    may.iter().any(|(column, there)| {
        columns.contains(*column) && (*there == "*" || places.iter().all(|place| place.ends_with(there)))
    })
}

/// A value, or the leaves of one that is JSON, or the words of one that names ids.
fn leaves_of(value: &str) -> BTreeSet<String> {
    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => into.extend(words_of(text)),
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Value::Object(fields) => fields.iter().for_each(|(name, field)| {
                into.extend(words_of(name));
                collect(field, into);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    match serde_json::from_str(value) {
        Ok(json @ (Value::Array(_) | Value::Object(_) | Value::String(_))) => {
            let mut leaves = BTreeSet::new();
            collect(&json, &mut leaves);
            leaves
        }
        _ => words_of(value),
    }
}

/// A text as it is; `team 0183c0b1-.., lesson 1` word by word, with ids as columns have them.
fn words_of(text: &str) -> BTreeSet<String> {
    let id = |word: &str| word.parse::<Uuid>().ok().map(|id| id.simple().to_string());
    let words = || text.split([' ', ',', '/']).filter(|word| !word.is_empty());
    match words().any(|word| id(word).is_some()) {
        true => words().map(|word| id(word).unwrap_or_else(|| word.to_owned())).collect(),
        false => BTreeSet::from([text.to_owned()]),
    }
}

/// Whether a value could tell anything of anybody: not a letter, a number or a day.
fn says_something(value: &str) -> bool {
    value.chars().count() > 1 && value.chars().any(char::is_alphabetic) && value.parse::<Date>().is_err()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// An id as messages have it. Columns have it without hyphens in one of the databases.
fn hyphenated(value: &str) -> String {
    value.parse::<Uuid>().map_or_else(|_| value.to_owned(), |id| id.to_string())
}

/// A country that has no part in any of it, with a class whose words are all its own.
async fn stranger(world: &World) -> Written {
    let scene = Scene::open(world, "es").await;
    let teacher = world.teacher("es", "Rocío", "Zubizarreta").await;
    let mut draft = scene.draft(&teacher).await;
    draft["teamName"] = json!("Los Faros");
    draft["motivation"] = json!("A lighthouse nobody has lit for years.");
    draft["classes"] = json!(["7Q"]);
    let begun = teacher.post("/v1/applications", json!({ "application": draft })).await.ok();
    let submitted = teacher.post(&application(&begun, ":submit"), json!({})).await.ok();
    scene.coordinator.post(&application(&submitted, ":admit"), json!({})).await.ok();
    world.settle().await;
    Written::of(world, "es").await
}

/// Every text in the files of rules.
fn rules() -> BTreeSet<String> {
    let files = std::fs::read_dir(tenant_files()).expect("the tenants").map(|entry| entry.expect("a file").path());
    let files = files.chain([root().join("services/lessons/src/year/base.toml")]);
    let texts = files.map(|file| std::fs::read_to_string(file).expect("a text"));
    texts.flat_map(|text| leaves_of(&toml::from_str::<Value>(&text).expect("TOML").to_string())).collect()
}

#[tokio::test(crate = "::tests::limit")]
async fn whatever_is_written_on_both_sides_of_a_border_is_on_the_list() {
    let tenants = ["it", "hr", "it-hr", "es"];
    let world = World::of(&tenants).start().await;
    for tenant in &tenants[..3] {
        keep_facts(&world, tenant).await;
    }
    let stranger = stranger(&world).await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.talk().await;
    let file = twins.upload(0, "cover", "the-port-at-night.png", ::tests::scene::PICTURE).await["id"].clone();
    twins.consent(0, &file).await;
    twins.mirror().await;
    twins.output().await;
    world.hour_strikes().await;
    let (italy, croatia) = (Written::of(&world, "it").await, Written::of(&world, "hr").await);
    let programme = Written::of(&world, "it-hr").await;
    let rules = rules();
    let known = |value: &str| {
        let is_word = tenants.contains(&value) || WORDS.contains(&value) || Role::from_str_name(value).is_some();
        is_word || stranger.leaves.contains_key(value) || rules.contains(value)
    };
    let mut found = Vec::new();
    for (country, twin) in [(&italy, &croatia), (&croatia, &italy)] {
        found.extend(country.found_in(&programme, GOES_OUT, COMES_HOME, known));
        // what the country has in a column of its own was judged above
        let is_judged = |value: &str| known(value) || country.leaves.contains_key(value);
        found.extend(programme.found_in(country, COMES_HOME, &[], is_judged));
        let is_chance = |value: &str| known(value) || country.has_alike(twin, value);
        found.extend(country.found_in(twin, OF_BOTH, OF_BOTH, is_chance));
    }
    holds("What both sides of a border have is on a list in tests/e2e/border/written.rs:", &found);
    world.end().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(tenant: &'static str, rows: &[(&str, &str)]) -> Written {
        let (mut leaves, mut columns) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeMap::<_, String>::new());
        for (column, value) in rows {
            for leaf in leaves_of(value) {
                leaves.entry(leaf).or_default().insert((*column).to_owned());
            }
            columns.entry((*column).to_owned()).or_default().push_str(&plain(value));
        }
        Written { tenant, leaves, columns }
    }

    #[test]
    fn what_has_crossed_is_named_wherever_it_stands() {
        let id = "0183c0b1-7980-7547-bea2-4016bb86fdcc";
        let home = written(
            "it",
            &[
                ("identity.team.id", id),
                ("identity.account.surname", "Quagliarella"),
                ("identity.application.classes", r#"["3A"]"#),
                ("identity.team.size", "21"),
            ],
        );
        let named = |there: &[(&str, &str)]| home.found_in(&written("it-hr", there), GOES_OUT, COMES_HOME, |_| false);
        assert_eq!(
            named(&[("lessons.offer.team_id", &id.replace('-', "")), ("lessons.offer.class_size", "21")]),
            [""; 0]
        );
        let body = hex("Ana Quagliarella");
        for (column, value) in [
            ("lessons.offer.note", "written by ana quagliarella"),
            ("lessons.told.body", body.as_str()),
            ("lessons.report.contents", r#"{"values":{"who":"Quagliarella"}}"#),
            ("lessons.offer.note", "3A"),
        ] {
            assert_eq!(named(&[(column, value)]).len(), 1, "{value}");
        }
        let of_person = written("it", &[("identity.account.id", id)]);
        let found = |column| of_person.found_in(&written("it-hr", &[(column, id)]), GOES_OUT, &[], |_| false).len();
        assert_eq!((found("lessons.audit.actor"), found("lessons.message.text")), (0, 1));
    }
}
