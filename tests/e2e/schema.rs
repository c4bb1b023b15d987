//! The databases as tests: what the migrations make is the same on both engines, is what the entities believe, and is reached by
//! nobody else. Tables, entities and services are found, not named.

mod digests;
mod doors;
mod entities;
mod tables;
mod upgrade;

use platform::Reads;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use tests::World;

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub table: String,
    pub name: String,
    pub kind: String,
    nullable: bool,
    key: bool,
}

/// Every column of a service's schema, in the order of tables and names. The migrations' own book is left out.
async fn columns(db: &impl ConnectionTrait) -> Vec<Column> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => {
            r#"SELECT t.name AS "table", c.name AS name, lower(c.type) AS kind, c."notnull" = 0 AND c.pk = 0 AS nullable, c.pk > 0 AS key
               FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
               AND t.name <> 'seaql_migrations' ORDER BY 1, 2"#
        }
        _ => {
            r#"SELECT c.table_name::text AS "table", c.column_name::text AS name, c.data_type::text AS kind,
                 c.is_nullable = 'YES' AS nullable,
                 EXISTS (SELECT FROM information_schema.table_constraints t JOIN information_schema.key_column_usage k
                   USING (constraint_schema, constraint_name) WHERE t.constraint_type = 'PRIMARY KEY'
                   AND k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name) AS key
               FROM information_schema.columns c WHERE c.table_schema = current_schema()
               AND c.table_name <> 'seaql_migrations' ORDER BY c.table_name COLLATE "C", c.column_name COLLATE "C""#
        }
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await.expect("the catalogue");
    let column = |row: &sea_orm::QueryResult| {
        Ok::<_, DbErr>(Column {
            table: row.try_get("", "table")?,
            name: row.try_get("", "name")?,
            kind: row.try_get("", "kind")?,
            nullable: row.try_get("", "nullable")?,
            key: row.try_get("", "key")?,
        })
    };
    rows.iter().map(column).collect::<Result<_, _>>().expect("columns")
}

/// The columns of a service in a tenant's database, as the system made it.
pub async fn made(world: &World, tenant: &str, service: &str) -> Vec<Column> {
    let ctx = world.process().operator(tenant).expect("a tenant");
    let db = world.process().store(service).expect("a service").read(&ctx).await.expect("a database");
    columns(db.conn()).await
}

/// A connection of the test's own, past the door.
#[expect(clippy::disallowed_methods, reason = "the law looks at what the door opens from outside")]
async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

/// A service's schema in SQLite, in memory.
async fn embedded(service: &str) -> DatabaseConnection {
    let db = connect("sqlite::memory:").await.expect("memory");
    migrations::up(service, &db).await.expect("a schema");
    db
}
