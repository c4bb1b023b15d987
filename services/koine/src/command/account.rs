//! `koine account`.

use std::process::ExitCode;

use clap::Subcommand;
use platform::{Config, Result};

use super::{demo, offline, say};

#[derive(Subcommand)]
pub(super) enum Account {
    /// Make a coordinator's account and print its password, which they had better change.
    Create {
        /// The tenant, such as `it`.
        #[arg(long)]
        tenant: String,
        /// The coordinator's address; it becomes the login.
        #[arg(long)]
        email: String,
        /// Given name.
        #[arg(long)]
        given_name: String,
        /// Surname.
        #[arg(long)]
        surname: String,
    },
}

impl Account {
    pub(super) fn run(self, config: Config) -> Result<ExitCode> {
        let Self::Create { tenant, email, given_name, surname } = self;
        let password = demo::password()?;
        let hasher = demo::hasher(&config)?;
        let person = identity::Coordinator { email: email.clone(), password: password.clone(), given_name, surname };
        offline(config, async |process| {
            let ctx = process.operator(&tenant)?;
            identity::create_coordinator(process.store("identity")?, &ctx, &hasher, person).await
        })?;
        say(format_args!("login     {email}\npassword  {password}"))
    }
}
