//! `koine facts`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use platform::{Config, Process, Result, event::Late};
use uuid::Uuid;

use super::{Which, offline, say};

#[derive(Subcommand)]
pub(super) enum Facts {
    /// Show the facts that were not handled at the first attempt: those that are tried again, and those that are parked because
    /// that was of no use.
    List(Which),
    /// Release facts that are parked, and try them at once. What fails again is tried as if it were new.
    Retry(Retry),
}

/// Which facts are released.
#[derive(Args)]
pub(super) struct Retry {
    #[command(flatten)]
    which: Which,
    /// Only these, by the ids that `list` shows. Without one: all that are parked.
    ids: Vec<Uuid>,
}

impl Facts {
    pub(super) fn run(self, config: Config) -> Result<ExitCode> {
        match self {
            Self::List(which) => say(offline(config, async |process| list(process, &which).await)?),
            Self::Retry(Retry { which, ids }) => {
                say(offline(config, async |process| retry(process, &which, &ids).await)?)
            }
        }
    }
}

async fn list(process: &Process, which: &Which) -> Result<String> {
    let mut lines = Vec::new();
    for dispatcher in process.dispatchers() {
        for tenant in process.tenants().all().iter().filter(|tenant| which.has(tenant.id().as_str())) {
            let late = dispatcher.late(tenant).await?;
            lines.extend(late.iter().map(|late| format!("{} {}: {}", tenant.id(), dispatcher.service(), words(late))));
        }
    }
    Ok(if lines.is_empty() { "every fact was handled".to_owned() } else { lines.join("\n") })
}

async fn retry(process: &Process, which: &Which, ids: &[Uuid]) -> Result<String> {
    let (mut released, mut failed) = (0, 0);
    for dispatcher in process.dispatchers() {
        for tenant in process.tenants().all().iter().filter(|tenant| which.has(tenant.id().as_str())) {
            let count = dispatcher.release(tenant, ids).await?;
            released += count;
            if count > 0 {
                dispatcher.drain().await;
                failed += dispatcher.late(tenant).await?.iter().filter(|late| late.attempts > 0).count();
            }
        }
    }
    Ok(match (released, failed) {
        (0, _) => "no such fact is parked".to_owned(),
        (released, 0) => format!("released: {released}"),
        (released, failed) => format!("released: {released}; late again: {failed}, see `koine facts list`"),
    })
}

fn words(Late { id, event, handler, at, attempts, next_try }: &Late) -> String {
    let next = next_try.map_or_else(|| "PARKED".to_owned(), |next| format!("next try {next}"));
    let who = handler.as_ref().map_or_else(|| "it cannot leave".to_owned(), |handler| format!("`{handler}`"));
    format!("{id}  {event} of {at}  {who}, {attempts} failures, {next}")
}
