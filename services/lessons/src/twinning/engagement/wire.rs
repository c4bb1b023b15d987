//! Engagements as messages.

use platform::{Error, Result, TenantId};
use proto::lessons::v1 as pb;

use super::Engagement;

impl Engagement {
    /// What crosses to a country when it is over.
    pub(super) fn to_cross(&self) -> pb::ClassReleased {
        pb::ClassReleased {
            home: self.home.to_string(),
            team_id: self.team.to_string(),
            pair_id: self.pair.to_string(),
        }
    }

    /// What has crossed from a programme.
    pub(super) fn crossed(programme: &TenantId, fact: &pb::ClassReleased) -> Result<Self> {
        Ok(Self {
            home: fact.home.parse().map_err(|_| Error::internal("a class was released to no country"))?,
            team: fact.team_id.parse()?,
            programme: programme.clone(),
            pair: fact.pair_id.parse()?,
        })
    }
}
