//! The service `identity` as a process of its own. Its databases are made by `koine migrate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    platform::run([identity::service()])
}
