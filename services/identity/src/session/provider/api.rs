//! The methods on identity providers: open, load, decide, save, answer.

use platform::{Allowed, Open, Result};
use proto::identity::v1::{self as pb, provider_service_server::ProviderService};
use tonic::{Request, Response, Status};

use super::{Attempt, store};
use crate::{
    account::{self, provider_link},
    across::{entry, mandating, providing, providing::Broker, sign_in::Door},
    country::Country,
    session::{self, Tokens},
};

/// The methods on identity providers.
#[derive(Clone)]
pub struct Providers {
    /// Makes the tokens of the sessions that are opened.
    pub tokens: Tokens,
    /// Compares passwords, and limits guesses.
    pub(crate) door: Door,
    /// Asks providers.
    pub(crate) broker: Broker,
}

#[tonic::async_trait]
impl ProviderService for Providers {
    async fn list_providers(
        &self,
        request: Request<pb::ListProvidersRequest>,
    ) -> Result<Response<pb::ListProvidersResponse>, Status> {
        let (ctx, _) = request.open()?;
        let providers = ctx.tenant().section::<Country>()?.providers().iter().map(Into::into).collect();
        Ok(Response::new(pb::ListProvidersResponse { providers }))
    }

    async fn begin_provider_sign_in(
        &self,
        request: Request<pb::BeginProviderSignInRequest>,
    ) -> Result<Response<pb::ProviderAttempt>, Status> {
        let (ctx, req) = request.open()?;
        // what nobody completes counts as a guess
        drop(self.door.throttle.code(&ctx)?);
        let attempt = Attempt::begin(&ctx, providing::named(&ctx, &req.provider)?, None);
        let url = self.broker.way_in(&ctx, &req.provider, &attempt).await?;
        let tx = self.door.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        store::insert(&tx, &attempt).await?;
        tx.answer(attempt.shown(&ctx, &self.door.keys, url)).await
    }

    async fn complete_provider_sign_in(
        &self,
        request: Request<pb::CompleteProviderSignInRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let guess = self.door.throttle.code(&ctx)?;
        let lifetime = self.tokens.lifetime_for(req.access_token_alone);
        let shown = self.broker.subject(&ctx, &req.into(), None).await?;
        guess.give_back();
        let tx = self.door.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let (account, proof) = providing::holder(&tx, &shown).await?;
        let entry = entry::decide(&tx, &account, mandating::usual(&tx, account.id()).await?, proof).await?;
        let session = entry::open(&tx, &self.tokens, entry, lifetime).await?;
        tx.answer(session.into()).await
    }

    async fn begin_provider_link(
        &self,
        request: Request<pb::BeginProviderLinkRequest>,
    ) -> Result<Response<pb::ProviderAttempt>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door.owner(&ctx, &req.current_password).await?;
        let asking = providing::linking(&self.door.store.read(&ctx).await?, &account).await?;
        let attempt = Attempt::begin(&ctx, providing::named(&ctx, &req.provider)?, Some(&asking));
        let url = self.broker.way_in(&ctx, &req.provider, &attempt).await?;
        let tx = self.door.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        store::insert(&tx, &attempt).await?;
        tx.answer(attempt.shown(&ctx, &self.door.keys, url)).await
    }

    async fn complete_provider_link(
        &self,
        request: Request<pb::CompleteProviderLinkRequest>,
    ) -> Result<Response<pb::ProviderLink>, Status> {
        let (ctx, req) = request.open()?;
        let asking = session::store::asking(&self.door.store.glance(&ctx).await?).await?;
        let shown = self.broker.subject(&ctx, &req.into(), Some(&asking)).await?;
        let tx = self.door.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let link = providing::link(&tx, shown).await?;
        tx.answer(link.shown(ctx.tenant().section::<Country>()?)).await
    }

    async fn list_provider_links(
        &self,
        request: Request<pb::ListProviderLinksRequest>,
    ) -> Result<Response<pb::ListProviderLinksResponse>, Status> {
        let (ctx, _) = request.open()?;
        let country = ctx.tenant().section::<Country>()?;
        let links = provider_link::store::of_account(&self.door.store.glance(&ctx).await?, ctx.account()?).await?;
        let links = links.into_iter().map(|link| link.shown(country)).collect();
        Ok(Response::new(pb::ListProviderLinksResponse { links }))
    }

    async fn remove_provider_link(
        &self,
        request: Request<pb::RemoveProviderLinkRequest>,
    ) -> Result<Response<pb::RemoveProviderLinkResponse>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door.owner(&ctx, &req.current_password).await?;
        let tx = self.door.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        account::store::lock(&tx, &account).await?;
        providing::unlink(&tx, &account, &req.provider).await?;
        tx.answer(pb::RemoveProviderLinkResponse {}).await
    }
}
