//! An identity provider that says what the test wants: tokens that are wrong, keys that change, answers that do not come.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::{
    digest, hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header::LOCATION};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use platform::Clock;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

use crate::oidc;

/// The secret that it gave us.
const SECRET: &str = "what only the two of us know";

/// A provider. Dropping it closes its door.
pub struct Issuer {
    address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    door: AbortHandle,
}

/// How it answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As one does.
    Well,
    /// Not at all.
    Silent,
    /// With more than anybody reads.
    Endless,
    /// With a way to somewhere else.
    Elsewhere,
    /// With a page for people.
    Page,
    /// As another issuer.
    Other,
    /// With places that are not secure.
    Open,
}

/// By what a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The key that is published.
    Key,
    /// One that nobody publishes, under the name of the one that is.
    Stranger,
    /// Nothing: `alg` is `none`.
    Nothing,
    /// The secret that both know: `alg` is `HS256`.
    Secret,
}

/// A token before it is signed.
pub struct Token {
    /// Its claims.
    pub claims: Value,
    /// By what it is signed.
    pub by: By,
}

type Twist = Box<dyn Fn(&mut Token) + Send>;

struct Desk {
    issuer: String,
    clock: Clock,
    mood: Mood,
    key: EcdsaKeyPair,
    kid: usize,
    twist: Twist,
    /// What waits for its code: the nonce, and the challenge of PKCE.
    codes: BTreeMap<String, (String, String)>,
    asked: Vec<String>,
}

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")
}

impl Issuer {
    /// A provider whose clock this is.
    pub async fn start(clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let desk = Desk {
            issuer: format!("http://{address}"),
            clock: clock.clone(),
            mood: Mood::Well,
            key: key(),
            kid: 1,
            twist: Box::new(|_| ()),
            codes: BTreeMap::new(),
            asked: Vec::new(),
        };
        let desk = Arc::new(Mutex::new(desk));
        let shared = desk.clone();
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let desk = shared.clone();
                let serve = service_fn(move |request| answer(request, desk.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
            }
        });
        Self { address, desk, door: door.abort_handle() }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file of a tenant says of it, under a code, with more keys.
    pub fn table(&self, code: &str, more: &str) -> String {
        oidc::table(code, &format!("http://{}", self.address), SECRET, more)
    }

    /// Its issuer.
    pub fn url(&self) -> String {
        self.desk().issuer.clone()
    }

    /// Signs somebody in who came by this URL. Returns what it appends to the address that it leads back
    /// to, and the provider whose address that is.
    pub fn signs_in(&self, url: &str) -> BTreeMap<String, String> {
        let asked = oidc::query(url);
        let mut desk = self.desk();
        assert!(url.starts_with(&format!("{}/authorize?", desk.issuer)), "{url}");
        assert_eq!((&*asked["response_type"], &*asked["code_challenge_method"]), ("code", "S256"), "{url}");
        let code = format!("code-{}", desk.codes.len());
        desk.codes.insert(code.clone(), (asked["nonce"].clone(), asked["code_challenge"].clone()));
        let page = asked["redirect_uri"].rsplit('/').next().unwrap_or_default().to_owned();
        let said = [("code", code), ("state", asked["state"].clone()), ("provider", page)];
        said.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// From here on its tokens are changed so before they are signed.
    pub fn twists(&self, twist: impl Fn(&mut Token) + Send + 'static) {
        self.desk().twist = Box::new(twist);
    }

    /// From here on it signs with another key, and publishes that one alone.
    pub fn rotates(&self) {
        let mut desk = self.desk();
        desk.key = key();
        desk.kid += 1;
    }

    /// From here on it is in this mood.
    pub fn is_now(&self, mood: Mood) {
        self.desk().mood = mood;
    }

    /// The paths that it was asked for, and has not shown yet.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.desk().asked)
    }

    /// Nobody answers at its address any more.
    pub fn leaves(&self) {
        self.door.abort();
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.door.abort();
    }
}

async fn answer(request: Request<Incoming>, desk: Arc<Mutex<Desk>>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let form = String::from_utf8(body.collect().await?.to_bytes().into()).expect("a form");
    let mood = {
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.asked.push(path.clone());
        desk.mood
    };
    let json = |value: &Value| Full::from(value.to_string());
    let answer = Response::builder().header("content-type", "application/json");
    let answer = match mood {
        Mood::Silent => std::future::pending().await,
        Mood::Endless => answer.body(Full::from(" ".repeat(300 << 10))),
        Mood::Elsewhere => {
            answer.status(StatusCode::FOUND).header(LOCATION, "http://127.0.0.1:1/").body(Full::default())
        }
        Mood::Page => answer.header("content-type", "text/html").body(Full::from("<h1>Sorry</h1>")),
        Mood::Well | Mood::Other | Mood::Open => {
            let desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
            let basic = head.headers.get("authorization").map(|value| value.to_str().expect("ASCII"));
            match path.as_str() {
                "/.well-known/openid-configuration" => answer.body(json(&desk.about())),
                "/keys" => answer.body(json(&json!({ "keys": [desk.jwk()] }))),
                "/token" => match desk.token(&oidc::query(&format!("?{form}")), basic) {
                    Some(token) => answer.body(json(&token)),
                    None => answer.status(StatusCode::BAD_REQUEST).body(json(&json!({ "error": "invalid_grant" }))),
                },
                _ => answer.status(StatusCode::NOT_FOUND).body(Full::default()),
            }
        }
    };
    Ok(answer.expect("an answer"))
}

impl Desk {
    fn about(&self) -> Value {
        let at = |path: &str| format!("{}/{path}", self.issuer);
        let issuer = if self.mood == Mood::Other { "http://127.0.0.1:2".to_owned() } else { self.issuer.clone() };
        let authorize = if self.mood == Mood::Open { "http://login.example/a".to_owned() } else { at("authorize") };
        json!({
            "issuer": issuer,
            "authorization_endpoint": authorize,
            "token_endpoint": at("token"),
            "jwks_uri": at("keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "none", "HS256"],
        })
    }

    fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|part| BASE64.encode(part));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid.to_string(), "x": x, "y": y })
    }

    /// What a code is exchanged for. None, where it is no code, or of another client, or another browser has asked for it.
    fn token(&self, form: &BTreeMap<String, String>, basic: Option<&str>) -> Option<Value> {
        let (nonce, challenge) = self.codes.get(form.get("code")?)?;
        let shown = digest::digest(&digest::SHA256, form.get("code_verifier")?.as_bytes());
        let client = format!("koine:{}", SECRET.replace(' ', "+"));
        let expected = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(client));
        if BASE64.encode(shown) != *challenge || basic != Some(&expected) {
            return None;
        }
        let now = self.clock.now().as_second();
        let claims = json!({
            "iss": self.issuer, "sub": "ana", "aud": "koine", "nonce": nonce, "iat": now, "exp": now + 300,
        });
        let mut token = Token { claims, by: By::Key };
        (self.twist)(&mut token);
        Some(json!({ "access_token": "x", "token_type": "Bearer", "id_token": self.signed(&token) }))
    }

    fn signed(&self, token: &Token) -> String {
        let alg = match token.by {
            By::Key | By::Stranger => "ES256",
            By::Nothing => "none",
            By::Secret => "HS256",
        };
        let head = json!({ "alg": alg, "typ": "JWT", "kid": self.kid.to_string() });
        let [head, claims] = [head, token.claims.clone()].map(|part| BASE64.encode(part.to_string()));
        let text = format!("{head}.{claims}");
        let by = |key: &EcdsaKeyPair| {
            key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature").as_ref().to_vec()
        };
        let signature = match token.by {
            By::Key => by(&self.key),
            By::Stranger => by(&key()),
            By::Nothing => Vec::new(),
            By::Secret => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{text}.{}", BASE64.encode(signature))
    }
}
