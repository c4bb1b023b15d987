//! The cells of the delivery matrix as they change, for clients that watch them. A process tells its own watchers of the changes it handles
//! itself: where lessons runs as several processes, a watcher misses what another of them handles, until facts travel by a broker that
//! brings each to all. Who needs the whole matrix lists it.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures::{Stream, StreamExt, future, stream};
use platform::{Ctx, Error, Id, Result, Store, TenantId, event::Handlers, service::Readiness};
use proto::lessons::v1 as pb;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    reason::{Reason, Refuse},
    twinning::pair,
    work::{
        credit,
        report::{Delivery, store},
    },
    year::edition::Edition,
};

/// How many changes a watcher may be behind.
const BEHIND: usize = 1_024;
/// How often a watcher looks whether the process ends.
const LOOK: Duration = Duration::from_secs(1);

/// The changes of every tenant. A process has one: methods and handlers are made apart and meet here.
static CHANGES: LazyLock<Changes> = LazyLock::new(Changes::new);

/// A cell that changed.
#[derive(Debug)]
struct Change {
    tenant: TenantId,
    delivery: Delivery,
}

/// Where changes are told and watched.
struct Changes(broadcast::Sender<Arc<Change>>);

impl Changes {
    fn new() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }

    fn tell(&self, change: Change) {
        // nobody may be watching any more
        let _ = self.0.send(Arc::new(change));
    }

    /// The changes of one edition, and those of which the edition is not known, from now on, until the watcher falls too far behind.
    fn watch(&self, tenant: TenantId, edition: Id<Edition>) -> impl Stream<Item = Result<Delivery>> + Send + use<> {
        let changes = stream::unfold(Some(self.0.subscribe()), |changes| async {
            let mut changes = changes?;
            match changes.recv().await {
                Ok(change) => Some((Ok(change), Some(changes))),
                Err(RecvError::Lagged(_)) => Some((Err(lagged()), None)),
                Err(RecvError::Closed) => None,
            }
        });
        changes.filter_map(move |change| {
            let is_ours = |change: &Arc<Change>| {
                change.tenant == tenant && change.delivery.edition.is_none_or(|of| of == edition)
            };
            future::ready(match change {
                Ok(change) => is_ours(&change).then(|| Ok(change.delivery.clone())),
                Err(error) => Some(Err(error)),
            })
        })
    }
}

fn lagged() -> Error {
    Reason::WatchLagged.error("Changes came faster than they were read. List the deliveries again, then watch again.")
}

/// The changes of one edition of the caller's tenant, and those of which the edition is not known, from now on.
pub(crate) fn watch(ctx: &Ctx, edition: Id<Edition>) -> impl Stream<Item = Result<Delivery>> + Send + use<> {
    CHANGES.watch(ctx.tenant().id().clone(), edition)
}

/// Comes when the process ends. An orderly end waits for every call under way, and watching has no end of its own.
pub(crate) async fn ending(readiness: Readiness) {
    let mut look = tokio::time::interval(LOOK);
    while readiness.is_ready() {
        look.tick().await;
    }
}

/// What lessons does when a report has changed: it tells who is watching.
pub(crate) fn handlers(store: Store) -> Handlers {
    let watched = store.clone();
    Handlers::new()
        .tell("watch deliveries", move |ctx, changed: pb::ReportChanged| {
            tell(store.clone(), ctx, changed.team_id, changed.lesson)
        })
        .tell("watch credits", move |ctx, received: pb::CreditReceived| {
            tell(watched.clone(), ctx, received.team_id, received.lesson)
        })
}

async fn tell(store: Store, ctx: Ctx, team: String, lesson: i32) -> Result<()> {
    if CHANGES.0.receiver_count() == 0 {
        return Ok(());
    }
    let db = store.read(&ctx).await?;
    let seat = pair::store::seat_of(&db, team.parse()?).await?;
    let cell = store::delivery(&db, seat, lesson).await?.unwrap_or_else(|| Delivery::unknown(seat, lesson));
    let credits = credit::store::of_teams(&db, [seat.team].into_iter()).await?;
    let credits = credits.into_iter().filter(|credit| credit.lesson == lesson).collect();
    CHANGES.tell(Change { tenant: ctx.tenant().id().clone(), delivery: Delivery { credits, ..cell } });
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{work::report::ReportState, year::team::Seat};

    fn change(tenant: &str, edition: u128, lesson: i32) -> Change {
        let edition = Id::from(Uuid::from_u128(edition));
        let cell = Delivery::unknown(Seat { team: Id::nil(), space: None }, lesson);
        let delivery = Delivery { edition: Some(edition), state: ReportState::Draft, ..cell };
        Change { tenant: tenant.parse().unwrap(), delivery }
    }

    fn watch(changes: &Changes) -> impl Stream<Item = Result<Delivery>> + Unpin + use<> {
        Box::pin(changes.watch("it".parse().unwrap(), Id::from(Uuid::from_u128(1))))
    }

    #[tokio::test]
    async fn a_watcher_sees_the_changes_of_its_edition_and_no_other() {
        let changes = Changes::new();
        let watched = watch(&changes);
        for (tenant, edition, lesson) in [("hr", 1, 1), ("it", 2, 2), ("it", 1, 3), ("it", 1, 4)] {
            changes.tell(change(tenant, edition, lesson));
        }
        drop(changes);
        let lessons: Vec<i32> = watched.map(|delivery| delivery.unwrap().lesson).collect().await;
        assert_eq!(lessons, [3, 4]);
    }

    #[tokio::test]
    async fn a_watcher_that_falls_behind_is_told_so_and_then_nothing_more() {
        let changes = Changes::new();
        let mut watched = watch(&changes);
        for lesson in 0..=i32::try_from(BEHIND).unwrap() {
            changes.tell(change("it", 1, lesson));
        }
        let told = watched.next().await.unwrap();
        assert!(told.is_err_and(|error| error.is(Reason::WatchLagged)));
        assert!(watched.next().await.is_none());
    }
}
