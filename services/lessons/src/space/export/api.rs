//! The method on exports: open, load, decide, save, answer.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use platform::{
    Ctx, Id, Open, PageRequest, Reads, Result, Store,
    blob::{self, Blobs},
};
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
    across::{
        export::{Source, send},
        mirror, output, shelf,
    },
    space::{
        consent, message,
        shelf::Shelf,
        timeline::{self, homes::Homes},
    },
    twinning::{
        pair::{self, Pair, PairStage},
        sighting::{Kind, witness::Witness},
    },
    year::{edition, team::Team},
};

/// The number of messages or statements in one page.
const PAGE: u64 = 500;

/// The method on exports.
#[derive(Clone)]
pub struct Exports {
    /// The data of lessons.
    pub store: Store,
    /// The bytes of files.
    pub blobs: Blobs,
    /// The files of the classes' countries.
    pub homes: Homes,
    /// Records who sees what of a class abroad.
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
        let source = Source { ctx, pair: req.pair_id.parse()?, store: self.store.clone(), blobs: self.blobs.clone() };
        let mut answer = Response::new(send(book, source).map_ok(piece).map_err(Status::from).boxed());
        blob::name(answer.metadata_mut(), &format!("pair-{}.zip", req.pair_id));
        Ok(answer)
    }
}

impl Exports {
    /// The book of all the caller may see of the pair. The export is noted in the audit log.
    async fn book(&self, ctx: &Ctx, id: Id<Pair>) -> Result<Book> {
        let db = self.store.read(ctx).await?;
        let pair = pair::store::get(&db, id).await?;
        let space = self.space(&db, &pair).await?;
        drop(db);
        self.witness.saw(ctx, Kind::Export, pair.there()).await?;
        let tx = self.store.change(ctx).await?;
        tx.note("export pair", format!("pair {id}"), "");
        tx.commit().await?;
        space.try_into()
    }

    async fn space(&self, db: &impl Reads, pair: &Pair) -> Result<Space> {
        let timeline = timeline::store::newest(db, pair.id()).await?;
        let homes = self.homes.of(pair)?;
        let files = shelf::of_pair(db, pair).await?;
        Ok(Space {
            pair: pair.clone().into(),
            consents: consents(db, pair, &files).await?,
            files,
            timeline: timeline.map(|timeline| timeline::wire::shown(timeline, &homes)),
            messages: messages(db, pair).await?,
            lessons: lessons(db, pair).await?,
        })
    }
}

/// Whether the caller may export what a class said. Of a pair that was dissolved that is only what their own class said.
fn is_given(ctx: &Ctx, pair: &Pair, team: Id<Team>) -> bool {
    let is_own = || pair.side_of(team).is_some_and(|place| place.is_open_to(ctx));
    pair.check_together(ctx).is_ok() || is_own()
}

/// Every message the caller may see, as the caller sees it.
async fn messages(db: &impl Reads, pair: &Pair) -> Result<Vec<pb::Message>> {
    let (mut messages, mut token) = (Vec::new(), String::new());
    loop {
        let page = PageRequest::walk(PAGE, &token)?;
        let page = message::store::list(db, pair.id(), page).await?;
        let given = page.items.into_iter().filter(|message| is_given(db.ctx(), pair, message.team()));
        messages.extend(given.map(|message| message::wire::shown(message, pair)));
        token = page.next;
        if token.is_empty() {
            return Ok(messages);
        }
    }
}

/// Every statement about files the caller may see.
async fn consents(db: &impl Reads, pair: &Pair, files: &Shelf) -> Result<Vec<pb::Consent>> {
    let (mut consents, mut token) = (Vec::new(), String::new());
    loop {
        let page = PageRequest::walk(PAGE, &token)?;
        let page = consent::store::list(db, pair, files, None, page).await?;
        let given = page.items.into_iter().filter(|consent| is_given(db.ctx(), pair, consent.team()));
        consents.extend(given.map(pb::Consent::from));
        token = page.next;
        if token.is_empty() {
            return Ok(consents);
        }
    }
}

/// What the pair made for each lesson. It is empty before the work has begun. Of a pair that was dissolved it has only what the caller's
/// own class wrote.
async fn lessons(db: &impl Reads, pair: &Pair) -> Result<Vec<Lesson>> {
    let mut lessons = Vec::new();
    if pair.check_begun().is_err() && pair.stage() != PairStage::Dissolved {
        return Ok(lessons);
    }
    let track = edition::store::find_track(db, pair.track()).await?;
    for number in track.rules().lessons.iter().map(|lesson| lesson.number) {
        let mirrors = mirror::comparison(db, pair, number).await?.into();
        let output = match pair.check_together(db.ctx()) {
            Ok(()) => Some(output::load(db, pair.id(), number).await?.try_into()?),
            Err(_) => None,
        };
        lessons.push(Lesson { number, mirrors, output });
    }
    Ok(lessons)
}

fn piece(data: Bytes) -> HttpBody {
    HttpBody { content_type: "application/zip".to_owned(), data, extensions: Vec::new() }
}
