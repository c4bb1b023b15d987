//! A service is a name, a section of the settings, and functions that make its methods, pages and handlers. A [`Process`] runs one
//! or several services, with what every process needs: telemetry, certificates, health, and an orderly end.
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

use proto::options::v1::Role;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;
use tonic::service::Routes;

use crate::{
    Border, Clock, Ctx, Ids, Operations, Peers, Result, Store, Tasks, Tenants, Watch, audit,
    blob::Blobs,
    border::Recheck,
    config::{self, Config},
    event::Handlers,
    intake::Intake,
    mail::Mailer,
    network::Network,
    secret::Keys,
    store::Schema,
    subject::{Holding, Subjects},
    tenant::{Section, SectionKind},
    token::Signer,
};

mod common;
mod entrance;
mod files;
mod issuer;
mod listen;
mod probes;
mod process;
mod run;

pub use process::Process;
pub use run::{run, run_with};

/// Makes a part of a service from its [`Host`].
type Make<T> = fn(&Host) -> Result<T>;

/// A service of the installation, as a process runs it.
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
    /// A service with a name, which is also the name of its database schema, of its section in the settings, and for its peers.
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

    /// Sets the check whether a visitor may still be here. Other services ask the one that signs tokens; no service is without a
    /// check.
    #[must_use]
    pub fn rechecks(mut self, recheck: Make<Recheck>) -> Self {
        self.recheck = Some(recheck);
        self
    }

    /// Adds a section to the settings: `[name]`.
    #[must_use]
    pub fn settings<T: DeserializeOwned + Serialize + Default>(mut self) -> Self {
        self.settings = Some(config::Section::of::<T>(self.name));
        self
    }

    /// Adds a table to the file of each tenant.
    #[must_use]
    pub fn tenants<S: Section>(mut self) -> Self {
        self.tenants.push(SectionKind::of::<S>());
        self
    }

    /// Sets the methods over gRPC.
    #[must_use]
    pub fn routes(mut self, routes: Make<Routes>) -> Self {
        self.routes = Some(routes);
        self
    }

    /// Sets the pages over HTTP. At most one service of a process has pages: they are served at the process's address.
    #[must_use]
    pub fn router(mut self, router: Make<axum::Router>) -> Self {
        self.router = Some(router);
        self
    }

    /// Sets the proxies before the pages. A connection of a proxy carries many callers.
    #[must_use]
    pub fn proxies(mut self, proxies: Make<Vec<Network>>) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Sets the handlers for facts, and the hourly work.
    #[must_use]
    pub fn handlers(mut self, handlers: Make<Handlers>) -> Self {
        self.handlers = Some(handlers);
        self
    }

    /// Sets the schema, so that the service creates its databases itself, in a process for which nobody runs `koine migrate`.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// The section in the settings, for code that reads them before [`run_with`].
    pub fn section(&self) -> Option<config::Section> {
        self.settings
    }

    /// The tables in the file of each tenant, for code that reads one outside of a process.
    pub fn tenant_sections(&self) -> &[SectionKind] {
        &self.tenants
    }

    /// Makes this the service that signs people in: its process has the key of the tokens, and the others fetch the public key from
    /// it.
    #[must_use]
    pub fn signs_tokens(mut self) -> Self {
        self.signs_tokens = true;
        self
    }
}

/// What a process gives to a service.
#[derive(Clone)]
pub struct Host {
    /// The service's name.
    pub name: &'static str,
    /// The settings of the process.
    pub config: Arc<Config>,
    /// The tenants.
    pub tenants: Tenants,
    /// Contexts in other tenants.
    pub border: Border,
    /// The databases of the service.
    pub store: Store,
    /// The files of the service.
    pub blobs: Blobs,
    /// Sends mail.
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
    /// Whether the process accepts calls.
    pub readiness: Readiness,
    /// The bounds on the bytes of bodies in memory.
    pub intake: Intake,
}

impl Host {
    /// The watch over the service's data.
    pub fn watch(&self) -> Watch {
        Watch::new(self.store.clone(), self.readiness.clone())
    }

    /// Its long-running operations; who has the role `sees_all` sees those of others too. Call it once, and clone what it gives: the
    /// clones share what they know of those that run.
    pub fn operations(&self, sees_all: Role) -> Operations {
        Operations::new(self.store.clone(), self.tasks.clone(), self.clock.clone(), sees_all)
    }

    /// Its audit log, for those who may read it.
    pub fn audit_log(&self) -> audit::Log {
        audit::Log::new(self.store.clone())
    }

    /// What it has of people. `own` declares what that is, besides what every service has.
    pub fn subjects(&self, own: fn(&Ctx) -> Result<Vec<Holding>>) -> Subjects {
        Subjects::new(self.store.clone(), own)
    }

    /// The service's own section of the settings.
    pub fn settings<T: DeserializeOwned + Default>(&self) -> Result<T> {
        self.config.section(self.name)
    }
}

/// Whether a process accepts calls. Cheap to clone; all clones change together.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<bool>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Readiness {
    /// Whether the process accepts calls now.
    pub fn is_ready(&self) -> bool {
        *self.0.borrow()
    }

    /// A receiver of the changes.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Waits until the process accepts no more calls. Answers that stream without an end of their own end then, so that they do not
    /// delay the end of the process.
    pub async fn over(&self) {
        // the sender is in `self`, so it is not dropped meanwhile
        let _ = self.0.subscribe().wait_for(|ready| !ready).await;
    }

    pub(crate) fn set(&self, ready: bool) {
        self.0.send_replace(ready);
    }
}

#[cfg(test)]
mod tests;
