//! `koine`: see `koine --help`.

use std::process::ExitCode;

/// The system's allocator keeps what a burst of uploads needed; this one gives it back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    koine::command::main()
}
