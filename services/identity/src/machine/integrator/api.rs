//! The methods on integrators and their tokens: open, load, decide, save, answer.

use jiff::SignedDuration;
use platform::{Allowed, Open, PageRequest, Result, Store, page::Sizes, secret::Keys};
use proto::identity::v1::{self as pb, integrator_service_server::IntegratorService};
use tonic::{Request, Response, Status};

use super::{Integrator, store, wire};
use crate::{
    account,
    across::machines,
    machine::{
        MachineToken,
        token::{self, Wish},
    },
    mandate,
    session::Tokens,
};

/// The methods on integrators.
#[derive(Clone)]
pub struct Integrators {
    /// Identity's data.
    pub store: Store,
    /// The keys secrets are derived with.
    pub keys: Keys,
    /// Makes access tokens.
    pub tokens: Tokens,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl IntegratorService for Integrators {
    async fn create_integrator(
        &self,
        request: Request<pb::CreateIntegratorRequest>,
    ) -> Result<Response<pb::Integrator>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        // held, so that the technician does not leave meanwhile
        account::store::find_to_change(&tx, req.account_id.parse()?).await?;
        let mandates = mandate::store::of_account(&tx, req.account_id.parse()?).await?;
        let integrator = Integrator::register(&ctx, req.into(), mandates)?;
        store::insert(&tx, &integrator).await?;
        let technician = format!("account {}", integrator.account());
        tx.note("register integrator", format!("integrator {}", integrator.id()), technician);
        tx.answer(integrator.into()).await
    }

    async fn get_integrator(
        &self,
        request: Request<pb::GetIntegratorRequest>,
    ) -> Result<Response<pb::Integrator>, Status> {
        let (ctx, req) = request.open()?;
        let integrator = store::get(&self.store.glance(&ctx).await?, req.integrator_id.parse()?).await?;
        Ok(Response::new(integrator.into()))
    }

    async fn list_integrators(
        &self,
        request: Request<pb::ListIntegratorsRequest>,
    ) -> Result<Response<pb::ListIntegratorsResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let page = store::list(&self.store.glance(&ctx).await?, page).await?.map(pb::Integrator::from);
        Ok(Response::new(pb::ListIntegratorsResponse { integrators: page.items, next_page_token: page.next }))
    }

    async fn delete_integrator(
        &self,
        request: Request<pb::DeleteIntegratorRequest>,
    ) -> Result<Response<pb::DeleteIntegratorResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let integrator = store::get_to_change(&tx, req.integrator_id.parse()?).await?;
        let tx = tx.allowed(integrator.seen_by(&ctx)?).await?;
        machines::delete(&tx, integrator.id()).await?;
        tx.answer(pb::DeleteIntegratorResponse {}).await
    }

    async fn create_machine_token(
        &self,
        request: Request<pb::CreateMachineTokenRequest>,
    ) -> Result<Response<pb::CreateMachineTokenResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let integrator = store::get_to_change(&tx, req.integrator_id.parse()?).await?;
        let tx = tx.allowed(integrator.kept_by(&ctx)?).await?;
        let others = token::store::count_working(&tx, integrator.id(), None).await?;
        let token = MachineToken::create(&ctx, &integrator, others, Wish::from(req))?;
        token::store::insert(&tx, &token).await?;
        machines::tell(&tx, integrator.id());
        tx.note("make machine token", token.subject(), format!("integrator {}", integrator.id()));
        let secret = token.secret(&ctx, &self.keys);
        tx.answer(pb::CreateMachineTokenResponse { token: Some(token.into()), secret }).await
    }

    async fn list_machine_tokens(
        &self,
        request: Request<pb::ListMachineTokensRequest>,
    ) -> Result<Response<pb::ListMachineTokensResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let integrator = store::get(&db, req.integrator_id.parse()?).await?;
        let page = token::store::list(&db, integrator.id(), page).await?.map(pb::MachineToken::from);
        Ok(Response::new(pb::ListMachineTokensResponse { tokens: page.items, next_page_token: page.next }))
    }

    async fn rotate_machine_token(
        &self,
        request: Request<pb::RotateMachineTokenRequest>,
    ) -> Result<Response<pb::RotateMachineTokenResponse>, Status> {
        let (ctx, req) = request.open()?;
        let overlap = SignedDuration::from_hours(req.overlap_hours.into());
        let tx = self.store.write(&ctx).await?;
        let integrator = store::get_to_change(&tx, req.integrator_id.parse()?).await?;
        let former = token::store::get_to_change(&tx, integrator.id(), req.token_id.parse()?).await?;
        let tx = tx.allowed(integrator.kept_by(&ctx)?).await?;
        let [former, token] = machines::rotate(&tx, former, overlap, req.valid_days).await?;
        let (former, secret) = (Some(former.into()), token.secret(&ctx, &self.keys));
        tx.answer(pb::RotateMachineTokenResponse { token: Some(token.into()), secret, former }).await
    }

    async fn revoke_machine_token(
        &self,
        request: Request<pb::RevokeMachineTokenRequest>,
    ) -> Result<Response<pb::MachineToken>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let integrator = store::get(&tx, req.integrator_id.parse()?).await?;
        let mut token = token::store::get_to_change(&tx, integrator.id(), req.token_id.parse()?).await?;
        let tx = tx.allowed(integrator.seen_by(&ctx)?).await?;
        if token.revoke(ctx.now()) {
            machines::end(&tx, &token).await?;
            tx.note("revoke machine token", token.subject(), format!("integrator {}", integrator.id()));
        }
        tx.answer(token.into()).await
    }

    async fn exchange_machine_token(
        &self,
        request: Request<pb::ExchangeMachineTokenRequest>,
    ) -> Result<Response<pb::ExchangeMachineTokenResponse>, Status> {
        let (ctx, req) = request.open()?;
        let id = MachineToken::read_secret(&ctx, &self.keys, &req.secret)?;
        let (mut token, mandate) = machines::known(&self.store.read(&ctx).await?, id).await?;
        if token.use_now(ctx.now()) {
            let tx = self.store.change(&ctx).await?;
            token::store::used(&tx, &token).await?;
            tx.commit().await?;
        }
        let grant = self.tokens.machine(&ctx, &token.begun(&ctx, &mandate), &mandate, token.scopes().words())?;
        Ok(Response::new(wire::given(ctx.now(), &token, grant)))
    }
}
