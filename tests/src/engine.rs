//! The database of a world. The same suite runs on each: `scripts/test` runs it once without `KOINE_TEST_POSTGRES` and once with
//! it, for a throw-away server.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement, sqlx::postgres::PgConnectOptions,
};

/// The variable with the URL of the server. It is only for tests: our programs would refuse it as an unknown setting.
pub const POSTGRES: &str = "KOINE_TEST_POSTGRES";

/// The names of worlds that have ended, whose databases are as empty as new ones. A new world takes one of them, because a database is
/// made in the time of a short test.
static EMPTY: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Removes all rows of a database but the one that the migrations made, the end of the audit log, which is as they made it again.
const EMPTIED: &str = "SET session_replication_role = replica;
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'seaql_migrations'
  LOOP
    EXECUTE format('DELETE FROM %I.%I', one.schemaname, one.tablename);
    IF one.tablename = 'audit_head' THEN
      EXECUTE format('INSERT INTO %1$I.audit_head (id, seq, mac, seal) VALUES (1, 0, %2$L, %2$L)', one.schemaname, '');
    END IF;
  END LOOP;
END $$";

/// The databases of one world.
#[derive(Clone, Debug)]
pub enum Engine {
    /// Files in this folder.
    Sqlite(PathBuf),
    /// Databases of a server.
    Postgres {
        /// The URL of a service, with `{tenant}` and `{service}` in it.
        url: String,
        /// The URL of a role that may create databases.
        admin_url: String,
        /// The name of the world, with which the names of its databases begin.
        world: String,
    },
}

impl Engine {
    /// The databases of a new world with this data folder. Those of a server may exist, without rows.
    pub fn new(data: &Path) -> Self {
        match postgres() {
            Some(admin_url) => {
                let empty = EMPTY.lock().unwrap_or_else(PoisonError::into_inner).pop();
                Self::on_server(admin_url, empty.unwrap_or_else(unused))
            }
            None => Self::Sqlite(data.to_owned()),
        }
    }

    /// The databases of a new world with this data folder. None of them exists.
    pub fn unmade(data: &Path) -> Self {
        postgres().map_or_else(|| Self::Sqlite(data.to_owned()), |admin_url| Self::on_server(admin_url, unused()))
    }

    fn on_server(admin_url: String, world: String) -> Self {
        let form = "KOINE_TEST_POSTGRES is `postgres://user@host:port/database`";
        let (user, place) = admin_url.split_once('@').expect(form);
        let (address, _) = place.split_once('/').expect(form);
        let scheme = user.split_once("://").expect(form).0;
        let url = format!("{scheme}://{world}_{{tenant}}_{{service}}:secret@{address}/{world}_{{tenant}}");
        Self::Postgres { url, admin_url, world }
    }

    /// Gives the databases to another world, where they are of a server. Their schema must be as the migrations made it, and nobody may be
    /// using them.
    #[expect(clippy::disallowed_methods, reason = "the rows of all services go, around their stores")]
    pub async fn give_back(self) {
        let Self::Postgres { admin_url, world, .. } = self else { return };
        let server = Database::connect(&admin_url).await.expect("the server");
        let query = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{world}_')");
        let query = Statement::from_string(server.get_database_backend(), query);
        let names = server.query_all_raw(query).await.expect("the names");
        server.close().await.expect("an open database");
        for name in names {
            let name: String = name.try_get("", "datname").expect("a name");
            let mut options = ConnectOptions::new(&admin_url);
            options.max_connections(1);
            options.map_sqlx_postgres_opts(move |options: PgConnectOptions| options.database(&name));
            let database = Database::connect(options).await.expect("a database");
            database.execute_unprepared(EMPTIED).await.expect("no rows");
            database.close().await.expect("an open database");
        }
        EMPTY.lock().unwrap_or_else(PoisonError::into_inner).push(world);
    }

    /// The section `[store]`.
    pub fn settings(&self) -> String {
        match self {
            Self::Sqlite(data) => format!("[store]\nurl = {:?}\n", format!("sqlite:{}", data.display())),
            Self::Postgres { url, admin_url, .. } => {
                format!("[store]\nurl = {url:?}\nadmin_url = {admin_url:?}\nconnections = 12\n")
            }
        }
    }

    /// A connection to the database of a service in a tenant, for tests that go around the store.
    #[expect(clippy::disallowed_methods, reason = "a test that tampers with rows goes around the store")]
    pub async fn connect(&self, tenant: &str, service: &'static str) -> DatabaseConnection {
        let options = match self {
            Self::Sqlite(data) => ConnectOptions::new(format!(
                "sqlite://{}?mode=rw",
                data.join(tenant).join(format!("{service}.db")).display()
            )),
            Self::Postgres { url, .. } => {
                let url = url.replace("{tenant}", &tenant.replace('-', "_")).replace("{service}", service);
                let mut options = ConnectOptions::new(url);
                let in_schema = move |options: PgConnectOptions| options.options([("search_path", service)]);
                options.map_sqlx_postgres_opts(in_schema);
                options
            }
        };
        Database::connect(options).await.expect("a database")
    }
}

/// The name of a world that was never used. Tests of this and of earlier processes share one server.
fn unused() -> String {
    static WORLDS: AtomicU32 = AtomicU32::new(0);
    format!("w{}_{}", std::process::id(), WORLDS.fetch_add(1, Ordering::SeqCst))
}

/// The URL of the server. None: SQLite.
#[expect(clippy::disallowed_methods, reason = "which database to test on is said by who starts the tests")]
pub fn postgres() -> Option<String> {
    std::env::var(POSTGRES).ok()
}
