//! The methods on sessions: open, load, decide, save, answer.

use platform::{Allowed, Ctx, Error, MethodTx, Open, Result, Store};
use proto::identity::v1::{self as pb, session_service_server::SessionService};
use tonic::{Request, Response, Status};

use super::{Proof, Refresh, Session, Tokens, over, store, wire};
use crate::{
    account::{self, Account, Login, factor},
    across::{
        credential, entry, factoring, mandating,
        providing::Broker,
        sign_in::{Door, LoginState, SignedIn, decide_change},
    },
    password::{hasher::Hasher, throttle::Throttle},
};

/// The methods on sessions.
#[derive(Clone)]
pub struct Sessions {
    /// Identity's data.
    pub store: Store,
    /// Makes tokens.
    pub tokens: Tokens,
    /// Compares passwords.
    pub hasher: Hasher,
    /// Limits guesses of passwords.
    pub throttle: Throttle,
    /// Knows where people sign out of identity providers.
    pub(crate) broker: Broker,
}

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn sign_in(&self, request: Request<pb::SignInRequest>) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let signed_in = self.prove(&ctx, &Login::of(&req.login), &req.password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        account::store::lock(&tx, &signed_in.account).await?;
        let mandate = mandating::usual(&tx, signed_in.account.id()).await?;
        let entry = entry::decide(&tx, &signed_in.account, mandate, signed_in.proof()).await?;
        let session = entry::open(&tx, &self.tokens, entry, self.tokens.lifetime_for(req.access_token_alone)).await?;
        tx.answer(session.into()).await
    }

    async fn refresh_session(
        &self,
        request: Request<pb::RefreshSessionRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let token = Refresh::read(&ctx, self.tokens.keys(), &req.refresh_token)?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let mut session = store::newest_of(&tx, token.family()).await?;
        let mandate = mandating::acted_in(&tx, &session).await?;
        if !session.refresh(ctx.now(), &token)? || !store::save_next(&tx, &mut session).await? {
            return Err(end_reused(tx, &session).await?.into());
        }
        let account = account::store::get(&tx, session.account()).await?;
        let entry = entry::decide(&tx, &account, mandate, session.proof()).await?;
        let refreshed = self.tokens.grant(&ctx, &session, entry)?;
        tx.answer(refreshed.into()).await
    }

    async fn confirm_second_factor(
        &self,
        request: Request<pb::ConfirmSecondFactorRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let of_app = factor::is_of_app(&req.code);
        let attempt = if of_app { self.throttle.code(&ctx)? } else { self.throttle.recovery_code(&ctx)? };
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let Some((account, factor)) = factoring::show(&tx, self.tokens.keys(), &req.code).await? else {
            return Err(tx.refuse(factor::wrong()).await.into());
        };
        attempt.give_back();
        let session = entry::go_on(&tx, &self.tokens, &account, Proof::Factor(factor)).await?;
        tx.answer(session.into()).await
    }

    async fn sign_out(&self, request: Request<pb::SignOutRequest>) -> Result<Response<pb::SignOutResponse>, Status> {
        let (ctx, _) = request.open()?;
        let provider_sign_out_url = self.broker.way_out(&ctx).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        store::end(&tx, ctx.member()?.session.into()).await?;
        tx.answer(pb::SignOutResponse { provider_sign_out_url }).await
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let (_, state, team) = LoginState::load_own(&self.store.read(&ctx).await?).await?;
        let attempt = self.throttle.own_in_turn(&ctx).await?;
        let next = state.check_next(&ctx, team.as_ref(), &req.current_password, &req.new_password);
        let signed_in = self.door().compare(&ctx, state, &req.current_password, attempt).await;
        let signed_in = decide_change(signed_in, next)?;
        let password = self.hasher.hash(&req.new_password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let account = credential::redeem(&tx, signed_in, password).await?;
        tx.note("change password", format!("account {}", account.id()), "");
        let session = entry::renew(&tx, &self.tokens, &account).await?;
        tx.answer(session.into()).await
    }

    async fn switch_mandate(
        &self,
        request: Request<pb::SwitchMandateRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let present = store::get(&tx, ctx.member()?.session.into()).await?;
        present.living(ctx.now())?;
        let account = account::store::get(&tx, present.account()).await?;
        // a change of the password at the same time ends this session, or sees the new one
        account::store::lock(&tx, &account).await?;
        let mandate = mandating::own(&tx, account.id(), req.mandate_id.parse()?).await?;
        present.refuse_present(&mandate)?;
        let session = entry::switch(&tx, &self.tokens, &present, &account, mandate).await?;
        tx.answer(session.into()).await
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        let (ctx, _) = request.open()?;
        let asking = ctx.member()?.session.into();
        let living = store::living(&self.store.glance(&ctx).await?, ctx.account()?).await?;
        let sessions = living.into_iter().map(|session| session.shown(asking)).collect();
        Ok(Response::new(pb::ListSessionsResponse { sessions }))
    }

    async fn end_session(
        &self,
        request: Request<pb::EndSessionRequest>,
    ) -> Result<Response<pb::EndSessionResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let found = store::newest_of(&tx, req.session_id.parse()?).await;
        let found = found.map_err(|_| Error::not_found("session"))?;
        let tx = tx.allowed(found.held_by(&ctx)?).await?;
        // a switch of mandate at the same time waits, or its new session is seen
        account::store::find_to_change(&tx, found.account()).await?;
        let session = store::newest_of(&tx, found.family()).await?;
        if session.living(ctx.now()).is_err() || !store::end(&tx, session.id()).await? {
            return Err(Error::not_found("session").into());
        }
        tx.note("end own session", format!("account {}", ctx.account::<Account>()?), "");
        tx.answer(pb::EndSessionResponse {}).await
    }

    async fn end_other_sessions(
        &self,
        request: Request<pb::EndOtherSessionsRequest>,
    ) -> Result<Response<pb::EndOtherSessionsResponse>, Status> {
        let (ctx, _) = request.open()?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        // a switch at the same time waits, or its new session is seen
        account::store::find_to_change(&tx, ctx.account()?).await?;
        store::end_others(&tx, ctx.account()?, ctx.member()?.session.into()).await?;
        tx.note("end other sessions", format!("account {}", ctx.account::<Account>()?), "");
        tx.answer(pb::EndOtherSessionsResponse {}).await
    }

    async fn list_keys(&self, _: Request<pb::ListKeysRequest>) -> Result<Response<pb::ListKeysResponse>, Status> {
        Ok(Response::new(pb::ListKeysResponse { keys: vec![wire::key(self.tokens.signer().public_jwk())] }))
    }
}

/// Ends a session whose refresh token was used a second time. The session ends although the call fails. Returns the error for the
/// caller.
async fn end_reused(tx: MethodTx, session: &Session) -> Result<Error> {
    if store::end(&tx, session.id()).await? {
        tx.note("end session", format!("account {}", session.account()), "a refresh token was used twice");
    }
    Ok(tx.refuse(over()).await)
}

impl Sessions {
    /// Proves who signs in by a login and a typed text. A refusal takes as long whether or not the login exists.
    async fn prove(&self, ctx: &Ctx, login: &Login, typed: &str) -> Result<SignedIn> {
        let even = self.throttle.even();
        let attempt = self.throttle.guess_in_turn(ctx, login.as_str()).await?;
        let state = LoginState::load(&self.store.read(ctx).await?, login).await?;
        match self.door().compare(ctx, state, typed, attempt).await {
            Err(refused) => Err(even.hold(refused).await),
            signed_in => signed_in,
        }
    }

    /// What compares passwords.
    fn door(&self) -> Door {
        let (store, keys) = (self.store.clone(), self.tokens.keys().clone());
        Door { store, keys, hasher: self.hasher.clone(), throttle: self.throttle.clone() }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use jiff::SignedDuration;
    use platform::{Caller, Id, Member, token::Claims};
    use proto::options::v1::Role;
    use tonic::Code;

    use super::*;
    use crate::{
        class::team::{self, Credential, Team},
        mandate::Mandate,
        testing::{Ground, PASSWORD, reason, request},
    };

    const NEXT: &str = "quattro lune sul lago";

    struct Stage {
        ground: Ground,
        sessions: Sessions,
    }

    impl Stage {
        fn new() -> Self {
            let ground = Ground::new();
            Self { sessions: ground.sessions(), ground }
        }

        async fn sign_in(&self, login: &str, password: &str) -> Result<pb::Session, Status> {
            let message =
                pb::SignInRequest { login: login.to_owned(), password: password.to_owned(), access_token_alone: false };
            self.sessions.sign_in(request(&self.ground.anybody(), message)).await.map(Response::into_inner)
        }

        async fn refresh(&self, session: &pb::Session) -> Result<pb::Session, Status> {
            let message = pb::RefreshSessionRequest { refresh_token: session.refresh_token.clone() };
            self.sessions.refresh_session(request(&self.ground.anybody(), message)).await.map(Response::into_inner)
        }

        async fn change(&self, ctx: &Ctx, current: &str, new: &str) -> Result<pb::Session, Status> {
            let message = pb::ChangePasswordRequest { current_password: current.into(), new_password: new.into() };
            self.sessions.change_password(request(ctx, message)).await.map(Response::into_inner)
        }

        async fn switch(&self, session: &pb::Session, mandate: &str) -> Result<pb::Session, Status> {
            let message = pb::SwitchMandateRequest { mandate_id: mandate.to_owned() };
            self.sessions.switch_mandate(request(&self.holder(session), message)).await.map(Response::into_inner)
        }

        /// A teacher who is a juror too, and the ids of both mandates.
        async fn of_two_roles(&self) -> (Id<Account>, [String; 2]) {
            let teacher = self.ground.teacher("ana@school.example").await.id();
            let tx = self.ground.store().change(&self.ground.anybody()).await.unwrap();
            let account = account::store::get(&tx, teacher).await.unwrap();
            let mut juror = Mandate::first(&self.ground.anybody(), &account, Role::Juror);
            mandating::grant(&tx, &mut juror).await.unwrap();
            let held = crate::mandate::store::of_account(&tx, teacher).await.unwrap();
            tx.commit().await.unwrap();
            (teacher, [0, 1].map(|at| held[at].id().to_string()))
        }

        /// A context of who was given this session.
        fn holder(&self, session: &pb::Session) -> Ctx {
            self.ground.ctx(Caller::Member(Member::from(&claims(session))))
        }

        async fn team(&self) -> (Team, Credential, String) {
            let referent = self.ground.teacher("ana@school.example").await;
            let (team, credential) = self.ground.team(&referent).await;
            let typed = credential.text(&self.ground.keys);
            (team, credential, typed)
        }

        /// What the team's referent does when a credential is lost.
        async fn reissue(&self, team: crate::account::TeamId) -> String {
            let ctx = self.ground.anybody();
            let credential = Credential::issue(&ctx, &self.ground.keys, team).unwrap();
            let tx = self.ground.store().change(&ctx).await.unwrap();
            credential::replace(&tx, &credential).await.unwrap();
            tx.commit().await.unwrap();
            credential.text(&self.ground.keys)
        }
    }

    fn claims(session: &pb::Session) -> Claims {
        let payload = session.access_token.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_teacher_signs_in_however_the_address_is_typed() {
        let stage = Stage::new();
        let teacher = stage.ground.teacher("ana@school.example").await;
        let session = stage.sign_in(" Ana@School.Example ", PASSWORD).await.unwrap();
        assert_eq!(claims(&session).sub, teacher.id().uuid());
        assert!(!session.refresh_token.is_empty() && !session.password_change_needed);
    }

    #[tokio::test]
    async fn an_unknown_login_and_a_wrong_password_get_the_same_answer() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        let wrong = stage.sign_in("ana@school.example", "not the password").await.unwrap_err();
        let unknown = stage.sign_in("ivo@school.example", "not the password").await.unwrap_err();
        assert_eq!(wrong.code(), Code::Unauthenticated);
        assert_eq!(
            (wrong.code(), wrong.message(), wrong.details()),
            (unknown.code(), unknown.message(), unknown.details())
        );
    }

    #[tokio::test]
    async fn wrong_passwords_are_slowed_and_the_right_one_with_them() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        for _ in 0..5 {
            assert_eq!(reason(stage.sign_in("ANA@school.example", "not the password").await), "SIGN_IN_FAILED");
        }
        assert_eq!(reason(stage.sign_in("ana@school.example", PASSWORD).await), "RATE_EXCEEDED");
        stage.ground.clock.advance(SignedDuration::from_secs(10));
        assert_eq!(reason(stage.sign_in("ana@school.example", PASSWORD).await), "OK");
    }

    #[tokio::test]
    async fn an_expired_credential_is_no_guess() {
        let stage = Stage::new();
        let (_, credential, typed) = stage.team().await;
        stage.ground.clock.set(credential.expires_at() + SignedDuration::from_secs(1));
        for _ in 0..10 {
            assert_eq!(reason(stage.sign_in("22-23_0001", &typed).await), "CREDENTIAL_EXPIRED");
        }
    }

    #[tokio::test]
    async fn the_second_use_of_a_refresh_token_ends_the_session_for_all() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        let first = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
        let second = stage.refresh(&first).await.unwrap();
        assert_eq!(claims(&second).sid, claims(&first).sid);
        let third = stage.refresh(&second).await.unwrap();
        assert_eq!(reason(stage.refresh(&first).await), "SESSION_OVER");
        assert_eq!(reason(stage.refresh(&third).await), "SESSION_OVER", "the thief has it too");
    }

    #[tokio::test]
    async fn a_refresh_token_of_before_a_switch_ends_the_session_that_took_its_place() {
        let stage = Stage::new();
        let (teacher, mandates) = stage.of_two_roles().await;
        for is_refreshed_before in [false, true] {
            let first = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
            let stolen = if is_refreshed_before { stage.refresh(&first).await.unwrap() } else { first.clone() };
            let other = mandates.iter().find(|mandate| **mandate != stolen.mandate_id).unwrap();
            let thief = stage.switch(&stolen, other).await.unwrap();
            assert_ne!(claims(&thief).sid, claims(&first).sid);
            assert_eq!(reason(stage.refresh(&first).await), "SESSION_OVER");
            assert_eq!(reason(stage.refresh(&thief).await), "SESSION_OVER", "the thief goes too");
        }
        let db = stage.ground.store().read(&stage.ground.anybody()).await.unwrap();
        assert_eq!(store::living(&db, teacher).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_session_that_ends_while_its_password_is_compared_opens_no_other() {
        let stage = Stage::new();
        let teacher = stage.ground.teacher("ana@school.example").await.id();
        let ctx = stage.holder(&stage.sign_in("ana@school.example", PASSWORD).await.unwrap());
        let tx = stage.ground.store().change(&ctx).await.unwrap();
        let account = account::store::get(&tx, teacher).await.unwrap();
        let password = account.password().cloned().unwrap();
        store::end_all(&tx, teacher).await.unwrap();
        let refused = credential::redeem(&tx, SignedIn { account, provisional: None }, password).await;
        assert!(refused.is_err_and(|error| error.is(crate::reason::Reason::SessionOver)));
    }

    #[tokio::test]
    async fn a_session_that_went_on_in_another_mandate_is_refreshed() {
        let stage = Stage::new();
        let (_, mandates) = stage.of_two_roles().await;
        let first = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
        let other = mandates.iter().find(|mandate| **mandate != first.mandate_id).unwrap();
        assert_eq!(reason(stage.switch(&first, &first.mandate_id).await), "FIELDS_INVALID");
        let second = stage.switch(&first, other).await.unwrap();
        assert_eq!(reason(stage.refresh(&second).await), "OK");
    }

    #[tokio::test]
    async fn of_two_refreshes_at_once_one_wins_and_the_session_ends() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        let session = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
        let (one, other) = tokio::join!(stage.refresh(&session), stage.refresh(&session));
        let won = [&one, &other].into_iter().flatten().next().cloned();
        let mut outcomes = [reason(one), reason(other)];
        outcomes.sort();
        assert_eq!(outcomes, ["OK", "SESSION_OVER"]);
        assert_eq!(reason(stage.refresh(&won.unwrap()).await), "SESSION_OVER");
    }

    #[tokio::test]
    async fn a_session_is_refreshed_for_thirty_days() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        let session = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
        stage.ground.clock.advance(SignedDuration::from_hours(30 * 24));
        let session = stage.refresh(&session).await.unwrap();
        stage.ground.clock.advance(SignedDuration::from_micros(1));
        assert_eq!(reason(stage.refresh(&session).await), "SESSION_OVER");
    }

    #[tokio::test]
    async fn who_signed_out_stays_out() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        let session = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
        let ctx = stage.holder(&session);
        stage.sessions.sign_out(request(&ctx, pb::SignOutRequest {})).await.unwrap();
        let again = stage.sessions.sign_out(request(&ctx, pb::SignOutRequest {})).await;
        assert!(again.is_err_and(|refused| refused.code() == tonic::Code::Unauthenticated));
        assert_eq!(reason(stage.refresh(&session).await), "SESSION_OVER");
        assert_eq!(reason(stage.change(&ctx, PASSWORD, NEXT).await), "SESSION_OVER");
    }

    #[tokio::test]
    async fn a_team_signs_in_with_its_credential_and_must_choose_a_password() {
        let stage = Stage::new();
        let (team, _, typed) = stage.team().await;
        let provisional = stage.sign_in("22-23_0001", &typed).await.unwrap();
        assert!(provisional.password_change_needed && provisional.refresh_token.is_empty());
        assert!(claims(&provisional).provisional);
        assert_eq!(claims(&provisional).acts_for, Some(team.id().uuid()));
        let session = stage.change(&stage.holder(&provisional), &typed, NEXT).await.unwrap();
        assert!(!session.password_change_needed && !claims(&session).provisional);
        let db = stage.ground.store().read(&stage.ground.anybody()).await.unwrap();
        let team = team::store::find(&db, team.id()).await.unwrap().unwrap();
        assert!(pb::Team::from(team).state() == pb::TeamState::Active);
        assert_eq!(reason(stage.sign_in("22-23_0001", &typed).await), "CREDENTIAL_USED");
        assert_eq!(reason(stage.sign_in("22-23_0001", NEXT).await), "OK");
    }

    #[tokio::test]
    async fn of_two_redemptions_at_once_one_wins() {
        let stage = Stage::new();
        let (_, _, typed) = stage.team().await;
        let one = stage.holder(&stage.sign_in("22-23_0001", &typed).await.unwrap());
        let other = stage.holder(&stage.sign_in("22-23_0001", &typed).await.unwrap());
        let (one, other) =
            tokio::join!(stage.change(&one, &typed, NEXT), stage.change(&other, &typed, "tre stelle nel bosco fitto"),);
        let mut outcomes = [reason(one), reason(other)];
        outcomes.sort();
        // the session of the other has ended by the time it may write
        assert_eq!(outcomes, ["OK", "TOKEN_ENDED"]);
    }

    #[tokio::test]
    async fn an_expired_credential_says_so_and_a_reissued_one_works() {
        let stage = Stage::new();
        let (team, credential, typed) = stage.team().await;
        stage.ground.clock.set(credential.expires_at() + SignedDuration::from_secs(1));
        assert_eq!(reason(stage.sign_in("22-23_0001", &typed).await), "CREDENTIAL_EXPIRED");
        let again = stage.reissue(team.id()).await;
        assert_eq!(reason(stage.sign_in("22-23_0001", &typed).await), "CREDENTIAL_USED");
        assert_eq!(reason(stage.sign_in("22-23_0001", &again).await), "OK");
    }

    #[tokio::test]
    async fn a_reissued_credential_takes_password_and_sessions_away() {
        let stage = Stage::new();
        let (team, _, typed) = stage.team().await;
        let provisional = stage.sign_in("22-23_0001", &typed).await.unwrap();
        let session = stage.change(&stage.holder(&provisional), &typed, NEXT).await.unwrap();
        stage.reissue(team.id()).await;
        assert_eq!(reason(stage.refresh(&session).await), "SESSION_OVER");
        assert_eq!(reason(stage.sign_in("22-23_0001", NEXT).await), "SIGN_IN_FAILED");
    }

    #[tokio::test]
    async fn a_change_of_password_ends_every_other_session() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        let here = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
        let elsewhere = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
        let new = stage.change(&stage.holder(&here), PASSWORD, NEXT).await.unwrap();
        assert_eq!(reason(stage.refresh(&elsewhere).await), "SESSION_OVER");
        assert_eq!(reason(stage.refresh(&here).await), "SESSION_OVER");
        assert_eq!(reason(stage.refresh(&new).await), "OK");
        assert_eq!(reason(stage.sign_in("ana@school.example", PASSWORD).await), "SIGN_IN_FAILED");
    }

    #[tokio::test]
    async fn a_wrong_current_password_changes_nothing() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        let session = stage.sign_in("ana@school.example", PASSWORD).await.unwrap();
        let refused = stage.change(&stage.holder(&session), "not the password", NEXT).await;
        assert_eq!(reason(refused), "FIELDS_INVALID");
        assert_eq!(reason(stage.refresh(&session).await), "OK");
        assert_eq!(reason(stage.sign_in("ana@school.example", NEXT).await), "SIGN_IN_FAILED");
    }

    #[tokio::test]
    async fn an_account_that_changed_since_it_was_read_opens_no_session() {
        let stage = Stage::new();
        let (team, ..) = stage.team().await;
        let ctx = stage.ground.anybody();
        let db = stage.ground.store().read(&ctx).await.unwrap();
        let read = account::store::by_login(&db, &Login::of("22-23_0001")).await.unwrap().unwrap();
        drop(db);
        assert_eq!(read.team(), Some(team.id()));
        stage.reissue(team.id()).await;
        let tx = stage.ground.store().change(&ctx).await.unwrap();
        let held = account::store::lock(&tx, &read).await;
        assert!(held.is_err_and(|error| error.is(platform::error::Shared::EtagStale)));
    }

    #[tokio::test]
    async fn the_keys_are_those_tokens_are_signed_with() {
        let stage = Stage::new();
        let keys = stage.sessions.list_keys(Request::new(pb::ListKeysRequest {})).await.unwrap().into_inner().keys;
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].kid, stage.sessions.tokens.signer().public_jwk().kid);
        assert_eq!((keys[0].kty.as_str(), keys[0].alg.as_str()), ("OKP", "EdDSA"));
    }
}
