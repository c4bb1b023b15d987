//! Verifies tokens: the issuer, the signature and the time.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::{Expiry, future::Cache};
use tokio::sync::Mutex;

use super::{Claims, PublicKey};
use crate::{
    Clock, Error, Result,
    error::{Reason, Shared},
};

/// The number of verified tokens that are cached. Verifying a signature takes forty times as long as a look into the cache.
const REMEMBERED: u64 = 100_000;
/// How long fetched keys are used before an unknown key id causes another fetch, so that invalid tokens do not cause many fetches.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(10);
/// The same interval, where the issuer could not be reached.
const RETRY: SignedDuration = SignedDuration::from_secs(1);

type Asking = Pin<Box<dyn Future<Output = Result<Vec<PublicKey>>> + Send>>;

/// The source of the public keys.
#[derive(Clone)]
pub struct KeySource(Arc<dyn Fn() -> Asking + Send + Sync>);

impl KeySource {
    /// Calls a function for each fetch.
    pub fn new<F, Answer>(ask: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Vec<PublicKey>>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(ask())))
    }

    /// Keys that are known from the start.
    pub fn fixed(keys: Vec<PublicKey>) -> Self {
        Self::new(move || std::future::ready(Ok(keys.clone())))
    }
}

/// Verifies tokens. Cheap to clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    issuer: String,
    clock: Clock,
    source: KeySource,
    keys: ArcSwap<HashMap<String, DecodingKey>>,
    asked: Mutex<Option<Asked>>,
    /// Cached by the digest of the whole token: the signature alone does not identify the claims, and tokens are not kept in
    /// memory.
    verified: Cache<[u8; 32], Arc<Claims>>,
}

/// When the issuer was last asked, and whether it answered.
#[derive(Clone, Copy)]
struct Asked {
    at: Timestamp,
    answered: bool,
}

impl Verifier {
    /// Verifies tokens of `issuer`, by `clock`, with keys from `source`.
    pub fn new(issuer: impl Into<String>, clock: Clock, source: KeySource) -> Self {
        let expiry = UntilOver(clock.clone());
        let verified = Cache::builder().max_capacity(REMEMBERED).expire_after(expiry).build();
        let (keys, asked) = (ArcSwap::default(), Mutex::default());
        Self(Arc::new(Inner { issuer: issuer.into(), clock, source, keys, asked, verified }))
    }

    /// The claims of a token. Error: `TOKEN_INVALID`, `TOKEN_EXPIRED`, or unreachable, where the key cannot be fetched.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>> {
        let mut name = [0; 32];
        name.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        if let Some(claims) = self.0.verified.get(&name).await {
            return self.0.live(claims);
        }
        let claims = self.0.live(Arc::new(self.0.read(token).await?))?;
        self.0.verified.insert(name, claims.clone()).await;
        Ok(claims)
    }
}

impl Inner {
    async fn read(&self, token: &str) -> Result<Claims> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        if header.alg != Algorithm::EdDSA {
            return Err(invalid());
        }
        let key = self.key(&header.kid.ok_or_else(invalid)?).await?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &signature_only()).map_err(|_| invalid())?.claims;
        if claims.iss == self.issuer { Ok(claims) } else { Err(invalid()) }
    }

    fn live(&self, claims: Arc<Claims>) -> Result<Arc<Claims>> {
        if claims.exp > self.clock.now().as_second() {
            return Ok(claims);
        }
        Err(Shared::TokenExpired.error("The token's minutes are over. Refresh the session and call again."))
    }

    async fn key(&self, kid: &str) -> Result<DecodingKey> {
        if let Some(key) = self.keys.load().get(kid) {
            return Ok(key.clone());
        }
        // one call fetches, the others wait for its result
        let mut asked = self.asked.lock().await;
        if let Some(key) = self.keys.load().get(kid) {
            return Ok(key.clone());
        }
        let now = self.clock.now();
        match *asked {
            Some(Asked { at, answered: true }) if now.duration_since(at) < ASK_AGAIN => return Err(invalid()),
            Some(Asked { at, answered: false }) if now.duration_since(at) < RETRY => {
                return Err(Error::unreachable("the issuer of tokens did not answer a moment ago"));
            }
            _ => {}
        }
        *asked = Some(Asked { at: now, answered: false });
        let keys = (self.source.0)().await?;
        *asked = Some(Asked { at: now, answered: true });
        self.keys.store(Arc::new(keys.into_iter().filter_map(usable).collect()));
        self.keys.load().get(kid).cloned().ok_or_else(invalid)
    }
}

/// A key that cannot be read is ignored; the others are used.
fn usable(key: PublicKey) -> Option<(String, DecodingKey)> {
    DecodingKey::from_ed_components(&key.x).ok().map(|decoding| (key.kid, decoding))
}

fn invalid() -> Error {
    Shared::TokenInvalid.error("The token is not one of this installation, or was altered. Sign in again.")
}

/// The library verifies the signature; issuer and time are checked here, by the process's clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    validation
}

/// A verified token leaves the cache when it expires.
struct UntilOver(Clock);

impl Expiry<[u8; 32], Arc<Claims>> for UntilOver {
    fn expire_after_create(&self, _: &[u8; 32], claims: &Arc<Claims>, _: Instant) -> Option<Duration> {
        let left = claims.exp.saturating_sub(self.0.now().as_second());
        Some(Duration::from_secs(u64::try_from(left).unwrap_or_default()))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use jsonwebtoken::{EncodingKey, Header};
    use proto::options::v1::Role;
    use uuid::Uuid;

    use super::*;
    use crate::token::Signer;

    fn clock() -> Clock {
        Clock::held("2026-03-02T10:00:00Z".parse().unwrap())
    }

    fn claims(clock: &Clock) -> Claims {
        let now = clock.now().as_second();
        Claims {
            iss: "koine".to_owned(),
            sub: Uuid::from_u128(1),
            tenant: "it".to_owned(),
            sid: Uuid::from_u128(2),
            roles: vec![Role::Teacher, Role::Coordinator],
            acts_for: None,
            home: None,
            provisional: false,
            iat: now,
            exp: now + 600,
            jti: Uuid::from_u128(3),
        }
    }

    fn verifier(signer: &Signer, clock: &Clock) -> Verifier {
        Verifier::new("koine", clock.clone(), KeySource::fixed(vec![signer.public_jwk().clone()]))
    }

    async fn refusal(verifier: &Verifier, token: &str) -> &'static str {
        verifier.verify(token).await.unwrap_err().reason()
    }

    #[tokio::test]
    async fn a_token_says_what_was_signed() {
        let (clock, signer) = (clock(), Signer::random().unwrap());
        let token = signer.sign(&claims(&clock)).unwrap();
        let verifier = verifier(&signer, &clock);
        assert_eq!(*verifier.verify(&token).await.unwrap(), claims(&clock));
        assert_eq!(*verifier.verify(&token).await.unwrap(), claims(&clock), "also the second time, from memory");
        let body = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        assert!(String::from_utf8(body).unwrap().contains(r#""roles":["teacher","coordinator"]"#));
    }

    #[tokio::test]
    async fn a_token_is_over_by_our_clock_and_not_the_systems() {
        let (clock, signer) = (clock(), Signer::random().unwrap());
        let verifier = verifier(&signer, &clock);
        let token = signer.sign(&claims(&clock)).unwrap();
        clock.advance(SignedDuration::from_secs(599));
        assert!(verifier.verify(&token).await.is_ok());
        clock.advance(SignedDuration::from_secs(1));
        assert_eq!(refusal(&verifier, &token).await, "TOKEN_EXPIRED", "though it is remembered as verified");
    }

    #[tokio::test]
    async fn only_a_signature_of_ours_with_our_algorithm_counts() {
        let (clock, signer, stranger) = (clock(), Signer::random().unwrap(), Signer::random().unwrap());
        let verifier = verifier(&signer, &clock);
        let good = signer.sign(&claims(&clock)).unwrap();
        let [_, body, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();

        let none = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{}"}}"#, signer.public_jwk().kid));
        assert_eq!(refusal(&verifier, &format!("{none}.{body}.")).await, "TOKEN_INVALID");

        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(signer.public_jwk().kid.clone());
        let key = EncodingKey::from_secret(&BASE64_URL_SAFE_NO_PAD.decode(&signer.public_jwk().x).unwrap());
        let confused = jsonwebtoken::encode(&header, &claims(&clock), &key).unwrap();
        assert_eq!(refusal(&verifier, &confused).await, "TOKEN_INVALID", "the public key is no shared secret");

        assert_eq!(refusal(&verifier, &stranger.sign(&claims(&clock)).unwrap()).await, "TOKEN_INVALID");

        let head = good.split('.').next().unwrap();
        let foreign_body = stranger.sign(&Claims { tenant: "hr".to_owned(), ..claims(&clock) }).unwrap();
        let foreign_body = foreign_body.split('.').nth(1).unwrap();
        assert!(verifier.verify(&good).await.is_ok());
        assert_eq!(refusal(&verifier, &format!("{head}.{foreign_body}.{signature}")).await, "TOKEN_INVALID");

        for garbage in ["", ".", "..", "a.b.c", "not a token"] {
            assert_eq!(refusal(&verifier, garbage).await, "TOKEN_INVALID", "{garbage}");
        }
    }

    #[tokio::test]
    async fn a_token_of_another_issuer_is_refused() {
        let (clock, signer) = (clock(), Signer::random().unwrap());
        let token = signer.sign(&Claims { iss: "elsewhere".to_owned(), ..claims(&clock) }).unwrap();
        assert_eq!(refusal(&verifier(&signer, &clock), &token).await, "TOKEN_INVALID");
    }

    #[tokio::test]
    async fn an_unknown_key_is_asked_for_at_most_every_ten_seconds() {
        let (clock, old, new) = (clock(), Signer::random().unwrap(), Signer::random().unwrap());
        let published = Arc::new(ArcSwap::from_pointee(vec![old.public_jwk().clone()]));
        let asked = Arc::new(AtomicUsize::new(0));
        let source = {
            let (published, asked) = (published.clone(), asked.clone());
            KeySource::new(move || {
                asked.fetch_add(1, Ordering::SeqCst);
                std::future::ready(Ok(published.load().to_vec()))
            })
        };
        let verifier = Verifier::new("koine", clock.clone(), source);
        assert!(verifier.verify(&old.sign(&claims(&clock)).unwrap()).await.is_ok());
        let token = new.sign(&claims(&clock)).unwrap();
        for _ in 0..3 {
            assert_eq!(refusal(&verifier, &token).await, "TOKEN_INVALID");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        published.store(Arc::new(vec![old.public_jwk().clone(), new.public_jwk().clone()]));
        clock.advance(SignedDuration::from_secs(10));
        assert!(verifier.verify(&token).await.is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_issuer_that_cannot_be_reached_is_not_the_callers_fault() {
        let (clock, signer) = (clock(), Signer::random().unwrap());
        let source = KeySource::new(|| std::future::ready(Err(Error::unreachable("down"))));
        let verifier = Verifier::new("koine", clock.clone(), source);
        let token = signer.sign(&claims(&clock)).unwrap();
        assert_eq!(refusal(&verifier, &token).await, "UNREACHABLE");
        assert_eq!(refusal(&verifier, &token).await, "UNREACHABLE");
    }

    #[test]
    fn the_signing_key_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = Signer::load_or_create(folder.path(), None).unwrap();
        assert_eq!(Signer::load_or_create(folder.path(), None).unwrap().public_jwk(), first.public_jwk());
        let error = Signer::load_or_create(folder.path(), Some(&"no key".into())).err().unwrap();
        assert!(format!("{error:?}").contains("tokens.signing_key"));
    }
}
