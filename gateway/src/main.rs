//! The gateway in a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    platform::run([gateway::service()])
}
