//! The settings of the databases.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Result, TenantId,
    error::{Reason, Shared},
    secret::Secret,
};

/// The section `[store]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `sqlite:<folder>`, or a PostgreSQL URL with the placeholders `{tenant}` and `{service}`:
    /// `postgres://koine_{tenant}_{service}:secret@db/koine_{tenant}`.
    pub url: Secret,
    /// A PostgreSQL URL of a role that may create databases and roles. With it, databases are created where they are missing.
    pub admin_url: Option<Secret>,
    /// The URLs of single tenants, such as a country with its own server.
    pub tenants: BTreeMap<String, Secret>,
    /// The number of connections that a process uses at once, for all tenants and services.
    pub connections: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: "sqlite:data".into(), admin_url: None, tenants: BTreeMap::new(), connections: 40 }
    }
}

/// The database engine, and how it finds a tenant's database.
#[derive(Clone)]
pub enum Engine {
    /// SQLite files under a folder.
    Sqlite(PathBuf),
    /// PostgreSQL databases.
    Postgres(Postgres),
}

/// The URLs of PostgreSQL databases.
#[derive(Clone)]
pub struct Postgres {
    pub(super) url: Secret,
    pub(super) admin_url: Option<Secret>,
    pub(super) tenants: BTreeMap<String, Secret>,
    pub(super) connections: u32,
}

impl Settings {
    /// The engine of these settings. Error: `FIELDS_INVALID` with the key.
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
    /// The URL of a service's role in a tenant's database.
    pub(super) fn url(&self, service: &str, tenant: &TenantId) -> Result<String> {
        let template = self.tenants.get(tenant.as_str()).unwrap_or(&self.url).reveal()?;
        // people write names of databases and roles without quotes, so hyphens are replaced
        Ok(template.replace("{tenant}", &tenant.as_str().replace('-', "_")).replace("{service}", service))
    }
}
