//! A database that an older version has made is brought up to date by this one, and nothing in it is lost. What the older version
//! has kept stands in `tests/data/upgrade`: the rows of commit e10a753 in a country and a programme, one file for each database.

use std::{fmt::Write, fs, path::Path, process::Stdio};

use ::tests::{World, engine::Engine, world};
use platform::audit::{Verdict, verify};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use serde_json::{Value, json};

use crate::{process::programs, source::root};

/// The databases the older version has left behind, with the number of entries in the audit log of each.
const LEFT: [(&str, &str, i64); 4] =
    [("it", "identity", 33), ("it", "lessons", 8), ("it-hr", "identity", 7), ("it-hr", "lessons", 31)];

fn about() -> Value {
    serde_json::from_slice(&world::data("upgrade/about.json")).expect("JSON")
}

fn word(about: &Value, name: &str) -> String {
    about[name].as_str().unwrap_or_else(|| panic!("about.json: {name}")).to_owned()
}

/// A world that goes on from what the older version has left behind.
async fn upgraded(about: &Value) -> World {
    let world = World::of(&["it", "hr", "it-hr"]).at(&word(about, "instant")).start().await;
    for (tenant, service, _) in LEFT {
        let tenant = tenant.parse().expect("a tenant");
        world.process().store(service).expect("a service").open(&tenant).await.expect("a database");
    }
    let secret = unhex(&word(about, "secret"));
    world
        .restart_on(async |engine: &Engine, folder: &Path| {
            for (tenant, service, _) in LEFT {
                let database = engine.connect(tenant, service).await;
                put_back(&database, tenant, service).await;
                database.close().await.expect("an open database");
            }
            fs::write(folder.join("data/keys/secret"), secret).expect("the secret of the installation");
        })
        .await
}

/// Takes away what this version has made, and makes what the older one had.
async fn put_back(database: &DatabaseConnection, tenant: &str, service: &str) {
    let backend = database.get_database_backend();
    let mut sql = String::new();
    for table in super::columns(database).await.chunk_by(|one, next| one.table == next.table).map(|of| &of[0].table) {
        match backend {
            DbBackend::Postgres => writeln!(sql, "DROP TABLE {table} CASCADE;").expect("text"),
            _ => writeln!(sql, "PRAGMA foreign_keys = OFF; DROP TABLE {table};").expect("text"),
        }
    }
    sql.push_str("DROP TABLE seaql_migrations; PRAGMA foreign_keys = ON;");
    if backend == DbBackend::Postgres {
        sql = sql.replace("PRAGMA foreign_keys = ON;", "");
    }
    sql.push_str("CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL);\n");
    for file in [format!("platform/{FIRST}"), format!("{service}/{FIRST}")] {
        sql.push_str(&fs::read_to_string(root().join("migrations/sql").join(file)).expect("SQL"));
    }
    sql.push_str("DELETE FROM audit_head;\n");
    sql.push_str(&rows(backend, &world::data(&format!("upgrade/{tenant}.{service}.jsonl"))));
    database.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{tenant} {service}: {error}"));
}

/// The one file each schema was made by then.
const FIRST: &str = "0001.sql";

/// The statements that add the rows of a file: a line names a table and the kinds of its columns, and each line after it is a row.
fn rows(backend: DbBackend, file: &[u8]) -> String {
    let (mut sql, mut table, mut kinds) = (String::new(), String::new(), Vec::new());
    for line in std::str::from_utf8(file).expect("UTF-8").lines() {
        match serde_json::from_str(line).expect("JSON") {
            Value::Object(head) => {
                table = head["table"].as_str().expect("a table").to_owned();
                let columns = head["columns"].as_array().expect("columns");
                kinds = columns.iter().map(|column| column[1].as_str().expect("a kind").to_owned()).collect();
                let names: Vec<_> = columns.iter().map(|column| column[0].to_string()).collect();
                table = format!("{table} ({})", names.join(", "));
            }
            Value::Array(row) => {
                let values: Vec<_> =
                    kinds.iter().zip(&row).map(|(kind, value)| literal(backend, kind, value)).collect();
                writeln!(sql, "INSERT INTO {table} VALUES ({});", values.join(", ")).expect("text");
            }
            other => panic!("neither a table nor a row: {other}"),
        }
    }
    sql
}

fn literal(backend: DbBackend, kind: &str, value: &Value) -> String {
    match (value, kind, backend) {
        (Value::Null, ..) => "NULL".to_owned(),
        (Value::String(id), "uuid", DbBackend::Sqlite) => format!("X'{}'", id.replace('-', "")),
        (Value::String(bytes), "bytea", DbBackend::Sqlite) => format!("X'{bytes}'"),
        (Value::String(bytes), "bytea", _) => format!("'\\x{bytes}'"),
        (Value::String(text), ..) => format!("'{}'", text.replace('\'', "''")),
        (other, ..) => other.to_string(),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("a byte");
    (0..text.len()).step_by(2).map(byte).collect()
}

async fn verdict(world: &World, tenant: &str, service: &str) -> Verdict {
    let ctx = world.process().operator(tenant).expect("a tenant");
    verify(world.process().store(service).expect("a service"), &ctx).await.expect("a log")
}

/// What `koine audit verify` says of a tenant: its exit code and its words.
async fn audited(world: &World, tenant: &str) -> (Option<i32>, String) {
    let settings = world.folder().join("koine.toml");
    fs::write(&settings, world.settings()).expect("a file");
    let mut command = tokio::process::Command::new(programs().join("koine"));
    command.env_remove(::tests::engine::POSTGRES).env("KOINE_CONFIG", settings).stdin(Stdio::null());
    let done = command.args(["audit", "verify", "--tenant", tenant]).output().await.expect("koine");
    (done.status.code(), String::from_utf8([done.stdout, done.stderr].concat()).expect("UTF-8"))
}

#[tokio::test(crate = "::tests::limit")]
async fn what_an_older_version_has_kept_is_still_read_and_written_and_its_audit_logs_are_whole() {
    let about = about();
    let world = upgraded(&about).await;
    for (tenant, service, entries) in LEFT {
        assert_eq!(verdict(&world, tenant, service).await, Verdict::Whole(entries), "{tenant} {service}");
    }

    let password = word(&about, "coordinatorPassword");
    let coordinator = world.anybody("it").sign_in(&word(&about["coordinators"], "it"), &password).await;
    let secretariat = world.anybody("it-hr").sign_in(&word(&about["coordinators"], "it-hr"), &password).await;
    let teacher = world.anybody("it").sign_in(&word(&about, "teacher"), &word(&about, "teacherPassword")).await;

    let team = coordinator.get(&format!("/v1/teams/{}", word(&about, "team"))).await.ok();
    assert_eq!(team["name"], word(&about, "teamName").as_str());
    let report = coordinator.get(&format!("/v1/teams/{}/lessons/1/report", word(&about, "team"))).await.ok();
    assert_eq!(report["digest"], word(&about, "reportDigest").as_str());
    assert_eq!(report["verdict"]["onTime"], true, "{report}");
    let matrix = coordinator.get(&format!("/v1/editions/{}/deliveries", word(&about, "edition"))).await.ok();
    assert_eq!(matrix["rows"].as_array().map(Vec::len), Some(3), "{matrix}");

    // everybody goes on as what they were
    let mandates = coordinator.get("/v1/mandates?pageSize=1000").await.ok();
    let roles: std::collections::BTreeSet<_> =
        mandates["mandates"].as_array().expect("mandates").iter().filter_map(|one| one["role"].as_str()).collect();
    assert_eq!(roles, ["ROLE_COORDINATOR", "ROLE_TEACHER", "ROLE_TEAM"].into());
    assert_eq!(teacher.account().await["roles"], serde_json::json!(["ROLE_TEACHER"]));

    let pair = word(&about, "pair");
    let seen = secretariat.get(&format!("/v1/pairs/{pair}")).await.ok();
    assert_eq!(seen["state"], "PAIR_STATE_ACTIVE", "{seen}");
    let tutor = teacher.cross("it-hr", &word(&about, "twin")).await;
    let messages = tutor.get(&format!("/v1/pairs/{pair}/messages")).await.ok();
    assert_eq!(messages["messages"].as_array().map(Vec::len), Some(1), "{messages}");
    let output = tutor.get(&format!("/v1/pairs/{pair}/lessons/1/output")).await.ok();
    assert_eq!(output["signatures"].as_array().map(Vec::len), Some(2), "{output}");

    // and the log goes on where it ended
    let says = json!({ "text": "We are still here.", "language": "en" });
    tutor.post(&format!("/v1/pairs/{pair}/messages"), says).await.ok();
    world.settle().await;
    let Verdict::Whole(entries) = verdict(&world, "it-hr", "lessons").await else { panic!("a whole log") };
    assert!(entries > 31, "{entries}");
    let (code, said) = audited(&world, "it").await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = audited(&world, "it-hr").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("it-hr lessons: whole, {entries} entries")), "{said}");
    assert_eq!(world.tamper("it-hr", "lessons", "UPDATE audit SET subject = 'nobody' WHERE seq = 2").await, 1);
    let (code, said) = audited(&world, "it-hr").await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("it-hr lessons: BROKEN at entry 2"), "{said}");
    world.end().await;
}
