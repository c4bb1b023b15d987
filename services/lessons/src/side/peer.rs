//! Asking identity who crossed the border.

use platform::{Ctx, Error, Peers, Result, client::peer_error};
use proto::identity::v1::{GetMembershipRequest, membership_service_client::MembershipServiceClient};

use super::Side;

/// Those who crossed, as identity knows them.
#[derive(Clone)]
pub struct Members {
    peers: Peers,
}

impl Members {
    /// Members behind the channel to identity.
    pub fn new(peers: Peers) -> Self {
        Self { peers }
    }

    /// The class the caller acts for. Error: not found where it acts for none.
    pub(crate) async fn own(&self, ctx: &Ctx) -> Result<Side> {
        let mut identity = MembershipServiceClient::new(self.peers.call("identity", ctx)?);
        let membership = identity.get_membership(GetMembershipRequest {}).await.map_err(peer_error)?.into_inner();
        let team = membership.team.ok_or_else(|| Error::not_found("team"))?;
        Ok(Side {
            home: team.home.parse().map_err(|_| Error::internal("identity names a country that is none"))?,
            team: team.team_id.parse()?,
            team_name: team.alias,
            school_name: team.school_name,
            territory: team.territory,
        })
    }
}
