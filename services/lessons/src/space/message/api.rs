//! The methods on messages: open, load, decide, save, answer.

use futures::{StreamExt, stream::BoxStream};
use platform::{Ctx, Open, Opening, PageRequest, Result, Store, Watch, page::Sizes, watch::Seen};
use proto::lessons::v1::{self as pb, conversation_service_server::ConversationService};
use tonic::{Request, Response, Status};

use super::{Mark, Message, store, wire};
use crate::{
    across::watch::messages::{self, Read},
    twinning::{
        pair::{self, Pair},
        side::Side,
        sighting::{Kind, witness::Witness},
    },
    year::edition,
};

/// The methods on messages.
#[derive(Clone)]
pub struct Conversations {
    /// The data of lessons.
    pub store: Store,
    /// Lets callers watch conversations.
    pub watch: Watch,
    /// Records who sees what of a class abroad.
    pub witness: Witness,
}

const SIZES: Sizes = Sizes { usual: 50, most: 500 };

#[tonic::async_trait]
impl ConversationService for Conversations {
    async fn post_message(&self, request: Request<pb::PostMessageRequest>) -> Result<Response<pb::Message>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let pair = pair::store::get_to_change(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.shared_by(&ctx)?).await?;
        let track = edition::store::find_track(&tx, pair.track()).await?;
        let mut message = Message::post(&ctx, &pair, &track, req.into())?;
        store::add(&tx, &mut message).await?;
        tx.note("post message", format!("message {}", message.id), "");
        tx.answer(wire::shown(message, &pair)).await
    }

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, req.pair_id.parse()?).await?;
        pair.check_together(&ctx)?;
        let page = store::list(&db, pair.id(), page).await?;
        drop(db);
        self.witness.saw(&ctx, Kind::Messages, writers(&pair, &page.items)).await?;
        let page = page.map(|message| wire::shown(message, &pair));
        Ok(Response::new(pb::ListMessagesResponse { messages: page.items, next_page_token: page.next }))
    }

    async fn release_message(
        &self,
        request: Request<pb::ReleaseMessageRequest>,
    ) -> Result<Response<pb::Message>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        mark(&ctx, tx, (&req.pair_id, &req.message_id), Mark::Free, "release message").await
    }

    async fn hold_message(&self, request: Request<pb::HoldMessageRequest>) -> Result<Response<pb::Message>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        mark(&ctx, tx, (&req.pair_id, &req.message_id), Mark::Held, "hold message").await
    }

    async fn hide_message(&self, request: Request<pb::HideMessageRequest>) -> Result<Response<pb::Message>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        mark(&ctx, tx, (&req.pair_id, &req.message_id), Mark::Hidden, "hide message").await
    }

    type WatchMessagesStream = BoxStream<'static, Result<pb::Message, Status>>;

    async fn watch_messages(
        &self,
        request: Request<pb::WatchMessagesRequest>,
    ) -> Result<Response<Self::WatchMessagesStream>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, req.pair_id.parse()?).await?;
        pair.check_together(&ctx)?;
        drop(db);
        self.witness.saw(&ctx, Kind::Messages, pair.sides().iter().map(|place| &place.side)).await?;
        let changes = messages::watch(&self.watch, &ctx, pair.id(), &req.after).await?;
        Ok(Response::new(changes.map(|seen| Ok(shown(seen?))).boxed()))
    }
}

/// A message as a watcher sees it, with the position of the watcher.
fn shown(Seen { what: Read { message, pair }, position }: Seen<Read>) -> pb::Message {
    pb::Message { position, ..wire::shown(message, &pair) }
}

/// The classes that wrote some of these messages.
fn writers<'a>(pair: &'a Pair, messages: &'a [Message]) -> impl Iterator<Item = &'a Side> {
    let sides = pair.sides().iter().map(|place| &place.side);
    sides.filter(|side| messages.iter().any(|message| message.team == side.team))
}

/// Sets the mark of the caller's side on a message, saves it and answers.
async fn mark(
    ctx: &Ctx,
    tx: Opening,
    (pair, id): (&str, &str),
    mark: Mark,
    deed: &'static str,
) -> Result<Response<pb::Message>, Status> {
    let pair = pair::store::get_to_change(&tx, pair.parse()?).await?;
    let mut message = store::get(&tx, pair.id(), id.parse()?).await?;
    let tx = tx.allowed(message.marked_by(ctx, &pair)?).await?;
    message.mark(ctx, &pair, mark)?;
    store::save(&tx, &mut message).await?;
    tx.note(deed, format!("message {}", message.id), "");
    tx.answer(wire::shown(message, &pair)).await
}
