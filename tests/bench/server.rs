//! How much of the machine a process takes, seen from outside.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use tests::server::Server;

/// How long a process may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(250);
/// A process that takes less of a processor than this, in parts, is at rest.
const REST: f64 = 0.01;

/// Starts it on the last core alone: a runtime then has one thread for what it does.
pub fn on_one_core(command: &Command) -> Server {
    let last = thread::available_parallelism().map_or(0, |cores| cores.get() - 1);
    let mut pinned = Command::new("taskset");
    pinned.arg("--cpu-list").arg(last.to_string()).arg(command.get_program()).args(command.get_args());
    Server::start(pinned)
}

/// What each of its threads has taken of a processor, in nanoseconds, by the scheduler's own books.
pub fn threads(server: &Server) -> BTreeMap<String, u64> {
    let folder = fs::read_dir(format!("/proc/{}/task", server.id())).expect("a running process");
    let taken = folder.flatten().filter_map(|thread| {
        let books = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.file_name().into_string().ok()?, books.split(' ').next()?.parse().ok()?))
    });
    taken.collect()
}

/// What it has taken of processors since `before`. Threads that have ended since then were at rest, and are left out.
pub fn taken_since(server: &Server, before: &BTreeMap<String, u64>) -> Duration {
    let now = threads(server);
    let taken = now.iter().map(|(thread, nanos)| nanos - before.get(thread).copied().unwrap_or_default());
    Duration::from_nanos(taken.sum())
}

/// Its resident memory, in MB.
pub fn resident(server: &Server) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0 / 1e6
}

/// Waits until it has nothing to do.
pub async fn rest(server: &Server) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let before = threads(server);
        tokio::time::sleep(LOOK).await;
        if taken_since(server, &before) < LOOK.mul_f64(REST) {
            return;
        }
    }
    panic!("the process does not come to rest: {}", server.log());
}
