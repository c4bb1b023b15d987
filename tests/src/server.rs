//! A process of one of our programs, as an operator runs it: started with settings, observed by its log, ended by a signal.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{engine, nats};

/// How long a process may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that listens. Dropping it kills the process.
pub struct Server {
    child: Child,
    address: SocketAddr,
    ready_after: Duration,
    log: Arc<Mutex<String>>,
    /// Receives a message, or closes, when the process has closed its log, which it does when it ends.
    ended: mpsc::Receiver<()>,
}

/// The path of a program of the build. `cargo build --workspace --bins` builds all of them.
pub fn program(name: &str) -> PathBuf {
    let mut folder = env::current_exe().expect("a program");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(name);
    assert!(path.exists(), "{}: is missing; `cargo build --workspace --bins` makes it", path.display());
    path
}

impl Server {
    /// Starts a process and waits until it logs that it is ready.
    pub fn start(mut command: Command) -> Self {
        let begun = Instant::now();
        // a log that is not a terminal has no colours, with which `ready` would not be found
        let spawned = command
            .env_remove("NO_COLOR")
            .env_remove(engine::POSTGRES)
            .env_remove(nats::PROGRAM)
            .env_remove("KOINE_BLESS")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (lines, log) = (child.stderr.take().expect("a pipe"), Arc::<Mutex<String>>::default());
        let (ready, told) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let kept = log.clone();
        thread::spawn(move || {
            read(lines, &kept, &ready);
            // fails only where nobody waits any more
            let _ = end.send(());
        });
        match told.recv_timeout(PATIENCE) {
            Ok((address, at)) => Self { child, address, ready_after: at.duration_since(begun), log, ended },
            Err(_) => {
                let _ = child.kill();
                panic!("{command:?} did not become ready: {}", log.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The time from its start to its line `ready`.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it with a signal, waits until it has ended, and returns its log.
    pub fn stop(mut self) -> String {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill");
        assert!(told.success(), "the process was gone before it was told to end");
        let log = self.log();
        assert!(self.ended.recv_timeout(PATIENCE).is_ok(), "waited {PATIENCE:?} in vain for the process to end: {log}");
        let ended = self.child.wait().expect("an end");
        assert!(ended.success(), "{ended}: {}", self.log());
        self.log()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it has ended already, or is killed, because it must not outlive the test
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the log to its end, so that the process never waits for a reader.
fn read(lines: ChildStderr, log: &Mutex<String>, ready: &mpsc::Sender<(SocketAddr, Instant)>) {
    for line in BufReader::new(lines).lines().map_while(Result::ok) {
        let address = line.split_once("ready address=").and_then(|(_, address)| address.trim().parse().ok());
        // fails only where nobody waits any more
        address.map(|address| ready.send((address, Instant::now())));
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}
