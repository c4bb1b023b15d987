//! What readers do for themselves who are signed in: another address, an app as second factor, another role, other sessions, and the
//! token of a machine. What the API shows once is shown on the page that answers the form, and nowhere again.

use proto::identity::v1::{
    self as pb, account_service_client::AccountServiceClient, factor_service_client::FactorServiceClient,
    integrator_service_client::IntegratorServiceClient, session_service_client::SessionServiceClient,
};
use tonic::{Status, transport::Channel};

use crate::{
    choices::ALL_OTHERS,
    deed::{Cookie, Done, Next, first},
    page::Given,
    visit::Visit,
};

/// What is shown once. It has no `Debug`, because it is secret.
pub(crate) enum Once {
    /// What an app needs, as an `otpauth://` URI, and its secret for who types it.
    App { uri: String, secret: String },
    /// The recovery codes of a second factor.
    RecoveryCodes(Vec<String>),
    /// The secret of a machine token.
    Secret(String),
}

/// A page that shows something once, and what happens to the cookie with it.
pub(crate) struct Told {
    /// What is shown.
    pub(crate) once: Once,
    /// The cookie.
    pub(crate) cookie: Cookie,
}

impl Told {
    fn only(once: Once) -> Done {
        Done::Told(Self { once, cookie: Cookie::Keep })
    }
}

/// Asks for another address.
pub(crate) async fn change_email(visit: &Visit, given: &Given) -> Result<Done, Status> {
    let message = pb::ChangeEmailRequest { new_email: given.copied("new-email"), current_password: password(given) };
    AccountServiceClient::new(visit.identity.clone()).change_email(visit.request(message)).await?;
    Ok(Done::Go(Next::after("change-email", "confirm-email")))
}

/// Begins to enrol an app.
pub(crate) async fn begin_factor(visit: &Visit, given: &Given) -> Result<Done, Status> {
    let message = pb::BeginEnrolmentRequest { current_password: password(given) };
    let told = factors(visit).begin_enrolment(visit.request(message)).await?.into_inner();
    Ok(Told::only(Once::App { uri: told.uri, secret: told.secret }))
}

/// Enrols the app.
pub(crate) async fn enrol_factor(visit: &Visit, given: &Given) -> Result<Done, Status> {
    let message = pb::ConfirmEnrolmentRequest { code: given.copied("shown-code") };
    let enrolled = factors(visit).confirm_enrolment(visit.request(message)).await?.into_inner();
    let cookie = Cookie::Hold(enrolled.session.unwrap_or_default().access_token);
    Ok(Done::Told(Told { once: Once::RecoveryCodes(enrolled.recovery_codes), cookie }))
}

/// Gives the app up.
pub(crate) async fn give_up_factor(visit: &Visit, given: &Given) -> Result<Done, Status> {
    let message = pb::GiveUpFactorRequest { current_password: password(given) };
    let session = factors(visit).give_up_factor(visit.request(message)).await?.into_inner();
    Ok(Done::Go(Next::after("give-up-factor", first(&session).unwrap_or("account")).with(session)))
}

/// Replaces the recovery codes.
pub(crate) async fn replace_codes(visit: &Visit, given: &Given) -> Result<Done, Status> {
    let message = pb::ReplaceRecoveryCodesRequest { current_password: password(given) };
    let replaced = factors(visit).replace_recovery_codes(visit.request(message)).await?.into_inner();
    Ok(Told::only(Once::RecoveryCodes(replaced.recovery_codes)))
}

/// Goes on in another role.
pub(crate) async fn switch_mandate(visit: &Visit, given: &Given) -> Result<Done, Status> {
    let message = pb::SwitchMandateRequest { mandate_id: given.copied("mandate") };
    let session = sessions(visit).switch_mandate(visit.request(message)).await?.into_inner();
    Ok(Done::Go(Next::after("switch-role", first(&session).unwrap_or("account")).with(session)))
}

/// Ends one other session, or all others.
pub(crate) async fn end_sessions(visit: &Visit, given: &Given) -> Result<Done, Status> {
    let session_id = given.copied("session");
    if session_id == ALL_OTHERS {
        let message = pb::EndOtherSessionsRequest { request_id: String::new() };
        sessions(visit).end_other_sessions(visit.request(message)).await?;
    } else {
        let message = pb::EndSessionRequest { session_id, request_id: String::new() };
        sessions(visit).end_session(visit.request(message)).await?;
    }
    Ok(Done::Go(Next::after("end-sessions", "end-sessions")))
}

/// Makes a machine token that may do all that its system may.
pub(crate) async fn make_token(visit: &Visit, given: &Given) -> Result<Done, Status> {
    let mut client = IntegratorServiceClient::new(visit.identity.clone());
    let integrator_id = given.copied("integrator");
    let asked = pb::GetIntegratorRequest { integrator_id: integrator_id.clone() };
    let scopes = client.get_integrator(visit.request(asked)).await?.into_inner().scopes;
    // what is no number is none of days, which the API says
    let valid_days = given.copied("valid-days").parse().unwrap_or_default();
    let label = given.copied("label");
    let message = pb::CreateMachineTokenRequest { integrator_id, label, scopes, valid_days };
    let made = client.create_machine_token(visit.request(message)).await?.into_inner();
    Ok(Told::only(Once::Secret(made.secret)))
}

fn password(given: &Given) -> String {
    given.get("password").to_owned()
}

fn factors(visit: &Visit) -> FactorServiceClient<Channel> {
    FactorServiceClient::new(visit.identity.clone())
}

fn sessions(visit: &Visit) -> SessionServiceClient<Channel> {
    SessionServiceClient::new(visit.identity.clone())
}
