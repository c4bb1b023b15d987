//! The method on what the rules of retention would delete.

use jiff::SignedDuration;
use platform::{Error, Id, Open, Result, Store, wire};
use proto::identity::v1::{self as pb, retention_service_server::RetentionService};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Found, Obstacle, RULES, Rule, store};
use crate::{account::Account, country::Country};

/// The most ids, and the most obstacles, that are told.
const MOST: usize = 1_000;

/// The places whose rows can be asked for by their ids.
const NAMED: [&str; 4] = ["account", "application", "file", "invitation"];

/// The method on what the rules of retention would delete.
#[derive(Clone)]
pub struct Retentions {
    /// Identity's data.
    pub store: Store,
}

#[tonic::async_trait]
impl RetentionService for Retentions {
    async fn preview_retention(
        &self,
        request: Request<pb::PreviewRetentionRequest>,
    ) -> Result<Response<pb::RetentionPreview>, Status> {
        let (ctx, req) = request.open()?;
        let ahead = SignedDuration::from_hours(24 * i64::from(req.within_days));
        let (now, until) = (ctx.now(), ctx.now().checked_add(ahead).map_err(Error::internal)?);
        let (db, country) = (self.store.read(&ctx).await?, ctx.tenant().section::<Country>()?);
        let mut rules = Vec::new();
        for rule in &RULES {
            let found = store::find(&db, rule, now).await?;
            rules.push(rule.told(country, found, store::find(&db, rule, until).await?));
        }
        let (at, until) = (Some(wire::timestamp(now)), Some(wire::timestamp(until)));
        Ok(Response::new(pb::RetentionPreview { at, until, rules }))
    }
}

impl Rule {
    /// What it finds now, and what it will have found later.
    fn told(&self, country: &Country, now: Found, later: Found) -> pb::RetentionRule {
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
