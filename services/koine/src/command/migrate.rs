//! `koine migrate`.

use std::process::ExitCode;

use platform::{Config, Result};

use super::{offline, say};

pub(super) fn run(config: Config) -> Result<ExitCode> {
    let tenants = offline(config, async |process| {
        let tenants = process.tenants().all();
        for tenant in &tenants {
            for service in migrations::SERVICES {
                process.store(service)?.open(tenant.id()).await?;
            }
        }
        Ok(tenants.len())
    })?;
    say(format_args!("the databases of {tenants} tenants are up to date"))
}
