//! Walks the path against a running system, by HTTP only, and prints each step. See `scripts/demo --help`.

#![recursion_limit = "512"]
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a program to watch")]

use std::{fs, path::PathBuf};

use clap::Parser;
use tests::{
    mailbox::Mailbox,
    path::{Ground, Path, coordinator_of},
    world,
};

/// Walks from a class to a delivered report, against a running system, by HTTP only.
#[derive(Parser)]
struct Arguments {
    /// Where the system listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Its data folder: the letters people get are read there, and the passwords of the demo coordinators.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// The countries.
    #[arg(default_values = ["it", "hr"])]
    tenants: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Arguments { url, data, tenants } = Arguments::parse();
    let passwords = fs::read_to_string(data.join("demo-coordinators.txt"))
        .unwrap_or_else(|error| panic!("{}: {error}. Is the system running (scripts/run)?", data.display()));
    for tenant in tenants {
        let line = passwords.lines().rev().find(|line| line.starts_with(&format!("{tenant}  ")));
        let line = line.unwrap_or_else(|| panic!("demo-coordinators.txt has no coordinator of `{tenant}`"));
        let words: Vec<&str> = line.split_whitespace().collect();
        let coordinator = coordinator_of(&url, &tenant, words[1], words[2]).await;
        let mark = platform::Clock::system().now().as_millisecond().to_string();
        let mailbox = Mailbox::new(data.join("mail"), &tenant);
        let path = Path::new(Ground::Running, coordinator, mailbox, &mark, |line| println!("{line}"));
        path.walk(world::data(&format!("schools/{tenant}.csv"))).await;
    }
    println!("done");
}
