//! The border law: what may be said of one tenant in another one is on a list, field by field. The mark `crosses` in the contract and
//! the list here say the same, so that neither grows alone; and what really crossed is looked for in every row of the other side.

use std::collections::BTreeMap;

use ::tests::{Class, Scene, World, engine, path::text};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};
use serde_json::Value;

use crate::{
    contract::messages::messages,
    schema::{Column, made},
    source::holds,
};

mod written;

/// Every message that may cross, with every field it may have. None of them is of a pupil, and none may be.
const CROSSES: &[(&str, &[&str])] = &[
    (
        "koine.identity.v1.Projection",
        &["string team_id", "string home", "string alias", "string school_name", "string territory"],
    ),
    ("koine.lessons.v1.ClassReleased", &["string home", "string team_id", "string pair_id"]),
    (
        "koine.lessons.v1.DeliveryCrossed",
        &[
            "string home",
            "string team_id",
            "int32 lesson",
            "koine.lessons.v1.CreditKind kind",
            "google.protobuf.Timestamp received_at",
            "bool on_time",
            "string digest",
        ],
    ),
    (
        "koine.lessons.v1.ReminderDue",
        &[
            "string home",
            "string team_id",
            "string pair_id",
            "koine.lessons.v1.PairState state",
            "google.protobuf.Timestamp since",
        ],
    ),
];

/// What the token says to the programme.
const CLAIMS: [&str; 12] =
    ["acts_for", "aud", "exp", "home", "iat", "iss", "jti", "nbf", "provisional", "roles", "sid", "sub"];

/// Messages of others that say nothing of anybody.
const PLAIN: [&str; 2] = ["google.protobuf.Timestamp", "google.type.Date"];

fn is_marked(pool: &DescriptorPool, message: &MessageDescriptor) -> bool {
    let mark = pool.get_extension_by_name("koine.options.v1.crosses").expect("the option");
    message.options().get_extension(&mark).as_bool() == Some(true)
}

/// A field as the list has it: `repeated string names`.
fn written(field: &prost_reflect::FieldDescriptor) -> String {
    let kind = match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(values) => values.full_name().to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    let many = if field.is_list() || field.is_map() { "repeated " } else { "" };
    format!("{many}{kind} {}", field.name())
}

fn border_faults(pool: &DescriptorPool, list: &[(&str, &[&str])]) -> Vec<String> {
    let mut faults = Vec::new();
    let marked: Vec<_> = messages(pool).into_iter().filter(|message| is_marked(pool, message)).collect();
    for message in &marked {
        let name = message.full_name();
        let Some((_, allowed)) = list.iter().find(|(listed, _)| *listed == name) else {
            faults.push(format!("{name}: is marked `crosses` and not on the list in tests/e2e/border.rs"));
            continue;
        };
        for field in message.fields() {
            if !allowed.contains(&written(&field).as_str()) {
                faults.push(format!("{}: `{}` may not cross", field.full_name(), written(&field)));
            }
            if let Kind::Message(inner) = field.kind() {
                let plain = PLAIN.contains(&inner.full_name());
                if !plain && !marked.iter().any(|other| other.full_name() == inner.full_name()) {
                    faults.push(format!("{}: {} is not marked `crosses`", field.full_name(), inner.full_name()));
                }
            }
        }
        let gone = allowed.iter().filter(|line| message.fields().all(|field| written(&field) != **line));
        faults.extend(gone.map(|line| format!("{name}: has no `{line}`; strike it off the list")));
    }
    let unmarked = list.iter().filter(|(name, _)| marked.iter().all(|message| message.full_name() != *name));
    faults.extend(unmarked.map(|(name, _)| format!("{name}: is on the list and not marked `crosses`")));
    faults
}

#[test]
fn nothing_may_cross_but_what_is_on_the_list() {
    holds("What crosses a border is on a list:", &border_faults(&proto::descriptor(), CROSSES));
}

/// What a token says.
fn claims(token: &str) -> BTreeMap<String, Value> {
    let said = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(said).expect("base64")).expect("JSON")
}

/// What home knows of a class and the programme must not: each is a word of its own, so that it can be looked for.
async fn kept_at_home(class: &Class) -> Vec<(&'static str, String)> {
    let account = class.referent.account().await;
    let team = class.referent.get(&class.path("")).await.ok();
    vec![
        ("the referent's surname", text(&account["surname"])),
        ("the referent's address", class.referent.login().to_owned()),
        ("the team's code", class.code.clone()),
        ("the team's school, by its code", text(&team["schoolCode"])),
        ("the school, by its id", text(&team["schoolId"])),
        ("the edition", text(&team["editionId"])),
        ("the track", text(&team["trackId"])),
        ("the application", text(&class.application["id"])),
        ("why the class takes part", "The bridge in front of our school".to_owned()),
        ("the class", "\"3A\"".to_owned()),
    ]
}

/// Every value of every row of a service in a tenant, as text, with where it stands. Bytes are in hex, ids without hyphens.
pub async fn values(world: &World, tenant: &str, service: &'static str) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for Column { table, name, kind, .. } in made(world, tenant, service).await {
        let text = as_text(&name, &kind);
        let sql = format!(r#"SELECT {text} AS value FROM "{table}" WHERE "{name}" IS NOT NULL"#);
        let rows = world.rows(tenant, service, &sql, &["value"]).await;
        let place = format!("{tenant} {service}.{table}.{name}");
        values.extend(rows.concat().into_iter().map(|value| (place.clone(), value)));
    }
    values
}

/// A column as SQL that gives a text.
pub fn as_text(name: &str, kind: &str) -> String {
    match (kind, engine::postgres()) {
        ("bytea", Some(_)) => format!(r#"encode("{name}", 'hex')"#),
        ("bytea" | "uuid", None) => format!(r#"lower(hex("{name}"))"#),
        _ => format!(r#"CAST("{name}" AS text)"#),
    }
}

pub fn plain(text: &str) -> String {
    text.replace('-', "").to_lowercase()
}

/// Whether a value holds a secret, as it is or in the bytes of something larger.
fn holds_secret(value: &str, secret: &str) -> bool {
    let bytes: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    plain(value).contains(&plain(secret)) || value.contains(&bytes)
}

#[tokio::test(crate = "::tests::limit")]
async fn of_a_class_that_crosses_the_programme_has_what_is_on_the_list_and_nothing_else() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.twin("it-hr", "Quagliarella").await;
    let kept = kept_at_home(&class).await;
    let visitors = [class.referent.cross("it-hr", &class.id).await, class.team.cross("it-hr", "").await];
    for visitor in &visitors {
        let mut said = claims(visitor.token());
        assert_eq!(said.remove("tenant"), Some("it-hr".into()));
        assert_eq!(said.keys().map(String::as_str).collect::<Vec<_>>(), CLAIMS);
        visitor.get("/v1/membership").await.ok();
    }
    world.settle().await;
    let mut found = Vec::new();
    for service in migrations::SERVICES {
        let all = values(&world, "it-hr", service).await;
        if service == "identity" {
            for there in [class.id.as_str(), "Green Bridges"] {
                let is_there = |value: &str| plain(value) == plain(there);
                assert!(all.iter().any(|(_, value)| is_there(value)), "{there}: the test sees what is there");
            }
        }
        for (what, secret) in &kept {
            assert!(secret.len() > 3, "{what}: {secret}");
            let places = all.iter().filter(|(_, value)| holds_secret(value, secret));
            found.extend(places.map(|(place, value)| format!("{place}: {what}: {value}")));
        }
    }
    holds("What is not on the list stays at home:", &found);
    world.end().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::spoiled;

    #[test]
    fn a_field_that_is_not_on_the_list_is_named() {
        let fields: &[&str] = &["string team_id", "string home", "string alias", "string school_name"];
        let faults = border_faults(&proto::descriptor(), &[("koine.identity.v1.Projection", fields)]);
        assert!(
            faults.contains(&"koine.identity.v1.Projection.territory: `string territory` may not cross".to_owned())
        );
        let renamed = border_faults(&spoiled("\x0bschool_name", "\x0bpupil_names"), CROSSES);
        assert!(renamed.iter().any(|fault| fault.contains("`string pupil_names` may not cross")), "{renamed:?}");
    }

    #[test]
    fn a_secret_is_seen_in_text_and_in_bytes() {
        assert!(holds_secret(&plain("Ana Quagliarella"), "Quagliarella"));
        assert!(holds_secret("0a0c51756167", "Quag"));
        assert!(holds_secret("0183c0b179807491", "0183c0b1-7980"));
        assert!(!holds_secret(&plain("Ana Serra"), "Quagliarella"));
    }

    #[test]
    fn the_mark_and_the_list_say_the_same() {
        let unlisted = border_faults(&proto::descriptor(), &[]);
        assert!(
            unlisted.iter().any(|fault| fault.starts_with("koine.identity.v1.Projection: is marked")),
            "{unlisted:?}"
        );
        let more = [CROSSES, &[("koine.identity.v1.Team", &[] as &[&str])]].concat();
        let unmarked = border_faults(&proto::descriptor(), &more);
        assert_eq!(unmarked, ["koine.identity.v1.Team: is on the list and not marked `crosses`"]);
    }
}
