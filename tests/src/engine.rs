//! The database of a world. The same suite runs on each: `scripts/test` runs it once without `KOINE_TEST_POSTGRES` and once with
//! it, for a throw-away server.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectOptions, Database, DatabaseConnection, sqlx::postgres::PgConnectOptions};

/// The variable with the URL of the server. It is only for tests: our programs would refuse it as an unknown setting.
pub const POSTGRES: &str = "KOINE_TEST_POSTGRES";

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
    },
}

impl Engine {
    /// The databases of a new world with this data folder.
    pub fn new(data: &Path) -> Self {
        static WORLDS: AtomicU32 = AtomicU32::new(0);
        let Some(admin_url) = postgres() else { return Self::Sqlite(data.to_owned()) };
        // tests of this and of earlier processes share one server, so each world has its own names of databases
        let world = format!("w{}_{}", std::process::id(), WORLDS.fetch_add(1, Ordering::SeqCst));
        let form = "KOINE_TEST_POSTGRES is `postgres://user@host:port/database`";
        let (user, place) = admin_url.split_once('@').expect(form);
        let (address, _) = place.split_once('/').expect(form);
        let scheme = user.split_once("://").expect(form).0;
        let url = format!("{scheme}://{world}_{{tenant}}_{{service}}:secret@{address}/{world}_{{tenant}}");
        Self::Postgres { url, admin_url }
    }

    /// The section `[store]`.
    pub fn settings(&self) -> String {
        match self {
            Self::Sqlite(data) => format!("[store]\nurl = {:?}\n", format!("sqlite:{}", data.display())),
            Self::Postgres { url, admin_url } => {
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

/// The URL of the server. None: SQLite.
#[expect(clippy::disallowed_methods, reason = "which database to test on is said by who starts the tests")]
pub fn postgres() -> Option<String> {
    std::env::var(POSTGRES).ok()
}
