//! The methods on teams: open, load, decide, save, answer.

use platform::{Open, PageRequest, Peers, Result, Store, Tx, batch, page::Sizes, secret::Keys, wire};
use proto::identity::v1::{self as pb, team_service_server::TeamService};
use tonic::{Request, Response, Status};

use super::{
    Credential, Move, Team,
    store::{self, Filter},
};
use crate::{
    across::{confirming, credential, handover, mandating},
    class::{file, track},
    school,
};

/// The methods on teams.
#[derive(Clone)]
pub struct Teams {
    /// Identity's data.
    pub store: Store,
    /// The keys for credentials.
    pub keys: Keys,
    /// The channel to lessons, which keeps the rules of tracks.
    pub peers: Peers,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl TeamService for Teams {
    async fn get_team(&self, request: Request<pb::GetTeamRequest>) -> Result<Response<pb::Team>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let team = store::get(&db, req.team_id.parse()?).await?;
        let unconfirmed = confirming::unconfirmed_among(&db, team.asked_of()).await?;
        Ok(Response::new(team.told(&ctx, &unconfirmed)))
    }

    async fn batch_get_teams(
        &self,
        request: Request<pb::BatchGetTeamsRequest>,
    ) -> Result<Response<pb::BatchGetTeamsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let teams = store::get_all(&db, &batch::ids(&req.team_ids)?).await?;
        let unconfirmed = confirming::unconfirmed_among(&db, teams.iter().flat_map(Team::asked_of)).await?;
        let teams = teams.into_iter().map(|team| team.told(&ctx, &unconfirmed)).collect();
        Ok(Response::new(pb::BatchGetTeamsResponse { teams }))
    }

    async fn list_teams(
        &self,
        request: Request<pb::ListTeamsRequest>,
    ) -> Result<Response<pb::ListTeamsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let filter = Filter::try_from(&req)?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let page = store::list(&db, filter, page).await?;
        let unconfirmed = confirming::unconfirmed_among(&db, page.items.iter().flat_map(Team::asked_of)).await?;
        let page = page.map(|team| team.told(&ctx, &unconfirmed));
        Ok(Response::new(pb::ListTeamsResponse { teams: page.items, next_page_token: page.next }))
    }

    async fn update_team(&self, request: Request<pb::UpdateTeamRequest>) -> Result<Response<pb::Team>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let id = req.team.as_ref().map(|team| team.id.clone()).unwrap_or_default();
        let mut team = store::get_to_change(&tx, wire::named_id("team.id", &id)?).await?;
        let tx = tx.allowed(team.changed_by(&ctx)?).await?;
        let before = team.logo;
        if team.change(&ctx, team.asked(req)?)? {
            file::store::check_logo(&tx, team.logo.filter(|logo| before != Some(*logo))).await?;
            store::save(&tx, &mut team).await?;
            tx.note("change team", format!("team {}", team.id), "");
        }
        tx.answer(team.into()).await
    }

    async fn add_support_teacher(
        &self,
        request: Request<pb::AddSupportTeacherRequest>,
    ) -> Result<Response<pb::Team>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut team = store::get_to_change(&tx, req.team_id.parse()?).await?;
        let tx = tx.allowed(team.led_by(&ctx)?).await?;
        let teacher = mandating::teacher_to_change(&tx, "teacher_id", req.teacher_id.parse()?).await?;
        team.add_support(&ctx, &teacher)?;
        store::save(&tx, &mut team).await?;
        tx.emit(&team.support_added(&ctx, teacher.id()));
        tx.note("add support teacher", format!("team {}", team.id), format!("account {}", teacher.id()));
        tx.answer(team.into()).await
    }

    async fn remove_support_teacher(
        &self,
        request: Request<pb::RemoveSupportTeacherRequest>,
    ) -> Result<Response<pb::Team>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut team = store::get_to_change(&tx, req.team_id.parse()?).await?;
        let tx = tx.allowed(team.led_by(&ctx)?).await?;
        let teacher = req.teacher_id.parse()?;
        team.remove_support(&ctx, teacher)?;
        store::save(&tx, &mut team).await?;
        tx.note("remove support teacher", format!("team {}", team.id), format!("account {teacher}"));
        tx.answer(team.into()).await
    }

    async fn reissue_credential(
        &self,
        request: Request<pb::ReissueCredentialRequest>,
    ) -> Result<Response<pb::Team>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut team = store::get_to_change(&tx, req.team_id.parse()?).await?;
        let tx = tx.allowed(team.led_by(&ctx)?).await?;
        let credential = Credential::issue(&ctx, &self.keys, team.id)?;
        team.reissue(&ctx, &credential)?;
        store::save(&tx, &mut team).await?;
        credential::send(&tx, &credential).await?;
        tx.note("reissue credential", format!("team {}", team.id), "");
        tx.answer(team.into()).await
    }

    async fn hand_over_team(&self, request: Request<pb::HandOverTeamRequest>) -> Result<Response<pb::Team>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let mut team = store::get_to_change(&tx, req.team_id.parse()?).await?;
        let tx = tx.allowed(team.handed_over_by(&ctx)?).await?;
        let teacher = mandating::teacher(&tx, "teacher_id", req.teacher_id.parse()?).await?;
        let handover = team.hand_over(&ctx, &teacher, req.reason)?;
        handover::save(&tx, &self.keys, &mut team, &handover).await?;
        tx.note("hand over team", format!("team {}", team.id), format!("handover {}", handover.id));
        tx.answer(team.shown_to(&ctx).into()).await
    }

    async fn move_team(&self, request: Request<pb::MoveTeamRequest>) -> Result<Response<pb::Team>, Status> {
        let (ctx, req) = request.open()?;
        let track = track::peer::get(&self.peers, &ctx, "track_id", req.track_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        let mut team = store::get_to_change(&tx, req.team_id.parse()?).await?;
        let tx = tx.allowed(team.seen_by(&ctx)?).await?;
        let school = school::store::get(&tx, team.school.id).await?;
        let moved = team.move_to(&ctx, &track, &school, req.reason)?;
        store::moves::save(&tx, &mut team, &moved).await?;
        has_moved(&tx, &team, &moved);
        tx.answer(team.shown_to(&ctx).into()).await
    }
}

/// Notes the move in the audit log. Publishes it where the new track is not for Interreg projects, because then the team leaves its
/// pair.
fn has_moved(tx: &Tx, team: &Team, moved: &Move) {
    tx.note("move team", format!("team {}", team.id), format!("move {}", moved.id));
    if !team.is_interreg() {
        tx.emit(&pb::TeamMoved { team_id: team.id.to_string() });
    }
}

impl TryFrom<&pb::ListTeamsRequest> for Filter {
    type Error = platform::Error;

    fn try_from(req: &pb::ListTeamsRequest) -> Result<Self> {
        Ok(Self {
            edition: wire::optional(&req.edition_id)?,
            track: wire::optional(&req.track_id)?,
            territory: req.territory.clone(),
        })
    }
}
