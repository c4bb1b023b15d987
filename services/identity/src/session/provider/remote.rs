//! Asking identity providers, by OpenID Connect: what they are (discovery), and whom an answer is about. What a provider says is believed
//! where it is signed by a key that the provider publishes, for this installation, for this attempt, and now.
//!
//! Nobody holds a row or a transaction while a provider is asked. Of one provider so many are asked at once ([`ABREAST`]); who comes
//! when it is slow is told so at once, and waits in nobody's way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, AuthType, AuthenticationContextClass, AuthenticationFlow,
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndSessionUrl, HttpRequest,
    HttpResponse, IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadata, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreErrorResponseType,
        CoreGrantType, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm as Alg, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use platform::{
    Ctx, Error, Result, TenantId,
    outbound::{Failure, fetch::Fetch},
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Answer, Secrets, refused};
use crate::{
    country::Provider,
    reason::{Reason, Refuse},
};

/// How many ask one provider at once.
const ABREAST: usize = 16;

/// How long it is known what a provider is, and which keys it signs with.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// How old the keys are at least that are asked for again, where a token is signed by another one.
const KEYS: SignedDuration = SignedDuration::from_secs(10);

/// How far the clock of a provider may be ahead of ours, or behind.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// How a token may be signed: by a key that is published, and by nothing that this installation knows too.
const ALGS: [Alg; 8] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

/// What a provider says of itself, beside what every one does.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct More {
    /// Whether it says in each answer who it is (RFC 9207).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    /// Where people sign out of it.
    end_session_endpoint: Option<EndSessionUrl>,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Asks identity providers. Cheap to clone; all clones share what they know.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

/// How long somebody who signs out waits for a provider of which nothing is known.
const MOMENT: Duration = Duration::from_secs(1);

struct Inner {
    fetch: Fetch,
    lines: Mutex<HashMap<(TenantId, String), Arc<Line>>>,
}

/// What is known of one provider of a tenant.
struct Line {
    turns: Semaphore,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    metadata: Arc<Metadata>,
    at: Timestamp,
}

/// Calls a provider, and what it names. What is named by one that speaks in secret is called in secret.
struct Caller {
    fetch: Fetch,
    in_secret: bool,
}

/// The subject that a provider has signed, and whether two factors were shown there.
pub(crate) struct Subject {
    /// The subject.
    pub(crate) subject: String,
    /// Whether two factors were shown.
    pub(crate) two_factors: bool,
}

impl Remote {
    /// Knows no provider yet.
    pub fn new() -> Result<Self> {
        Ok(Self(Arc::new(Inner { fetch: Fetch::new()?, lines: Mutex::default() })))
    }

    /// The URL at which somebody signs in at a provider, who comes back to `back`. Error: `PROVIDER_UNAVAILABLE`.
    pub(crate) async fn way_in(&self, ctx: &Ctx, provider: &Provider, back: &str, secrets: Secrets) -> Result<String> {
        let line = self.line(ctx, provider);
        let _turn = line.turn()?;
        let metadata = self.known(ctx, provider, &line, FRESH).await?.metadata;
        let Secrets { state, nonce, verifier } = secrets;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier));
        let client = CoreClient::from_provider_metadata((*metadata).clone(), client_id(provider), None)
            .set_redirect_uri(redirect(back)?);
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, || CsrfToken::new(state), || Nonce::new(nonce))
            .set_pkce_challenge(challenge)
            .add_scopes(provider.scopes().iter().cloned().map(Scope::new));
        for acr in provider.wanted_acr() {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        Ok(request.url().0.into())
    }

    /// Where somebody signs out of a provider, who comes to `back` then, as far as is known, however long ago it was told: who signs out waits
    /// for a provider for a moment at most. None, where it has no such place. Error: `PROVIDER_UNAVAILABLE`.
    pub(crate) async fn way_out(&self, ctx: &Ctx, provider: &Provider, back: String) -> Result<Option<String>> {
        let line = self.line(ctx, provider);
        let known = line.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let metadata = match known {
            Some(known) => known.metadata,
            None => {
                let asked = tokio::time::timeout(MOMENT, self.known(ctx, provider, &line, FRESH)).await;
                asked.map_err(|_| away(provider, "it takes too long for somebody who goes"))??.metadata
            }
        };
        let Some(end) = metadata.additional_metadata().end_session_endpoint.clone() else { return Ok(None) };
        let back = PostLogoutRedirectUrl::new(back).map_err(Error::internal)?;
        let request = LogoutRequest::from(end).set_client_id(client_id(provider)).set_post_logout_redirect_uri(back);
        Ok(Some(request.http_get_url().into()))
    }

    /// Whom an answer is about, which came to `back`. Error: `PROVIDER_ANSWER_REFUSED`; `PROVIDER_UNAVAILABLE`.
    pub(crate) async fn subject(
        &self,
        ctx: &Ctx,
        provider: &Provider,
        back: &str,
        secrets: Secrets,
        answer: &Answer,
    ) -> Result<Subject> {
        let line = self.line(ctx, provider);
        let _turn = line.turn()?;
        let known = self.known(ctx, provider, &line, FRESH).await?;
        judge_sender(provider, known.metadata.additional_metadata(), &answer.iss)?;
        let token = self.exchange(provider, &known.metadata, back, secrets.verifier, &answer.code).await?;
        let nonce = Nonce::new(secrets.nonce);
        let verified = match verify(ctx, provider, &known.metadata, &token, &nonce) {
            Err(fault) if is_of_another_key(&fault) => {
                let known = self.known(ctx, provider, &line, KEYS).await?;
                verify(ctx, provider, &known.metadata, &token, &nonce)
            }
            verified => verified,
        };
        verified.map_err(|fault| refused().caused_by(fault))
    }

    /// Exchanges a code for a token.
    async fn exchange(
        &self,
        provider: &Provider,
        metadata: &Metadata,
        back: &str,
        verifier: String,
        code: &str,
    ) -> Result<CoreIdToken> {
        let secret = provider.client_secret().map(platform::secret::Secret::reveal).transpose()?;
        let client =
            CoreClient::from_provider_metadata(metadata.clone(), client_id(provider), secret.map(ClientSecret::new))
                .set_redirect_uri(redirect(back)?)
                .set_auth_type(auth_type(metadata));
        let request =
            client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|fault| away(provider, fault))?;
        let http = self.caller(provider);
        let answered = request.set_pkce_verifier(PkceCodeVerifier::new(verifier)).request_async(&http).await;
        let tokens = answered.map_err(|fault| match fault {
            RequestTokenError::ServerResponse(said) if *said.error() == CoreErrorResponseType::InvalidGrant => {
                refused()
            }
            RequestTokenError::ServerResponse(said) => {
                away(provider, format!("it refuses us: {}", said.error().to_string().escape_default()))
            }
            RequestTokenError::Request(fault) => away(provider, fault),
            _ => away(provider, "its answer to a code cannot be read"),
        })?;
        tokens.id_token().cloned().ok_or_else(|| away(provider, "it gives no id_token"))
    }

    /// What a provider is, as it was told no longer ago than `age`.
    async fn known(&self, ctx: &Ctx, provider: &Provider, line: &Line, age: SignedDuration) -> Result<Known> {
        let known = line.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| ctx.now().duration_since(known.at) < age) {
            return Ok(known);
        }
        let issuer = IssuerUrl::new(provider.issuer().to_owned()).map_err(|fault| away(provider, fault))?;
        let http = self.caller(provider);
        let told = Metadata::discover_async(issuer, &http).await.map_err(|fault| away(provider, cause(&fault)))?;
        judge_places(provider, &told)?;
        let known = Known { metadata: Arc::new(told), at: ctx.now() };
        *line.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }

    fn caller(&self, provider: &Provider) -> Caller {
        Caller { fetch: self.0.fetch.clone(), in_secret: provider.issuer().starts_with("https") }
    }

    fn line(&self, ctx: &Ctx, provider: &Provider) -> Arc<Line> {
        let name = (ctx.tenant().id().clone(), provider.issuer().to_owned());
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Line { turns: Semaphore::new(ABREAST), known: Mutex::default() });
        lines.entry(name).or_insert_with(new).clone()
    }
}

impl<'c> AsyncHttpClient<'c> for Caller {
    type Error = Failure;
    type Future = BoxFuture<'c, Result<HttpResponse, Failure>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            if self.in_secret && request.uri().scheme_str() != Some("https") {
                return Err(Failure::Refused);
            }
            self.fetch.call(request).await
        })
    }
}

impl Line {
    /// A turn to ask. Error: `PROVIDER_UNAVAILABLE`, where too many ask.
    fn turn(&self) -> Result<SemaphorePermit<'_>> {
        self.turns.try_acquire().map_err(|_| unavailable())
    }
}

/// An answer says who gives it, where its provider says that it does.
fn judge_sender(provider: &Provider, more: &More, iss: &str) -> Result<()> {
    let is_missing = iss.is_empty() && !more.authorization_response_iss_parameter_supported;
    if is_missing || iss == provider.issuer() { Ok(()) } else { Err(refused()) }
}

/// The place where people sign in is one that a browser may be led to.
fn judge_places(provider: &Provider, told: &Metadata) -> Result<()> {
    let end = told.additional_metadata().end_session_endpoint.as_ref();
    let places = [Some(told.authorization_endpoint().as_str()), end.map(|end| end.as_str())];
    let is_secure = |place: &str| place.starts_with("https://") || !provider.issuer().starts_with("https");
    let takes = places.into_iter().flatten().all(|place| Fetch::takes(place) && is_secure(place));
    if takes { Ok(()) } else { Err(away(provider, "it names a place that is not secure")) }
}

fn verify(
    ctx: &Ctx,
    provider: &Provider,
    metadata: &Metadata,
    token: &CoreIdToken,
    nonce: &Nonce,
) -> Result<Subject, ClaimsVerificationError> {
    let other = |what: &str| ClaimsVerificationError::Other(what.to_owned());
    let now = utc(ctx.now()).ok_or_else(|| other("no time"))?;
    let (from, until) = (utc(ctx.now() - AGE), utc(ctx.now() + SKEW));
    let is_new = move |at: DateTime<Utc>| from.is_some_and(|from| at >= from) && until.is_some_and(|until| at <= until);
    let verifier =
        CoreIdTokenVerifier::new_public_client(client_id(provider), metadata.issuer().clone(), metadata.jwks().clone())
            .set_allowed_algs(ALGS)
            .set_time_fn(move || now)
            .set_issue_time_verifier_fn(
                move |at| if is_new(at) { Ok(()) } else { Err("issued at another time".to_owned()) },
            );
    let claims = token.claims(&verifier, nonce)?;
    if claims.authorized_party().is_some_and(|party| **party != *provider.client_id()) {
        return Err(ClaimsVerificationError::InvalidAudience("it was made for somebody else (azp)".to_owned()));
    }
    let acr = claims.auth_context_ref().map(|acr| acr.as_str());
    let amr = claims.auth_method_refs().into_iter().flatten().map(|way| way.as_str());
    let two_factors = provider.proves_two_factors(acr, amr);
    Ok(Subject { subject: claims.subject().to_string(), two_factors })
}

/// How long ago a token was made at most: as long as an attempt waits, and the difference of the clocks.
const AGE: SignedDuration = SignedDuration::from_mins(12);

fn utc(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.as_second(), 0)
}

/// Whether a token may be signed by a key that was published since.
fn is_of_another_key(fault: &ClaimsVerificationError) -> bool {
    use SignatureVerificationError::{CryptoError, NoMatchingKey};
    matches!(fault, ClaimsVerificationError::SignatureVerification(NoMatchingKey | CryptoError(_)))
}

fn client_id(provider: &Provider) -> ClientId {
    ClientId::new(provider.client_id().to_owned())
}

fn redirect(back: &str) -> Result<RedirectUrl> {
    RedirectUrl::new(back.to_owned()).map_err(Error::internal)
}

/// How a provider wants its secret to be shown.
fn auth_type(metadata: &Metadata) -> AuthType {
    let ways = metadata.token_endpoint_auth_methods_supported();
    let takes_basic = ways.is_none_or(|ways| ways.contains(&CoreClientAuthMethod::ClientSecretBasic));
    if takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody }
}

/// Why a provider cannot be known, without what it has sent.
fn cause(fault: &openidconnect::DiscoveryError<Failure>) -> String {
    use openidconnect::DiscoveryError::{Parse, Request, Response, Validation};
    match fault {
        Request(failure) => failure.to_string(),
        Response(status, ..) => format!("it answers with {status}, or in another form than JSON"),
        Parse(_) => "what it says of itself cannot be read".to_owned(),
        Validation(_) => "it says to be another issuer".to_owned(),
        _ => "it cannot be asked".to_owned(),
    }
}

fn unavailable() -> Error {
    let text = "The identity provider is slow or away. Try again in some minutes, or sign in with the password.";
    Reason::ProviderUnavailable.error(text).retry_after(std::time::Duration::from_secs(60))
}

/// The error for a provider that does not answer as one does, with the cause for the operator.
fn away(provider: &Provider, why: impl std::fmt::Display) -> Error {
    unavailable().caused_by(format!("identity provider {}: {why}", provider.code()))
}
