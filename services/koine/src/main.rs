//! `koine`: see `koine --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    koine::command::main()
}
