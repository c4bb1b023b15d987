//! Creates a tenant's database and, in it, a schema and a role for each service. The role owns nothing else.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, TransactionTrait,
    sqlx::postgres::PgConnectOptions,
};

use super::{Engine, engine, settings::Postgres};
use crate::{
    Error, Result, TenantId,
    error::{Reason, Shared},
};

/// The role and database in a service's URL.
struct Target {
    role: String,
    password: String,
    database: String,
}

/// A lock: while it is held, no other process changes the schemas in this database.
pub(super) enum Alone {
    /// The lock on a folder ends with the file, also where the process dies.
    Folder { _folder: File },
    /// The lock in a server ends with the transaction.
    Server { _transaction: DatabaseTransaction },
}

/// Creates the database, the role and the schema, and returns the lock under which the schema may be brought up to date, because
/// two processes that start at once would do it twice. Nothing is created for SQLite, whose file is created when it is opened, nor
/// without `store.admin_url`, where an operator has created them.
pub(super) async fn provision(engine: &Engine, service: &str, tenant: &TenantId) -> Result<Alone> {
    let postgres = match engine {
        Engine::Sqlite(folder) => return alone_in(folder.join(tenant.as_str())).await,
        Engine::Postgres(postgres) => postgres,
    };
    let Some(admin_url) = &postgres.admin_url else {
        return alone(&postgres.url(service, tenant)?).await;
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
    made.map(|()| alone)
}

/// Waits for the lock in a server. A transaction on a connection of its own holds it, because an idle connection in a pool may be
/// closed, and its locks with it.
async fn alone(url: &str) -> Result<Alone> {
    let transaction = connect(url, None).await?.begin().await?;
    transaction.execute_unprepared("SELECT pg_advisory_xact_lock(7530002)").await?;
    Ok(Alone::Server { _transaction: transaction })
}

/// Waits for the lock on a folder. The folder itself is locked, so that no lock file is left in it.
async fn alone_in(folder: PathBuf) -> Result<Alone> {
    let locked = tokio::task::spawn_blocking(move || {
        fs::create_dir_all(&folder)?;
        let folder = File::open(folder)?;
        folder.lock()?;
        Ok::<_, io::Error>(folder)
    });
    let folder = locked.await.map_err(Error::internal)?.map_err(Error::internal)?;
    Ok(Alone::Folder { _folder: folder })
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
    // a session lock, because `CREATE DATABASE` cannot run in a transaction, and two processes may start at once
    server.execute_unprepared("SELECT pg_advisory_lock(7530001)").await?;
    let (role_name, secret) = (identifier(role)?, literal(password));
    if !exists(server, "SELECT 1 FROM pg_roles WHERE rolname = $1", role).await? {
        server.execute_unprepared(&format!("CREATE ROLE {role_name} LOGIN")).await?;
    }
    // set each time, so that it is enough to change the password in the settings
    server.execute_unprepared(&format!("ALTER ROLE {role_name} PASSWORD {secret}")).await?;
    let database_name = identifier(database)?;
    if !exists(server, "SELECT 1 FROM pg_database WHERE datname = $1", database).await? {
        // codes and names are sorted alike on every server, and as in SQLite
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

/// Checks a name that is used without quotes, because these statements take no parameters. Error: internal.
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
