//! What a sent form asks for: the calls of the API, and the page that comes next.

use platform::Violations;
use proto::identity::v1::{
    self as pb, account_service_client::AccountServiceClient, confirmation_service_client::ConfirmationServiceClient,
    invitation_service_client::InvitationServiceClient, passkey_service_client::PasskeyServiceClient,
    session_service_client::SessionServiceClient,
};
use tonic::Status;

use crate::{
    own::{self, Told},
    page::Given,
    provider::{Errand, Luggage, leave},
    visit::Visit,
};

/// What a form asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// Confirms an address by its code.
    VerifyEmail,
    /// Asks for another code.
    ResendVerification,
    /// Asks for a code that replaces a forgotten password.
    RecoverPassword,
    /// Replaces a forgotten password with the code.
    ResetPassword,
    /// Confirms a new address of an account by its code.
    ConfirmEmail,
    /// Takes a change of address back by its code.
    RestoreEmail,
    /// Signs in.
    SignIn,
    /// Signs in with a provisional credential and replaces it by a password.
    Redeem,
    /// Accepts an invitation by its code.
    AcceptInvitation,
    /// Says for a school that a teacher is theirs, by the code of the letter to the school.
    ConfirmTeacher,
    /// Replaces the password.
    ChangePassword,
    /// Shows the second factor.
    ConfirmFactor,
    /// Signs in by a passkey.
    SignInByPasskey,
    /// Begins to add a passkey.
    BeginPasskey,
    /// Adds the passkey that the browser has made.
    AddPasskey,
    /// Removes a passkey.
    RemovePasskey,
    /// Leads to an identity provider, to sign in.
    GoSignIn,
    /// Leads to an identity provider, to link the account.
    GoLink,
    /// Ends the session.
    SignOut,
    /// Asks for another address.
    ChangeEmail,
    /// Begins to enrol an app as second factor.
    BeginFactor,
    /// Enrols the app.
    EnrolFactor,
    /// Gives the second factor up.
    GiveUpFactor,
    /// Replaces the recovery codes.
    ReplaceCodes,
    /// Goes on in another role.
    SwitchMandate,
    /// Ends other sessions.
    EndSessions,
    /// Makes a machine token.
    MakeToken,
}

/// What came of a form.
pub(crate) enum Done {
    /// The reader goes on to another page.
    Go(Next),
    /// The page that answers the form shows something once.
    Told(Told),
    /// The browser makes a passkey.
    Making(pb::BeginPasskeyResponse),
}

/// What happens to the cookie of the session, and to that of the way to an identity provider.
pub(crate) enum Cookie {
    /// They stay as they are.
    Keep,
    /// That of the session holds this access token.
    Hold(String),
    /// That of the session is removed.
    Forget,
    /// That of the way holds this.
    Take(Luggage),
    /// That of the way is removed.
    Unpack,
    /// That of the way is removed, and that of the session holds this.
    Arrive {
        /// The access token.
        token: String,
        /// Whether the reader came by plain HTTP.
        is_plain: bool,
    },
}

/// Where the reader goes after a form was taken.
pub(crate) struct Next {
    /// The path of the page.
    pub(crate) page: &'static str,
    /// Where a page leads that is shown instead: to another site, or to a page that must be opened from this one.
    pub(crate) away: Option<String>,
    /// What the page says was done: a name of `page::DONE`.
    pub(crate) done: Option<&'static str>,
    /// The cookie.
    pub(crate) cookie: Cookie,
}

impl Next {
    /// The page with this path.
    pub(crate) fn to(page: &'static str) -> Self {
        Self { page, away: None, done: None, cookie: Cookie::Keep }
    }

    /// The page with this path, which says what was done.
    pub(crate) fn after(done: &'static str, page: &'static str) -> Self {
        Self { done: Some(done), ..Self::to(page) }
    }

    /// It holds the session that goes on.
    pub(crate) fn with(self, session: pb::Session) -> Self {
        Self { cookie: Cookie::Hold(session.access_token), ..self }
    }
}

impl Deed {
    /// Does what a form asks for. Error: the refusal of the API.
    pub(crate) async fn carry_out(self, visit: &Visit, given: &Given) -> Result<Done, Status> {
        match self {
            Self::VerifyEmail => verify_email(visit, given).await.map(Done::Go),
            Self::ResendVerification => resend_verification(visit, given).await.map(Done::Go),
            Self::RecoverPassword => recover_password(visit, given).await.map(Done::Go),
            Self::ResetPassword => reset_password(visit, given).await.map(Done::Go),
            Self::ConfirmEmail => confirm_email(visit, given).await.map(Done::Go),
            Self::RestoreEmail => restore_email(visit, given).await.map(Done::Go),
            Self::SignIn => enter(visit, given).await.map(Done::Go),
            Self::Redeem => redeem(visit, given).await.map(Done::Go),
            Self::AcceptInvitation => accept_invitation(visit, given).await.map(Done::Go),
            Self::ConfirmTeacher => confirm_teacher(visit, given).await.map(Done::Go),
            Self::ChangePassword => change_password(visit, given).await.map(Done::Go),
            Self::ConfirmFactor => confirm_factor(visit, given).await.map(Done::Go),
            Self::SignInByPasskey => sign_in_by_passkey(visit, given).await.map(Done::Go),
            Self::BeginPasskey => begin_passkey(visit, given).await.map(Done::Making),
            Self::AddPasskey => add_passkey(visit, given).await.map(Done::Go),
            Self::RemovePasskey => remove_passkey(visit, given).await.map(Done::Go),
            Self::GoSignIn => leave(visit, given, Errand::SignIn).await.map(Done::Go),
            Self::GoLink => leave(visit, given, Errand::Link).await.map(Done::Go),
            Self::SignOut => sign_out(visit).await.map(Done::Go),
            Self::ChangeEmail => own::change_email(visit, given).await,
            Self::BeginFactor => own::begin_factor(visit, given).await,
            Self::EnrolFactor => own::enrol_factor(visit, given).await,
            Self::GiveUpFactor => own::give_up_factor(visit, given).await,
            Self::ReplaceCodes => own::replace_codes(visit, given).await,
            Self::SwitchMandate => own::switch_mandate(visit, given).await,
            Self::EndSessions => own::end_sessions(visit, given).await,
            Self::MakeToken => own::make_token(visit, given).await,
        }
    }
}

/// The page of what a session lacks, which comes before anything else.
pub(crate) fn first(session: &pb::Session) -> Option<&'static str> {
    match session {
        pb::Session { password_change_needed: true, .. } => Some("change-password"),
        pb::Session { passkey_needed: true, .. } => Some("sign-in-passkey"),
        pb::Session { provider_needed: true, .. } => Some("sign-in"),
        pb::Session { second_factor_needed: true, .. } => Some("confirm-factor"),
        pb::Session { enrolment_needed: true, .. } => Some("begin-factor"),
        _ => None,
    }
}

async fn enter(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let session = sign_in(visit, given.copied("login"), given.get("password").to_owned()).await?;
    if session.passkey_needed {
        // the session is good for nothing: the passkey opens one of its own
        return Ok(Next { cookie: Cookie::Forget, ..Next::after("passkey-needed", "sign-in-passkey") });
    }
    if session.provider_needed {
        return Ok(Next { cookie: Cookie::Forget, ..Next::after("provider-needed", "sign-in") });
    }
    Ok(Next::to(first(&session).unwrap_or("account")).with(session))
}

async fn sign_out(visit: &Visit) -> Result<Next, Status> {
    let answer = sessions(visit).sign_out(visit.request(pb::SignOutRequest {})).await?.into_inner();
    let away = Some(answer.provider_sign_out_url).filter(|url| !url.is_empty());
    Ok(Next { away, cookie: Cookie::Forget, ..Next::after("sign-out", "sign-in") })
}

async fn change_password(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let session = change(visit, given.get("current-password").to_owned(), given).await?;
    Ok(Next::after("change-password", first(&session).unwrap_or("account")).with(session))
}

async fn confirm_factor(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let message = pb::ConfirmSecondFactorRequest { code: given.copied("app-code") };
    let session = sessions(visit).confirm_second_factor(visit.request(message)).await?.into_inner();
    Ok(Next::to("account").with(session))
}

async fn sign_in_by_passkey(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let (ceremony, credential) = (given.copied("ceremony"), given.copied("credential"));
    let message = pb::CompletePasskeySignInRequest { ceremony, credential, access_token_alone: true };
    let session = passkeys(visit).complete_passkey_sign_in(visit.request(message)).await?.into_inner();
    Ok(Next::to("account").with(session))
}

async fn begin_passkey(visit: &Visit, given: &Given) -> Result<pb::BeginPasskeyResponse, Status> {
    let mut violations = Violations::new();
    if given.copied("passkey-name").is_empty() {
        // the API asks for it when the passkey is made, and then it would have been made for nothing
        violations.missing("name", "This field is needed.");
    }
    violations.done()?;
    let message = pb::BeginPasskeyRequest { current_password: given.get("current-password").to_owned() };
    Ok(passkeys(visit).begin_passkey(visit.request(message)).await?.into_inner())
}

async fn add_passkey(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let (ceremony, credential) = (given.copied("ceremony"), given.copied("credential"));
    let message = pb::ConfirmPasskeyRequest { ceremony, credential, name: given.copied("passkey-name") };
    let added = passkeys(visit).confirm_passkey(visit.request(message)).await?.into_inner();
    Ok(Next::after("add-passkey", "passkeys").with(added.session.unwrap_or_default()))
}

async fn remove_passkey(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let (passkey_id, current_password) = (given.copied("passkey"), given.get("current-password").to_owned());
    let message = pb::RemovePasskeyRequest { passkey_id, current_password };
    let session = passkeys(visit).remove_passkey(visit.request(message)).await?.into_inner();
    Ok(Next::after("remove-passkey", "passkeys").with(session))
}

async fn verify_email(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let message = pb::VerifyEmailRequest { code: given.copied("code"), password: given.get("password").to_owned() };
    accounts(visit).verify_email(visit.request(message)).await?;
    Ok(Next::after("verify-email", "sign-in"))
}

async fn resend_verification(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let message = pb::ResendVerificationRequest { email: given.copied("email") };
    accounts(visit).resend_verification(visit.request(message)).await?;
    Ok(Next::after("resend-verification", "verify-email"))
}

async fn recover_password(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let message = pb::RecoverPasswordRequest { email: given.copied("email") };
    accounts(visit).recover_password(visit.request(message)).await?;
    Ok(Next::after("recover-password", "reset-password"))
}

async fn reset_password(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let (code, new_password) = (given.copied("code"), given.get("new-password").to_owned());
    let message = pb::ResetPasswordRequest { code, new_password };
    accounts(visit).reset_password(visit.request(message)).await?;
    Ok(Next { cookie: Cookie::Forget, ..Next::after("reset-password", "sign-in") })
}

async fn confirm_email(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let current_password = given.get("password").to_owned();
    let message = pb::ConfirmEmailRequest { code: given.copied("code"), current_password };
    accounts(visit).confirm_email(visit.request(message)).await?;
    Ok(Next::after("confirm-email", "sign-in"))
}

async fn restore_email(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let message = pb::RestoreEmailRequest { code: given.copied("code") };
    accounts(visit).restore_email(visit.request(message)).await?;
    Ok(Next { cookie: Cookie::Forget, ..Next::after("restore-email", "reset-password") })
}

async fn redeem(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let credential = given.copied("credential");
    let session = sign_in(visit, given.copied("team-code"), credential.clone()).await?;
    let session = change(&visit.signed_in(&session.access_token), credential, given).await?;
    Ok(Next::after("redeem", first(&session).unwrap_or("account")).with(session))
}

async fn accept_invitation(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let message = pb::AcceptInvitationRequest {
        code: given.copied("code"),
        password: given.get("own-password").to_owned(),
        given_name: given.copied("given-name"),
        surname: given.copied("surname"),
        // letters go on in the language of the invitation
        locale: String::new(),
    };
    InvitationServiceClient::new(visit.identity.clone()).accept_invitation(visit.request(message)).await?;
    Ok(Next { cookie: Cookie::Forget, ..Next::after("accept-invitation", "sign-in") })
}

async fn confirm_teacher(visit: &Visit, given: &Given) -> Result<Next, Status> {
    let message = pb::ConfirmAsSchoolRequest { code: given.copied("code") };
    ConfirmationServiceClient::new(visit.identity.clone()).confirm_as_school(visit.request(message)).await?;
    Ok(Next::after("confirm-teacher", "confirm-teacher"))
}

fn accounts(visit: &Visit) -> AccountServiceClient<tonic::transport::Channel> {
    AccountServiceClient::new(visit.identity.clone())
}

fn passkeys(visit: &Visit) -> PasskeyServiceClient<tonic::transport::Channel> {
    PasskeyServiceClient::new(visit.identity.clone())
}

fn sessions(visit: &Visit) -> SessionServiceClient<tonic::transport::Channel> {
    SessionServiceClient::new(visit.identity.clone())
}

async fn sign_in(visit: &Visit, login: String, password: String) -> Result<pb::Session, Status> {
    let message = pb::SignInRequest { login, password, access_token_alone: true };
    Ok(sessions(visit).sign_in(visit.request(message)).await?.into_inner())
}

async fn change(visit: &Visit, current_password: String, given: &Given) -> Result<pb::Session, Status> {
    let message = pb::ChangePasswordRequest { current_password, new_password: given.get("new-password").to_owned() };
    Ok(sessions(visit).change_password(visit.request(message)).await?.into_inner())
}
