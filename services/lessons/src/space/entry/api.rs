//! The method on entries.

use platform::{Open, PageRequest, Result, Store, page::Sizes};
use proto::lessons::v1::{self as pb, entry_service_server::EntryService};
use tonic::{Request, Response, Status};

use super::{Filter, wire};
use crate::{across::entry::list, space::timeline::homes::Homes};

/// The methods on entries.
#[derive(Clone)]
pub struct Entries {
    /// The data of lessons.
    pub store: Store,
    /// The files of the classes' countries.
    pub homes: Homes,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl EntryService for Entries {
    async fn list_entries(
        &self,
        request: Request<pb::ListEntriesRequest>,
    ) -> Result<Response<pb::ListEntriesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let filter = Filter::try_from(&req)?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let page = list(&db, &filter, page).await?.map(|entry| wire::shown(entry, &self.homes));
        Ok(Response::new(pb::ListEntriesResponse { entries: page.items, next_page_token: page.next }))
    }
}
