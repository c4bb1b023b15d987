//! The method on sightings: open, load, answer.

use platform::{Open, PageRequest, Result, Store, page::Sizes, wire};
use proto::lessons::v1::{self as pb, sighting_service_server::SightingService};
use tonic::{Request, Response, Status};

use super::store;

/// The method on sightings.
#[derive(Clone)]
pub struct Sightings {
    /// The data of lessons.
    pub store: Store,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl SightingService for Sightings {
    async fn list_sightings(
        &self,
        request: Request<pb::ListSightingsRequest>,
    ) -> Result<Response<pb::ListSightingsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let team = wire::optional(&req.team_id)?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let page = store::list(&db, team, page).await?.map(pb::Sighting::from);
        Ok(Response::new(pb::ListSightingsResponse { sightings: page.items, next_page_token: page.next }))
    }
}
