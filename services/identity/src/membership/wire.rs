//! Memberships as messages.

use jiff::{SignedDuration, Timestamp};
use platform::wire;
use proto::identity::v1 as pb;

use super::{Crossing, Member, Membership, Passage, Projection};
use crate::session::Grant;

/// The type of the token that is given, as named by RFC 8693.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

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

impl From<Member> for pb::Member {
    fn from(member: Member) -> Self {
        let Member { team, first_seen_at, last_seen_at } = member;
        Self {
            team: Some(team.into()),
            first_seen_at: Some(wire::timestamp(first_seen_at)),
            last_seen_at: Some(wire::timestamp(last_seen_at)),
        }
    }
}

impl From<Crossing> for pb::Crossing {
    fn from(crossing: Crossing) -> Self {
        let Crossing { id: _, passage: Passage { programme, visit, team_code }, day, count, first_at, last_at } =
            crossing;
        Self {
            programme: programme.to_string(),
            role: visit.role().into(),
            team_id: visit.team().map(|team| team.to_string()).unwrap_or_default(),
            team_code,
            day: Some(wire::date(day)),
            count,
            first_at: Some(wire::timestamp(first_at)),
            last_at: Some(wire::timestamp(last_at)),
        }
    }
}

/// The answer for a token that is given at `now`.
pub(super) fn given(now: Timestamp, grant: Grant) -> pb::ExchangeTokenResponse {
    let left: SignedDuration = grant.access_expires_at.duration_since(now);
    pb::ExchangeTokenResponse {
        access_token: grant.access,
        issued_token_type: ACCESS_TOKEN.to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: i32::try_from(left.as_secs()).unwrap_or_default(),
        expires_at: Some(wire::timestamp(grant.access_expires_at)),
    }
}
