//! Asking identity.

use platform::{Code, Ctx, Error, Id, Peer, Peers, Result, client::peer_error, error::Shared};
use proto::{
    identity::v1::{self as pb, team_service_client::TeamServiceClient},
    lessons::v1::ListDeliveriesRequest,
};

use super::Team;
use crate::reason::Refuse;

/// The teams, as identity shows them to the caller.
#[derive(Clone)]
pub struct Teams {
    peers: Peers,
}

impl Teams {
    /// Teams behind the channel to identity.
    pub fn new(peers: Peers) -> Self {
        Self { peers }
    }

    /// The team, if the caller may see it. Error: not found.
    pub(crate) async fn get(&self, ctx: &Ctx, id: Id<Team>) -> Result<Team> {
        let request = pb::GetTeamRequest { team_id: id.to_string() };
        self.identity(ctx)?.get_team(request).await.map_err(peer_error)?.into_inner().try_into()
    }

    /// The team, if the caller is its shared account: only it writes. Error: not found.
    pub(crate) async fn own(&self, ctx: &Ctx, id: Id<Team>) -> Result<Team> {
        if ctx.stands_for(id) { self.get(ctx, id).await } else { Err(Error::not_found("team")) }
    }

    /// One page of the teams a matrix is asked for, and where the next page begins.
    pub(crate) async fn page(&self, ctx: &Ctx, asked: &ListDeliveriesRequest) -> Result<(Vec<Team>, String)> {
        let request = pb::ListTeamsRequest {
            edition_id: asked.edition_id.clone(),
            track_id: asked.track_id.clone(),
            territory: asked.territory.clone(),
            page_size: asked.page_size,
            page_token: asked.page_token.clone(),
        };
        let answer = self.identity(ctx)?.list_teams(request).await.map_err(|status| match status.code() {
            // all else was checked here by the same rules
            Code::InvalidArgument => Shared::PageTokenInvalid
                .error("This page token is not one this list gave for this filter. Start again without it."),
            _ => peer_error(status),
        });
        let pb::ListTeamsResponse { teams, next_page_token } = answer?.into_inner();
        Ok((teams.into_iter().map(Team::try_from).collect::<Result<_>>()?, next_page_token))
    }

    fn identity(&self, ctx: &Ctx) -> Result<TeamServiceClient<Peer>> {
        Ok(TeamServiceClient::new(self.peers.call("identity", ctx)?))
    }
}

impl TryFrom<pb::Team> for Team {
    type Error = Error;

    fn try_from(team: pb::Team) -> Result<Self> {
        Ok(Self {
            id: team.id.parse()?,
            code: team.code,
            name: team.name,
            edition: team.edition_id.parse()?,
            track: team.track_id.parse()?,
            school_name: team.school_name,
            territory: team.territory,
        })
    }
}
