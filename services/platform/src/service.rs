//! A service is a name, a section of the settings, and a function that gives its methods. A [`Process`] is one or many of them
//! with everything a process needs around: telemetry, certificates, health, and an orderly end.
//!
//! ```ignore
//! pub fn service() -> Service {
//!     Service::new("identity").settings::<Settings>().tenants::<Schools>().routes(routes).handlers(handlers).signs_tokens()
//! }
//!
//! fn routes(host: &Host) -> Result<Routes> {
//!     let settings: Settings = host.settings()?;
//!     Ok(Routes::new(TeamServiceServer::new(api::Teams::new(host.store.clone()))))
//! }
//!
//! fn main() -> ExitCode {
//!     platform::run([identity::service()])
//! }
//! ```

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;
use tonic::service::Routes;

use crate::{
    Border, Clock, Ids, Peers, Result, Store, Tasks, Tenants, Watch,
    blob::Blobs,
    border::Recheck,
    config::{self, Config},
    event::Handlers,
    intake::Intake,
    mail::Mailer,
    network::Network,
    secret::Keys,
    store::Schema,
    tenant::{Section, SectionKind},
    token::Signer,
};

mod entrance;
mod files;
mod issuer;
mod listen;
mod process;
mod run;

pub use process::Process;
pub use run::{run, run_with};

/// Makes a part of a service, out of what it finds where it lives.
type Make<T> = fn(&Host) -> Result<T>;

/// What a process is made of: one service of the installation.
pub struct Service {
    name: &'static str,
    settings: Option<config::Section>,
    tenants: Vec<SectionKind>,
    routes: Option<Make<Routes>>,
    router: Option<Make<axum::Router>>,
    proxies: Option<Make<Vec<Network>>>,
    handlers: Option<Make<Handlers>>,
    schema: Option<Schema>,
    signs_tokens: bool,
    recheck: Option<Make<Recheck>>,
}

impl Service {
    /// A service by its name: that of its database, of its section in the settings, and the one its peers call it by.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            settings: None,
            tenants: Vec::new(),
            routes: None,
            router: None,
            proxies: None,
            handlers: None,
            schema: None,
            signs_tokens: false,
            recheck: None,
        }
    }

    /// It knows by itself whether a visitor may still be here. Every other service asks the one that signs tokens; none is without.
    #[must_use]
    pub fn rechecks(mut self, recheck: Make<Recheck>) -> Self {
        self.recheck = Some(recheck);
        self
    }

    /// It has a section of its own in the settings: `[name]`.
    #[must_use]
    pub fn settings<T: DeserializeOwned + Serialize + Default>(mut self) -> Self {
        self.settings = Some(config::Section::of::<T>(self.name));
        self
    }

    /// It has a table in the file of each tenant.
    #[must_use]
    pub fn tenants<S: Section>(mut self) -> Self {
        self.tenants.push(SectionKind::of::<S>());
        self
    }

    /// Its methods over gRPC.
    #[must_use]
    pub fn routes(mut self, routes: Make<Routes>) -> Self {
        self.routes = Some(routes);
        self
    }

    /// Its pages over HTTP. One service of a process at most has some: it gets the process's address.
    #[must_use]
    pub fn router(mut self, router: Make<axum::Router>) -> Self {
        self.router = Some(router);
        self
    }

    /// The proxies that stand before its pages: by their connections come many callers.
    #[must_use]
    pub fn proxies(mut self, proxies: Make<Vec<Network>>) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// What it does when facts become known.
    #[must_use]
    pub fn handlers(mut self, handlers: Make<Handlers>) -> Self {
        self.handlers = Some(handlers);
        self
    }

    /// It makes its databases by itself: for the all-in-one process, which nobody migrates for.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Its section in the settings, for who reads them before [`run_with`].
    pub fn section(&self) -> Option<config::Section> {
        self.settings
    }

    /// The tables it has in the file of each tenant, for who reads one outside of a process.
    pub fn tenant_sections(&self) -> &[SectionKind] {
        &self.tenants
    }

    /// It is the one that signs people in: its process holds the key of the tokens, all others ask it for the public one.
    #[must_use]
    pub fn signs_tokens(mut self) -> Self {
        self.signs_tokens = true;
        self
    }
}

/// What a service finds where it lives.
#[derive(Clone)]
pub struct Host {
    /// The service's name.
    pub name: &'static str,
    /// The settings of the process.
    pub config: Arc<Config>,
    /// The countries and programmes.
    pub tenants: Tenants,
    /// The way from one of them to another.
    pub border: Border,
    /// The door to its databases.
    pub store: Store,
    /// Its files.
    pub blobs: Blobs,
    /// How its mail leaves.
    pub mailer: Mailer,
    /// The other services.
    pub peers: Peers,
    /// The clock.
    pub clock: Clock,
    /// The source of new identifiers.
    pub ids: Ids,
    /// Keys derived from the installation's secret.
    pub keys: Keys,
    /// The key of the tokens, where this service signs them.
    pub signer: Option<Signer>,
    /// The background tasks of the process.
    pub tasks: Tasks,
    /// Whether the process wants calls.
    pub readiness: Readiness,
    /// What bodies in memory may hold.
    pub intake: Intake,
}

impl Host {
    /// Lets callers watch what changes in its data.
    pub fn watch(&self) -> Watch {
        Watch::new(self.store.clone(), self.readiness.clone())
    }

    /// The service's own section of the settings.
    pub fn settings<T: DeserializeOwned + Default>(&self) -> Result<T> {
        self.config.section(self.name)
    }
}

/// Whether a process wants to be called. Cheap to clone; all clones change together.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<bool>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Readiness {
    /// Whether it does.
    pub fn is_ready(&self) -> bool {
        *self.0.borrow()
    }

    /// Tells when that changes.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Waits until it does no more. For answers that stream without an end of their own: they would hold up the process's.
    pub async fn over(&self) {
        // the sender is in our hands, so it does not go away
        let _ = self.0.subscribe().wait_for(|ready| !ready).await;
    }

    pub(crate) fn set(&self, ready: bool) {
        self.0.send_replace(ready);
    }
}

#[cfg(test)]
mod tests;
