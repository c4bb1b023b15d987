//! Walks the path, a twinning, or the life of accounts, against a running system, by HTTP only, and prints each step. See `scripts/demo --help`.

#![recursion_limit = "512"]
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a program to watch")]

use std::{fs, path::PathBuf};

use clap::Parser;
use tests::{
    Caller, Twins,
    mailbox::Mailbox,
    path::{Ground, Path, coordinator_of, text},
    people::People,
    twins::Staff,
    world,
};

/// Walks from a class to a delivered report, through a twinning, or through the life of accounts, against a running system, by HTTP only.
#[derive(Parser)]
struct Arguments {
    /// Where the system listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Its data folder: the letters people get are read there, and the passwords of the demo coordinators.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// The countries; or `twinning` and then the programmes; or `accounts` and then countries and programmes.
    #[arg(default_values = ["it", "hr"])]
    tenants: Vec<String>,
}

/// The running system, and what is known of it from its data folder.
struct Demo {
    url: String,
    data: PathBuf,
    passwords: String,
    /// Tells the addresses of this walk from those of others.
    mark: String,
}

impl Demo {
    async fn coordinator(&self, tenant: &str) -> Caller {
        let line = self.passwords.lines().rev().find(|line| line.starts_with(&format!("{tenant}  ")));
        let line = line.unwrap_or_else(|| panic!("demo-coordinators.txt has no coordinator of `{tenant}`"));
        let words: Vec<&str> = line.split_whitespace().collect();
        coordinator_of(&self.url, tenant, words[1], words[2]).await
    }

    fn mailbox(&self, tenant: &str) -> Mailbox {
        Mailbox::new(self.data.join("mail"), tenant)
    }

    fn path_of(&self, coordinator: Caller) -> Path<'_> {
        let mailbox = self.mailbox(coordinator.tenant());
        Path::new(Ground::Running, coordinator, mailbox, &self.mark, say)
    }

    async fn path(&self, tenant: &str) {
        let path = self.path_of(self.coordinator(tenant).await);
        path.walk(world::data(&format!("schools/{tenant}.csv"))).await;
    }

    async fn accounts(&self, tenant: &str) {
        let coordinator = self.coordinator(tenant).await;
        People::new(self.path_of(coordinator.clone()), coordinator, &self.mark).walk().await;
    }

    async fn twinning(&self, programme: &str) {
        let secretariat = self.coordinator(programme).await;
        let tenant = secretariat.get("/v1/tenant").await.ok();
        let mut homes: Vec<_> = tenant["countries"].as_array().expect("countries").iter().map(text).collect();
        homes.sort_unstable();
        // of a programme of many countries, the first two
        let [one, other] = [&homes[0], &homes[1]];
        let countries =
            [(self.coordinator(one).await, self.mailbox(one)), (self.coordinator(other).await, self.mailbox(other))];
        let staff = Staff { secretariat, countries };
        let mark = format!("{}.{programme}", self.mark);
        Twins::cross(Ground::Running, programme, staff, &mark, say).await.walk().await;
    }
}

fn say(line: &str) {
    println!("{line}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Arguments { url, data, tenants } = Arguments::parse();
    let passwords = fs::read_to_string(data.join("demo-coordinators.txt"))
        .unwrap_or_else(|error| panic!("{}: {error}. Is the system running (scripts/run)?", data.display()));
    let mark = platform::Clock::system().now().as_millisecond().to_string();
    let demo = Demo { url, data, passwords, mark };
    match tenants.split_first() {
        Some((word, programmes)) if word == "twinning" => {
            let usual = ["it-hr".to_owned()];
            for programme in if programmes.is_empty() { &usual } else { programmes } {
                demo.twinning(programme).await;
            }
        }
        Some((word, tenants)) if word == "accounts" => {
            let usual = ["it".to_owned(), "it-hr".to_owned()];
            for tenant in if tenants.is_empty() { &usual } else { tenants } {
                demo.accounts(tenant).await;
            }
        }
        _ => {
            for tenant in &tenants {
                demo.path(tenant).await;
            }
        }
    }
    say("done");
}
