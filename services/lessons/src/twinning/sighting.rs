//! Sightings: what of a class was seen from another country. A sighting has the country and the role of the viewer, the kind of thing and
//! the day, but no name, and it is recorded once a day: it answers "was it seen over there", not "how do they spend their time".

use jiff::{Timestamp, civil::Date};
use platform::{Ctx, Id, TenantId};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use crate::{twinning::side::Side, year::team::Team};

pub mod api;
pub(crate) mod store;
mod wire;
pub(crate) mod witness;

/// Something of a class was seen from another country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    id: Id<Sighting>,
    what: What,
    day: Date,
    seen_at: Timestamp,
}

/// A sighting without its day.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct What {
    team: Id<Team>,
    home: TenantId,
    kind: Kind,
    viewer_home: TenantId,
    viewer_role: Role,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The offer of a class.
    Offer,
    /// Its mirror report, beside the other one.
    Mirror,
    /// A joint output it took part in.
    Output,
    /// What it wrote to the other class.
    Messages,
    /// The space of its pair, as an archive.
    Export,
    /// The bytes of a file it uploaded.
    File,
    /// What it stated about files.
    Consents,
    /// Its pair, with its name and its school's.
    Pair,
}

impl What {
    /// The sighting of a class by the caller. None where the class is of the caller's own country, and for the secretariat, which is of
    /// none.
    fn seen(ctx: &Ctx, kind: Kind, side: &Side) -> Option<Self> {
        let viewer_home = ctx.home().filter(|home| **home != side.home)?.clone();
        let viewer_role = *ctx.member().ok()?.roles.first()?;
        Some(Self { team: side.team, home: side.home.clone(), kind, viewer_home, viewer_role })
    }
}

impl Sighting {
    fn new(ctx: &Ctx, what: What) -> Self {
        Self { id: ctx.new_id(), what, day: ctx.local().date(), seen_at: ctx.now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Ground;

    #[test]
    fn a_class_is_seen_from_another_country_and_never_from_its_own_or_by_the_secretariat() {
        let ground = Ground::programme();
        let (ours, theirs) = (ground.side("it", "ITF14"), ground.side("hr", "HR033"));
        let seen = What::seen(&ground.twin(Role::TwinTeam, &theirs), Kind::Offer, &ours).unwrap();
        assert_eq!((seen.team, seen.viewer_home.as_str(), seen.viewer_role), (ours.team, "hr", Role::TwinTeam));
        let central = What::seen(&ground.country(&theirs.home), Kind::Offer, &ours).unwrap();
        assert_eq!(central.viewer_role, Role::TwinCoordinator);
        for ctx in [ground.twin(Role::TwinTeacher, &ours), ground.country(&ours.home), ground.by(Role::Coordinator)] {
            assert_eq!(What::seen(&ctx, Kind::Offer, &ours), None);
        }
    }
}
