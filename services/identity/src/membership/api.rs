//! The methods on memberships: open, load, decide, save, answer.

use platform::{Open, Result, Store, border::ended};
use proto::identity::v1::{self as pb, membership_service_server::MembershipService};
use tonic::{Request, Response, Status};

use super::{Membership, Visit, store};

/// The methods on memberships.
#[derive(Clone)]
pub struct Memberships {
    /// Identity's data.
    pub store: Store,
}

#[tonic::async_trait]
impl MembershipService for Memberships {
    async fn get_membership(
        &self,
        request: Request<pb::GetMembershipRequest>,
    ) -> Result<Response<pb::Membership>, Status> {
        let (ctx, _) = request.open()?;
        // that it still stands was asked before
        let (visit, home) = Visit::of(&ctx).zip(ctx.home().cloned()).ok_or_else(ended)?;
        let db = self.store.read(&ctx).await?;
        let team = match visit.team() {
            Some(team) => store::find(&db, team).await?,
            None => None,
        };
        Ok(Response::new(Membership { visit, home, team }.into()))
    }
}
