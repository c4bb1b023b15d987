//! `koine audit`.

use std::process::ExitCode;

use clap::Subcommand;
use platform::{Config, Result, audit::Verdict};

use super::{Which, offline, say};

#[derive(Subcommand)]
pub(super) enum Audit {
    /// Recompute the chain of every log. Ends with 1 if an entry was changed, removed or reordered, or the end
    /// was, and says which.
    Verify(Which),
}

impl Audit {
    pub(super) fn run(self, config: Config) -> Result<ExitCode> {
        let Self::Verify(which) = self;
        let (lines, whole) = offline(config, async |process| {
            let (mut lines, mut whole) = (Vec::new(), true);
            for tenant in process.tenants().all() {
                let name = tenant.id().as_str();
                if !which.has(name) {
                    continue;
                }
                for service in migrations::SERVICES {
                    let verdict = platform::audit::verify(process.store(service)?, &process.operator(name)?).await?;
                    whole &= matches!(verdict, Verdict::Whole(_));
                    lines.push(format!("{name} {service}: {}", words(&verdict)));
                }
            }
            Ok((lines, whole))
        })?;
        say(lines.join("\n"))?;
        Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Whole(entries) => format!("whole, {entries} entries"),
        Verdict::Broken(entry) => format!("BROKEN at entry {entry}: changed, removed or out of its place"),
        Verdict::Cut(entry) => format!("BROKEN after entry {entry}: the end is missing"),
        Verdict::EndMissing(entry) => {
            format!("BROKEN after entry {entry}: somebody removed the record of where it ends")
        }
        Verdict::EndForged(entry) => {
            format!("BROKEN after entry {entry}: the record of where it ends is not one of this installation")
        }
        Verdict::WaitingBroken(entry) => format!(
            "BROKEN after entry {entry}: of the entries that wait to be chained, one was changed, removed or added"
        ),
    }
}
