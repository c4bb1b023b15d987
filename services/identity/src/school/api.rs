//! The methods on schools.

use platform::{Allowed, Ctx, Error, Open, PageRequest, Result, Store, open::OpenStream, page::Sizes, sheet::Upload};
use proto::identity::v1::{self as pb, school_service_server::SchoolService};
use tonic::{Request, Response, Status, Streaming};

use super::{Import, store};
use crate::{
    country::Country,
    reason::Reason,
    school::register::{self, SchoolRecord},
};

/// The methods on schools.
#[derive(Clone)]
pub struct Schools {
    /// Identity's data.
    pub store: Store,
}

const SIZES: Sizes = Sizes { usual: 50, most: 200 };

/// The largest accepted register. Italy's has 60,000 lines and 15 MB.
const MAX_BYTES: u64 = 64 << 20;

#[tonic::async_trait]
impl SchoolService for Schools {
    async fn import_schools(
        &self,
        request: Request<Streaming<pb::ImportSchoolsRequest>>,
    ) -> Result<Response<pb::ImportSchoolsResponse>, Status> {
        let (ctx, pieces) = request.open_stream()?;
        // every line is checked, and the import is all or nothing
        let file = pieces.whole(MAX_BYTES, Reason::FileTooLarge, |piece| piece.file).await?;
        let register = read(&ctx, file).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let read = register.len();
        let import = Import::plan(&ctx, store::all(&tx).await?, register);
        store::save(&tx, &import).await?;
        tx.note("import schools", "register", format!("{read} lines, {} new", import.created.len()));
        tx.answer(answer(read, &import)).await
    }

    async fn list_schools(
        &self,
        request: Request<pb::ListSchoolsRequest>,
    ) -> Result<Response<pb::ListSchoolsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let page = store::list(&db, &req.query, &req.territory, page).await?.map(pb::School::from);
        Ok(Response::new(pb::ListSchoolsResponse { schools: page.items, next_page_token: page.next }))
    }

    async fn get_school(&self, request: Request<pb::GetSchoolRequest>) -> Result<Response<pb::School>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let school = store::get(&db, req.school_id.parse()?).await?;
        Ok(Response::new(school.into()))
    }
}

/// Reads the register on a thread for blocking work. Error: every wrong line.
async fn read(ctx: &Ctx, file: Upload) -> Result<Vec<SchoolRecord>> {
    let tenant = ctx.tenant().clone();
    let reading = move || register::read(tenant.section::<Country>()?, file);
    tokio::task::spawn_blocking(reading).await.map_err(Error::internal)?
}

fn answer(read: usize, import: &Import) -> pb::ImportSchoolsResponse {
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    pb::ImportSchoolsResponse {
        read: count(read),
        created: count(import.created.len()),
        updated: count(import.updated.len()),
        unchanged: count(import.unchanged),
        closed: count(import.closed.len()),
    }
}
