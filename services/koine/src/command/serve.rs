//! `koine serve`.

use std::process::ExitCode;

use clap::Args;
use platform::{Config, Result};

use super::{demo, offline};
use crate::services;

#[derive(Args)]
pub(super) struct Serve {
    /// Before the start, make a coordinator for every country that has none, and print how to sign in as them. For trying things
    /// out: the passwords are also kept in `demo-coordinators.txt` in the data folder.
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub(super) fn run(self, config: Config) -> Result<ExitCode> {
        if self.demo {
            offline(config.clone(), async |process| demo::coordinators(&config, process).await)?;
        }
        platform::run_with(config, services())?;
        Ok(ExitCode::SUCCESS)
    }
}
