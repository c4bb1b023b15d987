//! The methods on accounts: open, load, decide, save, answer.

use platform::{
    Allowed, Ctx, Error, Id, Open, Peers, Reads, Result, Store, Tx, Violations, secret::Keys, subject::Subjects,
};
use proto::{
    identity::v1::{self as pb, account_service_server::AccountService},
    options::v1::Role,
};
use tonic::{Request, Response, Status};

use super::{
    Account, Change, EmailChange, Form, Login, Recovery, Registration,
    code::invalid,
    confirmation::{self, Confirmation},
    store,
};
use crate::{
    across::{confirming, entrance, entry, erasing, finding, leaving, mandating, sign_in::Door},
    country::Country,
    mandate,
    password::{
        hasher::Hasher,
        throttle::{Occasion, Throttle},
    },
    post::letters,
    reason::Reason,
    school::{self, School},
};

/// The methods on accounts.
#[derive(Clone)]
pub struct Accounts {
    /// Identity's data.
    pub store: Store,
    /// The keys verification codes are derived with.
    pub keys: Keys,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Limits guesses of codes and mails to others.
    pub throttle: Throttle,
    /// The channel to lessons, which knows when the year of a team is over.
    pub peers: Peers,
    /// What identity has of people.
    pub subjects: Subjects,
}

#[tonic::async_trait]
impl AccountService for Accounts {
    async fn create_account(
        &self,
        request: Request<pb::CreateAccountRequest>,
    ) -> Result<Response<pb::CreateAccountResponse>, Status> {
        let (ctx, req) = request.open()?;
        let even = self.throttle.even();
        let form = Form::from(req);
        form.check(&ctx)?;
        let is_mailed = self.throttle.letter_to_anybody(&ctx, Occasion::Registration, form.login.as_str())?;
        // the hash takes by far the longest, and is also computed for a known address
        let password = self.hasher.hash(&form.password).await?;
        let registration = Registration::new(&ctx, form, password, lifetime(&ctx)?);
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let known = store::by_login(&tx, registration.login()).await?;
        tell(&tx, known, &registration, is_mailed).await?;
        even.hold(tx.answer(pb::CreateAccountResponse {}).await).await
    }

    async fn verify_email(
        &self,
        request: Request<pb::VerifyEmailRequest>,
    ) -> Result<Response<pb::VerifyEmailResponse>, Status> {
        let (ctx, req) = request.open()?;
        let id = self.typed(&ctx, |keys| Registration::read_code(&ctx, keys, &req.code))?;
        self.registered_by(&ctx, id, &req.password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let registration = store::registration(&tx, id).await?.ok_or_else(invalid)?;
        let mut account = registration.confirm(&ctx)?;
        store::settle(&tx, &registration).await?;
        mandating::found(&tx, &mut account, Role::Teacher).await?;
        tx.note("verify account", format!("account {}", account.id()), "");
        tx.answer(pb::VerifyEmailResponse {}).await
    }

    async fn resend_verification(
        &self,
        request: Request<pb::ResendVerificationRequest>,
    ) -> Result<Response<pb::ResendVerificationResponse>, Status> {
        let (ctx, req) = request.open()?;
        let even = self.throttle.even();
        let login = Login::of(&req.email);
        let is_mailed = self.throttle.letter_to_anybody(&ctx, Occasion::Registration, login.as_str())?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let last = store::only_registration(&tx, &login).await?;
        issue_again(&tx, last.filter(|_| is_mailed)).await?;
        even.hold(tx.answer(pb::ResendVerificationResponse {}).await).await
    }

    async fn recover_password(
        &self,
        request: Request<pb::RecoverPasswordRequest>,
    ) -> Result<Response<pb::RecoverPasswordResponse>, Status> {
        let (ctx, req) = request.open()?;
        let even = self.throttle.even();
        let login = Login::of(&req.email);
        let is_mailed = self.throttle.letter_to_anybody(&ctx, Occasion::Recovery, login.as_str())?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let known = store::by_login(&tx, &login).await?;
        entrance::recover(&tx, known.filter(|_| is_mailed).map(|account| account.id())).await?;
        even.hold(tx.answer(pb::RecoverPasswordResponse {}).await).await
    }

    async fn reset_password(
        &self,
        request: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        let (ctx, req) = request.open()?;
        let id = self.typed(&ctx, |keys| Recovery::read_code(&ctx, keys, &req.code))?;
        let account = entrance::recovered(&self.store.read(&ctx).await?, id).await?;
        account.check_password(&ctx, "new_password", &req.new_password)?;
        let password = self.hasher.hash(&req.new_password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        entrance::reset(&tx, id, password).await?;
        tx.answer(pb::ResetPasswordResponse {}).await
    }

    async fn confirm_email(
        &self,
        request: Request<pb::ConfirmEmailRequest>,
    ) -> Result<Response<pb::ConfirmEmailResponse>, Status> {
        let (ctx, req) = request.open()?;
        let id = self.typed(&ctx, |keys| EmailChange::read_code(&ctx, keys, &req.code))?;
        let login = entrance::changing(&self.store.read(&ctx).await?, id).await?;
        self.door().holder(&ctx, &login, &req.current_password).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        entrance::confirm_email(&tx, id).await?;
        tx.answer(pb::ConfirmEmailResponse {}).await
    }

    async fn restore_email(
        &self,
        request: Request<pb::RestoreEmailRequest>,
    ) -> Result<Response<pb::RestoreEmailResponse>, Status> {
        let (ctx, req) = request.open()?;
        let id = self.typed(&ctx, |keys| EmailChange::read_code_back(&ctx, keys, &req.code))?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        entrance::restore_email(&tx, id).await?;
        tx.answer(pb::RestoreEmailResponse {}).await
    }

    async fn find_account(&self, request: Request<pb::FindAccountRequest>) -> Result<Response<pb::Account>, Status> {
        let (ctx, req) = request.open()?;
        // a write transaction, because reading personal data is an entry of the audit log
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let found = store::by_login(&tx, &Login::of(&req.email)).await?;
        let account = found.ok_or_else(|| Error::not_found("account"))?;
        tx.note("find account", format!("account {}", account.id()), "");
        let account = shown(&tx, account).await?;
        tx.answer(account).await
    }

    async fn send_recovery(
        &self,
        request: Request<pb::SendRecoveryRequest>,
    ) -> Result<Response<pb::SendRecoveryResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let account = store::person(&tx, req.account_id.parse()?).await?;
        let tx = tx.allowed(account.helped_by(&ctx)?).await?;
        self.throttle.letter(&ctx, Occasion::of(&ctx)?, account.login().as_str())?;
        entrance::send_recovery(&tx, &account).await?;
        tx.answer(pb::SendRecoveryResponse {}).await
    }

    async fn lock_account(&self, request: Request<pb::LockAccountRequest>) -> Result<Response<pb::Account>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let account = store::person(&tx, req.account_id.parse()?).await?;
        let tx = tx.allowed(account.helped_by(&ctx)?).await?;
        let account = entrance::lock(&tx, account.id(), req.reason).await?;
        let account = shown(&tx, account).await?;
        tx.answer(account).await
    }

    async fn reinstate_account(
        &self,
        request: Request<pb::ReinstateAccountRequest>,
    ) -> Result<Response<pb::Account>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let account = store::person(&tx, req.account_id.parse()?).await?;
        let tx = tx.allowed(account.helped_by(&ctx)?).await?;
        let account = entrance::reinstate(&tx, account.id()).await?;
        let account = shown(&tx, account).await?;
        tx.answer(account).await
    }

    async fn change_email(
        &self,
        request: Request<pb::ChangeEmailRequest>,
    ) -> Result<Response<pb::ChangeEmailResponse>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door().owner(&ctx, &req.current_password).await?;
        let change = EmailChange::ask(&ctx, &account, Login::of(&req.new_email), lifetime(&ctx)?)?;
        // one counts what one account can send to strangers, the other what one address is sent
        self.throttle.letter(&ctx, Occasion::of(&ctx)?, account.login().as_str())?;
        let is_mailed = self.throttle.letter_to_anybody(&ctx, Occasion::Change, change.wanted().as_str())?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        if is_mailed {
            entrance::ask_email(&tx, &account, change).await?;
        }
        tx.answer(pb::ChangeEmailResponse {}).await
    }

    async fn leave_account(
        &self,
        request: Request<pb::LeaveAccountRequest>,
    ) -> Result<Response<pb::LeaveAccountResponse>, Status> {
        let (ctx, req) = request.open()?;
        let account = self.door().owner(&ctx, &req.current_password).await?;
        let over = leaving::over(&self.store, &self.peers, &ctx, account.id()).await?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        entry::refuse_half(&tx, &account).await?;
        leaving::leave(&tx, account.id(), &over).await?;
        if req.erase {
            erasing::begin(&tx, &self.subjects, account.id(), Some(account.login())).await?;
        }
        tx.answer(pb::LeaveAccountResponse {}).await
    }

    async fn get_account(&self, request: Request<pb::GetAccountRequest>) -> Result<Response<pb::Account>, Status> {
        let (ctx, _) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let account = store::get(&db, ctx.account()?).await?;
        Ok(Response::new(shown(&db, account).await?))
    }

    async fn update_account(
        &self,
        request: Request<pb::UpdateAccountRequest>,
    ) -> Result<Response<pb::Account>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let mut account = entrance::owner_to_change(&tx).await?;
        let change = asked(&ctx, &account, req)?;
        let school = named(&tx, change.school).await?;
        let before = account.clone();
        if account.change(change, school.as_ref())? {
            confirming::save_changed(&tx, &mut account, &before).await?;
            tx.note("change account", format!("account {}", account.id()), "");
        }
        let account = shown(&tx, account).await?;
        tx.answer(account).await
    }

    async fn find_teachers(
        &self,
        request: Request<pb::FindTeachersRequest>,
    ) -> Result<Response<pb::FindTeachersResponse>, Status> {
        let (ctx, req) = request.open()?;
        self.throttle.search(&ctx)?;
        // the search opens a write transaction, because reading personal data is an entry of the audit log
        let tx = self.store.write(&ctx).await?.allowed(Allowed::by_access()).await?;
        let found = finding::namesakes(&tx, &req.surname, req.school_id.parse()?).await?;
        let teachers = found.teachers.into_iter().map(|(teacher, said)| teacher.shown_to_others(said)).collect();
        tx.answer(pb::FindTeachersResponse { teachers, more: found.more }).await
    }
}

impl Accounts {
    /// What a typed code belongs to. Error: `CODE_INVALID`, `RATE_EXCEEDED`.
    fn typed<T>(&self, ctx: &Ctx, read: impl FnOnce(&Keys) -> Result<Id<T>>) -> Result<Id<T>> {
        self.throttle.typed(ctx, || read(&self.keys))
    }

    /// Checks that a typed password is the one of a registration whose code can be redeemed. Error: `CODE_INVALID`, `CODE_EXPIRED`; a
    /// violation at `password`, which counts as a guess; `RATE_EXCEEDED`.
    async fn registered_by(&self, ctx: &Ctx, id: Id<Registration>, typed: &str) -> Result<()> {
        let registration = store::registration(&self.store.read(ctx).await?, id).await?.ok_or_else(invalid)?;
        registration.redeemable(ctx)?;
        let attempt = self.throttle.guess_in_turn(ctx, registration.login().as_str()).await?;
        let fits = self.hasher.verify(typed, Some(registration.password())).await;
        // a full queue is no wrong guess
        if !matches!(fits, Ok(false)) {
            attempt.give_back();
        }
        let mut violations = Violations::new();
        if !fits? {
            let text = "This is not the password chosen in this registration. Use the newest letter that is yours, or register again.";
            violations.add("password", Reason::SignInFailed, text);
        }
        violations.done()
    }

    /// What compares passwords.
    fn door(&self) -> Door {
        let Self { store, keys, hasher, throttle, .. } = self.clone();
        Door { store, keys, hasher, throttle }
    }
}

/// An account with the roles it has now, and what is said of its owner as a teacher.
async fn shown(db: &impl Reads, account: Account) -> Result<pb::Account> {
    let mut roles: Vec<i32> = Vec::new();
    for mandate in mandate::store::of_account(db, account.id()).await? {
        if !roles.contains(&mandate.role().into()) {
            roles.push(mandate.role().into());
        }
    }
    let said = confirmation::store::find(db, account.id()).await?;
    Ok(pb::Account { roles, confirmation: said.and_then(Confirmation::shown), ..account.into() })
}

/// Publishes what is mailed after a registration, if anything is: the code, or that the address already has an account.
async fn tell(tx: &Tx, known: Option<Account>, registration: &Registration, is_mailed: bool) -> Result<()> {
    if !is_mailed {
        return Ok(());
    }
    let Some(account) = known else {
        store::register(tx, registration).await?;
        let code_id = registration.id().to_string();
        tx.emit(&pb::VerificationIssued { letter_id: code_id.clone(), code_id });
        return Ok(());
    };
    let notice_id = tx.ctx().new_id::<pb::RegistrationRepeated>().to_string();
    tx.emit(&pb::RegistrationRepeated { account_id: account.id().to_string(), notice_id });
    Ok(())
}

/// Mails the code of a registration again, which is valid anew: whoever asks for letters to somebody else does not end the code that its
/// owner is typing. Without a registration the same statements run for an id that nobody has, and nothing is mailed.
async fn issue_again(tx: &Tx, last: Option<Registration>) -> Result<()> {
    let ctx = tx.ctx();
    let code: Id<Registration> = last.map_or_else(|| ctx.new_id(), |last| last.id());
    store::extend(tx, code, ctx.now() + lifetime(ctx)?).await?;
    let letter_id = ctx.new_id::<pb::VerificationIssued>().to_string();
    tx.emit(&pb::VerificationIssued { code_id: code.to_string(), letter_id });
    Ok(())
}

/// What a request asks to change of an account, in a language that the country has letters in. Error: every violation.
fn asked(ctx: &Ctx, account: &Account, req: pb::UpdateAccountRequest) -> Result<Change> {
    let own = ctx.tenant().section::<Country>()?.letters();
    account.asked(req, |tag| letters::is_written(own, tag))
}

/// How long a code is valid in this country.
fn lifetime(ctx: &Ctx) -> Result<jiff::SignedDuration> {
    Ok(ctx.tenant().section::<Country>()?.credentials().verification())
}

/// The school that a change names, if it exists.
async fn named(db: &impl Reads, school: Option<Option<Id<School>>>) -> Result<Option<School>> {
    match school {
        Some(Some(id)) => school::store::find(db, id).await,
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        session::api::Sessions,
        testing::{Ground, PASSWORD, reason, request},
    };

    /// Another password than [`PASSWORD`].
    const OTHER: &str = "tre stelle nel bosco";

    struct Stage {
        ground: Ground,
        accounts: Accounts,
        sessions: Sessions,
    }

    impl Stage {
        fn new() -> Self {
            let ground = Ground::new();
            Self { accounts: ground.accounts(), sessions: ground.sessions(), ground }
        }

        async fn register(&self, email: &str, password: &str) -> Result<pb::CreateAccountResponse, Status> {
            let message = pb::CreateAccountRequest {
                email: email.to_owned(),
                password: password.to_owned(),
                given_name: "Ana".to_owned(),
                surname: "Horvat".to_owned(),
                ..pb::CreateAccountRequest::default()
            };
            self.accounts.create_account(request(&self.ground.anybody(), message)).await.map(Response::into_inner)
        }

        /// The code of the last registration with an address.
        async fn code(&self, email: &str) -> String {
            let ctx = self.ground.anybody();
            let db = self.ground.store().read(&ctx).await.unwrap();
            let last = store::last_registration(&db, &Login::of(email)).await.unwrap().unwrap();
            last.code(&ctx, &self.ground.keys)
        }

        async fn verify(&self, code: &str) -> String {
            let message = pb::VerifyEmailRequest { code: code.to_owned(), password: PASSWORD.to_owned() };
            reason(self.accounts.verify_email(request(&self.ground.anybody(), message)).await)
        }

        async fn resend(&self, email: &str) -> String {
            let message = pb::ResendVerificationRequest { email: email.to_owned() };
            reason(self.accounts.resend_verification(request(&self.ground.anybody(), message)).await)
        }

        async fn sign_in(&self, password: &str) -> String {
            use proto::identity::v1::session_service_server::SessionService;
            let message = pb::SignInRequest {
                login: "ana@school.example".to_owned(),
                password: password.to_owned(),
                access_token_alone: false,
            };
            reason(self.sessions.sign_in(request(&self.ground.anybody(), message)).await)
        }
    }

    #[tokio::test]
    async fn a_teacher_registers_verifies_and_signs_in() {
        let stage = Stage::new();
        stage.register("Ana@School.Example", PASSWORD).await.unwrap();
        assert_eq!(stage.sign_in(PASSWORD).await, "SIGN_IN_FAILED", "nobody has proved that the address is theirs");
        assert_eq!(stage.sign_in(OTHER).await, "SIGN_IN_FAILED");
        let code = stage.code("ana@school.example").await;
        assert_eq!(stage.verify(&code).await, "OK");
        assert_eq!(stage.verify(&code).await, "CODE_INVALID");
        assert_eq!(stage.sign_in(PASSWORD).await, "OK");
    }

    #[tokio::test]
    async fn of_two_that_redeem_one_code_at_once_one_wins() {
        let stage = Stage::new();
        stage.register("ana@school.example", PASSWORD).await.unwrap();
        let code = stage.code("ana@school.example").await;
        let (one, other) = tokio::join!(stage.verify(&code), stage.verify(&code));
        let mut outcomes = [one, other];
        outcomes.sort();
        assert_eq!(outcomes, ["CODE_INVALID", "OK"]);
    }

    #[tokio::test]
    async fn a_known_address_gets_the_same_answer_and_keeps_its_password() {
        let stage = Stage::new();
        stage.ground.teacher("ana@school.example").await;
        assert_eq!(stage.register("ana@school.example", OTHER).await.unwrap(), pb::CreateAccountResponse {});
        assert_eq!(stage.sign_in(OTHER).await, "SIGN_IN_FAILED");
        assert_eq!(stage.sign_in(PASSWORD).await, "OK");
    }

    #[tokio::test]
    async fn a_password_takes_effect_with_the_code_of_its_own_registration() {
        for attacker_first in [true, false] {
            let stage = Stage::new();
            let mut codes = Vec::new();
            let order = if attacker_first { [OTHER, PASSWORD] } else { [PASSWORD, OTHER] };
            for password in order {
                stage.register("ana@school.example", password).await.unwrap();
                codes.push((password, stage.code("ana@school.example").await));
                stage.ground.clock.advance(SignedDuration::from_secs(1));
            }
            let (_, own) = codes.iter().find(|(password, _)| *password == PASSWORD).unwrap();
            let (_, strange) = codes.iter().find(|(password, _)| *password == OTHER).unwrap();
            assert_eq!(stage.verify(own).await, "OK");
            assert_eq!(stage.verify(strange).await, "CODE_INVALID");
            assert_eq!(stage.sign_in(PASSWORD).await, "OK");
            assert_eq!(stage.sign_in(OTHER).await, "SIGN_IN_FAILED");
        }
    }

    #[tokio::test]
    async fn an_expired_code_is_valid_anew_on_request() {
        let stage = Stage::new();
        stage.register("ana@school.example", PASSWORD).await.unwrap();
        let first = stage.code("ana@school.example").await;
        stage.ground.clock.advance(SignedDuration::from_hours(49));
        assert_eq!(stage.verify(&first).await, "CODE_EXPIRED");
        assert_eq!(stage.resend("Ana@school.example").await, "OK");
        assert_eq!(stage.code("ana@school.example").await, first);
        assert_eq!(stage.verify(&first).await, "OK");
        assert_eq!(stage.sign_in(PASSWORD).await, "OK");
    }

    #[tokio::test]
    async fn whoever_asks_again_does_not_end_the_code_of_before() {
        let stage = Stage::new();
        stage.register("ana@school.example", PASSWORD).await.unwrap();
        let first = stage.code("ana@school.example").await;
        assert_eq!(stage.resend("ana@school.example").await, "OK");
        assert_eq!(stage.verify(&first).await, "OK");
        assert_eq!(stage.sign_in(PASSWORD).await, "OK");
    }

    #[tokio::test]
    async fn a_registration_nobody_verified_is_forgotten_after_the_days_the_country_says() {
        let stage = Stage::new();
        stage.register("ana@school.example", PASSWORD).await.unwrap();
        let waits = async || {
            let db = stage.ground.store().read(&stage.ground.anybody()).await.unwrap();
            store::last_registration(&db, &Login::of("ana@school.example")).await.unwrap().is_some()
        };
        stage.ground.clock.advance(SignedDuration::from_hours(20 * 24));
        // a code that is sent again does not make it younger
        assert_eq!(stage.resend("ana@school.example").await, "OK");
        stage.ground.clock.advance(SignedDuration::from_hours(10 * 24));
        let forget = async || crate::across::retention::tests::strikes(&stage.ground).await;
        forget().await;
        assert!(waits().await, "thirty days to the instant");
        stage.ground.clock.advance(SignedDuration::from_micros(1));
        forget().await;
        assert!(!waits().await);
    }

    #[tokio::test]
    async fn an_address_nobody_registered_gets_the_same_answer_and_no_code() {
        let stage = Stage::new();
        assert_eq!(stage.resend("nobody@school.example").await, "OK");
        let db = stage.ground.store().read(&stage.ground.anybody()).await.unwrap();
        assert_eq!(store::last_registration(&db, &Login::of("nobody@school.example")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn mails_to_one_address_are_few() {
        let stage = Stage::new();
        stage.register("ana@school.example", PASSWORD).await.unwrap();
        for _ in 0..4 {
            assert_eq!(stage.resend("ana@school.example").await, "OK");
        }
        assert_eq!(stage.resend("Ana@School.Example").await, "RATE_EXCEEDED");
        assert_eq!(reason(stage.register("ana@school.example", PASSWORD).await), "RATE_EXCEEDED");
        assert_eq!(stage.resend("ivo@school.example").await, "OK");
    }

    #[tokio::test]
    async fn a_teacher_gives_a_school_that_is_open_and_no_other() {
        let stage = Stage::new();
        let teacher = stage.ground.teacher("ana@school.example").await;
        let school = stage.ground.school("CHTD007011").await;
        let ctx = stage.ground.member(&teacher);
        let update = async |school_id: String, etag: &str| {
            let account = pb::Account { school_id, etag: etag.to_owned(), ..pb::Account::default() };
            let message = pb::UpdateAccountRequest { account: Some(account), update_mask: None };
            stage.accounts.update_account(request(&ctx, message)).await.map(Response::into_inner)
        };
        assert_eq!(reason(update(ctx.new_id::<School>().to_string(), "").await), "FIELDS_INVALID");
        let changed = update(school.id().to_string(), "1").await.unwrap();
        assert_eq!((changed.school_id, changed.etag.as_str()), (school.id().to_string(), "2"));
        assert_eq!(reason(update(school.id().to_string(), "1").await), "ETAG_STALE");
    }

    #[tokio::test]
    async fn colleagues_are_found_without_their_address_and_the_search_is_in_the_log() {
        let stage = Stage::new();
        let school = stage.ground.school("CHTD007011").await;
        let ctx = stage.ground.anybody();
        let mut colleague = crate::account::tests::account(&ctx, "ivo@school.example", None, None);
        colleague.school = Some(school.id());
        let tx = stage.ground.store().change(&ctx).await.unwrap();
        mandating::found(&tx, &mut colleague, Role::Teacher).await.unwrap();
        let mut namesake = crate::account::tests::account(&ctx, "eva@centre.example", None, None);
        namesake.school = Some(school.id());
        mandating::found(&tx, &mut namesake, Role::Coordinator).await.unwrap();
        tx.commit().await.unwrap();
        let log = async || platform::audit::verify(stage.ground.store(), &ctx).await.unwrap();
        assert_eq!(log().await, platform::audit::Verdict::Whole(2), "two roles were given");
        let message = pb::FindTeachersRequest { surname: "HORVAT".to_owned(), school_id: school.id().to_string() };
        let found = stage.accounts.find_teachers(request(&ctx, message)).await.unwrap().into_inner().teachers;
        assert_eq!(found.iter().map(|teacher| &teacher.id).collect::<Vec<_>>(), [&colleague.id().to_string()]);
        assert!(!format!("{found:?}").contains("ivo@"));
        assert_eq!(log().await, platform::audit::Verdict::Whole(3));
    }
}
