//! The methods on projects: open, load, decide, save, answer.

use platform::{
    Ctx, Error, Open, Operations, PageRequest, Result, Store, Tx, open::OpenStream, operation::Work, page::Sizes,
    sheet::Upload,
};
use proto::{
    google::longrunning::Operation,
    lessons::v1::{self as pb, project_service_server::ProjectService},
};
use tonic::{Request, Response, Status, Streaming};

use super::{
    import::Import,
    sheet::{self, Sheet},
    store,
};
use crate::reason::Reason;

/// The methods on projects.
#[derive(Clone)]
pub struct Projects {
    /// The data of lessons.
    pub store: Store,
    /// The operations of lessons.
    pub operations: Operations,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

/// The largest sheet: all of keep.eu, 93,000 partners, has about as much.
const MAX_BYTES: u64 = 64 << 20;

#[tonic::async_trait]
impl ProjectService for Projects {
    async fn import_projects(
        &self,
        request: Request<Streaming<pb::ImportProjectsRequest>>,
    ) -> Result<Response<Operation>, Status> {
        let (ctx, pieces) = request.open_stream()?;
        // judged line by line, and imported all or nothing
        let file = pieces.whole(MAX_BYTES, Reason::FileTooLarge, |piece| piece.file).await?;
        let sheet = read(&ctx, file).await?;
        let store = self.store.clone();
        self.operations.start(&ctx, move |work| import(store, work, sheet)).await
    }

    async fn get_project(&self, request: Request<pb::GetProjectRequest>) -> Result<Response<pb::Project>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let project = store::get(&db, req.project_id.parse()?).await?;
        Ok(Response::new(project.into()))
    }

    async fn list_projects(
        &self,
        request: Request<pb::ListProjectsRequest>,
    ) -> Result<Response<pb::ListProjectsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let filter = store::Filter::from(req);
        let db = self.store.read(&ctx).await?;
        let (page, total_size) = store::list(&db, &filter, page).await?;
        let page = page.map(pb::Project::from);
        Ok(Response::new(pb::ListProjectsResponse { projects: page.items, next_page_token: page.next, total_size }))
    }
}

/// Keeps what is in the sheet. Its parts are projects.
async fn import(store: Store, work: Work, sheet: Sheet) -> Result<(Tx, pb::ImportProjectsResponse)> {
    let tx = store.change(work.ctx()).await?;
    let import = Import::plan(work.ctx(), store::all(&tx).await?, sheet);
    store::save(&tx, &import, |done, total| work.step(done, total)).await?;
    let (added, changed) = (import.added.len(), import.changed.len());
    tx.note("import projects", "projects", format!("{} lines, {added} new, {changed} changed", import.lines));
    Ok((tx, import.into()))
}

/// Reads the sheet off the threads that answer calls.
async fn read(ctx: &Ctx, file: Upload) -> Result<Sheet> {
    let tenant = ctx.tenant().clone();
    tokio::task::spawn_blocking(move || sheet::read(tenant.cci(), file)).await.map_err(Error::internal)?
}
