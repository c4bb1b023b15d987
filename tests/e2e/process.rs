//! The services as processes of their own, over TCP with certificates; and the command line.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};

use tempfile::TempDir;
use tests::{engine::Engine, world};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::source::root;

mod at_once;
mod command;
mod split;

/// Where the programs are, built from what is being tested.
pub fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // as `scripts/test` builds them before, so that there is nothing left to do here then
        let cargo = "cargo";
        let build = std::process::Command::new(cargo)
            .args(["build", "--workspace", "--bins", "--quiet"])
            .current_dir(root())
            .stdin(Stdio::null())
            .output()
            .expect("cargo");
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        // target/debug/deps/e2e-…
        let test = std::env::current_exe().expect("this program");
        test.ancestors().nth(2).expect("a folder").to_owned()
    })
}

/// One machine with the settings of an installation on it.
struct Machine {
    folder: TempDir,
    /// The services that run, by their names.
    running: Vec<(&'static str, Child)>,
    ports: Vec<(&'static str, u16)>,
    engine: Engine,
}

impl Machine {
    /// With Italy alone, certificates for every service, and nothing running.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("tenants")).expect("a folder");
        fs::copy(world::tenant_files().join("it.toml"), folder.path().join("tenants/it.toml")).expect("a file");
        let tls = folder.path().join("tls");
        let made = std::process::Command::new(root().join("scripts/ca"))
            .arg(&tls)
            .args(["identity", "lessons", "gateway"])
            .output()
            .expect("scripts/ca");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // all are taken before any is given back, so that no two are the same
        let taken: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let ports = taken.iter().map(|listener| listener.local_addr().expect("an address").port());
        let ports = ["identity", "lessons", "gateway"].into_iter().zip(ports).collect();
        let engine = Engine::new(&folder.path().join("data"));
        let machine = Self { folder, running: Vec::new(), ports, engine };
        for name in ["identity", "lessons", "gateway", "koine"] {
            fs::write(machine.settings(name), machine.text(name)).expect("a file");
        }
        machine
    }

    fn port(&self, name: &str) -> u16 {
        self.ports.iter().find(|(known, _)| *known == name).map_or(0, |(_, port)| *port)
    }

    fn settings(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.toml"))
    }

    /// The settings of one process: the same for all but for its address and its certificate.
    fn text(&self, name: &str) -> String {
        let folder = self.folder.path();
        let data = folder.join("data");
        let tls = folder.join("tls");
        let (identity, lessons) = (self.port("identity"), self.port("lessons"));
        let certificate = if name == "koine" {
            String::new()
        } else {
            format!(
                "[tls]\nca = {:?}\ncert = {:?}\nkey = {:?}\n",
                tls.join("ca.pem"),
                tls.join(format!("{name}.pem")),
                tls.join(format!("{name}.key"))
            )
        };
        let peers = if name == "koine" {
            String::new()
        } else {
            format!("[peers]\nidentity = \"https://127.0.0.1:{identity}\"\nlessons = \"https://127.0.0.1:{lessons}\"\n")
        };
        format!(
            "{store}[process]\ndata = {data:?}\naddress = \"127.0.0.1:{port}\"\nsecret = \"a secret of forty characters or more, all in all\"\n\
             [tenants]\ndir = {tenants:?}\n[blobs]\nfolder = {blobs:?}\n[mail]\nfolder = {mail:?}\n{certificate}{peers}",
            store = self.engine.settings(),
            port = self.port(name),
            tenants = folder.join("tenants"),
            blobs = data.join("blobs"),
            mail = data.join("mail"),
        )
    }

    /// A program with its settings, and with nothing of ours in its environment.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(programs().join(name));
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
        loop {
            let line = lines.next_line().await.expect("stderr").unwrap_or_else(|| panic!("{name} ended: {said}"));
            if line.contains("ready address=") {
                break;
            }
            said.push_str(&line);
        }
        // it goes on talking, and must not wait for somebody to listen
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.running.push((name, child));
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
        child.wait().await.expect("a status").code()
    }

    /// Runs a command of `koine` to its end: its exit code, what it said and what it complained of.
    async fn koine(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let done = self.program("koine").args(arguments).output().await.expect("koine");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (done.status.code(), text(done.stdout), text(done.stderr))
    }
}
