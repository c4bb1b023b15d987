//! Classes as messages.

use proto::lessons::v1 as pb;

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
