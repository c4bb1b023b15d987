//! The methods on reports: open, load, decide, save, answer.

use futures::{StreamExt, stream::BoxStream};
use platform::{Ctx, Error, Id, Open, Page, Result, Store, Watch, watch::Seen, wire};
use proto::lessons::v1::{self as pb, report_service_server::ReportService};
use tonic::{Request, Response, Status};

use super::{Delivery, matrix, store, subject};
use crate::{
    across::{
        classes::{self, Classes, Filter},
        mirror,
        report::{load, load_to_write, submit},
        watch::deliveries,
    },
    twinning::{
        pair,
        sighting::{Kind, witness::Witness},
    },
    work::credit,
    year::{
        edition::{self, Edition},
        team::Team,
    },
};

/// The methods on reports.
#[derive(Clone)]
pub struct Reports {
    /// The data of lessons.
    pub store: Store,
    /// Finds the classes that reports belong to.
    pub classes: Classes,
    /// Lets callers watch the matrix.
    pub watch: Watch,
    /// Records who sees what of a class abroad.
    pub witness: Witness,
}

#[tonic::async_trait]
impl ReportService for Reports {
    async fn get_report(&self, request: Request<pb::GetReportRequest>) -> Result<Response<pb::Report>, Status> {
        let (ctx, req) = request.open()?;
        let pair = wire::optional(&req.pair_id)?;
        let class = self.classes.get_in(&ctx, req.team_id.parse()?, pair).await?;
        let db = self.store.read(&ctx).await?;
        let loaded = load(&db, &class, req.lesson).await?;
        Ok(Response::new(loaded.into()))
    }

    async fn save_draft(&self, request: Request<pb::SaveDraftRequest>) -> Result<Response<pb::Report>, Status> {
        let (ctx, req) = request.open()?;
        let class = self.classes.own(&ctx, req.team_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        let class = classes::hold(&tx, class).await?;
        let tx = tx.allowed(class.open_to(&ctx)?).await?;
        let mut loaded = load_to_write(&tx, &class, req.lesson).await?;
        if loaded.save(&ctx, req.try_into()?)? {
            store::save(&tx, &mut loaded.report).await?;
        }
        tx.answer(loaded.into()).await
    }

    async fn submit_report(&self, request: Request<pb::SubmitReportRequest>) -> Result<Response<pb::Report>, Status> {
        let (ctx, req) = request.open()?;
        let class = self.classes.own(&ctx, req.team_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        let class = classes::hold(&tx, class).await?;
        let tx = tx.allowed(class.open_to(&ctx)?).await?;
        let loaded = submit(&tx, class, req.lesson, &req.etag).await?;
        tx.answer(loaded.into()).await
    }

    async fn reopen_report(&self, request: Request<pb::ReopenReportRequest>) -> Result<Response<pb::Report>, Status> {
        let (ctx, req) = request.open()?;
        let class = self.classes.named(&ctx, req.team_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        let class = classes::hold(&tx, class).await?;
        let tx = tx.allowed(class.open_to(&ctx)?).await?;
        let mut loaded = load_to_write(&tx, &class, req.lesson).await?;
        let reopening = loaded.report.reopen(&ctx, req.reason)?;
        store::save_reopened(&tx, &mut loaded.report, &reopening).await?;
        tx.note("reopen report", subject(loaded.report.seat.team, req.lesson), format!("reopening {}", reopening.id));
        tx.answer(loaded.into()).await
    }

    async fn list_deliveries(
        &self,
        request: Request<pb::ListDeliveriesRequest>,
    ) -> Result<Response<pb::ListDeliveriesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let filter = Filter::try_from(&req)?;
        let Page { items: teams, next: next_page_token } = self.classes.page(&ctx, &filter, &req).await?;
        let db = self.store.read(&ctx).await?;
        let edition = edition::store::get(&db, req.edition_id.parse()?).await?;
        let cells = store::deliveries(&db, teams.iter().map(Team::seat)).await?;
        let credits = credit::store::of_teams(&db, teams.iter().map(|team| team.id)).await?;
        let rows = matrix::rows(&edition, teams, cells, credits).into_iter().map(pb::DeliveryRow::from).collect();
        Ok(Response::new(pb::ListDeliveriesResponse { rows, next_page_token }))
    }

    async fn compare_reports(
        &self,
        request: Request<pb::CompareReportsRequest>,
    ) -> Result<Response<pb::CompareReportsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, req.pair_id.parse()?).await?;
        pair.check_begun()?;
        let comparison = mirror::comparison(&db, &pair, req.lesson).await?;
        drop(db);
        self.witness.saw(&ctx, Kind::Mirror, comparison.shown()).await?;
        Ok(Response::new(comparison.into()))
    }

    type WatchDeliveriesStream = BoxStream<'static, Result<pb::Delivery, Status>>;

    async fn watch_deliveries(
        &self,
        request: Request<pb::WatchDeliveriesRequest>,
    ) -> Result<Response<Self::WatchDeliveriesStream>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let edition = edition::store::get(&db, req.edition_id.parse()?).await?;
        drop(db);
        let changes = deliveries::watch(&self.watch, &ctx, edition.id(), &req.after).await?;
        let (classes, edition) = (self.classes.clone(), edition.id());
        let ours = changes.filter_map(move |change| ours(classes.clone(), ctx.clone(), edition, change));
        Ok(Response::new(ours.map(|change| Ok(shown(change?))).boxed()))
    }
}

type Cell = Seen<Delivery>;

/// A cell as a message, with the position of the watcher.
fn shown(seen: Cell) -> pb::Delivery {
    pb::Delivery { position: seen.position, ..seen.what.into() }
}

/// The change, if its team is of this edition. Where lessons has only a credit of the team, it asks identity for the edition.
async fn ours(classes: Classes, ctx: Ctx, edition: Id<Edition>, change: Result<Cell>) -> Option<Result<Cell>> {
    let Ok(Seen { what: Delivery { seat, edition: None, .. }, .. }) = change else { return Some(change) };
    let is_ours = classes.get(&ctx, seat.team).await.is_ok_and(|class| class.team.edition == edition);
    is_ours.then_some(change)
}

impl TryFrom<&pb::ListDeliveriesRequest> for Filter {
    type Error = Error;

    fn try_from(request: &pb::ListDeliveriesRequest) -> Result<Self> {
        let track = wire::optional(&request.track_id)?;
        Ok(Self { edition: request.edition_id.parse()?, track, territory: request.territory.clone() })
    }
}
