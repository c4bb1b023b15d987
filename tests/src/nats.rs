//! A broker for one test: a real NATS server with JetStream, on a free port of this machine, with its data in a folder of the test.
//! It can be killed, and started again with the same data.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// The variable with the path of the program. It is only for tests, like [`crate::engine::POSTGRES`].
pub const PROGRAM: &str = "TEST_NATS_SERVER";

/// How long the server may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// The password that the server requires.
const PASSWORD: &str = "a password of the broker";

/// The server. Dropping it kills the server.
pub struct Nats {
    folder: PathBuf,
    tls: Option<PathBuf>,
    port: u16,
    running: Option<Child>,
}

impl Nats {
    /// Starts a server with its data in a folder, and waits until it is ready.
    pub fn start(folder: &Path) -> Self {
        Self::begin(folder, None)
    }

    /// Starts a server with TLS, with the certificate `nats` in a folder that `scripts/ca` made. Clients must show one of the same
    /// authority.
    pub fn secure(folder: &Path, tls: &Path) -> Self {
        Self::begin(folder, Some(tls.to_owned()))
    }

    fn begin(folder: &Path, tls: Option<PathBuf>) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut nats = Self { folder: folder.to_owned(), tls, port, running: None };
        nats.start_again();
        nats
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The section `[events]` for its clients, with the port of something that stands in between.
    pub fn settings_by(&self, port: u16) -> String {
        let scheme = if self.tls.is_some() { "tls" } else { "nats" };
        format!(
            "[events]\nnats = \"{scheme}://127.0.0.1:{port}\"\nuser = \"koine\"\npassword = {PASSWORD:?}\nack_wait_seconds = 2\n"
        )
    }

    /// The section `[events]` for its clients.
    pub fn settings(&self) -> String {
        self.settings_by(self.port)
    }

    /// Kills the server, like a power failure.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().expect("a running server");
            child.wait().expect("an end");
        }
    }

    /// Starts the server again with the same data and port.
    pub fn start_again(&mut self) {
        let file = self.folder.join("nats.conf");
        let tls = self.tls.as_ref().map_or_else(String::new, |tls| {
            let file = |name: &str| tls.join(name).display().to_string();
            let (cert, key, ca) = (file("nats.pem"), file("nats.key"), file("ca.pem"));
            format!("tls {{\n cert_file: {cert:?}\n key_file: {key:?}\n ca_file: {ca:?}\n verify: true\n}}\n")
        });
        let data = self.folder.join("data").display().to_string();
        let text = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{\n store_dir: {data:?}\n sync_interval: always\n}}\n\
             authorization {{\n user: koine\n password: {PASSWORD:?}\n}}\n{tls}",
            self.port
        );
        fs::write(&file, text).expect("a file");
        let mut child = Command::new(program())
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program().display()));
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let (ready, told) = mpsc::channel();
        // the server goes on logging, and must not wait for a reader
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // fails only where nobody waits any more
                let _ = ready.send(line);
            }
        });
        self.running = Some(child);
        let mut said = String::new();
        while !said.contains("Server is ready") {
            let line = told.recv_timeout(PATIENCE);
            said.push_str(&line.unwrap_or_else(|_| panic!("the NATS server did not become ready: {said}")));
            said.push('\n');
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program: the one of [`PROGRAM`], the one that `scripts/test` has fetched, or the one on the `PATH`.
#[expect(clippy::disallowed_methods, reason = "where the program is, is said by who starts the tests")]
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os(PROGRAM) {
        return named.into();
    }
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/nats/nats-server");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("nats-server")).find(|file| file.exists());
    let found = Some(fetched).filter(|file| file.exists()).or(on_path);
    found.unwrap_or_else(|| panic!("there is no NATS server for tests here: `scripts/nats` fetches one"))
}
