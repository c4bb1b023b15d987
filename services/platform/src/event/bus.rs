//! Delivers facts to the handlers of this process.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use sea_orm::EntityTrait;
use tracing::Instrument;
use uuid::Uuid;

use super::{Errand, Handler, Handlers, Hourly, Order, Settings, Told, backlog, broker::Broker, catalogue::Entry};
use crate::{
    Clock, Ctx, Error, Ids, Reads, Result, Store, Tenant,
    ctx::Handling,
    error::{Reason, Shared},
    store::rows::inbox,
    telemetry,
};

/// How long a handler may take. After this it has failed, so that it does not hold up later facts for ever.
const LONGEST: Duration = Duration::from_secs(60);

/// Delivers facts to the handlers of this process. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    consumers: Arc<Vec<Consumer>>,
    hourly: Arc<Vec<(&'static str, Hourly)>>,
    errands: Arc<Vec<(&'static str, Errand)>>,
    elsewhere: Option<Elsewhere>,
    settings: Settings,
    clock: Clock,
    ids: Ids,
}

/// The facts that services of other processes handle, each with one of these services, and the broker.
#[derive(Clone)]
struct Elsewhere {
    broker: Broker,
    facts: Arc<Vec<(Entry, String)>>,
}

/// A handler, and the store of its service, which has the inbox and the backlog.
#[derive(Clone)]
pub(super) struct Consumer {
    pub(super) store: Store,
    pub(super) handler: Handler,
}

impl Bus {
    /// A bus with the handlers of every service, each with the store of its inbox.
    pub fn new(services: Vec<(Store, Handlers)>, settings: Settings, clock: Clock, ids: Ids) -> Self {
        let (mut consumers, mut every_hour, mut to_do) = (Vec::new(), Vec::new(), Vec::new());
        for (store, Handlers { facts, hourly, errands }) in services {
            to_do.extend(errands.into_iter().map(|errand| (store.service(), errand)));
            every_hour.extend(hourly.into_iter().map(|work| (store.service(), work)));
            consumers.extend(facts.into_iter().map(|handler| Consumer { store: store.clone(), handler }));
        }
        let (consumers, hourly, errands) = (Arc::new(consumers), Arc::new(every_hour), Arc::new(to_do));
        Self { consumers, hourly, errands, elsewhere: None, settings, clock, ids }
    }

    /// This bus, which also gives `facts` to a broker, each for a service of another process.
    pub(crate) fn with(mut self, broker: Broker, facts: Vec<(Entry, String)>) -> Self {
        self.elsewhere = Some(Elsewhere { broker, facts: Arc::new(facts) });
        self
    }

    /// Does the hourly work of a service in one tenant. Failures are logged.
    pub(super) async fn hour(&self, service: &str, tenant: &Arc<Tenant>) {
        for (_, Hourly { name, run }) in self.hourly.iter().filter(|(of, _)| *of == service) {
            let ctx = Ctx::for_job(tenant.clone(), name, &self.clock, self.ids.clone());
            let span = tracing::info_span!("hourly", work = name);
            if let Err(error) = run(ctx).instrument(span).await {
                tracing::error!(tenant = %tenant.id(), service, work = name, ?error, "hourly work not done");
            }
        }
    }

    /// What the handlers of a service leave to be done.
    pub(super) fn errands(&self, service: &str) -> impl Iterator<Item = &Errand> {
        self.errands.iter().filter(move |(of, _)| *of == service).map(|(_, errand)| errand)
    }

    /// The handlers of one service.
    pub(super) fn of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Consumer> {
        self.consumers.iter().filter(move |consumer| consumer.store.service() == service)
    }

    /// Delivers a fact to every handler of this process, and gives it to the broker for those of others. Both are attempted. Error:
    /// the first of the two.
    pub(super) async fn publish(&self, tenant: &Arc<Tenant>, fact: &Told) -> Result<()> {
        let (here, there) = tokio::join!(self.deliver(tenant, fact, None), self.send(tenant, fact));
        here.and(there)
    }

    async fn send(&self, tenant: &Arc<Tenant>, fact: &Told) -> Result<()> {
        let Some(Elsewhere { broker, facts }) = &self.elsewhere else { return Ok(()) };
        let theirs = facts.iter().filter(|(entry, _)| entry.name == fact.name);
        let theirs: Vec<&(Entry, String)> = theirs.collect();
        match theirs.first() {
            Some((entry, _)) => {
                let consumers = theirs.iter().map(|(_, consumer)| consumer.as_str());
                broker.publish(tenant.id(), fact, entry, consumers).await
            }
            None => Ok(()),
        }
    }

    /// Delivers a fact to every handler of this process, or of the service `only`, that has not handled it, all at once. Where a
    /// handler fails, the fact is added to its backlog. Error: the first backlog that could not be written; the fact must be
    /// delivered again.
    pub(super) async fn deliver(&self, tenant: &Arc<Tenant>, fact: &Told, only: Option<&str>) -> Result<()> {
        let theirs = self.consumers.iter().filter(|consumer| {
            consumer.handler.event == fact.name && only.is_none_or(|only| only == consumer.store.service())
        });
        let delivered = join_all(theirs.map(|consumer| self.bring(consumer, tenant, fact))).await;
        delivered.into_iter().collect()
    }

    async fn bring(&self, consumer: &Consumer, tenant: &Arc<Tenant>, fact: &Told) -> Result<()> {
        let Consumer { store, handler } = consumer;
        let ctx = self.ctx(tenant, handler);
        let db = store.read(&ctx).await?;
        if was_handled(&db, fact.id, handler.name).await? || backlog::has(&db, fact.id, handler.name).await? {
            return Ok(());
        }
        let waits = handler.order == Order::Kept && backlog::waits(&db, handler.name).await?;
        drop(db);
        if waits {
            return backlog::add(consumer, &ctx, fact, 0, ctx.now()).await;
        }
        match self.handle(consumer, tenant, fact).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let due = self.settings.next_try(self.ctx(tenant, handler).now(), 1, &error);
                backlog::failed(consumer, tenant, fact, (1, due), &error);
                backlog::add(consumer, &ctx, fact, 1, due).await
            }
        }
    }

    /// Tries the due facts in the backlogs of a service in one tenant, all handlers at once. Returns whether facts are still
    /// waiting.
    pub(super) async fn try_again(&self, store: &Store, tenant: &Arc<Tenant>) -> Result<bool> {
        let ctx = Ctx::for_job(tenant.clone(), "dispatch", &self.clock, self.ids.clone());
        let behind = backlog::handlers(&store.read(&ctx).await?).await?;
        let theirs =
            self.of(store.service()).filter(|consumer| behind.iter().any(|name| name == consumer.handler.name));
        let tried = join_all(theirs.map(|consumer| backlog::work_off(self, consumer, tenant))).await;
        let waiting: Vec<bool> = tried.into_iter().collect::<Result<_>>()?;
        Ok(waiting.contains(&true))
    }

    /// Lets one handler handle a fact, and records it. Error: the handler's, or `DEADLINE_PASSED`.
    pub(super) async fn handle(&self, consumer: &Consumer, tenant: &Arc<Tenant>, fact: &Told) -> Result<()> {
        let Consumer { store, handler } = consumer;
        let span = tracing::info_span!("handle", handler = handler.name, event = %fact.name);
        if let Some(trace) = &fact.trace {
            telemetry::follow(&span, trace);
        }
        let ctx = self.ctx(tenant, handler).handling(fact.id, handler.name);
        let handling = handle(store, handler, ctx, fact).instrument(span);
        tokio::time::timeout(LONGEST, handling).await.unwrap_or_else(|_| Err(took_too_long()))
    }

    /// A context for a handler.
    pub(super) fn ctx(&self, tenant: &Arc<Tenant>, handler: &Handler) -> Ctx {
        Ctx::for_job(tenant.clone(), handler.name, &self.clock, self.ids.clone())
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }
}

async fn handle(store: &Store, handler: &Handler, ctx: Ctx, fact: &Told) -> Result<()> {
    let handled = (handler.run)(ctx.clone(), fact.body.clone()).await;
    match handled {
        Err(error) if ctx.handled_event().is_some_and(Handling::is_over) => {
            tracing::error!(tenant = %ctx.tenant().id(), handler = handler.name, event = %fact.name, id = %fact.id, ?error,
                "a handler failed after its commit, which has to be the last thing it does: the fact counts as handled");
            Ok(())
        }
        Ok(()) if ctx.handled_event().is_some_and(|handling| !handling.is_over()) => {
            // it wrote nothing here: the record is all there is to commit
            store.change(&ctx).await?.commit().await
        }
        handled => handled,
    }
}

fn took_too_long() -> Error {
    Shared::DeadlinePassed.error(format!("The handler took longer than {} seconds.", LONGEST.as_secs()))
}

/// Whether a handler has handled a fact in the tenant of `db`.
pub(crate) async fn was_handled(db: &impl Reads, event: Uuid, handler: &str) -> Result<bool> {
    Ok(inbox::Entity::find_by_id((event, handler.to_owned())).one(db.conn()).await?.is_some())
}
