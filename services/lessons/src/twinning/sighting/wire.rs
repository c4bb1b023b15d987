//! Sightings as messages.

use platform::wire;
use proto::lessons::v1 as pb;

use super::{Kind, Sighting};

impl From<Sighting> for pb::Sighting {
    fn from(sighting: Sighting) -> Self {
        let what = sighting.what;
        Self {
            team_id: what.team.to_string(),
            home: what.home.to_string(),
            kind: pb::SightingKind::from(what.kind).into(),
            viewer_home: what.viewer_home.to_string(),
            viewer_role: what.viewer_role.into(),
            day: Some(wire::date(sighting.day)),
            seen_at: Some(wire::timestamp(sighting.seen_at)),
        }
    }
}

impl Kind {
    /// Its name in the options of the methods that show it: `OFFER`.
    pub(super) fn name(self) -> &'static str {
        pb::SightingKind::from(self).as_str_name().trim_start_matches("SIGHTING_KIND_")
    }
}

impl From<Kind> for pb::SightingKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Offer => Self::Offer,
            Kind::Mirror => Self::Mirror,
            Kind::Output => Self::Output,
            Kind::Messages => Self::Messages,
            Kind::Export => Self::Export,
            Kind::File => Self::File,
            Kind::Consents => Self::Consents,
            Kind::Pair => Self::Pair,
        }
    }
}
