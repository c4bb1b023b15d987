//! Opens the connections to one tenant's database.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    AccessMode, ConnectOptions, Database, DatabaseConnection, IsolationLevel, SqliteTransactionMode,
    TransactionOptions,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use tokio::sync::Semaphore;

use super::{Engine, Pool, settings::Postgres};
use crate::{Error, Result, TenantId};

/// The options of a consistent read that blocks nobody. SQLite always reads so, and has no options for it.
pub(super) fn read(engine: &Engine) -> TransactionOptions {
    match engine {
        Engine::Sqlite(_) => TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            ..TransactionOptions::default()
        },
        Engine::Postgres(_) => TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        },
    }
}

/// SQLite takes its write lock at the begin, because a transaction that reads first could fail when it begins to write.
pub(super) const WRITE: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// A connection that is idle for this long is closed. A quiet tenant has connections only for this long after each look at its
/// outbox.
const IDLE: Duration = Duration::from_secs(30);

/// The number of connections to one SQLite file: readers do not wait for the writer, and more of them only compete for the cores'
/// caches.
const SQLITE_CONNECTIONS: u32 = 6;

/// The number of connections of one service to one PostgreSQL database. The budget of the process does not count idle ones, so they
/// are bounded only by this and [`IDLE`].
const POSTGRES_CONNECTIONS: u32 = 8;

/// Opens the pool of one service in one tenant. It connects at its first use.
pub(super) async fn open(engine: &Engine, service: &str, tenant: &TenantId) -> Result<Pool> {
    match engine {
        Engine::Sqlite(folder) => {
            let folder = folder.join(tenant.as_str());
            tokio::fs::create_dir_all(&folder).await.map_err(Error::internal)?;
            let url = format!("sqlite://{}?mode=rwc", folder.join(format!("{service}.db")).display());
            let mut options = ConnectOptions::new(url);
            options.max_connections(SQLITE_CONNECTIONS).map_sqlx_sqlite_opts(|options| {
                options
                    .journal_mode(SqliteJournalMode::Wal)
                    // what was answered is on the disk, even where the power fails
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(5))
                    .statement_cache_capacity(200)
            });
            let places = Arc::new(Semaphore::new(SQLITE_CONNECTIONS as usize));
            Ok(Pool {
                connections: connect(options).await?,
                places,
                writer: Some(Arc::default()),
                lanes: Arc::default(),
            })
        }
        Engine::Postgres(postgres) => {
            let most = postgres.connections.clamp(1, POSTGRES_CONNECTIONS);
            let options = postgres_options(postgres, service, tenant, most)?;
            let places = Arc::new(Semaphore::new(most as usize));
            Ok(Pool { connections: connect(options).await?, places, writer: None, lanes: Arc::default() })
        }
    }
}

fn postgres_options(postgres: &Postgres, service: &str, tenant: &TenantId, most: u32) -> Result<ConnectOptions> {
    let mut options = ConnectOptions::new(postgres.url(service, tenant)?);
    let schema = service.to_owned();
    options.max_connections(most).map_sqlx_postgres_opts(move |options| {
        options.options([("search_path", schema.as_str())]).application_name("koine")
    });
    Ok(options)
}

/// Connects to a database. All connections are made here.
#[expect(clippy::disallowed_methods, reason = "the door itself")]
pub(super) async fn connect(mut options: ConnectOptions) -> Result<DatabaseConnection> {
    options
        .connect_lazy(true)
        .min_connections(0)
        .idle_timeout(IDLE)
        .acquire_timeout(super::PATIENCE)
        // a ping before each use costs a third of a small transaction, and a broken connection is noticed at its next use
        .test_before_acquire(false)
        .sqlx_logging(false);
    Database::connect(options).await.map_err(Error::from)
}
