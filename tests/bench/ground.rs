//! What a process of ours stands on: a folder with eight tenants and the settings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use tests::{
    Caller, Http,
    engine::Engine,
    mailbox::Mailbox,
    nats::Nats,
    server::{Server, program},
    world,
};

/// Five countries and three programmes.
const TENANTS: [&str; 8] = ["it", "hr", "es", "gr", "si", "it-hr", "it-si", "gr-it"];

/// A folder of its own, gone with this.
pub struct Ground {
    folder: TempDir,
    engine: Engine,
}

impl Ground {
    /// On SQLite.
    pub fn sqlite() -> Self {
        Self::new(|folder| Engine::Sqlite(folder.join("data")))
    }

    /// On a PostgreSQL server, by the URL of who may make databases; each is called by this name and its tenant's.
    pub fn postgres(admin_url: &str, name: &str) -> Self {
        let place =
            admin_url.split_once('@').and_then(|(_, place)| place.split_once('/')).expect("a URL with a user").0;
        let url = format!("postgres://{{tenant}}_{{service}}:secret@{place}/{name}_{{tenant}}");
        Self::new(|_| Engine::Postgres { url, admin_url: admin_url.to_owned(), world: name.to_owned() })
    }

    /// Who measures comes from one address and belongs to one tenant: the limits that keep one caller from taking the room of the
    /// others are out of the way, and a token lives for a whole night. All else has its default.
    fn new(engine: impl FnOnce(&Path) -> Engine) -> Self {
        let ground = tempfile::tempdir().expect("a folder");
        let (folder, tenants) = (ground.path(), ground.path().join("tenants"));
        let engine = engine(folder);
        let store = match &engine {
            Engine::Sqlite(data) => format!("url = {:?}", format!("sqlite:{}", data.display())),
            Engine::Postgres { url, admin_url, .. } => format!("url = {url:?}\nadmin_url = {admin_url:?}"),
        };
        fs::create_dir(&tenants).expect("a folder");
        for tenant in TENANTS {
            let file = format!("{tenant}.toml");
            fs::copy(world::tenant_files().join(&file), tenants.join(&file))
                .unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        let settings = format!(
            "[process]\ndata = {data:?}\naddress = \"127.0.0.1:0\"\n[tenants]\ndir = {tenants:?}\n[store]\n{store}\n\
             [blobs]\nfolder = {blobs:?}\n[mail]\nfolder = {mail:?}\n[peers]\nlessons = \"http://127.0.0.1:9\"\n\
             [limits]\nper_tenant_per_second = 1000000\nper_tenant_burst = 1000000\nconnections_per_address = 8192\n\
             bytes_per_address = 268435456\n[tokens]\naccess_minutes = 60\n[gateway]\nrequests_per_address = 16384\n[identity.throttle]\n{throttle}",
            data = folder.join("data"),
            blobs = folder.join("data/blobs"),
            mail = folder.join("data/mail"),
            throttle = "address = { burst = 1000000, every_ms = 1 }\nlogin = { burst = 100, every_ms = 1 }\n\
                        letter = { burst = 100, every_ms = 1 }\n",
        );
        fs::write(folder.join("koine.toml"), settings).expect("a file");
        Self { folder: ground, engine }
    }

    /// The whole system, as people start it.
    pub fn koine(&self) -> Command {
        let mut command = command("koine", &self.settings());
        command.arg("serve");
        command
    }

    /// The same, which first makes a coordinator for each country.
    pub fn demo(&self) -> Command {
        let mut command = self.koine();
        command.arg("--demo");
        command
    }

    /// Identity as a process of its own, on the same data. Its facts travel by this broker.
    pub fn identity(&self, broker: &Nats) -> Command {
        let own = self.folder.path().join("identity.toml");
        let settings = fs::read_to_string(self.settings()).expect("a file");
        fs::write(&own, settings + &broker.settings()).expect("a file");
        command("identity", &own)
    }

    /// A broker with its data beside those of the system.
    pub fn broker(&self) -> Nats {
        Nats::start(&self.folder.path().join("nats"))
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("koine.toml")
    }

    /// The databases it stands on.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where its data are.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The letters of a tenant.
    pub fn mailbox(&self, tenant: &str) -> Mailbox {
        Mailbox::new(self.folder.path().join("data/mail"), tenant)
    }

    /// Login and password of the coordinators that `demo` made, by tenant.
    pub fn coordinators(&self) -> Vec<(String, String, String)> {
        let lines = fs::read_to_string(self.folder.path().join("data/demo-coordinators.txt")).expect("coordinators");
        let words = lines.lines().filter_map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Some((words.next()?, words.next()?, words.next()?))
        });
        words.collect()
    }

    /// The coordinator of a country, signed in.
    pub async fn coordinator(&self, server: &Server, tenant: &str) -> Caller {
        let known = self.coordinators();
        let (_, login, password) = known.iter().find(|(country, ..)| country == tenant).expect("a coordinator");
        Caller::anybody(Http::new(server.address()), tenant).sign_in(login, password).await
    }
}

fn command(name: &str, settings: &Path) -> Command {
    let mut command = Command::new(program(name));
    command.arg("--config").arg(settings);
    command
}

/// The echo, beside which calls are measured.
pub fn echo() -> Command {
    let mut command = Command::new(program("bench"));
    command.arg("echo");
    command
}
