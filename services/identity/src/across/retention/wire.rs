//! What the rules find, as messages.

use platform::{Id, wire};
use proto::identity::v1 as pb;
use uuid::Uuid;

use super::{Found, Obstacle, Rule};
use crate::{account::Account, country::Country};

/// The most ids, and the most obstacles, that are told.
const MOST: usize = 1_000;

/// The places whose rows can be asked for by their ids.
const NAMED: [&str; 4] = ["account", "application", "file", "invitation"];

impl Rule {
    /// What it finds now, and what it will have found later.
    pub(super) fn told(&self, country: &Country, now: Found, later: Found) -> pb::RetentionRule {
        pb::RetentionRule {
            setting: self.key.to_owned(),
            days: (self.days)(country.retention()).into(),
            deletes: self.deletes.to_owned(),
            counted_from: self.counted_from.to_owned(),
            due: now.due.into_iter().map(finding).collect(),
            due_until: later.due.into_iter().map(finding).collect(),
            kept: now.kept.into_iter().take(MOST).map(obstacle).collect(),
        }
    }
}

fn finding((place, ids): (&'static str, Vec<Uuid>)) -> pb::RetentionFinding {
    let told = if NAMED.contains(&place) { &ids[..ids.len().min(MOST)] } else { &[] };
    pb::RetentionFinding {
        place: place.to_owned(),
        count: i64::try_from(ids.len()).unwrap_or(i64::MAX),
        ids: told.iter().map(Uuid::to_string).collect(),
    }
}

fn obstacle((account, obstacle): (Id<Account>, Obstacle)) -> pb::RetentionObstacle {
    let kind = match obstacle {
        Obstacle::TeamAtWork => pb::ObstacleKind::TeamAtWork,
        Obstacle::LastCoordinator => pb::ObstacleKind::LastCoordinator,
        Obstacle::Locked => pb::ObstacleKind::Locked,
    };
    pb::RetentionObstacle { account_id: account.to_string(), kind: kind.into() }
}

/// Two instants, and what each rule finds at them.
pub(super) fn preview(
    at: jiff::Timestamp,
    until: jiff::Timestamp,
    rules: Vec<pb::RetentionRule>,
) -> pb::RetentionPreview {
    pb::RetentionPreview { at: Some(wire::timestamp(at)), until: Some(wire::timestamp(until)), rules }
}
