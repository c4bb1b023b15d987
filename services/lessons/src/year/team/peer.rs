//! Asking identity.

use platform::{
    Code, Ctx, Error, Id, PageRequest, Peer, Peers, Result, Store, client::peer_error, error::Shared, page::Sizes,
    tenant::Kind,
};
use proto::{
    identity::v1::{self as pb, team_service_client::TeamServiceClient},
    lessons::v1::ListDeliveriesRequest,
};

use super::{Team, twin};
use crate::{reason::Refuse, twinning::pair::Pair};

/// The teams, as identity shows them to the caller; in a programme, the classes of its pairs.
#[derive(Clone)]
pub struct Teams {
    peers: Peers,
    store: Store,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

impl Teams {
    /// Teams behind the channel to identity, and the classes in the data of lessons.
    pub fn new(peers: Peers, store: Store) -> Self {
        Self { peers, store }
    }

    /// The team, if the caller may see it. Error: not found.
    pub(crate) async fn get(&self, ctx: &Ctx, id: Id<Team>) -> Result<Team> {
        if ctx.tenant().kind() == Kind::Programme {
            return twin::get(&self.store.read(ctx).await?, id).await;
        }
        let request = pb::GetTeamRequest { team_id: id.to_string() };
        self.identity(ctx)?.get_team(request).await.map_err(peer_error)?.into_inner().try_into()
    }

    /// The same, in a pair it is or was in. Error: not found.
    pub(crate) async fn get_in(&self, ctx: &Ctx, id: Id<Team>, pair: Option<Id<Pair>>) -> Result<Team> {
        match pair {
            None => self.get(ctx, id).await,
            Some(pair) => twin::get_in(&self.store.read(ctx).await?, id, pair).await,
        }
    }

    /// The team, if the caller acts for it: its shared account, and in a programme its teacher too. Error: not found.
    pub(crate) async fn own(&self, ctx: &Ctx, id: Id<Team>) -> Result<Team> {
        if ctx.stands_for(id) { self.get(ctx, id).await } else { Err(Error::not_found("team")) }
    }

    /// One page of the teams a matrix is asked for, and where the next page begins.
    pub(crate) async fn page(&self, ctx: &Ctx, asked: &ListDeliveriesRequest) -> Result<(Vec<Team>, String)> {
        if ctx.tenant().kind() == Kind::Programme {
            return self.classes(ctx, asked).await;
        }
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

    async fn classes(&self, ctx: &Ctx, asked: &ListDeliveriesRequest) -> Result<(Vec<Team>, String)> {
        let filter = twin::Filter::try_from(asked)?;
        let page = PageRequest::new(SIZES, asked.page_size, &asked.page_token, ("classes", &filter))?;
        let page = twin::page(&self.store.read(ctx).await?, &filter, page).await?;
        Ok((page.items, page.next))
    }

    fn identity(&self, ctx: &Ctx) -> Result<TeamServiceClient<Peer>> {
        Ok(TeamServiceClient::new(self.peers.call("identity", ctx)?))
    }
}

impl TryFrom<&ListDeliveriesRequest> for twin::Filter {
    type Error = Error;

    fn try_from(asked: &ListDeliveriesRequest) -> Result<Self> {
        let track = if asked.track_id.is_empty() { None } else { Some(asked.track_id.parse()?) };
        Ok(Self { edition: asked.edition_id.parse()?, track, territory: asked.territory.clone() })
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
            pair: None,
        })
    }
}
