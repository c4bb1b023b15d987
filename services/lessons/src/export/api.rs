//! The method on exports: open, load, decide, save, answer.

use futures::{StreamExt, stream};
use platform::{Ctx, Id, Open, PageRequest, Reads, Result, Store, blob, page::Sizes};
use proto::{
    google::api::HttpBody,
    lessons::v1::{self as pb, export_service_server::ExportService},
};
use tonic::{Request, Response, Status};

use super::{
    Book,
    wire::{Lesson, Space},
};
use crate::{
    edition, message, output,
    pair::{self, Pair},
    report,
    sighting::{Kind, witness::Witness},
    timeline::{self, homes::Homes},
};

/// How many messages are read at once.
const PAGE: Sizes = Sizes { usual: 500, most: 500 };

/// The method on exports.
#[derive(Clone)]
pub struct Exports {
    /// The data of lessons.
    pub store: Store,
    /// Where the classes live.
    pub homes: Homes,
    /// Who writes down what is seen.
    pub witness: Witness,
}

#[tonic::async_trait]
impl ExportService for Exports {
    type ExportPairStream = stream::BoxStream<'static, Result<HttpBody, Status>>;

    async fn export_pair(
        &self,
        request: Request<pb::ExportPairRequest>,
    ) -> Result<Response<Self::ExportPairStream>, Status> {
        let (ctx, req) = request.open()?;
        let book = self.book(&ctx, req.pair_id.parse()?).await?;
        let pieces = book.archive(ctx.tenant().locales(), ctx.local().datetime())?;
        let pieces = stream::iter(pieces.into_iter().map(piece).map(Ok)).boxed();
        let mut answer = Response::new(pieces);
        blob::name(answer.metadata_mut(), &format!("pair-{}.zip", req.pair_id));
        Ok(answer)
    }
}

impl Exports {
    /// All the caller may see of the pair. That it was taken is an entry of the audit log.
    async fn book(&self, ctx: &Ctx, id: Id<Pair>) -> Result<Book> {
        let db = self.store.read(ctx).await?;
        let pair = pair::store::get(&db, id).await?;
        let space = self.space(&db, &pair).await?;
        drop(db);
        let there = pair.sides().iter().filter(|place| !place.has_left());
        self.witness.saw(ctx, Kind::Export, there.map(|place| &place.side)).await?;
        let tx = self.store.write(ctx).await?;
        tx.note("export pair", format!("pair {id}"), "");
        tx.commit().await?;
        space.try_into()
    }

    async fn space(&self, db: &impl Reads, pair: &Pair) -> Result<Space> {
        let timeline = timeline::store::newest(db, pair.id()).await?;
        let homes = self.homes.of(pair)?;
        Ok(Space {
            pair: pair.clone().into(),
            timeline: timeline.map(|timeline| timeline::wire::shown(timeline, &homes)),
            messages: messages(db, pair).await?,
            lessons: lessons(db, pair).await?,
        })
    }
}

/// Every message the caller may know of, as the caller sees it.
async fn messages(db: &impl Reads, pair: &Pair) -> Result<Vec<pb::Message>> {
    let (mut messages, mut token) = (Vec::new(), String::new());
    loop {
        let page = PageRequest::new(PAGE, 0, &token, "export")?;
        let page = message::store::list(db, pair.id(), page).await?;
        messages.extend(page.items.into_iter().map(|message| message::wire::shown(message, pair)));
        token = page.next;
        if token.is_empty() {
            return Ok(messages);
        }
    }
}

/// What was made for each lesson. Before the work has begun there is nothing, and nothing is given once the pair has ended.
async fn lessons(db: &impl Reads, pair: &Pair) -> Result<Vec<Lesson>> {
    let mut lessons = Vec::new();
    if pair.check_begun().is_err() {
        return Ok(lessons);
    }
    let track = edition::store::track_of_team(db, pair.track()).await?;
    for number in track.rules().lessons.iter().map(|lesson| lesson.number) {
        let mirrors = report::store::comparison(db, pair, number).await?.into();
        let output = output::store::bench(db, pair.id(), number).await?.try_into()?;
        lessons.push(Lesson { number, mirrors, output });
    }
    Ok(lessons)
}

fn piece(data: Vec<u8>) -> HttpBody {
    HttpBody { content_type: "application/zip".to_owned(), data: data.into(), extensions: Vec::new() }
}
