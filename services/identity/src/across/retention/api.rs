//! The method on what the rules of retention would delete.

use jiff::SignedDuration;
use platform::{Error, Open, Result, Store};
use proto::identity::v1::{self as pb, retention_service_server::RetentionService};
use tonic::{Request, Response, Status};

use super::{RULES, store, wire};
use crate::country::Country;

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
        Ok(Response::new(wire::preview(now, until, rules)))
    }
}
