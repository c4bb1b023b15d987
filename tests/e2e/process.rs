//! The services as processes of their own, over TCP with certificates; and the command line.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    time::Duration,
};

use sea_orm::{ConnectionTrait, Statement};
use tempfile::TempDir;
use tests::{Caller, engine::Engine, limit::wait, mailbox::Mailbox, nats::Nats, path::coordinator_of, world};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::source::root;

mod abandoned;
mod at_once;
mod broker;
mod command;
mod downtime;
mod ended;
mod operation;
mod replicas;
mod split;

/// How long a test waits for what happens in another process.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer. Panics where there is none in time, with what was waited for.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        // who asks without a pause takes the processor from those it waits for
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        loop {
            pace.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited a minute for {what}"))
}

/// Where the programs are, built from what is being tested.
pub fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // as `scripts/test` builds them before, so that there is nothing left to do here then
        let mut build = std::process::Command::new("cargo");
        build.args(["build", "--workspace", "--bins", "--quiet"]).current_dir(root()).stdin(Stdio::null());
        of_no_package(&mut build);
        let build = build.output().expect("cargo");
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        // target/debug/deps/e2e-…
        let test = std::env::current_exe().expect("this program");
        test.ancestors().nth(2).expect("a folder").to_owned()
    })
}

/// Removes what cargo says of the package whose test runs. Build scripts of dependencies read it, so a build that is told something else
/// than the one before makes half of the dependencies anew.
#[expect(clippy::disallowed_methods, reason = "the variables are known by their beginnings alone")]
fn of_no_package(build: &mut std::process::Command) {
    for (name, _) in std::env::vars_os() {
        let is_of_a_package = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|of| name.starts_with(of));
        if name.to_str().is_some_and(is_of_a_package) {
            build.env_remove(name);
        }
    }
}

/// What can run: each has settings, a port and a certificate of its own. A number tells a replica from the first of its kind.
const SERVICES: [&str; 5] = ["identity", "lessons", "gateway", "lessons2", "gateway2"];

/// One machine with the settings of an installation on it.
struct Machine {
    folder: TempDir,
    /// The services that run, by their names.
    running: Vec<(&'static str, Child)>,
    ports: Vec<(&'static str, u16)>,
    engine: Engine,
    /// Where services run apart: what brings facts from one to the other.
    nats: Option<Nats>,
}

impl Machine {
    /// With Italy alone, certificates for every service, and nothing running.
    fn new() -> Self {
        Self::with(&["it"])
    }

    /// With these tenants, and a broker, for services that run apart.
    fn apart(tenants: &[&str]) -> Self {
        let mut machine = Self::with(tenants);
        machine.nats = Some(Nats::secure(&machine.folder.path().join("nats"), &machine.folder.path().join("tls")));
        SERVICES.into_iter().for_each(|name| machine.write_settings(name, None));
        machine
    }

    fn with(tenants: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("tenants")).expect("a folder");
        for tenant in tenants {
            let file = format!("{tenant}.toml");
            fs::copy(world::tenant_files().join(&file), folder.path().join("tenants").join(&file)).expect("a file");
        }
        let tls = folder.path().join("tls");
        let made = std::process::Command::new(root().join("scripts/ca"))
            .arg(&tls)
            .args(SERVICES)
            .arg("nats")
            .output()
            .expect("scripts/ca");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // all are taken before any is given back, so that no two are the same
        let taken: Vec<_> = SERVICES.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let ports = taken.iter().map(|listener| listener.local_addr().expect("an address").port());
        let ports = SERVICES.into_iter().zip(ports).collect();
        let engine = Engine::unmade(&folder.path().join("data"));
        let machine = Self { folder, running: Vec::new(), ports, engine, nats: None };
        SERVICES.into_iter().chain(["koine"]).for_each(|name| machine.write_settings(name, None));
        machine
    }

    fn port(&self, name: &str) -> u16 {
        self.ports.iter().find(|(known, _)| *known == name).map_or(0, |(_, port)| *port)
    }

    fn settings(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.toml"))
    }

    /// Writes the settings of one process: the same for all but for its address and its certificate. It talks to the broker by its
    /// port, or by that of what stands in between.
    fn write_settings(&self, name: &str, between: Option<u16>) {
        let folder = self.folder.path();
        let data = folder.join("data");
        // what is run once and ends keeps to itself
        let apart = if name == "koine" { String::new() } else { self.apart_settings(name, between) };
        let text = format!(
            "{store}[process]\ndata = {data:?}\naddress = \"127.0.0.1:{port}\"\nsecret = \"a secret of forty characters or more, all in all\"\n\
             [tenants]\ndir = {tenants:?}\n[blobs]\nfolder = {blobs:?}\n[mail]\nfolder = {mail:?}\n{apart}",
            store = self.engine.settings(),
            port = self.port(name),
            tenants = folder.join("tenants"),
            blobs = data.join("blobs"),
            mail = data.join("mail"),
        );
        fs::write(self.settings(name), text).expect("a file");
    }

    fn apart_settings(&self, name: &str, between: Option<u16>) -> String {
        let tls = self.folder.path().join("tls");
        let events =
            self.nats.as_ref().map_or_else(String::new, |nats| nats.settings_by(between.unwrap_or(nats.port())));
        // the second gateway has the second replica behind it
        let lessons = if name.ends_with('2') { "lessons2" } else { "lessons" };
        format!(
            "[tls]\nca = {:?}\ncert = {:?}\nkey = {:?}\n\
             [peers]\nidentity = \"https://127.0.0.1:{}\"\nlessons = \"https://127.0.0.1:{}\"\n{events}",
            tls.join("ca.pem"),
            tls.join(format!("{name}.pem")),
            tls.join(format!("{name}.key")),
            self.port("identity"),
            self.port(lessons),
        )
    }

    /// A new coordinator of a tenant, signed in at a gateway that runs.
    async fn coordinator(&self, tenant: &str) -> Caller {
        let email = format!("ada@{tenant}.example");
        let person = ["--email", &email, "--given-name", "Ada", "--surname", "Verdi"];
        let (_, said, complained) =
            self.koine(&[&["account", "create", "--tenant", tenant], &person[..]].concat()).await;
        let password = said.lines().find_map(|line| line.strip_prefix("password"));
        let password = password.unwrap_or_else(|| panic!("{said}{complained}")).trim();
        let base = format!("http://127.0.0.1:{}", self.port("gateway"));
        coordinator_of(&base, tenant, &email, password).await
    }

    fn mailbox(&self, tenant: &str) -> Mailbox {
        Mailbox::new(self.folder.path().join("data/mail"), tenant)
    }

    /// The texts of one column of the rows in a database, behind the system's back.
    async fn column(&self, tenant: &str, service: &'static str, sql: &str, column: &str) -> Vec<String> {
        let database = self.engine.connect(tenant, service).await;
        let query = Statement::from_string(database.get_database_backend(), sql);
        let rows = database.query_all_raw(query).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let texts = rows.iter().map(|row| row.try_get("", column).expect(column)).collect();
        database.close().await.expect("an open database");
        texts
    }

    /// A program with its settings, and with nothing of ours in its environment.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(programs().join(name.trim_end_matches('2')));
        for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KOINE_")) {
            command.env_remove(variable);
        }
        command.env("KOINE_CONFIG", self.settings(name)).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Starts a service, and waits until it says that it is ready.
    async fn start(&mut self, name: &'static str, arguments: &[&str]) {
        let mut child =
            self.program(name).args(arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect(name);
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let mut said = String::new();
        let ready = async {
            loop {
                let line = lines.next_line().await.expect("stderr").unwrap_or_else(|| panic!("{name} ended: {said}"));
                if line.contains("ready address=") {
                    break;
                }
                said.push_str(&line);
            }
        };
        wait(format!("{name} to be ready"), ready).await;
        // it goes on talking, and must not wait for somebody to listen
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.running.push((name, child));
    }

    /// Makes the databases, and starts identity, lessons and gateway.
    async fn start_all(&mut self) {
        let (code, _, complained) = self.koine(&["migrate"]).await;
        assert_eq!(code, Some(0), "{complained}");
        for name in ["identity", "lessons", "gateway"] {
            self.start(name, &[]).await;
        }
    }

    /// The broker of services that run apart.
    fn broker(&mut self) -> &mut Nats {
        self.nats.as_mut().expect("a broker")
    }

    /// Sends a signal to a service, by its id.
    fn signal(&self, name: &str, signal: &str) {
        let (_, child) = self.running.iter().find(|(known, _)| *known == name).expect("a running service");
        let id = child.id().expect("a living service").to_string();
        let sent = std::process::Command::new("kill").args([signal, &id]).status().expect("kill");
        assert!(sent.success(), "{signal} to {name}");
    }

    /// Waits for the end of a service that was told to end. Gives its exit code.
    async fn ended(&mut self, name: &str) -> Option<i32> {
        let index = self.running.iter().position(|(known, _)| *known == name).expect("a running service");
        let (_, mut child) = self.running.remove(index);
        wait(format!("{name} to end"), child.wait()).await.expect("a status").code()
    }

    /// Runs a command of `koine` to its end: its exit code, what it said and what it complained of.
    async fn koine(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let done = self.program("koine").args(arguments).output();
        let done = wait(format!("koine {}", arguments.join(" ")), done).await.expect("koine");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (done.status.code(), text(done.stdout), text(done.stderr))
    }
}
