//! Making a tenant's database, and in it one schema and one role per service that owns nothing else.

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, TransactionTrait,
    sqlx::postgres::PgConnectOptions,
};

use super::{Engine, engine, settings::Postgres};
use crate::{
    Error, Result, TenantId,
    error::{Reason, Shared},
};

/// What a service's URL says of its role and database.
struct Target {
    role: String,
    password: String,
    database: String,
}

/// As long as it lives, no other process makes or changes the schema of a service in this database.
pub(super) struct Alone {
    _transaction: DatabaseTransaction,
}

/// Makes no database for SQLite, whose file comes into being when it is opened, and none without `store.admin_url`: then
/// somebody else made it. Either way the schema may be brought up to date while what is given back lives: two processes that
/// start at once would do it twice.
pub(super) async fn provision(engine: &Engine, service: &str, tenant: &TenantId) -> Result<Option<Alone>> {
    let Engine::Postgres(postgres) = engine else { return Ok(None) };
    let Some(admin_url) = &postgres.admin_url else {
        return alone(&postgres.url(service, tenant)?).await.map(Some);
    };
    let target = target(postgres, service, tenant)?;
    let admin_url = admin_url.reveal()?;

    let server = connect(&admin_url, None).await?;
    let made = make_role_and_database(&server, &target).await;
    let _ = server.close().await;
    made?;

    let alone = alone(&postgres.url(service, tenant)?).await?;
    let database = connect(&admin_url, Some(&target.database)).await?;
    let made = make_schema(&database, service, &target).await;
    let _ = database.close().await;
    made.map(|()| Some(alone))
}

/// Waits until no other process is at it. The lock is held by a transaction on a connection of its own: a connection that only
/// lies in a pool may be closed there when it is idle, and its locks with it.
async fn alone(url: &str) -> Result<Alone> {
    let transaction = connect(url, None).await?.begin().await?;
    transaction.execute_unprepared("SELECT pg_advisory_xact_lock(7530002)").await?;
    Ok(Alone { _transaction: transaction })
}

fn target(postgres: &Postgres, service: &str, tenant: &TenantId) -> Result<Target> {
    let url = postgres.url(service, tenant)?;
    let broken = || Shared::FieldsInvalid.error("store.url: must be `postgres://role:password@host/database`");
    let rest = url.split_once("://").ok_or_else(broken)?.1;
    let (credentials, place) = rest.rsplit_once('@').ok_or_else(broken)?;
    let (role, password) = credentials.split_once(':').ok_or_else(broken)?;
    let database = place.split_once('/').ok_or_else(broken)?.1;
    let database = database.split_once('?').map_or(database, |(name, _)| name);
    Ok(Target { role: role.to_owned(), password: password.to_owned(), database: database.to_owned() })
}

async fn connect(url: &str, database: Option<&str>) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1);
    if let Some(database) = database.map(str::to_owned) {
        options.map_sqlx_postgres_opts(move |options: PgConnectOptions| options.database(&database));
    }
    engine::connect(options).await
}

async fn make_role_and_database(server: &DatabaseConnection, target: &Target) -> Result<()> {
    let Target { role, password, database } = target;
    // a session lock: `CREATE DATABASE` cannot run in a transaction, and two processes may start at once
    server.execute_unprepared("SELECT pg_advisory_lock(7530001)").await?;
    let (role_name, secret) = (identifier(role)?, literal(password));
    if !exists(server, "SELECT 1 FROM pg_roles WHERE rolname = $1", role).await? {
        server.execute_unprepared(&format!("CREATE ROLE {role_name} LOGIN")).await?;
    }
    // set again each time, so that a changed password in the settings is enough
    server.execute_unprepared(&format!("ALTER ROLE {role_name} PASSWORD {secret}")).await?;
    let database_name = identifier(database)?;
    if !exists(server, "SELECT 1 FROM pg_database WHERE datname = $1", database).await? {
        // the same order of codes and names on every server, and the order SQLite has
        let form = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
        server.execute_unprepared(&format!("CREATE DATABASE {database_name} {form}")).await?;
    }
    server.execute_unprepared(&format!("REVOKE ALL ON DATABASE {database_name} FROM PUBLIC")).await?;
    server.execute_unprepared(&format!("GRANT CONNECT ON DATABASE {database_name} TO {role_name}")).await?;
    server.execute_unprepared("SELECT pg_advisory_unlock(7530001)").await?;
    Ok(())
}

async fn make_schema(database: &DatabaseConnection, service: &str, target: &Target) -> Result<()> {
    let (schema, role) = (identifier(service)?, identifier(&target.role)?);
    let text = format!(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE SCHEMA IF NOT EXISTS {schema}; ALTER SCHEMA {schema} OWNER TO {role}"
    );
    database.execute_unprepared(&text).await?;
    Ok(())
}

async fn exists(server: &DatabaseConnection, sql: &str, name: &str) -> Result<bool> {
    let query = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
    Ok(server.query_one_raw(query).await?.is_some())
}

/// A name that needs no quotes: these statements take no parameters.
fn identifier(name: &str) -> Result<&str> {
    let fits =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if fits {
        Ok(name)
    } else {
        Err(Error::internal(format!(
            "`{name}` cannot name a role or a database: lower-case letters, digits and `_` only"
        )))
    }
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
