//! Facts. A fact is published in the transaction that made it true (outbox), and each handler handles it once (inbox), even where
//! the process dies in between or the fact arrives twice.
//!
//! The contract names the consumers of a fact. Those in this process receive it in memory, from the [`Bus`]; those in other
//! processes receive it from a broker. A fact that a handler failed to handle stays in the handler's backlog and is tried again;
//! other handlers do not wait for it.

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
mod errand;
mod outbox;
mod rounds;
mod settings;
mod ways;

pub use bus::Bus;
pub(crate) use bus::was_handled;
pub use dispatch::Dispatcher;
pub use errand::Bell;
use errand::Errand;
pub use settings::Settings;
pub(crate) use ways::Ways;

type Doing = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type Run = Arc<dyn Fn(Ctx, Vec<u8>) -> Doing + Send + Sync>;

/// The handlers of a service for facts, its work of every hour, and what they leave to be done.
#[derive(Clone, Default)]
pub struct Handlers {
    facts: Vec<Handler>,
    hourly: Vec<Hourly>,
    errands: Vec<Errand>,
}

#[derive(Clone)]
struct Hourly {
    name: &'static str,
    run: Arc<dyn Fn(Ctx) -> Doing + Send + Sync>,
}

#[derive(Clone)]
struct Handler {
    event: String,
    /// The services that the event names as its consumers.
    consumers: &'static [&'static str],
    name: &'static str,
    run: Run,
    order: Order,
}

/// What happens to later facts of a tenant where a handler fails to handle one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// They wait until it is handled or parked.
    Kept,
    /// They do not wait.
    Free,
}

impl Handlers {
    /// No handlers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, which gets the facts of a tenant in the order in which they were published: where it fails, the later ones wait
    /// until it succeeds or the fact is parked. Its `name` is kept with the facts it handled: rename it and it handles them again.
    /// Its `commit` also records that the fact was handled, so what that commit does happens once. It commits once in the tenant of
    /// the fact, as the last thing it does: before that it commits in other tenants, if at all, once in each, by
    /// [`Store::change_once`](crate::Store::change_once). Any other commit is refused, for it would be lost where the process dies before
    /// it. What it does beside its commits can happen again.
    #[must_use]
    pub fn on<E, F, Done>(self, name: &'static str, handle: F) -> Self
    where
        E: Event,
        F: Fn(Ctx, E) -> Done + Clone + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        self.with(name, handle, Order::Kept)
    }

    /// [`Handlers::on`] for facts that do not depend on each other, such as letters: where one fails, later ones do not wait.
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

    /// Adds work that is done every hour in every tenant, and once when a process starts. All replicas do it at the same time, so
    /// it must check itself what is due, and store a row that says that it was done. Failed work is logged, and tried again an hour
    /// later.
    #[must_use]
    pub fn every_hour<F, Done>(mut self, name: &'static str, work: F) -> Self
    where
        F: Fn(Ctx) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<()>> + Send + 'static,
    {
        self.hourly.push(Hourly { name, run: Arc::new(move |ctx| Box::pin(work(ctx))) });
        self
    }

    /// Adds work that takes its time, such as calls to servers of others, and that no fact waits for. Handlers leave it as rows, and ring
    /// `bell` after their commit. It lies in lanes: `lanes` says in which of them something is to be done now, and `step` does the next
    /// of one, and whether there may be more in it now. A slow lane holds up no other one. All replicas look when a process starts, when
    /// it is rung there, and every few minutes, so a step reserves its row first. A failed step is logged, and tried at the next look.
    #[must_use]
    pub fn in_lanes<Look, Looking, Step, Stepping>(
        mut self,
        name: &'static str,
        bell: Bell,
        lanes: Look,
        step: Step,
    ) -> Self
    where
        Look: Fn(Ctx) -> Looking + Send + Sync + 'static,
        Looking: Future<Output = Result<Vec<Uuid>>> + Send + 'static,
        Step: Fn(Ctx, Uuid) -> Stepping + Send + Sync + 'static,
        Stepping: Future<Output = Result<bool>> + Send + 'static,
    {
        let lanes = Arc::new(move |ctx| -> errand::Doing<Vec<Uuid>> { Box::pin(lanes(ctx)) });
        let step = Arc::new(move |ctx, lane| -> errand::Doing<bool> { Box::pin(step(ctx, lane)) });
        self.errands.push(Errand { name, bell, lanes, step });
        self
    }
}

/// A fact on its way to its handlers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Its id, which is the same in every process.
    pub(crate) id: Uuid,
    /// The full name of its message: `koine.identity.v1.TeamMoved`.
    pub(crate) name: String,
    /// The message, encoded.
    pub(crate) body: Vec<u8>,
    /// The `traceparent` of the call that published it.
    pub(crate) trace: Option<String>,
    /// The instant at which it was published.
    pub(crate) at: Timestamp,
}

/// A fact that could not be handled, or could not leave the process, at the first attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    /// Its id.
    pub id: Uuid,
    /// The full name of its message.
    pub event: String,
    /// The handler that failed, or that waits for an earlier fact. None: the fact could not leave for another process.
    pub handler: Option<String>,
    /// The instant at which it was published.
    pub at: Timestamp,
    /// The number of failed attempts.
    pub attempts: i32,
    /// The instant of the next attempt. None: the fact is parked.
    pub next_try: Option<Timestamp>,
}

impl From<rows::outbox::Model> for Told {
    fn from(row: rows::outbox::Model) -> Self {
        Self { id: row.id, name: row.name, body: row.body, trace: row.trace, at: row.at.0 }
    }
}
