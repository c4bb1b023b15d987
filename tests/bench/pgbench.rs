//! What PostgreSQL does by itself.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Makes the table.
pub fn prepare(url: &str, programs: &Path) {
    let sql = "CREATE TABLE IF NOT EXISTS delivery (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), at timestamptz DEFAULT now(), body text)";
    run(Command::new(programs.join("psql")).arg(url).args(["-X", "-q", "-c", sql]));
}

/// How fast rows are inserted one by one.
pub struct Inserts {
    /// Rows a second, over all connections.
    pub per_second: f64,
    /// How long each takes on the average.
    pub latency_ms: f64,
}

/// Inserts of one row, each durable, from so many connections.
pub fn inserts(url: &str, programs: &Path, connections: usize, seconds: u64) -> Inserts {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("insert.sql");
    fs::write(&script, "INSERT INTO delivery (body) VALUES (repeat('x', 300));\n").expect("a file");
    let mut command = Command::new(programs.join("pgbench"));
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]).arg(format!("--client={connections}"));
    command.arg(format!("--time={seconds}")).arg("--file").arg(&script).arg(url);
    let said = String::from_utf8_lossy(&run(&mut command).stdout).into_owned();
    let number = |name: &str| -> f64 {
        let line = said.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split(' ').next()?.parse().ok());
        number.unwrap_or_else(|| panic!("pgbench said: {said}"))
    };
    Inserts { per_second: number("tps = "), latency_ms: number("latency average = ") }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
