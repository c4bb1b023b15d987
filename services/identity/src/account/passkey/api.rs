//! The methods on passkeys: open, load, decide, save, answer.

use platform::{Allowed, Open, Result, Store};
use proto::identity::v1::{self as pb, passkey_service_server::PasskeyService};
use tonic::{Request, Response, Status};

use super::{Answer, New, Passkey, Site, refused, store};
use crate::{
    account,
    across::{entry, mandating, passkeys, sign_in::Door},
    session::{Proof, Tokens},
};

/// The methods on passkeys.
#[derive(Clone)]
pub struct Passkeys {
    /// Identity's data.
    pub store: Store,
    /// Makes the tokens of the sessions that are opened.
    pub tokens: Tokens,
    /// What passkeys are made for.
    pub site: Site,
    /// Compares passwords, and limits guesses.
    pub(crate) door: Door,
}

#[tonic::async_trait]
impl PasskeyService for Passkeys {
    async fn begin_passkey(
        &self,
        request: Request<pb::BeginPasskeyRequest>,
    ) -> Result<Response<pb::BeginPasskeyResponse>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door.owner(&ctx, &req.current_password).await?;
        let db = self.store.read(&ctx).await?;
        entry::refuse_half(&db, &account).await?;
        let others = store::of_account(&db, account.id()).await?;
        let begun = Passkey::begin(&ctx, self.tokens.keys(), &self.site, &account, &others)?;
        Ok(Response::new(begun.into()))
    }

    async fn confirm_passkey(
        &self,
        request: Request<pb::ConfirmPasskeyRequest>,
    ) -> Result<Response<pb::ConfirmPasskeyResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let (account, passkey) = passkeys::add(&tx, self.tokens.keys(), &self.site, &New::from(&req)).await?;
        let session = entry::go_on(&tx, &self.tokens, &account, Proof::Passkey(passkey.id())).await?;
        tx.answer(pb::ConfirmPasskeyResponse { passkey: Some(passkey.into()), session: Some(session.into()) }).await
    }

    async fn list_passkeys(
        &self,
        request: Request<pb::ListPasskeysRequest>,
    ) -> Result<Response<pb::ListPasskeysResponse>, Status> {
        let (ctx, _) = request.open()?;
        let passkeys = store::of_account(&self.store.glance(&ctx).await?, ctx.account()?).await?;
        Ok(Response::new(pb::ListPasskeysResponse { passkeys: passkeys.into_iter().map(Into::into).collect() }))
    }

    async fn remove_passkey(
        &self,
        request: Request<pb::RemovePasskeyRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door.owner(&ctx, &req.current_password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        account::store::lock(&tx, &account).await?;
        let proof = passkeys::remove(&tx, &account, req.passkey_id.parse()?).await?;
        let session = entry::go_on(&tx, &self.tokens, &account, proof).await?;
        tx.answer(session.into()).await
    }

    async fn begin_passkey_sign_in(
        &self,
        request: Request<pb::BeginPasskeySignInRequest>,
    ) -> Result<Response<pb::BeginPasskeySignInResponse>, Status> {
        let (ctx, _) = request.open()?;
        Ok(Response::new(Passkey::begin_sign_in(&ctx, self.tokens.keys(), &self.site)?.into()))
    }

    async fn complete_passkey_sign_in(
        &self,
        request: Request<pb::CompletePasskeySignInRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let answer = Answer::read(&ctx, self.tokens.keys(), &req.ceremony, &req.credential)?;
        let attempt = self.door.throttle.code(&ctx)?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let Some((account, proof)) = passkeys::show(&tx, &self.site, &answer).await? else {
            return Err(tx.refuse(refused()).await.into());
        };
        attempt.give_back();
        let entry = entry::decide(&tx, &account, mandating::usual(&tx, account.id()).await?, proof).await?;
        let lifetime = self.tokens.lifetime_for(req.access_token_alone);
        let session = entry::open(&tx, &self.tokens, entry, lifetime).await?;
        tx.answer(session.into()).await
    }
}
