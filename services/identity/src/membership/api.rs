//! The methods on memberships: open, load, decide, save, answer.

use platform::{Border, Ctx, Open, PageRequest, Result, Store, border::ended, page::Sizes};
use proto::identity::v1::{self as pb, membership_service_server::MembershipService};
use tonic::{Request, Response, Status};

use super::{Exchange, Membership, Visit, store, wire};
use crate::{across::visiting, session::Tokens};

/// The methods on memberships.
#[derive(Clone)]
pub struct Memberships {
    /// Identity's data.
    pub store: Store,
    /// Opens a programme from a country, and a country from a programme.
    pub border: Border,
    /// Makes tokens.
    pub tokens: Tokens,
}

const SIZES: Sizes = Sizes { usual: 100, most: 1_000 };

#[tonic::async_trait]
impl MembershipService for Memberships {
    async fn exchange_token(
        &self,
        request: Request<pb::ExchangeTokenRequest>,
    ) -> Result<Response<pb::ExchangeTokenResponse>, Status> {
        let (ctx, req) = request.open()?;
        let there = self.border.enter(&ctx, &req.audience)?;
        let visit = Visit::wanted(&ctx, platform::wire::optional(&req.team_id)?)?;
        let standing = visiting::standing(&self.store.read(&ctx).await?, ctx.member()?, visit).await?;
        let exchange = Exchange::grant(&ctx, there.tenant(), visit, &standing)?;
        let grant = self.tokens.exchange(&ctx, &there, &standing.session, &standing.entry, visit.guest())?;
        self.record(&ctx, &there, &exchange).await?;
        Ok(Response::new(wire::given(ctx.now(), grant)))
    }

    async fn get_membership(
        &self,
        request: Request<pb::GetMembershipRequest>,
    ) -> Result<Response<pb::Membership>, Status> {
        let (ctx, _) = request.open()?;
        // a layer has checked before this call that the membership is still valid
        let (visit, home) = Visit::of(&ctx).zip(ctx.home().cloned()).ok_or_else(ended)?;
        let db = self.store.read(&ctx).await?;
        let team = match visit.team() {
            Some(team) => store::find(&db, team).await?,
            None => None,
        };
        Ok(Response::new(Membership { visit, home, team }.into()))
    }

    async fn list_members(
        &self,
        request: Request<pb::ListMembersRequest>,
    ) -> Result<Response<pb::ListMembersResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let page = store::list(&self.store.read(&ctx).await?, page).await?.map(pb::Member::from);
        Ok(Response::new(pb::ListMembersResponse { members: page.items, next_page_token: page.next }))
    }

    async fn list_crossings(
        &self,
        request: Request<pb::ListCrossingsRequest>,
    ) -> Result<Response<pb::ListCrossingsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let page = store::crossing::list(&self.store.read(&ctx).await?, page).await?.map(pb::Crossing::from);
        Ok(Response::new(pb::ListCrossingsResponse { crossings: page.items, next_page_token: page.next }))
    }
}

impl Memberships {
    /// Records the token at home and in the programme. Home comes first: a token that home recorded and that was not given does no
    /// harm, the opposite would.
    async fn record(&self, ctx: &Ctx, there: &Ctx, exchange: &Exchange) -> Result<()> {
        let role = exchange.visit().role().as_str_name();
        let tx = self.store.change(ctx).await?;
        store::crossing::count(&tx, exchange.passage()).await?;
        tx.note("exchange token", exchange.subject(), format!("{role} in {}", there.tenant().id()));
        tx.commit().await?;

        let tx = self.store.change(there).await?;
        if let Some(projection) = exchange.projection() {
            store::keep(&tx, projection).await?;
        }
        tx.note("exchange token", exchange.subject(), role);
        tx.commit().await
    }
}
