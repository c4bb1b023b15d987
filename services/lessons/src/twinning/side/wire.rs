//! Classes as messages.

use platform::{Ctx, Error, Result};
use proto::{identity::v1::Membership, lessons::v1 as pb};

use super::Side;

impl From<Side> for pb::Side {
    fn from(side: Side) -> Self {
        Self {
            home: side.home.to_string(),
            team_id: side.team.to_string(),
            team_name: side.team_name,
            school_name: side.school_name,
            territory: side.territory,
        }
    }
}

impl Side {
    /// The class the caller crossed for, as identity said when it was asked whether they may be here. Error: not found where it is none.
    pub(crate) fn crossed(ctx: &Ctx) -> Result<Self> {
        let team = ctx.said::<Membership>().and_then(|membership| membership.team.as_ref());
        let team = team.ok_or_else(|| Error::not_found("team"))?;
        Ok(Self {
            home: team.home.parse().map_err(|_| Error::internal("identity names a country that is none"))?,
            team: team.team_id.parse()?,
            team_name: team.alias.clone(),
            school_name: team.school_name.clone(),
            territory: team.territory.clone(),
        })
    }
}
