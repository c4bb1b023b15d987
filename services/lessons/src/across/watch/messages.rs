//! The messages of a pair as they come, for clients that watch them. A process tells its own watchers of the changes it handles itself, as
//! [`super::deliveries`] does. What a watcher may see is asked for every message: who has left sees no other one.

use std::sync::{Arc, LazyLock};

use futures::{Stream, stream};
use platform::{Ctx, Error, Id, Result, Store, TenantId, event::Handlers};
use proto::lessons::v1 as pb;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    reason::{Reason, Refuse},
    space::message::{Message, store},
    twinning::pair::{self, Pair},
};

/// How many changes a watcher may be behind.
const BEHIND: usize = 1_024;

/// The changes of every tenant. A process has one: methods and handlers are made apart and meet here.
static CHANGES: LazyLock<Changes> = LazyLock::new(Changes::new);

/// A message that changed, with its pair as it is then. Without a message: a class took its own along.
#[derive(Debug)]
struct Change {
    tenant: TenantId,
    pair: Pair,
    message: Option<Message>,
}

/// A message as a watcher sees it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The message.
    pub(crate) message: Message,
    /// Its pair.
    pub(crate) pair: Pair,
}

/// Where changes are told and watched.
struct Changes(broadcast::Sender<Arc<Change>>);

impl Change {
    fn is_of(&self, ctx: &Ctx, pair: Id<Pair>) -> bool {
        self.tenant == *ctx.tenant().id() && self.pair.id() == pair
    }

    /// What the watcher sees of it. Error: not found for who has left, `PAIR_STATE` once it is
    /// dissolved, `WATCH_LAGGED` where the whole conversation changed.
    fn as_shown_to(&self, ctx: &Ctx) -> Result<Option<Seen>> {
        if !self.pair.is_visible_to(ctx) {
            return Err(Error::not_found("pair"));
        }
        self.pair.check_together(ctx)?;
        let message = self.message.clone().ok_or_else(lagged)?;
        Ok(message.as_shown_to(ctx).map(|message| Seen { message, pair: self.pair.clone() }))
    }
}

impl Changes {
    fn new() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }

    fn tell(&self, change: Change) {
        // nobody may be watching any more
        let _ = self.0.send(Arc::new(change));
    }

    /// The messages of one pair from now on, until the watcher may not see them any more or falls too far behind.
    fn watch(&self, ctx: Ctx, pair: Id<Pair>) -> impl Stream<Item = Result<Seen>> + Send + use<> {
        stream::unfold(Some(self.0.subscribe()), move |changes| {
            let ctx = ctx.clone();
            async move {
                let mut changes = changes?;
                loop {
                    let seen = match changes.recv().await {
                        Ok(change) if change.is_of(&ctx, pair) => change.as_shown_to(&ctx),
                        Ok(_) => Ok(None),
                        Err(RecvError::Lagged(_)) => Err(lagged()),
                        Err(RecvError::Closed) => return None,
                    };
                    match seen {
                        Ok(None) => {}
                        Ok(Some(seen)) => return Some((Ok(seen), Some(changes))),
                        Err(error) => return Some((Err(error), None)),
                    }
                }
            }
        })
    }
}

fn lagged() -> Error {
    Reason::WatchLagged
        .error("More has changed than can be told one by one. List the messages again, then watch again.")
}

/// The messages of one pair of the caller's tenant, from now on.
pub(crate) fn watch(ctx: Ctx, pair: Id<Pair>) -> impl Stream<Item = Result<Seen>> + Send + use<> {
    CHANGES.watch(ctx, pair)
}

/// What lessons does when a message has changed, beside what it does already: it tells who is watching.
pub(crate) fn handlers(others: Handlers, store: Store) -> Handlers {
    others.tell("watch messages", move |ctx, changed| tell(store.clone(), ctx, changed))
}

async fn tell(store: Store, ctx: Ctx, changed: pb::MessageChanged) -> Result<()> {
    if CHANGES.0.receiver_count() == 0 {
        return Ok(());
    }
    let db = store.read(&ctx).await?;
    let Some(pair) = pair::store::find(&db, changed.pair_id.parse()?).await? else { return Ok(()) };
    let message = match changed.message_id.as_str() {
        "" => None,
        id => Some(store::get(&db, pair.id(), id.parse()?).await?),
    };
    CHANGES.tell(Change { tenant: ctx.tenant().id().clone(), pair, message });
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::{
        space::message::{Mark, Note, wire::shown},
        testing::twins::Twins,
    };

    fn change(twins: &Twins, message: Option<Message>) -> Change {
        Change { tenant: twins.ground.tenant.id().clone(), pair: twins.pair.clone(), message }
    }

    fn note(text: &str) -> Note {
        Note { text: text.to_owned(), language: "en".to_owned(), role: String::new() }
    }

    fn text(seen: Option<Result<Seen>>) -> String {
        let seen = seen.unwrap().unwrap();
        shown(seen.message, &seen.pair).text
    }

    #[tokio::test]
    async fn a_watcher_sees_the_messages_it_may_read_until_its_class_leaves() {
        let mut twins = Twins::at_work().await;
        let track = twins.plan.edition.tracks()[0].clone();
        let post = |ctx: &Ctx| Message::post(ctx, &twins.pair, &track, note("Hello")).unwrap();
        let (held, mut told) = (post(&twins.team(0)), post(&twins.teacher(0)));
        let changes = Changes::new();
        let pair = twins.pair.id();
        let mut twin = Box::pin(changes.watch(twins.team(1), pair));
        let mut own = Box::pin(changes.watch(twins.team(0), pair));
        let mut elsewhere = Box::pin(changes.watch(twins.team(0), twins.ground.ids.next()));
        changes.tell(change(&twins, Some(held.clone())));
        changes.tell(change(&twins, Some(told.clone())));
        told.mark(&twins.teacher(1), &twins.pair, Mark::Hidden).unwrap();
        changes.tell(change(&twins, Some(told.clone())));
        assert_eq!(own.next().await.unwrap().unwrap().message, held);
        assert_eq!(text(twin.next().await), "Hello", "and the held one is none of theirs");
        assert_eq!(text(twin.next().await), "", "hidden: a gap");

        twins.leaves(1).await;
        changes.tell(change(&twins, None));
        let ended = twin.next().await.unwrap();
        assert!(ended.is_err_and(|error| error.is(platform::error::Shared::NotFound)) && twin.next().await.is_none());
        own.next().await;
        assert_eq!(text(own.next().await), "", "who wrote it sees a gap too");
        let gaps = own.next().await.unwrap();
        assert!(gaps.is_err_and(|error| error.is(Reason::WatchLagged)), "the other lists again");
        drop(changes);
        assert!(elsewhere.next().await.is_none());
    }
}
