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
    /// Invite a coordinator, the first one of a new country for example: the process that serves mails a letter with a code, within a few
    /// minutes. Whoever owns the address accepts, and chooses a name and a password.
    Invite {
        /// The tenant, such as `it`.
        #[arg(long)]
        tenant: String,
        /// The address the letter goes to.
        #[arg(long)]
        email: String,
        /// The BCP 47 tag of the language of the letter. Without it: the tenant's own.
        #[arg(long, default_value = "")]
        locale: String,
    },
    /// Take the second factor away from somebody who has lost the phone and the recovery codes, where nobody of the central team can do it:
    /// a country's only coordinator for example. Their sessions end, and the process that serves tells them by mail. Make sure first that it
    /// is they who ask.
    ResetFactor {
        /// The tenant, such as `it`.
        #[arg(long)]
        tenant: String,
        /// The address of the account.
        #[arg(long)]
        email: String,
    },
}

impl Account {
    pub(super) fn run(self, config: Config) -> Result<ExitCode> {
        match self {
            Self::Create { tenant, email, given_name, surname } => create(config, &tenant, email, given_name, surname),
            Self::Invite { tenant, email, locale } => invite(config, &tenant, &email, locale),
            Self::ResetFactor { tenant, email } => reset_factor(config, &tenant, &email),
        }
    }
}

fn create(config: Config, tenant: &str, email: String, given_name: String, surname: String) -> Result<ExitCode> {
    let password = demo::password()?;
    let hasher = demo::hasher(&config)?;
    let person = identity::Coordinator { email: email.clone(), password: password.clone(), given_name, surname };
    offline(config, async |process| {
        let ctx = process.operator(tenant)?;
        identity::create_coordinator(process.store("identity")?, &ctx, &hasher, person).await
    })?;
    say(format_args!("login     {email}\npassword  {password}"))
}

fn invite(config: Config, tenant: &str, email: &str, locale: String) -> Result<ExitCode> {
    let invitation = offline(config, async |process| {
        let ctx = process.operator(tenant)?;
        identity::invite_coordinator(process.store("identity")?, &ctx, email, locale).await
    })?;
    say(format_args!("invitation  {invitation}"))
}

fn reset_factor(config: Config, tenant: &str, email: &str) -> Result<ExitCode> {
    let account = offline(config, async |process| {
        let ctx = process.operator(tenant)?;
        identity::reset_factor(process.store("identity")?, &ctx, email).await
    })?;
    say(format_args!("account  {account}"))
}
