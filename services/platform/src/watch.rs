//! Who watches sees what changes, straight after the commit that changed it, on every replica.
//!
//! A change is a row, written in the transaction that makes it: a topic, which somebody can watch, and a key, which says what of it
//! changed. The commit rings a bell, in this process and through the broker in the others; a bell that is not heard costs time and
//! no change, for a watcher reads all rows that it has not seen. What it has seen is its [`Position`]; it travels with each answer,
//! and who comes back with it goes on from there.

use std::collections::VecDeque;

use futures::{Stream, stream};
use tokio::sync::watch::Receiver;

use crate::{Ctx, Error, Result, Snapshot, Store, service::Readiness};

mod bells;
mod log;
mod position;

pub(crate) use bells::Bells;
pub(crate) use log::{sweep, write};
use position::Position;

/// Lets callers watch what changes in the data of a service. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    store: Store,
    readiness: Readiness,
}

/// What a watcher is shown.
pub trait Shows: Send + Sync + 'static {
    /// One thing, as the watcher sees it.
    type Shown: Send + 'static;

    /// What goes by these keys, as it is now and as the watcher may see it; nothing for a key of which it may see nothing. Error:
    /// the last thing the watcher is told.
    fn show(&self, db: &Snapshot, keys: &[String]) -> impl Future<Output = Result<Vec<Option<Self::Shown>>>> + Send;

    /// The error for a watcher that comes back too late to be told one by one what has changed since.
    fn lagged(&self) -> Error;
}

/// One thing that a watcher sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    /// The thing.
    pub what: T,
    /// Where the watcher is then: given back as `after`, it goes on from there.
    pub position: String,
}

impl Watch {
    /// Lets callers watch the data of one store, for as long as the process wants calls.
    pub(crate) fn new(store: Store, readiness: Readiness) -> Self {
        Self { store, readiness }
    }

    /// What changes under a topic in the caller's tenant: after a position, or from now on where it is empty. The stream ends with
    /// an error, or when the process no longer wants calls. Error: that of [`Shows::lagged`] where the position is older than
    /// what is kept, or none of ours.
    pub async fn changes<S: Shows>(
        &self,
        ctx: &Ctx,
        topic: String,
        after: &str,
        shows: S,
    ) -> Result<impl Stream<Item = Result<Seen<S::Shown>>> + Send + use<S>> {
        // before the first look, so that nothing falls in between
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

/// A watcher and what it has seen.
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
    /// The next thing it sees, or nothing when the process no longer wants calls.
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

    /// Reads what has changed since its position. Says whether there was anything.
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
            // what changed several times is shown once, as it is after all of them
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
