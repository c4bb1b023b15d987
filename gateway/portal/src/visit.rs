//! A reader who comes to a page: the tenant, the language, and the session.

use axum::response::Response;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT_LANGUAGE, AUTHORIZATION, LOCATION, REFRESH, SET_COOKIE},
    request::Parts,
};
use maud::Markup;
use platform::{
    Lack, Language, TenantId,
    error::{Reason as _, Shared},
};
use proto::identity::v1::{
    self as pb, account_service_client::AccountServiceClient, factor_service_client::FactorServiceClient,
    passkey_service_client::PasskeyServiceClient, provider_service_client::ProviderServiceClient,
    tenant_service_client::TenantServiceClient,
};
use tonic::{Request, Status, metadata::MetadataMap, transport::Channel};

use crate::{
    Reader,
    deed::{Cookie, Next},
    door,
    own::Told,
    page::{self, Form},
    provider::PROVIDER,
    view,
    words::Words,
};

/// The cookie with the access token of a session. It is sent to the pages of the tenant alone.
const SESSION: &str = "session";
/// The cookie with the language that a reader has chosen.
const LANGUAGE: &str = "language";

/// A visit of a page. It has no `Debug`, because it holds a token.
#[derive(Clone)]
pub(crate) struct Visit {
    /// The tenant of the page.
    pub(crate) tenant: pb::Tenant,
    /// The words of the reader's language.
    pub(crate) words: Words,
    /// The path of the page.
    pub(crate) path: String,
    /// What was done before: a name of `page::DONE`.
    pub(crate) done: Option<&'static str>,
    /// The access token of the reader's session.
    pub(crate) session: Option<String>,
    /// The service that is called.
    pub(crate) identity: Channel,
    /// The identity providers of the tenant, where the page names them or leads to them.
    pub(crate) providers: Vec<pb::Provider>,
    /// Whether the reader came by plain HTTP, as far as the request says it.
    pub(crate) is_plain: bool,
    metadata: HeaderMap,
    /// Whether the reader has chosen the language with this request.
    has_chosen: bool,
}

/// The language that a reader names by `accept-language`, else English.
pub(crate) fn named(headers: &HeaderMap) -> Language {
    headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|accept| Language::asked(accept, || Language::ENGLISH))
        .unwrap_or(Language::ENGLISH)
}

impl Visit {
    /// Learns who comes. Error: `TENANT_UNKNOWN`, and that of the connection.
    pub(crate) async fn open(identity: &Channel, head: &Parts) -> Result<Self, Status> {
        let name = head.uri.path().split('/').nth(1).unwrap_or_default();
        let id = name.parse::<TenantId>().map_err(Status::from)?;
        let mut metadata = HeaderMap::new();
        metadata.insert(HeaderName::from_static("koine-tenant"), HeaderValue::from_str(id.as_str()).map_err(unknown)?);
        if let Some(Reader(address)) = head.extensions.get::<Reader>() {
            let address = HeaderValue::try_from(address.to_string()).map_err(unknown)?;
            metadata.insert(HeaderName::from_static("koine-address"), address);
        }
        let asked = request(&metadata, pb::GetTenantRequest {});
        let tenant = TenantServiceClient::new(identity.clone()).get_tenant(asked).await?.into_inner();
        let chosen = asked_for(head, "language").and_then(|tag| Language::of(&tag));
        let language = chosen.unwrap_or_else(|| spoken(&head.headers, &tenant));
        metadata.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(language.tag()));
        let done = asked_for(head, "done");
        let visit = Self {
            tenant,
            words: Words::of(language),
            path: head.uri.path().to_owned(),
            done: page::DONE.into_iter().find(|known| done.as_deref() == Some(*known)),
            session: None,
            providers: Vec::new(),
            identity: identity.clone(),
            metadata,
            is_plain: door::is_plain(head),
            has_chosen: chosen.is_some(),
        };
        Ok(door::cookie(&head.headers, SESSION).map_or_else(|| visit.clone(), |token| visit.signed_in(token)))
    }

    /// [`Visit::open`], for a form.
    pub(crate) async fn open_for(identity: &Channel, head: &Parts, form: &Form) -> Result<Self, Status> {
        if form.names_providers() || form.leads_to_providers() {
            return Self::open_naming_providers(identity, head).await;
        }
        Self::open(identity, head).await
    }

    /// [`Visit::open`], for a page that names the identity providers of the tenant.
    pub(crate) async fn open_naming_providers(identity: &Channel, head: &Parts) -> Result<Self, Status> {
        let mut visit = Self::open(identity, head).await?;
        // a session that is over must not keep anybody from signing in
        let asked = visit.anonymous().request(pb::ListProvidersRequest {});
        visit.providers =
            ProviderServiceClient::new(identity.clone()).list_providers(asked).await?.into_inner().providers;
        Ok(visit)
    }

    /// This visit with the token of a session. As it is, where the text can be no token.
    pub(crate) fn signed_in(&self, token: &str) -> Self {
        let mut visit = self.clone();
        if let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {token}")) {
            bearer.set_sensitive(true);
            visit.metadata.insert(AUTHORIZATION, bearer);
            visit.session = Some(token.to_owned());
        }
        visit
    }

    /// This visit without a session: what somebody does who is not signed in is not refused because of a session that is over.
    pub(crate) fn anonymous(&self) -> Self {
        let mut visit = self.clone();
        visit.metadata.remove(AUTHORIZATION);
        visit.session = None;
        visit
    }

    /// A call for the reader.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        request(&self.metadata, message)
    }

    /// The reader's account, and its second factor, where it is a person's. Error: that of the API; `PASSWORD_CHANGE_NEEDED`, where that
    /// comes before anything else.
    pub(crate) async fn account(&self) -> Result<(pb::Account, Option<pb::Factor>), Status> {
        let mut accounts = AccountServiceClient::new(self.identity.clone());
        let account = accounts.get_account(self.request(pb::GetAccountRequest {})).await?.into_inner();
        if account.password_change_needed {
            return Err(Lack::Password.refusal().into());
        }
        if !account.team_id.is_empty() {
            return Ok((account, None));
        }
        let mut factors = FactorServiceClient::new(self.identity.clone());
        let factor = factors.get_factor(self.request(pb::GetFactorRequest {})).await?.into_inner();
        Ok((account, Some(factor)))
    }

    /// The reader's passkeys. Error: that of the API.
    pub(crate) async fn passkeys(&self) -> Result<Vec<pb::Passkey>, Status> {
        let mut passkeys = PasskeyServiceClient::new(self.identity.clone());
        Ok(passkeys.list_passkeys(self.request(pb::ListPasskeysRequest {})).await?.into_inner().passkeys)
    }

    /// What a browser is to use a passkey for. Error: that of the API.
    pub(crate) async fn begin_sign_in(&self) -> Result<pb::BeginPasskeySignInResponse, Status> {
        let mut passkeys = PasskeyServiceClient::new(self.identity.clone());
        Ok(passkeys.begin_passkey_sign_in(self.request(pb::BeginPasskeySignInRequest {})).await?.into_inner())
    }

    /// The countries of the programme. Error: `TENANT_UNKNOWN`, where the tenant is a country, which has no pairs.
    pub(crate) async fn homes(&self) -> Result<Vec<pb::Tenant>, Status> {
        if self.tenant.countries.is_empty() {
            return Err(Shared::NotFound.error("A country has no pairs.").into());
        }
        let mut tenants = TenantServiceClient::new(self.identity.clone());
        let all = tenants.list_tenants(Request::new(pb::ListTenantsRequest {})).await?.into_inner().tenants;
        Ok(all.into_iter().filter(|tenant| self.tenant.countries.contains(&tenant.id)).collect())
    }

    /// The address of a page of the tenant.
    pub(crate) fn address(&self, page: &str) -> String {
        format!("/{}/{page}", self.tenant.id)
    }

    /// A page.
    pub(crate) fn answer(&self, status: StatusCode, page: Markup) -> Response {
        let mut answer = view::answer(status, self.words.language(), page);
        if self.has_chosen {
            let (language, year) = (self.words.language().tag(), 365 * 24 * 3600);
            self.set_cookie(&mut answer, &format!("{LANGUAGE}={language}; Max-Age={year}"), "");
        }
        answer
    }

    /// A page that shows something once.
    pub(crate) fn tell(&self, told: &Told) -> Response {
        let mut answer = self.answer(StatusCode::OK, view::told(self, &told.once));
        self.set_cookies(&mut answer, &told.cookie);
        answer
    }

    /// Leads the reader to another page, which the browser fetches anew, so that nothing is sent twice.
    pub(crate) fn go(&self, next: &Next) -> Response {
        let done = next.done.map(|done| format!("?done={done}")).unwrap_or_default();
        let mut answer = match &next.away {
            Some(url) => self.lead_on(url),
            None => {
                let mut answer = view::answer(StatusCode::SEE_OTHER, self.words.language(), maud::html! {});
                let to = HeaderValue::try_from(format!("{}{done}", self.address(next.page)));
                answer.headers_mut().extend(to.map(|to| (LOCATION, to)));
                answer
            }
        };
        self.set_cookies(&mut answer, &next.cookie);
        answer
    }

    fn set_cookies(&self, answer: &mut Response, cookie: &Cookie) {
        let secure = |is_plain: bool| if is_plain { "" } else { "; Secure" };
        let own = secure(self.is_plain);
        match cookie {
            Cookie::Keep => {}
            Cookie::Hold(token) => self.set_cookie(answer, &format!("{SESSION}={token}"), own),
            Cookie::Forget => self.set_cookie(answer, &format!("{SESSION}=; Max-Age=0"), own),
            Cookie::Take(luggage) => {
                self.set_lax_cookie(answer, &format!("{PROVIDER}={}; Max-Age=600", luggage.text()), own);
            }
            Cookie::Unpack => self.unpack(answer),
            Cookie::Arrive { token, is_plain } => {
                self.unpack(answer);
                self.set_cookie(answer, &format!("{SESSION}={token}"), secure(*is_plain));
            }
        }
    }

    /// A page that leads on by itself. No answer with a status of redirection, for what follows on a form may lead to this site alone,
    /// and what follows on a request from another site has no cookie that is `Strict`.
    fn lead_on(&self, url: &str) -> Response {
        let mut answer = self.answer(StatusCode::OK, view::onward(self, url));
        let to = HeaderValue::try_from(format!("0; url={url}"));
        answer.headers_mut().extend(to.map(|to| (REFRESH, to)));
        answer
    }

    /// Removes the cookie of the way to an identity provider.
    pub(crate) fn unpack(&self, answer: &mut Response) {
        self.set_lax_cookie(answer, &format!("{PROVIDER}=; Max-Age=0"), "");
    }

    /// Adds a cookie for the page alone that an identity provider leads back to, which is sent also where another site leads there.
    fn set_lax_cookie(&self, answer: &mut Response, cookie: &str, secure: &str) {
        let cookie = format!("{cookie}; Path={}; HttpOnly; SameSite=Lax{secure}", self.address(PROVIDER));
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
    }

    /// Adds a cookie for the pages of the tenant. `secure` is for what must not travel by plain HTTP.
    fn set_cookie(&self, answer: &mut Response, cookie: &str, secure: &str) {
        let cookie = format!("{cookie}; Path=/{}; HttpOnly; SameSite=Strict{secure}", self.tenant.id);
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

fn unknown(_: impl std::error::Error) -> Status {
    Shared::TenantUnknown.error("There is no tenant of this name.").into()
}

fn request<T>(metadata: &HeaderMap, message: T) -> Request<T> {
    Request::from_parts(MetadataMap::from_headers(metadata.clone()), Extensions::new(), message)
}

/// The value of a parameter in the query.
pub(crate) fn asked_for(head: &Parts, name: &str) -> Option<String> {
    let query = head.uri.query().unwrap_or_default().as_bytes();
    form_urlencoded::parse(query).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The language that a reader has chosen before, or names by `accept-language`; else the tenant's own, or English.
fn spoken(headers: &HeaderMap, tenant: &pb::Tenant) -> Language {
    let own = || tenant.locales.iter().find_map(|tag| Language::of(tag)).unwrap_or(Language::ENGLISH);
    let chosen = door::cookie(headers, LANGUAGE).and_then(Language::of);
    let accept = || headers.get(ACCEPT_LANGUAGE).and_then(|accept| Language::asked(accept, own));
    chosen.or_else(accept).unwrap_or_else(own)
}
