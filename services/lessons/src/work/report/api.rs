//! The methods on reports: open, load, decide, save, answer.

use futures::{StreamExt, stream::BoxStream};
use platform::{Ctx, Id, Open, Reads, Result, Store, Tx, service::Readiness};
use proto::lessons::v1::{self as pb, report_service_server::ReportService};
use tonic::{Request, Response, Status};

use super::{Delivery, Report, matrix, store};
use crate::{
    across::watch::deliveries,
    space::output,
    twinning::{
        pair,
        side::check_programme,
        sighting::{Kind, witness::Witness},
    },
    work::{credit, file},
    year::{
        calendar::{self, Deadline, Item},
        edition::{self, Edition, Track},
        team::{Seat, Team, peer::Teams},
    },
};

/// The methods on reports.
#[derive(Clone)]
pub struct Reports {
    /// The data of lessons.
    pub store: Store,
    /// The teams, which identity keeps.
    pub teams: Teams,
    /// Whether the process wants calls: who watches goes when it no longer does.
    pub readiness: Readiness,
    /// Who writes down what is seen.
    pub witness: Witness,
}

#[tonic::async_trait]
impl ReportService for Reports {
    async fn get_report(&self, request: Request<pb::GetReportRequest>) -> Result<Response<pb::Report>, Status> {
        let (ctx, req) = request.open()?;
        let pair = if req.pair_id.is_empty() { None } else { Some(req.pair_id.parse()?) };
        let team = self.teams.get_in(&ctx, req.team_id.parse()?, pair).await?;
        let db = self.store.read(&ctx).await?;
        let desk = store::desk(&db, &team, req.lesson).await?;
        Ok(Response::new(desk.into()))
    }

    async fn save_draft(&self, request: Request<pb::SaveDraftRequest>) -> Result<Response<pb::Report>, Status> {
        let (ctx, req) = request.open()?;
        let team = self.teams.own(&ctx, req.team_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut desk = store::desk_to_write(&tx, &team, req.lesson).await?;
        if desk.save(&ctx, req.try_into()?)? {
            store::save(&tx, &mut desk.report).await?;
            tx.emit(&pb::ReportChanged::from(&desk.report));
        }
        tx.answer(desk.into()).await
    }

    async fn submit_report(&self, request: Request<pb::SubmitReportRequest>) -> Result<Response<pb::Report>, Status> {
        let (ctx, req) = request.open()?;
        let team = self.teams.own(&ctx, req.team_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut desk = store::desk_to_judge(&tx, &team, req.lesson).await?;
        let submission = desk.submit(&ctx, &req.etag, &file::store::of_lesson(&tx, &team, req.lesson).await?)?;
        store::save_submitted(&tx, &mut desk.report, &submission).await?;
        tx.note("submit report", subject(team.id, req.lesson), format!("digest {}", submission.digest));
        tell_submitted(&tx, &desk.report).await?;
        tx.answer(desk.into()).await
    }

    async fn reopen_report(&self, request: Request<pb::ReopenReportRequest>) -> Result<Response<pb::Report>, Status> {
        let (ctx, req) = request.open()?;
        let team = self.teams.get(&ctx, req.team_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        if let Some(answer) = tx.answered(&req).await? {
            return Ok(answer);
        }
        let mut desk = store::desk_to_write(&tx, &team, req.lesson).await?;
        let reopening = desk.report.reopen(&ctx, req.reason)?;
        store::save_reopened(&tx, &mut desk.report, &reopening).await?;
        tx.note("reopen report", subject(team.id, req.lesson), format!("reopening {}", reopening.id));
        tx.emit(&pb::ReportChanged::from(&desk.report));
        tx.answer(desk.into()).await
    }

    async fn list_deliveries(
        &self,
        request: Request<pb::ListDeliveriesRequest>,
    ) -> Result<Response<pb::ListDeliveriesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let (teams, next_page_token) = self.teams.page(&ctx, &req).await?;
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
        check_programme(&ctx)?;
        let db = self.store.read(&ctx).await?;
        let pair = pair::store::get(&db, req.pair_id.parse()?).await?;
        pair.check_begun()?;
        let comparison = store::comparison(&db, &pair, req.lesson).await?;
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
        let changes = deliveries::watch(&ctx, edition.id()).take_until(deliveries::ending(self.readiness.clone()));
        let (teams, edition) = (self.teams.clone(), edition.id());
        let ours = changes.filter_map(move |change| ours(teams.clone(), ctx.clone(), edition, change));
        Ok(Response::new(ours.map(|change| Ok(change?.into())).boxed()))
    }
}

/// The change, if it is one of this edition: of a team of which lessons knows nothing but a credit, identity knows.
async fn ours(teams: Teams, ctx: Ctx, edition: Id<Edition>, change: Result<Delivery>) -> Option<Result<Delivery>> {
    let Ok(Delivery { seat, edition: None, .. }) = change else { return Some(change) };
    let is_ours = teams.get(&ctx, seat.team).await.is_ok_and(|team| team.edition == edition);
    is_ours.then_some(change)
}

/// What the audit log calls a report.
pub(crate) fn subject(team: Id<Team>, lesson: i32) -> String {
    format!("team {team}, lesson {lesson}")
}

/// Tells that a report was submitted, and where its class is at home that it was delivered: the first time alone, for only that counts.
async fn tell_submitted(tx: &Tx, report: &Report) -> Result<()> {
    tx.emit(&pb::ReportChanged::from(report));
    match report.state.judged() {
        Some(judged) if judged.verdict.received_at == tx.ctx().now() => {
            credit::home::send_report(tx, report.seat, report.lesson, judged).await?;
            pair::after::delivered(tx, report.seat).await
        }
        Some(_) | None => Ok(()),
    }
}

/// Judges what came late again after a deadline has moved: of one class, or of all. Does nothing for an item that is no deadline.
pub(crate) async fn judge_again(tx: &Tx, item: &Item, seat: Option<Seat>) -> Result<()> {
    let Some(lesson) = item.deadline_of() else { return Ok(()) };
    let late = store::late(tx, item.track(), lesson, seat).await?;
    let extensions = calendar::store::extensions(tx, item.track(), lesson).await?;
    for delivery in late {
        let deadline = Deadline::new(item, extensions.get(&delivery.seat.team));
        judge(tx, delivery, &deadline).await?;
    }
    output::api::judge_again(tx, item.track(), lesson, seat).await
}

/// The same for one class that has a deadline of its own.
pub(crate) async fn judge_again_by(
    tx: &Tx,
    track: Id<Track>,
    lesson: i32,
    seat: Seat,
    deadline: &Deadline,
) -> Result<()> {
    for delivery in store::late(tx, track, lesson, Some(seat)).await? {
        judge(tx, delivery, deadline).await?;
    }
    output::api::judge_again(tx, track, lesson, Some(seat)).await
}

async fn judge(tx: &Tx, mut delivery: Delivery, deadline: &Deadline) -> Result<()> {
    if delivery.judge_again(deadline) {
        store::save_verdict(tx, &mut delivery).await?;
        tx.emit(&pb::ReportChanged::from(&delivery));
        if let Some(judged) = delivery.state.judged() {
            credit::home::send_report(tx, delivery.seat, delivery.lesson, judged).await?;
        }
    }
    Ok(())
}
