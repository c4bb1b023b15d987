//! Facts. One is published in the transaction that made it true (outbox) and handled once by each handler (inbox), though the
//! process dies in between or the fact arrives twice.
//!
//! Between services of one process facts travel through the [`Bus`]. A message broker takes its place when services run apart:
//! `Bus::publish` is the only thing it replaces.

use std::{pin::Pin, sync::Arc};

use prost::{Message, Name};
use sea_orm::EntityTrait;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    Clock, Ctx, Error, Ids, Reads, Result, Store, Tenant,
    store::rows::{inbox, outbox},
    telemetry,
};

mod dispatch;
mod rounds;

pub use dispatch::Dispatcher;

/// A message that tells a fact: any message of a service's `event.proto`.
pub trait Event: Message + Name + Default + 'static {}
impl<T: Message + Name + Default + 'static> Event for T {}

type Doing = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type Run = Arc<dyn Fn(Ctx, Vec<u8>) -> Doing + Send + Sync>;

/// What a service does when facts become known, and what it does every hour.
#[derive(Clone, Default)]
pub struct Handlers {
    facts: Vec<Handler>,
    hourly: Vec<Hourly>,
}

#[derive(Clone)]
struct Hourly {
    name: &'static str,
    run: Arc<dyn Fn(Ctx) -> Doing + Send + Sync>,
}

#[derive(Clone)]
struct Handler {
    event: String,
    name: &'static str,
    run: Run,
    /// Whether it is recorded that it handled a fact.
    recorded: bool,
}

impl Handlers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. Its `name` is kept with the facts it handled: rename it and it handles them again. Its first `commit` also
    /// records that the fact was handled, so what that commit does happens once. What it does elsewhere can happen again; what
    /// it commits later is lost when the process dies in between: what belongs together goes into the first.
    #[must_use]
    pub fn on<E, F, Done>(self, name: &'static str, handle: F) -> Self
    where
        E: Event,
        F: Fn(Ctx, E) -> Done + Clone + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        self.with(name, handle, true)
    }

    /// Adds one that only tells who is watching, and writes nothing. To be told again does no harm, so there is no record of it,
    /// and nobody waits for one.
    #[must_use]
    pub fn tell<E, F, Done>(self, name: &'static str, handle: F) -> Self
    where
        E: Event,
        F: Fn(Ctx, E) -> Done + Clone + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        self.with(name, handle, false)
    }

    fn with<E, F, Done>(mut self, name: &'static str, handle: F, recorded: bool) -> Self
    where
        E: Event,
        F: Fn(Ctx, E) -> Done + Clone + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        let run: Run = Arc::new(move |ctx, body| {
            let handle = handle.clone();
            Box::pin(async move { handle(ctx, E::decode(body.as_slice()).map_err(Error::internal)?).await })
        });
        self.facts.push(Handler { event: E::full_name(), name, run, recorded });
        self
    }

    /// Adds what is done every hour in every tenant, and once when a process starts. Replicas do it at the same time: it must see
    /// for itself what is due, and leave a row that says that it was done. What fails is logged, and done an hour later.
    #[must_use]
    pub fn every_hour<F, Done>(mut self, name: &'static str, work: F) -> Self
    where
        F: Fn(Ctx) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        self.hourly.push(Hourly { name, run: Arc::new(move |ctx| Box::pin(work(ctx))) });
        self
    }
}

/// Carries facts to the handlers of this process.
#[derive(Clone)]
pub struct Bus {
    subscribers: Arc<Vec<(Store, Handler)>>,
    hourly: Arc<Vec<(&'static str, Hourly)>>,
    clock: Clock,
    ids: Ids,
}

impl Bus {
    /// A bus with the handlers of every service, each with the store its inbox is in.
    pub fn new(services: Vec<(Store, Handlers)>, clock: Clock, ids: Ids) -> Self {
        let (mut subscribers, mut every_hour) = (Vec::new(), Vec::new());
        for (store, Handlers { facts, hourly }) in services {
            every_hour.extend(hourly.into_iter().map(|work| (store.service(), work)));
            subscribers.extend(facts.into_iter().map(|handler| (store.clone(), handler)));
        }
        Self { subscribers: Arc::new(subscribers), hourly: Arc::new(every_hour), clock, ids }
    }

    /// Does in one tenant what a service does every hour.
    async fn hour(&self, service: &str, tenant: &Arc<Tenant>) {
        for (_, Hourly { name, run }) in self.hourly.iter().filter(|(of, _)| *of == service) {
            let ctx = Ctx::for_job(tenant.clone(), name, &self.clock, self.ids.clone());
            let span = tracing::info_span!("hourly", work = name);
            if let Err(error) = run(ctx).instrument(span).await {
                tracing::error!(tenant = %tenant.id(), service, work = name, ?error, "hourly work not done");
            }
        }
    }

    /// Brings a fact to every handler that has not handled it. Error: the first handler's that failed; it is tried again later.
    async fn publish(&self, tenant: &Arc<Tenant>, fact: &outbox::Model) -> Result<()> {
        for (store, handler) in self.subscribers.iter().filter(|(_, handler)| handler.event == fact.name) {
            let span = tracing::info_span!("handle", handler = handler.name, event = %fact.name);
            if let Some(trace) = &fact.trace {
                telemetry::follow(&span, trace);
            }
            let ctx = Ctx::for_job(tenant.clone(), handler.name, &self.clock, self.ids.clone());
            handle(store, handler, ctx, fact).instrument(span).await?;
        }
        Ok(())
    }
}

/// Whether the fact that is handled in this context was handled in its tenant before.
pub(crate) async fn was_handled(db: &impl Reads, event: Uuid, handler: &str) -> Result<bool> {
    Ok(inbox::Entity::find_by_id((event, handler.to_owned())).one(db.conn()).await?.is_some())
}

async fn handle(store: &Store, handler: &Handler, ctx: Ctx, fact: &outbox::Model) -> Result<()> {
    if !handler.recorded {
        return (handler.run)(ctx, fact.body.clone()).await;
    }
    if is_handled(store, &ctx, fact.id, handler.name).await? {
        return Ok(());
    }
    let ctx = ctx.handling(fact.id, handler.name);
    (handler.run)(ctx.clone(), fact.body.clone()).await?;
    if !is_handled(store, &ctx, fact.id, handler.name).await? {
        // it wrote nothing: the record is all there is to commit
        store.write(&ctx).await?.commit().await?;
    }
    Ok(())
}

async fn is_handled(store: &Store, ctx: &Ctx, event: Uuid, handler: &str) -> Result<bool> {
    was_handled(&store.read(ctx).await?, event, handler).await
}
