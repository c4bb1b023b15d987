//! Memberships as messages.

use proto::identity::v1 as pb;

use super::{Membership, Projection};

impl From<Projection> for pb::Projection {
    fn from(projection: Projection) -> Self {
        let Projection { team, home, alias, school_name, territory } = projection;
        Self { team_id: team.to_string(), home: home.to_string(), alias, school_name, territory }
    }
}

impl From<Membership> for pb::Membership {
    fn from(membership: Membership) -> Self {
        let Membership { visit, home, team } = membership;
        Self { role: visit.role().into(), home: home.to_string(), team: team.map(Into::into) }
    }
}
