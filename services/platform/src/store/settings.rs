//! Where the databases are.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Result, TenantId,
    error::{Reason, Shared},
    secret::Secret,
};

/// The `[store]` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `sqlite:<folder>`, or a PostgreSQL URL with `{tenant}` and `{service}` where they belong:
    /// `postgres://koine_{tenant}_{service}:secret@db/koine_{tenant}`.
    pub url: Secret,
    /// A PostgreSQL URL of a role that may create databases and roles: used by `koine migrate` alone.
    pub admin_url: Option<Secret>,
    /// Other URLs for single tenants: a country on a server of its own.
    pub tenants: BTreeMap<String, Secret>,
    /// How many connections a process uses at once, over all tenants and services.
    pub connections: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: "sqlite:data".into(), admin_url: None, tenants: BTreeMap::new(), connections: 40 }
    }
}

/// Which database engine, and how a tenant's database is found in it.
#[derive(Clone)]
pub enum Engine {
    /// SQLite files under a folder.
    Sqlite(PathBuf),
    /// PostgreSQL databases.
    Postgres(Postgres),
}

/// How PostgreSQL is reached.
#[derive(Clone)]
pub struct Postgres {
    pub(super) url: Secret,
    pub(super) admin_url: Option<Secret>,
    pub(super) tenants: BTreeMap<String, Secret>,
    pub(super) connections: u32,
}

impl Settings {
    /// The engine these settings name. Error: `FIELDS_INVALID` naming the key.
    pub fn engine(&self) -> Result<Engine> {
        let url = self.url.reveal()?;
        if let Some(folder) = url.strip_prefix("sqlite:") {
            return Ok(Engine::Sqlite(PathBuf::from(folder.trim_start_matches("//"))));
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(Shared::FieldsInvalid.error("store.url: begins with `sqlite:` or `postgres://`"));
        }
        if !url.contains("{tenant}") || !url.contains("{service}") {
            return Err(Shared::FieldsInvalid
                .error("store.url: needs `{tenant}` and `{service}`, so that each has its own role"));
        }
        Ok(Engine::Postgres(Postgres {
            url: self.url.clone(),
            admin_url: self.admin_url.clone(),
            tenants: self.tenants.clone(),
            connections: self.connections,
        }))
    }
}

impl Postgres {
    /// The URL of one service's role in one tenant's database.
    pub(super) fn url(&self, service: &str, tenant: &TenantId) -> Result<String> {
        let template = self.tenants.get(tenant.as_str()).unwrap_or(&self.url).reveal()?;
        // names of databases and roles are written without quotes by people, so no hyphens in them
        Ok(template.replace("{tenant}", &tenant.as_str().replace('-', "_")).replace("{service}", service))
    }
}
