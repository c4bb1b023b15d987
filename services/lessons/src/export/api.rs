//! The method on exports: open, load, decide, save, answer.

use futures::{StreamExt, stream};
use platform::{Ctx, Id, Open, Result, Store, blob};
use proto::{
    google::api::HttpBody,
    lessons::v1::{self as pb, export_service_server::ExportService},
};
use tonic::{Request, Response, Status};

use super::Book;
use crate::{
    pair::{self, Pair},
    sighting::{Kind, witness::Witness},
};

/// The method on exports.
#[derive(Clone)]
pub struct Exports {
    /// The data of lessons.
    pub store: Store,
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
        let pair = pair::store::get(&self.store.read(ctx).await?, id).await?;
        let there = pair.sides().iter().filter(|place| !place.has_left());
        self.witness.saw(ctx, Kind::Export, there.map(|place| &place.side)).await?;
        let tx = self.store.write(ctx).await?;
        tx.note("export pair", format!("pair {id}"), "");
        tx.commit().await?;
        pb::Pair::from(pair).try_into()
    }
}

fn piece(data: Vec<u8>) -> HttpBody {
    HttpBody { content_type: "application/zip".to_owned(), data: data.into(), extensions: Vec::new() }
}
