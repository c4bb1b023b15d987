//! The methods on second factors: open, load, decide, save, answer.

use platform::{Allowed, Open, Result, Store};
use proto::identity::v1::{self as pb, factor_service_server::FactorService};
use tonic::{Request, Response, Status};

use super::{Factor, guessed, store, wire};
use crate::{
    account,
    across::{entry, factoring, sign_in::Door},
    country::Country,
    session::{Proof, Tokens},
};

/// The methods on second factors.
#[derive(Clone)]
pub struct Factors {
    /// Identity's data.
    pub store: Store,
    /// Makes the tokens of the sessions that go on.
    pub tokens: Tokens,
    /// Compares passwords, and limits guesses.
    pub(crate) door: Door,
}

#[tonic::async_trait]
impl FactorService for Factors {
    async fn get_factor(&self, request: Request<pb::GetFactorRequest>) -> Result<Response<pb::Factor>, Status> {
        let (ctx, _) = request.open()?;
        let country = ctx.tenant().section::<Country>()?;
        let is_needed = ctx.member()?.roles.iter().any(|role| country.needs_factor(*role));
        let factor = store::find(&self.store.glance(&ctx).await?, ctx.account()?).await?;
        Ok(Response::new(wire::shown(factor, is_needed)))
    }

    async fn begin_enrolment(
        &self,
        request: Request<pb::BeginEnrolmentRequest>,
    ) -> Result<Response<pb::BeginEnrolmentResponse>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door.owner(&ctx, &req.current_password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        account::store::lock(&tx, &account).await?;
        entry::refuse_half(&tx, &account).await?;
        let before = store::find(&tx, account.id()).await?;
        let mut factor = Factor::begin(&ctx, &account, before.as_ref())?;
        store::begin(&tx, &mut factor).await?;
        let told = factor.told(&ctx, self.tokens.keys(), account.login())?;
        tx.answer(factor.begun(told)).await
    }

    async fn confirm_enrolment(
        &self,
        request: Request<pb::ConfirmEnrolmentRequest>,
    ) -> Result<Response<pb::ConfirmEnrolmentResponse>, Status> {
        let (ctx, req) = request.open()?;
        let attempt = self.door.throttle.guess_in_turn(&ctx, &guessed(ctx.account()?)).await?;
        let keys = self.tokens.keys();
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let (account, factor) = factoring::enrol(&tx, keys, &req.code).await?;
        attempt.give_back();
        let session = entry::go_on(&tx, &self.tokens, &account, Proof::Factor(factor.id())).await?;
        let recovery_codes = factor.recovery_codes(&ctx, keys);
        tx.answer(pb::ConfirmEnrolmentResponse { recovery_codes, session: Some(session.into()) }).await
    }

    async fn give_up_factor(&self, request: Request<pb::GiveUpFactorRequest>) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door.owner(&ctx, &req.current_password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        account::store::lock(&tx, &account).await?;
        let proof = factoring::give_up(&tx, &account).await?;
        let session = entry::go_on(&tx, &self.tokens, &account, proof).await?;
        tx.answer(session.into()).await
    }

    async fn replace_recovery_codes(
        &self,
        request: Request<pb::ReplaceRecoveryCodesRequest>,
    ) -> Result<Response<pb::ReplaceRecoveryCodesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door.owner(&ctx, &req.current_password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        account::store::lock(&tx, &account).await?;
        let factor = factoring::replace_codes(&tx, &account).await?;
        let recovery_codes = factor.recovery_codes(&ctx, self.tokens.keys());
        tx.answer(pb::ReplaceRecoveryCodesResponse { recovery_codes }).await
    }

    async fn reset_factor(
        &self,
        request: Request<pb::ResetFactorRequest>,
    ) -> Result<Response<pb::ResetFactorResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let account = account::store::person(&tx, req.account_id.parse()?).await?;
        let tx = tx.allowed(account.helped_by(&ctx)?).await?;
        account.refuse_own(&ctx)?;
        factoring::reset(&tx, &account).await?;
        tx.answer(pb::ResetFactorResponse {}).await
    }
}
