//! The methods on editions: open, load, decide, save, answer.

use platform::{Allowed, Open, PageRequest, Result, Store, batch, page::Sizes};
use proto::lessons::v1::{self as pb, edition_service_server::EditionService};
use tonic::{Request, Response, Status};

use super::{Plan, store, wire};
use crate::year::template::Lessons;

/// The methods on editions.
#[derive(Clone)]
pub struct Editions {
    /// The data of lessons.
    pub store: Store,
}

const SIZES: Sizes = Sizes { usual: 20, most: 100 };

#[tonic::async_trait]
impl EditionService for Editions {
    async fn list_templates(
        &self,
        request: Request<pb::ListTemplatesRequest>,
    ) -> Result<Response<pb::ListTemplatesResponse>, Status> {
        let (ctx, _) = request.open()?;
        let templates: &Lessons = ctx.tenant().section()?;
        let templates = templates.templates().iter().map(pb::Template::from).collect();
        Ok(Response::new(pb::ListTemplatesResponse { templates }))
    }

    async fn create_edition(
        &self,
        request: Request<pb::CreateEditionRequest>,
    ) -> Result<Response<pb::Edition>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let mut plan = Plan::new(&ctx, req.into())?;
        plan.edition.check_code(&store::all(&tx).await?)?;
        store::add(&tx, &mut plan).await?;
        tx.note("create edition", format!("edition {}", plan.edition.id), format!("code {}", plan.edition.code));
        tx.answer(plan.edition.into()).await
    }

    async fn get_edition(&self, request: Request<pb::GetEditionRequest>) -> Result<Response<pb::Edition>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let edition = store::get(&db, req.edition_id.parse()?).await?;
        Ok(Response::new(edition.into()))
    }

    async fn batch_get_editions(
        &self,
        request: Request<pb::BatchGetEditionsRequest>,
    ) -> Result<Response<pb::BatchGetEditionsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let editions = store::get_all(&db, &batch::ids(&req.edition_ids)?).await?;
        let editions = editions.into_iter().map(pb::Edition::from).collect();
        Ok(Response::new(pb::BatchGetEditionsResponse { editions }))
    }

    async fn list_editions(
        &self,
        request: Request<pb::ListEditionsRequest>,
    ) -> Result<Response<pb::ListEditionsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let (page, total_size) = store::list(&db, page).await?;
        let page = page.map(pb::Edition::from);
        Ok(Response::new(pb::ListEditionsResponse { editions: page.items, next_page_token: page.next, total_size }))
    }

    async fn open_call(&self, request: Request<pb::OpenCallRequest>) -> Result<Response<pb::Edition>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut edition = store::get(&tx, req.edition_id.parse()?).await?;
        let tx = tx.allowed(edition.seen_by(&ctx)?).await?;
        edition.open_call()?;
        store::save(&tx, &mut edition).await?;
        tx.emit(&wire::call_opened(&edition, ctx.now()));
        tx.note("open call", format!("edition {}", edition.id), "");
        tx.answer(edition.into()).await
    }

    async fn get_track(&self, request: Request<pb::GetTrackRequest>) -> Result<Response<pb::GetTrackResponse>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let (track, edition) = store::track(&db, req.track_id.parse()?).await?;
        Ok(Response::new(pb::GetTrackResponse { track: Some(track.into()), edition: Some(edition.into()) }))
    }
}
