//! How fast and how small the system is, each figure beside one of the same machine that needs no explanation. See
//! `scripts/bench --help`.

#![recursion_limit = "512"]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a program to watch, outside of the system: a panic is how it says that something is wrong"
)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod calls;
mod class;
mod deadline;
mod echo;
mod ground;
mod load;
mod pgbench;
mod report;
mod server;
mod sign_in;
mod start;
mod submissions;
mod twinning;

/// Measures the system. `scripts/bench` builds what it needs and starts it.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure everything and print it.
    All(Postgres),
    /// Measure deadline night alone: all classes of a country submit their reports in the last minute.
    Deadline(Postgres),
    /// Measure the calls alone: CPU per call.
    Calls,
    /// Measure what two classes of two countries do with each other.
    Twinning,
    /// Answer calls as a bare tonic server does, until killed.
    Echo,
}

/// A PostgreSQL server that may be filled.
#[derive(Args)]
struct Postgres {
    /// The URL of who may make databases: `postgres://koine@127.0.0.1:5432/postgres`.
    #[arg(long)]
    postgres: String,
    /// The folder of `pgbench` and `psql`.
    #[arg(long)]
    programs: PathBuf,
}

#[tokio::main]
async fn main() {
    match Arguments::parse().command {
        Command::All(Postgres { postgres, programs }) => {
            report::head();
            start::measure().await;
            calls::measure().await;
            sign_in::measure().await;
            submissions::measure(&postgres, &programs).await;
            deadline::measure(&postgres, &programs).await;
            twinning::measure().await;
        }
        Command::Deadline(Postgres { postgres, programs }) => {
            report::head();
            deadline::measure(&postgres, &programs).await;
        }
        Command::Calls => {
            report::head();
            calls::measure().await;
        }
        Command::Twinning => {
            report::head();
            twinning::measure().await;
        }
        Command::Echo => echo::serve().await,
    }
}
