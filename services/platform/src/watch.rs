//! Shows watchers what changes, right after the commit that changed it, on every replica.
//!
//! A change is a row that is written in the transaction of the change: a topic, which callers can watch, and a key, which says what
//! changed in it. The commit rings a bell in this process and, through the broker, in the others. A bell that is missed only delays
//! a watcher, which reads all rows that it has not seen. The rows that it has seen are its [`Position`], which is sent with each
//! answer; a watcher that returns with its position continues from there.

use std::collections::VecDeque;

use futures::{Stream, stream};
use tokio::sync::watch::Receiver;

use crate::{Ctx, Error, Result, Snapshot, Store, service::Readiness};

mod bells;
mod log;
mod position;

pub(crate) use bells::{Bells, Place};
pub(crate) use log::{sweep, write};
use position::Position;

/// Lets callers watch the data of a service. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    store: Store,
    readiness: Readiness,
}

/// Loads what a watcher is shown.
pub trait Shows: Send + Sync + 'static {
    /// A thing as the watcher sees it.
    type Shown: Send + 'static;

    /// The things with these keys, in their current state and as far as the watcher may see them; none for a key that it may not
    /// see. The stream ends with an error.
    fn show(&self, db: &Snapshot, keys: &[String]) -> impl Future<Output = Result<Vec<Option<Self::Shown>>>> + Send;

    /// The error for a watcher whose position is too old to be continued.
    fn lagged(&self) -> Error;
}

/// A thing that a watcher is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    /// The thing.
    pub what: T,
    /// The position of the watcher after this: with it as `after`, the watch continues from there.
    pub position: String,
}

impl Watch {
    /// A watch over the data of a store. Its streams end when the process accepts no more calls.
    pub(crate) fn new(store: Store, readiness: Readiness) -> Self {
        Self { store, readiness }
    }

    /// The changes of a topic in the caller's tenant: those after a position, or, where `after` is empty, those from now on. The
    /// stream ends with an error, or when the process accepts no more calls. Error: that of [`Shows::lagged`], where the position
    /// is invalid or older than the stored changes.
    pub async fn changes<S: Shows>(
        &self,
        ctx: &Ctx,
        topic: String,
        after: &str,
        shows: S,
    ) -> Result<impl Stream<Item = Result<Seen<S::Shown>>> + Send + use<S>> {
        // before the first read, so that no change is missed in between
        let bell = self.store.bells().listen(ctx.tenant().id(), &topic);
        let db = self.store.read(ctx).await?;
        let position = match after {
            "" => log::now(&db, &topic).await?,
            after => log::after(&db, after).await?.ok_or_else(|| shows.lagged())?,
        };
        drop(db);
        let Self { store, readiness } = self.clone();
        let watcher =
            Watcher { store, readiness, ctx: ctx.clone(), topic, bell, position, shows, ready: VecDeque::new() };
        Ok(stream::unfold(Some(watcher), |watcher| async {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(Some(seen)) => Some((Ok(seen), Some(watcher))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

/// A watcher and its position.
struct Watcher<S: Shows> {
    store: Store,
    readiness: Readiness,
    ctx: Ctx,
    topic: String,
    bell: Receiver<()>,
    position: Position,
    shows: S,
    ready: VecDeque<Seen<S::Shown>>,
}

impl<S: Shows> Watcher<S> {
    /// The next thing to show. None, when the process accepts no more calls.
    async fn next(&mut self) -> Result<Option<Seen<S::Shown>>> {
        loop {
            if let Some(seen) = self.ready.pop_front() {
                return Ok(Some(seen));
            }
            self.bell.mark_unchanged();
            if self.read().await? {
                continue;
            }
            tokio::select! {
                rung = self.bell.changed() => rung.map_err(Error::internal)?,
                () = self.readiness.over() => return Ok(None),
            }
        }
    }

    /// Reads the changes since the position. Returns whether there were any.
    async fn read(&mut self) -> Result<bool> {
        let db = self.store.read(&self.ctx).await?;
        let batch = log::read(&db, &self.topic, &self.position).await?;
        if batch.changes.is_empty() {
            self.position.reach(batch.horizon);
            return Ok(false);
        }
        let shown = self.shows.show(&db, &batch.keys()).await?;
        drop(db);
        let mut shown: Vec<_> = batch.keys().into_iter().zip(shown).collect();
        for change in &batch.changes {
            let found = shown.iter().position(|(key, _)| *key == change.key);
            // a thing that changed several times is shown once, in its last state
            let all = batch.changes.iter().filter(|other| found.is_some() && other.key == change.key);
            all.for_each(|other| self.position.saw(other.place));
            if let Some((_, Some(what))) = found.map(|found| shown.swap_remove(found)) {
                self.ready.push_back(Seen { what, position: self.position.to_string() });
            }
        }
        self.position.reach(batch.horizon);
        if let Some(last) = self.ready.back_mut() {
            last.position = self.position.to_string();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
