//! The methods on timelines: open, load, decide, save, answer.

use platform::{Open, Result, Store};
use proto::lessons::v1::{self as pb, timeline_service_server::TimelineService};
use tonic::{Request, Response, Status};

use super::{homes::Homes, wire};
use crate::{
    across::timeline::{of, replan},
    twinning::pair,
};

/// The methods on timelines.
#[derive(Clone)]
pub struct Timelines {
    /// The data of lessons.
    pub store: Store,
    /// The files of the classes' countries.
    pub homes: Homes,
}

#[tonic::async_trait]
impl TimelineService for Timelines {
    async fn get_timeline(&self, request: Request<pb::GetTimelineRequest>) -> Result<Response<pb::Timeline>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, req.pair_id.parse()?).await?;
        let timeline = of(&db, &pair).await?;
        Ok(Response::new(wire::shown(timeline, &self.homes.of(&pair)?)))
    }

    async fn replan_timeline(
        &self,
        request: Request<pb::ReplanTimelineRequest>,
    ) -> Result<Response<pb::Timeline>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let pair = pair::store::get(&tx, req.pair_id.parse()?).await?;
        let tx = tx.allowed(pair.seen_by(&ctx)?).await?;
        let timeline = replan(&tx, &self.homes, &pair, req.reason).await?;
        tx.note("replan timeline", format!("pair {}", pair.id()), format!("version {}", timeline.version()));
        tx.answer(wire::shown(timeline, &self.homes.of(&pair)?)).await
    }
}
