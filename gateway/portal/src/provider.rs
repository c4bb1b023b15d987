//! The way to an identity provider and back. Who leaves takes the secret of the attempt along in a cookie for the page that they come back
//! to: `SameSite=Lax`, because they come from another site, and for ten minutes. The cookie of the session is `Strict`, which no browser
//! sends with that request; so who has signed in is led on by a page of this site, and who links an account sends a form of it.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use http::{StatusCode, request::Parts};
use proto::identity::v1::{
    self as pb, provider_service_client::ProviderServiceClient, session_service_client::SessionServiceClient,
};
use tonic::{Status, transport::Channel};

use crate::{
    FORM_BYTES,
    deed::{Cookie, Next, first},
    door,
    faults::{general, http_status},
    page::{Given, LINK_PROVIDER},
    refused, view,
    visit::{Visit, asked_for},
};

/// The name of the cookie, and of the page that providers lead back to.
pub(crate) const PROVIDER: &str = "provider";

/// What somebody went to a provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// To sign in.
    SignIn,
    /// To link an account.
    Link,
}

/// What somebody takes along to a provider. It has no `Debug`, because the attempt is a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Luggage {
    /// What for.
    pub(crate) errand: Errand,
    /// The secret of the attempt.
    pub(crate) attempt: String,
    /// Whether they came by plain HTTP: who comes back does not say it.
    pub(crate) is_plain: bool,
}

impl Luggage {
    /// The value of the cookie.
    pub(crate) fn text(&self) -> String {
        let errand = if self.errand == Errand::SignIn { "in" } else { "link" };
        let way = if self.is_plain { "plain" } else { "secret" };
        format!("{errand}.{way}.{}", self.attempt)
    }

    fn read(text: &str) -> Option<Self> {
        let (errand, rest) = text.split_once('.')?;
        let (way, attempt) = rest.split_once('.')?;
        let errand = match errand {
            "in" => Errand::SignIn,
            "link" => Errand::Link,
            _ => return None,
        };
        Some(Self { errand, attempt: attempt.to_owned(), is_plain: way == "plain" })
    }
}

/// What a provider appends to the address of the page. It has no `Debug`, because it is worth something.
pub(crate) struct Said {
    /// Which attempt it is for.
    pub(crate) state: String,
    /// The code.
    pub(crate) code: String,
    /// Who the provider says it is.
    pub(crate) iss: String,
    /// The provider whose page it is.
    pub(crate) provider: String,
}

/// Begins to sign in by a provider, or to link an account with one.
pub(crate) async fn leave(visit: &Visit, given: &Given, errand: Errand) -> Result<Next, Status> {
    let provider = given.copied("provider");
    let mut providers = ProviderServiceClient::new(visit.identity.clone());
    let begun = match errand {
        Errand::SignIn => {
            let message = pb::BeginProviderSignInRequest { provider };
            providers.begin_provider_sign_in(visit.request(message)).await?
        }
        Errand::Link => {
            let current_password = given.get("current-password").to_owned();
            let message = pb::BeginProviderLinkRequest { provider, current_password };
            providers.begin_provider_link(visit.request(message)).await?
        }
    };
    let pb::ProviderAttempt { url, attempt, .. } = begun.into_inner();
    let luggage = Luggage { errand, attempt, is_plain: visit.is_plain };
    Ok(Next { away: Some(url), cookie: Cookie::Take(luggage), ..Next::to("sign-in") })
}

/// The page that a provider leads back to.
pub(crate) async fn back(State(identity): State<Channel>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let visit = match Visit::open(&identity, &head).await {
        Ok(visit) => visit,
        Err(status) => return refused(&head.headers, &status),
    };
    if asked_for(&head, "error").is_some() {
        return not_so(&visit, StatusCode::BAD_REQUEST, visit.words.say("provider.declined"));
    }
    let Some((luggage, said)) = luggage(&head).zip(said(&head)) else {
        return not_so(&visit, StatusCode::BAD_REQUEST, visit.words.say("provider.lost"));
    };
    if luggage.errand == Errand::Link {
        return visit.answer(StatusCode::OK, view::linking(&visit, &said));
    }
    match sign_in(&visit.anonymous(), luggage, said).await {
        Ok(next) => visit.go(&next),
        Err(status) => not_so(&visit, http_status(&status), general(visit.words.language(), &status)),
    }
}

/// Takes the form by which somebody who has come back links their account.
pub(crate) async fn link(State(identity): State<Channel>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let visit = match Visit::open(&identity, &head).await {
        Ok(visit) => visit,
        Err(status) => return refused(&head.headers, &status),
    };
    if !door::is_from_here(&head) {
        return not_so(&visit, StatusCode::FORBIDDEN, visit.words.say("sent-from-elsewhere"));
    }
    let luggage = luggage(&head).filter(|luggage| luggage.errand == Errand::Link);
    let Some(luggage) = luggage else {
        return not_so(&visit, StatusCode::BAD_REQUEST, visit.words.say("provider.lost"));
    };
    let Said { state, code, iss, provider } = sent(&head, body).await;
    let message = pb::CompleteProviderLinkRequest { attempt: luggage.attempt, state, code, iss, provider };
    match ProviderServiceClient::new(visit.identity.clone()).complete_provider_link(visit.request(message)).await {
        Ok(link) => {
            // a session that lacks a second factor is not whole by this one: it is shown by signing in
            let page = if link.into_inner().is_second_factor && lacks(&visit).await { "sign-in" } else { "account" };
            visit.go(&Next { cookie: Cookie::Unpack, ..Next::after(LINK_PROVIDER, page) })
        }
        Err(status) => not_so(&visit, http_status(&status), general(visit.words.language(), &status)),
    }
}

/// Whether the reader's session lacks something: it is not told of others then.
async fn lacks(visit: &Visit) -> bool {
    let mut sessions = SessionServiceClient::new(visit.identity.clone());
    sessions.list_sessions(visit.request(pb::ListSessionsRequest {})).await.is_err()
}

async fn sign_in(visit: &Visit, luggage: Luggage, said: Said) -> Result<Next, Status> {
    let Said { state, code, iss, provider } = said;
    let attempt = luggage.attempt;
    let message = pb::CompleteProviderSignInRequest { attempt, state, code, iss, access_token_alone: true, provider };
    let mut providers = ProviderServiceClient::new(visit.identity.clone());
    let session = providers.complete_provider_sign_in(visit.request(message)).await?.into_inner();
    let page = first(&session).unwrap_or("account");
    let cookie = Cookie::Arrive { token: session.access_token, is_plain: luggage.is_plain };
    Ok(Next { away: Some(visit.address(page)), cookie, ..Next::to(page) })
}

/// Says what has gone wrong, and that the cookie is of no use any more.
fn not_so(visit: &Visit, status: StatusCode, said: String) -> Response {
    let mut answer = visit.answer(status, view::not_signed_in(visit, &said));
    visit.unpack(&mut answer);
    answer
}

fn luggage(head: &Parts) -> Option<Luggage> {
    door::cookie(&head.headers, PROVIDER).and_then(Luggage::read)
}

fn said(head: &Parts) -> Option<Said> {
    let asked = |name| asked_for(head, name);
    let iss = asked("iss").unwrap_or_default();
    Some(Said { state: asked("state")?, code: asked("code")?, iss, provider: of_page(head) })
}

/// What the form holds that [`view::linking`] shows. A body that cannot be read holds nothing, which is refused.
async fn sent(head: &Parts, body: Body) -> Said {
    let body = to_bytes(body, FORM_BYTES).await.unwrap_or_default();
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(&body);
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    Said { state: field("state"), code: field("code"), iss: field("iss"), provider: of_page(head) }
}

/// The code of the provider whose page it is.
fn of_page(head: &Parts) -> String {
    head.uri.path().rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_along_is_read_as_it_was_packed_and_nothing_else_is() {
        for (errand, is_plain) in [(Errand::SignIn, true), (Errand::Link, false)] {
            let luggage = Luggage { errand, attempt: "a-b_c.d".to_owned(), is_plain };
            assert!(Luggage::read(&luggage.text()) == Some(luggage));
        }
        for strange in ["", "in", "in.plain", "out.plain.x"] {
            assert!(Luggage::read(strange).is_none(), "{strange}");
        }
    }
}
