//! The methods on mandates: open, load, decide, save, answer.

use platform::{Allowed, Ctx, Id, Open, PageRequest, Peers, Result, Store, page::Sizes};
use proto::{
    identity::v1::{self as pb, mandate_service_server::MandateService},
    options::v1::Role,
};
use tonic::{Request, Response, Status};

use super::{Giver, Mandate, Post, store, wire};
use crate::{
    account::{self, TeamId},
    across::{confirming, leaving, mandating},
    class::track::peer,
};

/// The methods on mandates.
#[derive(Clone)]
pub struct Mandates {
    /// Identity's data.
    pub store: Store,
    /// The channel to lessons, which keeps editions.
    pub peers: Peers,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl MandateService for Mandates {
    async fn list_mandates(
        &self,
        request: Request<pb::ListMandatesRequest>,
    ) -> Result<Response<pb::ListMandatesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        // a transaction that writes, because reading personal data is an entry of the audit log
        let tx = self.store.change(&ctx).await?;
        let page = store::list(&tx, page).await?;
        let accounts = account::store::all(&tx, page.items.iter().map(Mandate::account)).await?;
        let unconfirmed =
            confirming::unconfirmed_among(&tx, page.items.iter().map(|mandate| (mandate.account(), None))).await?;
        tx.note("list mandates", "mandates", format!("found {}", page.items.len()));
        tx.commit().await?;
        let page = page.map(|mandate| wire::marked(mandate, &accounts, &unconfirmed));
        Ok(Response::new(pb::ListMandatesResponse { mandates: page.items, next_page_token: page.next }))
    }

    async fn list_own_mandates(
        &self,
        request: Request<pb::ListOwnMandatesRequest>,
    ) -> Result<Response<pb::ListOwnMandatesResponse>, Status> {
        let (ctx, _) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let mandates = store::of_account(&db, ctx.account()?).await?;
        let mandates = mandates.into_iter().map(pb::Mandate::from).collect();
        Ok(Response::new(pb::ListOwnMandatesResponse { mandates }))
    }

    async fn create_mandate(
        &self,
        request: Request<pb::CreateMandateRequest>,
    ) -> Result<Response<pb::Mandate>, Status> {
        let (ctx, req) = request.open()?;
        let (giver, post) = (Giver::of(&ctx)?, Post::try_from(&req)?);
        // asked before a transaction is opened, and refused after it is known that nothing is remembered
        let edition = peer::check_edition(&self.peers, &ctx, "edition_id", post.bound.period).await;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        mandating::hold_own(&tx).await?;
        edition?;
        // locked, so that its owner does not leave meanwhile
        let whose = account::store::find_to_change(&tx, req.account_id.parse()?).await?;
        let mut mandate = Mandate::grant(&ctx, &giver, whose.as_ref(), post)?;
        mandating::grant(&tx, &mut mandate).await?;
        tx.answer(wire::named(mandate, whose.as_slice())).await
    }

    async fn revoke_mandate(
        &self,
        request: Request<pb::RevokeMandateRequest>,
    ) -> Result<Response<pb::Mandate>, Status> {
        let (ctx, req) = request.open()?;
        let giver = Giver::of(&ctx)?;
        let over = self.over(&ctx, &giver, req.mandate_id.parse()?).await?;
        let tx = self.store.write(&ctx).await?;
        let mut mandate = store::get(&tx, req.mandate_id.parse()?).await?;
        let tx = tx.allowed(mandate.revoked_by(&giver)?).await?;
        mandating::revoke(&tx, &mut mandate, &giver, &over).await?;
        let whose = account::store::find(&tx, mandate.account()).await?;
        tx.answer(wire::named(mandate, whose.as_slice())).await
    }
}

impl Mandates {
    /// The teams that need no referent any more, of the owner of a mandate that the giver may take away. Asks lessons, so it is asked before
    /// a transaction is opened. Error: not found; `ROLE_NOT_GRANTABLE`.
    async fn over(&self, ctx: &Ctx, giver: &Giver, mandate: Id<Mandate>) -> Result<Vec<TeamId>> {
        let mandate = store::get(&self.store.read(ctx).await?, mandate).await?;
        mandate.revoked_by(giver)?;
        if mandate.is(Role::Teacher) {
            return leaving::over(&self.store, &self.peers, ctx, mandate.account()).await;
        }
        Ok(Vec::new())
    }
}
