//! On which database a world stands. The same suite runs on each: `scripts/test` runs it once as it is and once with
//! `KOINE_TEST_POSTGRES` naming a throw-away server.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectOptions, Database, DatabaseConnection, sqlx::postgres::PgConnectOptions};

/// The variable that names the server. It is for tests alone: a program of ours that finds it takes it for a setting nobody knows.
pub const POSTGRES: &str = "KOINE_TEST_POSTGRES";

/// Where the databases of one world are.
#[derive(Clone, Debug)]
pub enum Engine {
    /// Files in a folder.
    Sqlite(PathBuf),
    /// Databases of a server.
    Postgres {
        /// A URL with `{tenant}` and `{service}` in it.
        url: String,
        /// The URL of who may make them.
        admin_url: String,
    },
}

impl Engine {
    /// For a new world with this data folder.
    pub fn new(data: &Path) -> Self {
        static WORLDS: AtomicU32 = AtomicU32::new(0);
        let Some(admin_url) = postgres() else { return Self::Sqlite(data.to_owned()) };
        // databases of one server are shared by all tests of this process and of those before it: each world has names of its own
        let world = format!("w{}_{}", std::process::id(), WORLDS.fetch_add(1, Ordering::SeqCst));
        let form = "KOINE_TEST_POSTGRES is `postgres://user@host:port/database`";
        let (user, place) = admin_url.split_once('@').expect(form);
        let (address, _) = place.split_once('/').expect(form);
        let scheme = user.split_once("://").expect(form).0;
        let url = format!("{scheme}://{world}_{{tenant}}_{{service}}:secret@{address}/{world}_{{tenant}}");
        Self::Postgres { url, admin_url }
    }

    /// The `[store]` section.
    pub fn settings(&self) -> String {
        match self {
            Self::Sqlite(data) => format!("[store]\nurl = {:?}\n", format!("sqlite:{}", data.display())),
            Self::Postgres { url, admin_url } => {
                format!("[store]\nurl = {url:?}\nadmin_url = {admin_url:?}\nconnections = 12\n")
            }
        }
    }

    /// A connection of its own to the database of a service in a tenant: for who looks behind the system's back.
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

/// The server to stand on, if it is not SQLite.
#[expect(clippy::disallowed_methods, reason = "which database to test on is said by who starts the tests")]
pub fn postgres() -> Option<String> {
    std::env::var(POSTGRES).ok()
}
