//! `koine tenant`.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Subcommand;
use platform::{Error, Result, Service, TenantId, tenant};

use super::say;
use crate::services;

#[derive(Subcommand)]
pub(super) enum Tenant {
    /// Read a tenant's file as the system would, and name everything that is wrong with it.
    Check {
        /// The file; its name without `.toml` is the tenant's.
        file: PathBuf,
    },
}

impl Tenant {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Self::Check { file } = self;
        let place = file.display();
        let text = fs::read_to_string(&file).map_err(|error| Error::internal(format!("{place}: {error}")))?;
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let id: TenantId = name.parse().map_err(|_| {
            Error::internal(format!(
                "{place}: the file's name is not the name of a tenant: lower-case letters, digits, hyphens"
            ))
        })?;
        let kinds: Vec<_> = services().iter().flat_map(Service::tenant_sections).copied().collect();
        match tenant::parse(&id, &text, &kinds) {
            Ok(tenant) => {
                let lacks: String = tenant.lacks().iter().map(|lack| format!("\n{place}: {lack}")).collect();
                say(format_args!("{place}: good ({}, {:?}){lacks}", tenant.name(), tenant.kind()))
            }
            Err(faults) => {
                let lines: Vec<_> = faults.iter().map(|fault| format!("{place}: {fault}")).collect();
                Err(Error::internal(lines.join("\n")))
            }
        }
    }
}
