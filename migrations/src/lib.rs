//! The schema: one module for each service, with a list of SQL files that run in order, each once. PostgreSQL and SQLite run the
//! same text, and both accept the types `uuid`, `bigint`, `integer`, `text`, `boolean` and `bytea`. Instants are `bigint`, in
//! microseconds since 1970 in UTC.
//!
//! A file that has landed is never edited; a change is the next file. Each runs in one transaction with the record that it has: of a
//! process that dies in the middle nothing is left.

use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait, SchemaManager,
    async_trait::async_trait,
    sea_orm::{ConnectionTrait, DatabaseConnection, DbErr},
};

pub mod identity;
pub mod lessons;

/// The services that have a schema.
pub const SERVICES: [&str; 2] = ["identity", "lessons"];

/// Brings the schema of a service up to date. Error: that of the database, or that there is no service with this name.
pub async fn up(service: &str, database: &DatabaseConnection) -> Result<(), DbErr> {
    match service {
        "identity" => identity::Migrator::up(database, None).await,
        "lessons" => lessons::Migrator::up(database, None).await,
        other => Err(DbErr::Custom(format!("no service is called `{other}`"))),
    }
}

/// An SQL file.
struct Sql {
    name: &'static str,
    text: &'static str,
}

/// The tables of every service: outbox, inbox, stored answers, audit log.
const PLATFORM: Sql = Sql { name: "platform_0001", text: include_str!("../sql/platform/0001.sql") };

/// The tables of every service: the backlog of its handlers, and changes for watchers.
const PLATFORM_2: Sql = Sql { name: "platform_0002", text: include_str!("../sql/platform/0002.sql") };

/// The tables of every service: audit entries that wait to be chained, and the lanes that write them.
const PLATFORM_3: Sql = Sql { name: "platform_0003", text: include_str!("../sql/platform/0003.sql") };

/// What every service has: its long-running operations.
const PLATFORM_4: Sql = Sql { name: "platform_0004", text: include_str!("../sql/platform/0004.sql") };

/// The tables of every service: the sessions that have ended.
const PLATFORM_5: Sql = Sql { name: "platform_0005", text: include_str!("../sql/platform/0005.sql") };

fn steps(files: impl IntoIterator<Item = Sql>) -> Vec<Box<dyn MigrationTrait>> {
    files.into_iter().map(|file| Box::new(file) as Box<dyn MigrationTrait>).collect()
}

impl MigrationName for Sql {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for Sql {
    fn use_transaction(&self) -> Option<bool> {
        // on both databases: left to itself the library has none on SQLite
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(self.text).await.map(drop)
    }
}
