//! The messages of a pair as they are written and change. What a watcher may see is checked for each message: after its
//! class has left it sees none.

use futures::Stream;
use platform::{
    Ctx, Error, Id, Reads, Result, Snapshot, Watch,
    watch::{Seen, Shows},
};

use crate::{
    reason::{Reason, Refuse},
    space::message::{Message, store},
    twinning::pair::{self, Pair},
};

/// The messages of one pair.
struct Conversation(Id<Pair>);

/// A message as a watcher sees it.
#[derive(Debug)]
pub(crate) struct Read {
    /// The message.
    pub(crate) message: Message,
    /// Its pair.
    pub(crate) pair: Pair,
}

impl Shows for Conversation {
    type Shown = Read;

    /// Error: not found for who has left, `PAIR_STATE` once the pair is dissolved, `WATCH_LAGGED` where all messages changed.
    async fn show(&self, db: &Snapshot, keys: &[String]) -> Result<Vec<Option<Read>>> {
        let pair = pair::store::get(db, self.0).await?;
        pair.check_together(db.ctx())?;
        let ids = keys.iter().map(|key| if key.is_empty() { Err(self.lagged()) } else { Ok(key.parse()?) });
        let ids: Vec<Id<Message>> = ids.collect::<Result<_>>()?;
        let messages = store::of_ids(db, pair.id(), ids.clone()).await?;
        let shown = ids.into_iter().map(|id| {
            let message = messages.iter().find(|message| message.id() == id).cloned();
            let message = message.and_then(|message| message.as_shown_to(db.ctx()))?;
            Some(Read { message, pair: pair.clone() })
        });
        Ok(shown.collect())
    }

    fn lagged(&self) -> Error {
        Reason::WatchLagged
            .error("More has changed than can be told one by one. List the messages again, then watch again.")
    }
}

/// The messages of one pair of the caller's tenant, after a position or from now on. Error: `WATCH_LAGGED`.
pub(crate) async fn watch(
    watch: &Watch,
    ctx: &Ctx,
    pair: Id<Pair>,
    after: &str,
) -> Result<impl Stream<Item = Result<Seen<Read>>> + Send + use<>> {
    watch.changes(ctx, store::topic(pair), after, Conversation(pair)).await
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt, stream::BoxStream};
    use platform::{Tx, error::Shared, testing};
    use proto::lessons::v1 as pb;

    use super::*;
    use crate::{
        space::message::{Mark, Note, wire},
        testing::twins::Twins,
    };

    fn shown(Seen { what: Read { message, pair }, position }: Seen<Read>) -> pb::Message {
        pb::Message { position, ..wire::shown(message, &pair) }
    }

    async fn watching(twins: &Twins, ctx: &Ctx, after: &str) -> BoxStream<'static, Result<pb::Message>> {
        let changes = watch(&testing::watch(&twins.store), ctx, twins.pair.id(), after).await.unwrap();
        changes.map(|seen| seen.map(shown)).boxed()
    }

    async fn text(seen: &mut BoxStream<'static, Result<pb::Message>>) -> String {
        seen.next().await.unwrap().unwrap().text
    }

    async fn write(twins: &Twins, ctx: &Ctx) -> Tx {
        twins.store.change(ctx).await.unwrap()
    }

    async fn post(twins: &Twins, ctx: &Ctx, text: &str) -> Message {
        let track = twins.plan.edition.tracks()[0].clone();
        let note = Note { text: text.to_owned(), language: "en".to_owned(), role: String::new() };
        let mut message = Message::post(ctx, &twins.pair, &track, note).unwrap();
        let tx = write(twins, ctx).await;
        store::add(&tx, &mut message).await.unwrap();
        tx.commit().await.unwrap();
        message
    }

    #[tokio::test]
    async fn a_watcher_sees_the_messages_it_may_read_until_its_class_leaves() {
        let mut twins = Twins::at_work().await;
        let mut twin = watching(&twins, &twins.team(1), "").await;
        let mut own = watching(&twins, &twins.team(0), "").await;
        post(&twins, &twins.team(0), "Held").await;
        let mut told = post(&twins, &twins.teacher(0), "Hello").await;
        assert_eq!(text(&mut twin).await, "Hello", "and the held one is none of theirs");
        assert_eq!([text(&mut own).await, text(&mut own).await], ["Held", "Hello"]);

        told.mark(&twins.teacher(1), &twins.pair, Mark::Hidden).unwrap();
        let tx = write(&twins, &twins.teacher(1)).await;
        store::save(&tx, &mut told).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!([text(&mut twin).await, text(&mut own).await], ["", ""], "hidden: a gap, for who wrote it too");

        twins.leaves(1).await;
        let tx = write(&twins, &twins.team(0)).await;
        store::all_changed(&tx, twins.pair.id());
        tx.commit().await.unwrap();
        let ended = twin.next().await.unwrap();
        assert!(ended.is_err_and(|error| error.is(Shared::NotFound)) && twin.next().await.is_none());
        let lists_again = own.next().await.unwrap();
        assert!(lists_again.is_err_and(|error| error.is(Reason::WatchLagged)));
    }

    #[tokio::test]
    async fn a_watcher_that_comes_back_goes_on_after_the_last_message_it_saw() {
        let twins = Twins::at_work().await;
        let mut seen = watching(&twins, &twins.team(1), "").await;
        post(&twins, &twins.teacher(0), "One").await;
        let last = seen.next().await.unwrap().unwrap();
        drop(seen);
        post(&twins, &twins.teacher(0), "Two").await;
        post(&twins, &twins.teacher(1), "Three").await;
        let mut seen = watching(&twins, &twins.team(1), &last.position).await;
        assert_eq!([text(&mut seen).await, text(&mut seen).await], ["Two", "Three"]);
        assert!(seen.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_watches_another_pair_sees_nothing_of_this_one() {
        let twins = Twins::at_work().await;
        let elsewhere = watch(&testing::watch(&twins.store), &twins.team(1), twins.ground.ids.next(), "").await;
        let mut elsewhere = elsewhere.unwrap().boxed();
        post(&twins, &twins.teacher(0), "Hello").await;
        assert!(elsewhere.next().now_or_never().is_none());
    }
}
