//! The command line. Each command has a file; it reports its result on stdout and errors on stderr.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use platform::{Clock, Config, Error, Process, Result, Service};

use crate::services;

mod account;
mod audit;
mod demo;
mod facts;
mod migrate;
mod serve;
mod tenant;

/// Koine runs civic-monitoring school programmes across countries.
#[derive(Parser)]
#[command(version, about, long_about = None)]
struct Arguments {
    /// The settings. Without a file everything has a default; variables `KOINE_SECTION__KEY` go over both.
    #[arg(long, global = true, env = "KOINE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole system in this process until Ctrl-C, which lets calls under way finish.
    Serve(serve::Serve),
    /// Make and update the databases of every tenant. Safe to run again.
    Migrate,
    /// Print the settings in force, with secrets as `***`.
    Config,
    /// Look at the files of tenants.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Accounts that nobody can register by themselves.
    #[command(subcommand)]
    Account(account::Account),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Facts that were not handled.
    #[command(subcommand)]
    Facts(facts::Facts),
}

/// Which tenants a command is for.
#[derive(Args)]
struct Which {
    /// Only this tenant, such as `it`. Without it: every tenant.
    #[arg(long)]
    tenant: Option<String>,
}

impl Which {
    /// Whether a tenant is one of these.
    fn has(&self, tenant: &str) -> bool {
        self.tenant.as_deref().is_none_or(|only| only == tenant)
    }
}

/// The body of `main`.
pub fn main() -> ExitCode {
    let Arguments { config, command } = Arguments::parse();
    let sections = services().iter().filter_map(Service::section).collect();
    match Config::load(config.as_deref(), sections).and_then(|config| carry_out(config, command)) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn carry_out(config: Config, command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(serve) => serve.run(config),
        Command::Migrate => migrate::run(config),
        Command::Config => say(config.print()?),
        Command::Tenant(tenant) => tenant.run(),
        Command::Account(account) => account.run(config),
        Command::Audit(audit) => audit.run(config),
        Command::Facts(facts) => facts.run(config),
    }
}

/// Runs `work` in a process that nobody can call from outside and that does nothing else.
fn offline<T>(config: Config, work: impl AsyncFnOnce(&Process) -> Result<T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
    runtime.block_on(async {
        let process = Process::still(config, Clock::system(), services()).await?;
        let done = work(&process).await;
        process.stop().await;
        done
    })
}

/// Prints the result of a command.
fn say(text: impl std::fmt::Display) -> Result<ExitCode> {
    writeln!(io::stdout(), "{text}").map_err(Error::internal)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints an error: its source where there is one, or else its message, and its violations. Where stderr fails, nobody can be told.
fn complain(error: &Error) {
    let _ = match std::error::Error::source(error) {
        Some(source) => writeln!(io::stderr(), "{source}"),
        None => writeln!(io::stderr(), "{}", error.message()),
    };
    for violation in error.violations() {
        let _ = writeln!(io::stderr(), "  {}: {}", violation.field, violation.description);
    }
}
