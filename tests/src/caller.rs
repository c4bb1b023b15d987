//! Callers: a tenant, and the tokens of a session, where somebody has signed in.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::{Answer, Http, path::text};

/// A caller in one tenant, signed in or not.
#[derive(Clone, Debug)]
pub struct Caller {
    http: Http,
    tenant: String,
    token: Option<String>,
    refresh: String,
    login: String,
    password: String,
}

impl Caller {
    /// A caller who is not signed in.
    pub fn anybody(http: Http, tenant: &str) -> Self {
        let none = String::new();
        Self {
            http,
            tenant: tenant.to_owned(),
            token: None,
            refresh: none.clone(),
            login: none.clone(),
            password: none,
        }
    }

    /// This caller, signed in. A token that it has is not shown, for it may have expired or ended.
    pub async fn sign_in(&self, login: &str, password: &str) -> Self {
        let anybody = self.clone().without_token();
        let session = anybody.post("/v1/sessions", json!({ "login": login, "password": password })).await.ok();
        anybody.with_session(login, password, &session)
    }

    /// This caller with a new password, and the session that the change returns.
    pub async fn change_password(&self, new: &str) -> Self {
        let change = json!({ "currentPassword": self.password, "newPassword": new });
        let session = self.post("/v1/account:changePassword", change).await.ok();
        self.with_session(&self.login, new, &session)
    }

    /// This caller, signed in again, after its token has expired.
    pub async fn again(&self) -> Self {
        self.sign_in(&self.login, &self.password).await
    }

    fn without_token(mut self) -> Self {
        self.token = None;
        self
    }

    /// This caller with the tokens of a session.
    pub fn with_session(&self, login: &str, password: &str, session: &Value) -> Self {
        let text = |field: &str| session[field].as_str().unwrap_or_default().to_owned();
        Self {
            token: Some(text("accessToken")),
            refresh: text("refreshToken"),
            login: login.to_owned(),
            password: password.to_owned(),
            ..self.clone()
        }
    }

    /// This caller with a token that the test has made.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// This caller with another address of the system, after a restart.
    #[must_use]
    pub fn at(&self, http: &Http) -> Self {
        Self { http: http.clone(), ..self.clone() }
    }

    /// This caller in a programme, with an exchanged token: a teacher for a team of theirs, a team for itself, a coordinator with
    /// an empty `team_id`.
    pub async fn cross(&self, programme: &str, team_id: &str) -> Self {
        let given = self.exchange(programme, team_id).await.ok();
        self.in_tenant(programme).with_token(given["access_token"].as_str().expect("a token"))
    }

    /// Requests a token for a programme.
    pub async fn exchange(&self, programme: &str, team_id: &str) -> Answer {
        let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
        self.post("/v1/token", json!({ "grant_type": grant, "audience": programme, "team_id": team_id })).await
    }

    /// This caller, with the same token in another tenant.
    #[must_use]
    pub fn in_tenant(&self, tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), ..self.clone() }
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The access token. Empty, where the caller is not signed in.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// The refresh token. Empty, where the caller is not signed in.
    pub fn refresh(&self) -> &str {
        &self.refresh
    }

    /// The login.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// The client.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// The caller's own account.
    pub async fn account(&self) -> Value {
        self.get("/v1/account").await.ok()
    }

    /// A long-running operation when it is done, by what began it or is known of it.
    pub async fn outcome(&self, operation: &Value) -> Value {
        let mut operation = operation.clone();
        while operation["done"] != true {
            operation = self.get(&format!("/v1/{}:wait", text(&operation["name"]))).await.ok();
        }
        operation
    }

    /// GET a path of the tenant: `/v1/teams`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Value::Null).await
    }

    /// GETs a path of the tenant whose answer may break off. Returns what arrived, and whether it is complete.
    pub async fn get_some(&self, path: &str) -> (Answer, bool) {
        let authorization = format!("Bearer {}", self.token());
        let headers = [("authorization", authorization.as_str())];
        self.http.some(Method::GET, &format!("/{}{path}", self.tenant), &headers).await
    }

    /// POST to a path of the tenant.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    /// PATCH a path of the tenant.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, body).await
    }

    /// DELETE a path of the tenant.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, Value::Null).await
    }

    /// Uploads bytes to a path of the tenant.
    pub async fn upload(&self, path: &str, media_type: &str, bytes: impl Into<Bytes>) -> Answer {
        let authorization = format!("Bearer {}", self.token());
        let headers = [("authorization", authorization.as_str()), ("content-type", media_type)];
        self.http.send(Method::POST, &format!("/{}{path}", self.tenant), &headers, bytes).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        self.http.json(method, &format!("/{}{path}", self.tenant), self.token.as_deref(), body).await
    }
}
