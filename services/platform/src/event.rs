//! Facts. One is published in the transaction that made it true (outbox) and handled once by each handler (inbox), though the
//! process dies in between or the fact arrives twice.
//!
//! A fact names its consumers in the contract. Those of this process get it in memory, from the [`Bus`]; those of other processes
//! by a broker. What a handler could not do stays in the consumer's backlog and is tried again; it holds up no other handler.

use std::{pin::Pin, sync::Arc};

use jiff::Timestamp;
pub use proto::Fact as Event;
use uuid::Uuid;

use crate::{Ctx, Error, Result, store::rows};

mod backlog;
mod broker;
mod bus;
mod catalogue;
mod dispatch;
mod outbox;
mod rounds;
mod settings;
mod ways;

pub use bus::Bus;
pub(crate) use bus::was_handled;
pub use dispatch::Dispatcher;
pub use settings::Settings;
pub(crate) use ways::Ways;

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
    /// The services the event names as its consumers.
    consumers: &'static [&'static str],
    name: &'static str,
    run: Run,
    order: Order,
}

/// What happens to the facts of a tenant that follow one a handler could not handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// They wait until it is handled or parked.
    Kept,
    /// They do not wait.
    Free,
}

impl Handlers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, which gets the facts of a tenant in the order in which they were published: where it fails, the later ones wait
    /// until it succeeds or the fact is parked. Its `name` is kept with the facts it handled: rename it and it handles them again.
    /// Its first `commit` also records that the fact was handled, so what that commit does happens once. What it does elsewhere
    /// can happen again; what it commits later is lost when the process dies in between: what belongs together goes into the
    /// first.
    #[must_use]
    pub fn on<E, F, Done>(self, name: &'static str, handle: F) -> Self
    where
        E: Event,
        F: Fn(Ctx, E) -> Done + Clone + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        self.with(name, handle, Order::Kept)
    }

    /// [`Handlers::on`] for facts that have nothing to do with each other, such as letters: one that cannot be handled holds up no
    /// later one.
    #[must_use]
    pub fn on_each<E, F, Done>(self, name: &'static str, handle: F) -> Self
    where
        E: Event,
        F: Fn(Ctx, E) -> Done + Clone + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        self.with(name, handle, Order::Free)
    }

    fn with<E, F, Done>(mut self, name: &'static str, handle: F, order: Order) -> Self
    where
        E: Event,
        F: Fn(Ctx, E) -> Done + Clone + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        let run: Run = Arc::new(move |ctx, body| {
            let handle = handle.clone();
            Box::pin(async move { handle(ctx, E::decode(body.as_slice()).map_err(Error::internal)?).await })
        });
        self.facts.push(Handler { event: E::full_name(), consumers: E::CONSUMERS, name, run, order });
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

/// A fact that is brought to its handlers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// What it is known by, wherever it goes.
    pub(crate) id: Uuid,
    /// The full name of its message: `koine.identity.v1.TeamMoved`.
    pub(crate) name: String,
    /// The message, encoded.
    pub(crate) body: Vec<u8>,
    /// The `traceparent` of the call that published it.
    pub(crate) trace: Option<String>,
    /// When it was published.
    pub(crate) at: Timestamp,
}

/// A fact that was not handled at the first attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    /// What it is known by.
    pub id: Uuid,
    /// The full name of its message.
    pub event: String,
    /// Whose handler failed, or waits for an earlier fact. None: it could not leave for another process.
    pub handler: Option<String>,
    /// When it was published.
    pub at: Timestamp,
    /// How often it failed.
    pub attempts: i32,
    /// When it is tried again. None: it is parked.
    pub next_try: Option<Timestamp>,
}

impl From<rows::outbox::Model> for Told {
    fn from(row: rows::outbox::Model) -> Self {
        Self { id: row.id, name: row.name, body: row.body, trace: row.trace, at: row.at.0 }
    }
}
