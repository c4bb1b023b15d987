//! A process: one or several running services.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use tokio::{io::DuplexStream, sync::mpsc};
use tonic::service::Routes;
use tonic_health::{
    ServingStatus,
    server::{HealthReporter, health_reporter},
};

use super::{
    Readiness, Service,
    common::Common,
    entrance::Entrance,
    files::Places,
    listen::{self, Door},
    probes::probes,
};
use crate::{
    Clock, Ctx, Error, Ids, Peers, Result, Store, Tasks, Tenants,
    audit::Sequencer,
    client::Gathering,
    config::Config,
    ended::{self, Ended},
    event::{Dispatcher, Ways},
    intake::Intake,
    layer::{Methods, stack},
    network::Network,
    secret::Keys,
    store::Budget,
    tenant::Fault,
    tls::Tls,
    token::Signer,
};

/// How often the files of the tenants are checked.
const LOOK: Duration = Duration::from_secs(1);

/// How often the ended sessions whose tokens have expired are removed from memory.
const MINUTE: Duration = Duration::from_secs(60);

/// A running process. It ends with [`Process::stop`].
pub struct Process {
    config: Arc<Config>,
    pub(super) readiness: Readiness,
    health: HealthReporter,
    /// The tasks that accept calls. They end first, so that running calls can still use everything else.
    pub(super) edge: Tasks,
    pub(super) tasks: Tasks,
    tls: Option<Tls>,
    tenants: Tenants,
    clock: Clock,
    peers: Peers,
    stores: Vec<Store>,
    ways: Ways,
    sequencers: Vec<Sequencer>,
    entrances: BTreeMap<&'static str, Entrance>,
    router: Option<Router>,
    /// The proxies before the pages.
    proxies: Vec<Network>,
    places: Places,
    ended: Ended,
}

impl Process {
    /// Starts services. From here on they call each other in memory, handle facts and answer to [`Process::peers`]; the network
    /// reaches them after [`Process::listen`]. Error: as of [`Process::still`].
    pub async fn start(config: Config, clock: Clock, services: Vec<Service>) -> Result<Self> {
        let process = Self::still(config, clock, services).await?;
        process.watch();
        process.readiness.set(true);
        Ok(process)
    }

    /// Services that do nothing by themselves: no fact is handled, nothing is done because time has passed. For who does one thing
    /// with their data and ends. Error: anything that would only show itself later, such as a method that does not say who may call
    /// it.
    pub async fn still(config: Config, clock: Clock, services: Vec<Service>) -> Result<Self> {
        let (config, tasks) = (Arc::new(config), Tasks::new());
        let methods = Arc::new(Methods::of(&proto::descriptor())?);
        let tls = config.tls.as_ref().map(Tls::load).transpose()?;
        let (peers, pipes) = peers(&config, &clock, &services, tls.as_ref())?;
        let signs = services.iter().any(|service| service.signs_tokens);
        let common = Common {
            readiness: Readiness::default(),
            tenants: tenants(&config, &services),
            peers,
            keys: keys(&config, &services)?,
            signer: signs.then(|| signer(&config)).transpose()?,
            ids: Ids::new(clock.clone()),
            budget: Budget::new(config.store.connections),
            intake: Intake::new(&config.limits),
            ended: Ended::new(&config.tokens),
            clock,
            config,
            tasks,
        };
        let (health, health_server) = health_reporter();
        let mut process = Self::bare(&common, tls, health);
        process.settle(&common, methods, &services, Routes::new(health_server)).await?;
        process.connect(pipes);
        Ok(process)
    }

    fn bare(common: &Common, tls: Option<Tls>, health: HealthReporter) -> Self {
        Self {
            config: common.config.clone(),
            readiness: common.readiness.clone(),
            health,
            edge: Tasks::new(),
            tasks: common.tasks.clone(),
            tls,
            tenants: common.tenants.clone(),
            clock: common.clock.clone(),
            peers: common.peers.clone(),
            stores: Vec::new(),
            ways: Ways::default(),
            sequencers: Vec::new(),
            entrances: BTreeMap::new(),
            router: None,
            proxies: Vec::new(),
            places: Places::of(&common.config.limits),
            ended: common.ended.clone(),
        }
    }

    /// Makes the methods, pages, handlers and stores of every service.
    async fn settle(
        &mut self,
        common: &Common,
        methods: Arc<Methods>,
        services: &[Service],
        health: Routes,
    ) -> Result<()> {
        let hosts: Vec<_> =
            services.iter().map(|service| Ok((service, common.host(service)?))).collect::<Result<_>>()?;
        let lookout = common.lookout(&hosts);
        let mut handlers = Vec::new();
        for (service, host) in hosts {
            if let Some(routes) = service.routes {
                let recheck = common.recheck(service, &methods, &host)?;
                let ground = common.ground(methods.clone(), recheck, lookout.clone())?;
                self.entrances
                    .insert(service.name, Entrance { health: health.clone(), stack: stack(ground, routes(&host)?) });
                self.health.set_service_status(service.name, ServingStatus::Serving).await;
            }
            if let Some(router) = service.router {
                self.router = Some(router(&host)?);
            }
            if let Some(proxies) = service.proxies {
                self.proxies = proxies(&host)?;
            }
            let own = service.handlers.map(|of| of(&host)).transpose()?.unwrap_or_default();
            handlers.push((host.store.clone(), ended::handlers(own, &host.store)));
            self.stores.push(host.store);
        }
        let keeping: Vec<_> =
            self.stores.iter().filter(|store| self.entrances.contains_key(store.service())).cloned().collect();
        let (tenants, clock, ids) = (common.tenants.clone(), common.clock.clone(), common.ids.clone());
        let sequencer = |store: &Store| Sequencer::new(store.clone(), tenants.clone(), clock.clone(), ids.clone());
        self.sequencers = keeping.iter().map(sequencer).collect();
        self.ways = Ways::open(&common.config, keeping, handlers, (tenants, clock, ids), &self.tasks).await?;
        Ok(())
    }

    fn connect(&self, pipes: Vec<(&'static str, mpsc::Receiver<DuplexStream>)>) {
        for (name, pipes) in pipes {
            if let Some(entrance) = self.entrances.get(name) {
                listen::memory(pipes, self.door_of_peers(), entrance.clone(), &self.tasks);
            }
        }
    }

    fn watch(&self) {
        self.ways.run(&self.tasks);
        self.sequencers.iter().for_each(|one| self.tasks.spawn("sequencer", one.clone().run(self.tasks.token())));
        let (ended, clock) = (self.ended.clone(), self.clock.clone());
        self.tasks.spawn_every("forgetting", MINUTE, move || ended.forget(clock.now()));
        let tenants = self.tenants.clone();
        self.tasks.spawn_every("tenants", LOOK, move || report(tenants.reload_if_changed()));
        if let Some(tls) = &self.tls {
            tls.watch(&self.tasks);
        }
    }

    /// The services that this process can call, including its own.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// The tenants.
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// The store of one of its services. Error: internal, where it has no service with this name.
    pub fn store(&self, service: &str) -> Result<&Store> {
        let found = self.stores.iter().find(|store| store.service() == service);
        found.ok_or_else(|| Error::internal(format!("this process has no service `{service}`")))
    }

    /// A context for an operator at the command line. Services cannot get one, because they have no access to their process.
    pub fn operator(&self, tenant: &str) -> Result<Ctx> {
        let clock = &self.clock;
        Ok(Ctx::for_job(self.tenants.get(tenant)?, "operator", clock, Ids::new(clock.clone())))
    }

    /// The dispatchers of its services, for tests that wait until every fact is handled.
    pub fn dispatchers(&self) -> &[Dispatcher] {
        self.ways.dispatchers()
    }

    /// The sequencers of its services' audit logs, for tests that wait until every entry is chained.
    pub fn sequencers(&self) -> &[Sequencer] {
        &self.sequencers
    }

    /// The names of the background tasks that run.
    pub fn live_tasks(&self) -> Vec<&'static str> {
        self.edge.live().into_iter().chain(self.tasks.live()).collect()
    }

    /// Listens at the addresses of the settings, for the pages, if a service has some, or else for the methods of the only service.
    /// Returns the bound address. Error: internal, where an address cannot be bound, or where several services have no pages.
    pub async fn listen(&self) -> Result<SocketAddr> {
        let address = self.config.process.address;
        let bound = match (&self.router, self.entrances.values().next()) {
            // these callers come from outside: the proxies before this process show certificates to them
            (Some(router), _) => {
                listen::tcp(address, self.door_of_strangers(&self.proxies), router.clone(), &self.edge).await?
            }
            (None, Some(entrance)) if self.entrances.len() == 1 => {
                listen::tcp(address, self.door_of_peers(), entrance.clone(), &self.edge).await?
            }
            _ => return Err(Error::internal("a process has one service, or one that has pages among several")),
        };
        if let Some(address) = self.config.process.admin_address {
            listen::tcp(address, self.door_of_operators(), probes(&self.readiness), &self.edge).await?;
        }
        tracing::info!(address = %bound, "ready");
        Ok(bound)
    }

    fn door_of_strangers(&self, proxies: &[Network]) -> Door {
        Door::of_strangers(self.config.limits.clone(), self.places.of_callers(), proxies)
    }

    fn door_of_operators(&self) -> Door {
        Door::of_strangers(self.config.limits.clone(), self.places.of_operators(), &[])
    }

    fn door_of_peers(&self) -> Door {
        Door::of_peers(self.config.limits.clone(), self.places.of_callers(), self.tls.clone())
    }

    /// Ends the process in order: reports that it is not ready, refuses new calls, completes those that run, ends the background
    /// tasks, and closes the databases. What takes longer than `process.drain_seconds` is aborted.
    pub async fn stop(self) {
        let (begun, patience) = (Instant::now(), Duration::from_secs(self.config.process.drain_seconds));
        self.readiness.set(false);
        for name in self.entrances.keys().copied().chain([""]) {
            self.health.set_service_status(name, ServingStatus::NotServing).await;
        }
        let mut late = self.edge.shutdown(patience).await;
        late.extend(self.tasks.shutdown(patience.saturating_sub(begun.elapsed())).await);
        if !late.is_empty() {
            tracing::warn!(?late, "cut off");
        }
        self.ways.close().await;
        // the remaining entries are chained, where the time is enough; otherwise the next process does it
        let chained = futures::future::join_all(self.sequencers.iter().map(Sequencer::finish));
        let _ = tokio::time::timeout(patience.saturating_sub(begun.elapsed()), chained).await;
        for store in &self.stores {
            store.close().await;
        }
    }
}

type Pipes = Vec<(&'static str, mpsc::Receiver<DuplexStream>)>;

fn peers(config: &Config, clock: &Clock, services: &[Service], tls: Option<&Tls>) -> Result<(Peers, Pipes)> {
    let mut gathering = Gathering::new(clock.clone());
    for (name, url) in &config.peers {
        gathering.there(name, url, tls)?;
    }
    // a service of this process is called in memory, also where the settings, which all processes share, have an address for it
    let here = services.iter().filter(|service| service.routes.is_some());
    let pipes = here.map(|service| (service.name, gathering.here(service.name))).collect();
    Ok((gathering.peers(), pipes))
}

fn tenants(config: &Config, services: &[Service]) -> Tenants {
    let kinds = services.iter().flat_map(|service| service.tenants.iter().copied()).collect();
    let (tenants, faults) = Tenants::load(&config.tenants.dir, kinds);
    report(faults);
    tenants
}

fn report(faults: Vec<Fault>) {
    for Fault { file, faults } in faults {
        for fault in faults {
            tracing::error!(file = %file.display(), fault, "a tenant's file cannot be used");
        }
    }
}

fn keys(config: &Config, services: &[Service]) -> Result<Keys> {
    if services.iter().all(|service| service.routes.is_none()) {
        // it stores nothing, so it needs no permanent key, nor a folder for one
        return Keys::random();
    }
    Keys::load_or_create(&config.process.data.join("keys"), config.process.secret.as_ref())
}

fn signer(config: &Config) -> Result<Signer> {
    Signer::load_or_create(&config.process.data.join("keys"), config.tokens.signing_key.as_ref())
}
