//! The methods on calendars: open, load, decide, save, answer.

use platform::{Allowed, Id, Open, Result, Store, wire};
use proto::lessons::v1::{self as pb, calendar_service_server::CalendarService};
use tonic::{Request, Response, Status};

use super::{Extension, store};
use crate::{
    across::{classes::Classes, judging::judge_again, timeline},
    space::timeline::homes::Homes,
    work::report::{self, subject},
    year::edition::{self, Track},
};

/// The methods on calendars.
#[derive(Clone)]
pub struct Calendars {
    /// The data of lessons.
    pub store: Store,
    /// Finds the classes that deadlines are moved for.
    pub classes: Classes,
    /// Where the classes of pairs live.
    pub homes: Homes,
}

#[tonic::async_trait]
impl CalendarService for Calendars {
    async fn list_calendar_items(
        &self,
        request: Request<pb::ListCalendarItemsRequest>,
    ) -> Result<Response<pb::ListCalendarItemsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let only: Option<Id<Track>> = wire::optional(&req.track_id)?;
        let db = self.store.read(&ctx).await?;
        let edition = edition::store::get(&db, req.edition_id.parse()?).await?;
        let tracks =
            edition.tracks().iter().map(|track| track.id()).filter(|track| only.is_none_or(|only| only == *track));
        let items = store::list(&db, tracks).await?.into_iter().map(pb::CalendarItem::from).collect();
        Ok(Response::new(pb::ListCalendarItemsResponse { items }))
    }

    async fn list_calendar_item_versions(
        &self,
        request: Request<pb::ListCalendarItemVersionsRequest>,
    ) -> Result<Response<pb::ListCalendarItemVersionsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let versions = store::versions(&db, req.item_id.parse()?).await?;
        let versions = versions.into_iter().map(pb::CalendarItem::from).collect();
        Ok(Response::new(pb::ListCalendarItemVersionsResponse { versions }))
    }

    async fn revise_calendar_item(
        &self,
        request: Request<pb::ReviseCalendarItemRequest>,
    ) -> Result<Response<pb::CalendarItem>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let item = store::get_to_change(&tx, req.item_id.parse()?).await?;
        let item = item.revise(&ctx, req.try_into()?)?;
        store::add_version(&tx, &item).await?;
        judge_again(&tx, &item, None).await?;
        timeline::follow(&tx, &self.homes, &item).await?;
        tx.note("revise calendar item", format!("item {}", item.id), format!("version {}", item.version));
        tx.answer(item.into()).await
    }

    async fn grant_extension(
        &self,
        request: Request<pb::GrantExtensionRequest>,
    ) -> Result<Response<pb::Extension>, Status> {
        let (ctx, req) = request.open()?;
        let class = self.classes.get(&ctx, req.team_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?.allowed(class.open_to(&ctx)?).await?;
        let team = class.team;
        let item = store::deadline_to_change(&tx, &team, req.lesson).await?;
        let extension = Extension::grant(&ctx, &team, req.lesson, &item, req.try_into()?)?;
        store::add_extension(&tx, &extension).await?;
        judge_again(&tx, &item, Some(team.seat())).await?;
        tx.note("grant extension", subject(team.id, extension.lesson), format!("extension {}", extension.id));
        tx.answer(extension.into()).await
    }

    async fn replan_team(
        &self,
        request: Request<pb::ReplanTeamRequest>,
    ) -> Result<Response<pb::ReplanTeamResponse>, Status> {
        let (ctx, req) = request.open()?;
        let class = self.classes.get(&ctx, req.team_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?.allowed(class.open_to(&ctx)?).await?;
        let team = class.team;
        edition::store::lock_deadlines(&tx, team.track).await?;
        let course = store::course(&tx, &team, report::store::delivered(&tx, team.seat()).await?).await?;
        let replan = course.replan(&ctx, &team, &req.reason)?;
        // nothing is judged again: what is delivered keeps its date
        store::add_replan(&tx, &replan).await?;
        tx.note("replan team", format!("team {}", team.id), replan.to_string());
        tx.answer(replan.into()).await
    }
}
