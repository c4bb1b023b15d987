//! What the migrations make.

use std::{collections::BTreeSet, fs};

use ::tests::{World, engine};
use sea_orm::ConnectionTrait;

use super::{Column, columns, connect, embedded, made};
use crate::source::{Source, holds, root, sources};

/// A table of one row has a number for an id, so that there is one.
const SINGLE_ROW: [&str; 1] = ["audit_head"];

fn column_faults(service: &str, columns: &[Column]) -> Vec<String> {
    let mut faults = Vec::new();
    let tables: BTreeSet<&str> = columns.iter().map(|column| column.table.as_str()).collect();
    for table in tables {
        let of_table: Vec<_> = columns.iter().filter(|column| column.table == table).collect();
        if !of_table.iter().any(|column| column.key) {
            faults.push(format!("{service}.{table}: has no primary key: say what a row is known by"));
        }
        for Column { name, kind, .. } in of_table {
            if name.split('_').any(|word| word == "tenant") {
                faults.push(format!("{service}.{table}.{name}: a tenant is a database; in it there is no other"));
            }
            let is_id = name == "id" || name.ends_with("_id");
            if is_id && kind != "uuid" && !SINGLE_ROW.contains(&table) {
                faults
                    .push(format!("{service}.{table}.{name}: is `{kind}`; an id is a `uuid`, made by `ctx.new_id()`"));
            }
        }
    }
    faults
}

/// Where two lists of columns differ.
fn differences(service: &str, embedded: &[Column], served: &[Column]) -> Vec<String> {
    let less = |one: &[Column], other: &[Column], place: &str| -> Vec<String> {
        let alone = one.iter().filter(|column| !other.contains(column));
        alone.map(|column| format!("{service}: only {place} has {column:?}")).collect()
    };
    [less(embedded, served, "SQLite"), less(served, embedded, "the database of the world")].concat()
}

/// The services that have a folder of SQL, and the files of it that no migration runs.
fn forgotten_faults(services: &[&str], files: &[String], sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files {
        let service = file.split('/').next().unwrap_or_default();
        if service != "platform" && !services.contains(&service) {
            faults.push(format!("migrations/sql/{file}: add `{service}` to `migrations::SERVICES` and to `up`"));
        }
        let path = format!("../sql/{file}");
        if !sources.iter().any(|source| source.strings.contains(&path)) {
            faults.push(format!("migrations/sql/{file}: no migration runs it: add it to the list of its service"));
        }
    }
    faults
}

#[tokio::test(crate = "::tests::limit")]
async fn both_engines_have_the_same_tables_with_the_same_columns() {
    let world = World::of(&["it"]).start().await;
    for service in migrations::SERVICES {
        let (embedded, served) = (columns(&embedded(service).await).await, made(&world, "it", service).await);
        assert!(embedded.len() > 40, "{service} has only {} columns", embedded.len());
        holds("One text makes both schemas:", &differences(service, &embedded, &served));
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn every_table_has_a_key_every_id_is_a_uuid_and_no_column_names_a_tenant() {
    for service in migrations::SERVICES {
        holds("Tables:", &column_faults(service, &columns(&embedded(service).await).await));
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn migrating_again_changes_nothing() {
    for service in migrations::SERVICES {
        let mut databases = vec![("SQLite".to_owned(), connect("sqlite::memory:").await.expect("memory"))];
        if let Some(server) = engine::postgres() {
            let (admin, name) =
                (connect(&server).await.expect("a server"), format!("law_{service}_{}", std::process::id()));
            admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
            let (place, _) = server.rsplit_once('/').expect("a URL");
            databases.push((name.clone(), connect(&format!("{place}/{name}")).await.expect("the database")));
        }
        for (name, db) in databases {
            migrations::up(service, &db).await.expect("a schema");
            let first = columns(&db).await;
            migrations::up(service, &db).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(columns(&db).await, first, "{service} {name}");
            assert!(!first.is_empty());
        }
    }
}

#[test]
fn every_file_of_sql_is_run_by_a_migration() {
    let folders = fs::read_dir(root().join("migrations/sql"))
        .expect("migrations/sql")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir());
    let files =
        folders.flat_map(|folder| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()));
    let base = root().join("migrations/sql");
    let files: Vec<String> =
        files.map(|file| file.strip_prefix(&base).expect("inside").to_str().expect("UTF-8").to_owned()).collect();
    let sources: Vec<Source> = sources().iter().filter(|source| source.package == "migrations").cloned().collect();
    assert!(files.len() > migrations::SERVICES.len(), "the SQL is not where it was");
    holds("Every file of SQL is run:", &forgotten_faults(&migrations::SERVICES, &files, &sources));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: &str, key: bool) -> Column {
        Column { table: "team".to_owned(), name: name.to_owned(), kind: kind.to_owned(), nullable: false, key }
    }

    #[test]
    fn a_table_that_breaks_a_rule_is_named() {
        assert!(column_faults("identity", &[column("id", "uuid", true), column("name", "text", false)]).is_empty());
        assert_eq!(column_faults("identity", &[column("name", "text", false)]).len(), 1, "no key");
        assert_eq!(column_faults("identity", &[column("id", "bigint", true)]).len(), 1, "a number");
        assert_eq!(
            column_faults("identity", &[column("id", "uuid", true), column("tenant", "text", false)]).len(),
            1,
            "a tenant"
        );
    }

    #[test]
    fn a_column_that_one_engine_lacks_or_has_otherwise_is_named() {
        let one = [column("id", "uuid", true), column("name", "text", false)];
        assert!(differences("identity", &one, &one).is_empty());
        assert_eq!(differences("identity", &one, &one[..1]).len(), 1);
        assert_eq!(
            differences("identity", &one, &[column("id", "uuid", true), column("name", "bytea", false)]).len(),
            2
        );
    }

    #[test]
    fn a_file_nobody_runs_is_named() {
        let files = ["identity/0001.sql".to_owned(), "awards/0001.sql".to_owned()];
        let source = |text: &str| [Source::new("migrations", "migrations/src/identity.rs", text.to_owned())];
        let run = "const UP: &str = include_str!(\"../sql/identity/0001.sql\");";
        assert_eq!(forgotten_faults(&["identity"], &files, &source(run)).len(), 2);
        assert_eq!(forgotten_faults(&["identity"], &files, &source(&format!("// {run}"))).len(), 3);
    }
}
