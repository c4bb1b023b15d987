//! Verifies tokens: the type, the signature, the issuer, the installation and the times.

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

use super::{Claims, PublicKey, Settings, TYPE};
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

/// How far the clock of the issuer may be ahead of ours.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

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
    audience: String,
    /// The longest validity of a token.
    access: SignedDuration,
    clock: Clock,
    source: KeySource,
    keys: ArcSwap<HashMap<String, DecodingKey>>,
    asked: Mutex<Option<Asked>>,
    /// Cached by the digest of the whole token: the signature alone does not identify the claims, and tokens are not kept in
    /// memory.
    verified: Cache<[u8; 32], Verified>,
}

/// A verified token.
#[derive(Clone)]
struct Verified {
    /// The id of the key that signed it.
    kid: Arc<str>,
    claims: Arc<Claims>,
}

/// When the issuer was last asked, and whether it answered.
#[derive(Clone, Copy)]
struct Asked {
    at: Timestamp,
    answered: bool,
}

impl Verifier {
    /// Verifies tokens of these settings, by `clock`, with keys from `source`.
    pub fn new(settings: &Settings, clock: Clock, source: KeySource) -> Self {
        let expiry = UntilOver(clock.clone());
        let verified = Cache::builder().max_capacity(REMEMBERED).expire_after(expiry).build();
        let (issuer, audience) = (settings.issuer.clone(), settings.audience().to_owned());
        let (keys, asked, access) = (ArcSwap::default(), Mutex::default(), settings.access());
        Self(Arc::new(Inner { issuer, audience, access, clock, source, keys, asked, verified }))
    }

    /// The claims of a token. Error: `TOKEN_INVALID`, `TOKEN_EXPIRED`, or unreachable, where the key cannot be fetched.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>> {
        let mut name = [0; 32];
        name.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        // a key that is withdrawn takes all that it has signed along
        let known = self.0.verified.get(&name).await.filter(|known| self.0.keys.load().contains_key(&*known.kid));
        if let Some(Verified { claims, .. }) = known {
            return self.0.live(claims);
        }
        let Verified { kid, claims } = self.0.read(token).await?;
        let claims = self.0.live(claims)?;
        self.0.verified.insert(name, Verified { kid, claims: claims.clone() }).await;
        Ok(claims)
    }
}

impl Inner {
    async fn read(&self, token: &str) -> Result<Verified> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        let is_ours = header.typ.is_some_and(|name| name.eq_ignore_ascii_case(TYPE));
        if header.alg != Algorithm::EdDSA || !is_ours {
            return Err(invalid());
        }
        let kid = header.kid.ok_or_else(invalid)?;
        let key = self.key(&kid).await?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &signature_only()).map_err(|_| invalid())?.claims;
        let fits = claims.iss == self.issuer && claims.aud == self.audience && self.is_timely(&claims);
        if fits { Ok(Verified { kid: kid.into(), claims: Arc::new(claims) }) } else { Err(invalid()) }
    }

    /// Whether the issuer can have given a token with these times by now.
    fn is_timely(&self, claims: &Claims) -> bool {
        let latest = (self.clock.now() + LEEWAY).as_second();
        let begun = claims.iat <= latest && claims.nbf <= latest;
        begun && claims.exp.saturating_sub(latest) <= self.access.as_secs()
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

/// The library verifies the signature; all the rest is checked here, the times by the process's clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

/// A verified token leaves the cache when it expires.
struct UntilOver(Clock);

impl Expiry<[u8; 32], Verified> for UntilOver {
    fn expire_after_create(&self, _: &[u8; 32], verified: &Verified, _: Instant) -> Option<Duration> {
        let left = verified.claims.exp.saturating_sub(self.0.now().as_second());
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

    use super::*;
    use crate::token::{Signer, of_teacher};

    fn clock() -> Clock {
        Clock::held("2026-03-02T10:00:00Z".parse().unwrap())
    }

    fn claims(clock: &Clock) -> Claims {
        Claims { roles: vec![Role::Teacher, Role::Coordinator], ..of_teacher(clock) }
    }

    fn verifier(signer: &Signer, clock: &Clock) -> Verifier {
        Verifier::new(&Settings::default(), clock.clone(), KeySource::fixed(vec![signer.public_jwk().clone()]))
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
    async fn a_token_for_another_installation_or_of_times_nobody_gives_is_refused() {
        let (clock, signer) = (clock(), Signer::random().unwrap());
        let changed = |change: &dyn Fn(&mut Claims)| {
            let mut claims = claims(&clock);
            change(&mut claims);
            signer.sign(&claims).unwrap()
        };
        let verifier = verifier(&signer, &clock);
        for (change, expected) in [
            (&(|claims: &mut Claims| claims.aud = "elsewhere".to_owned()) as &dyn Fn(&mut Claims), "TOKEN_INVALID"),
            (&|claims| claims.aud = String::new(), "TOKEN_INVALID"),
            (&|claims| claims.exp += 60, "OK"),
            (&|claims| claims.exp += 61, "TOKEN_INVALID"),
            (&|claims| claims.exp = i64::MAX, "TOKEN_INVALID"),
            (&|claims| claims.iat += 60, "OK"),
            (&|claims| claims.iat += 61, "TOKEN_INVALID"),
            (&|claims| claims.iat = i64::MIN, "OK"),
            (&|claims| claims.nbf += 60, "OK"),
            (&|claims| claims.nbf += 61, "TOKEN_INVALID"),
            (&|claims| claims.exp = i64::MIN, "TOKEN_EXPIRED"),
        ] {
            let token = changed(change);
            let said = verifier.verify(&token).await.map_or_else(|error| error.reason(), |_| "OK");
            assert_eq!(said, expected, "{token}");
        }
    }

    #[tokio::test]
    async fn nothing_else_that_the_key_has_signed_is_a_token() {
        let (clock, signer) = (clock(), Signer::random().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let pem = crate::token::signer::make_pem().unwrap();
        std::fs::write(folder.path().join("signing.pem"), &pem).unwrap();
        let known = Signer::load_or_create(folder.path(), None).unwrap();
        let verifier = verifier(&known, &clock);
        let key = EncodingKey::from_ed_pem(&pem).unwrap();
        let typed = |typ: Option<&str>| {
            let mut header = Header::new(Algorithm::EdDSA);
            header.kid = Some(known.public_jwk().kid.clone());
            header.typ = typ.map(str::to_owned);
            jsonwebtoken::encode(&header, &claims(&clock), &key).unwrap()
        };
        for other in [None, Some("JWT"), Some("at"), Some("")] {
            assert_eq!(refusal(&verifier, &typed(other)).await, "TOKEN_INVALID", "{other:?}");
        }
        assert!(verifier.verify(&typed(Some("AT+JWT"))).await.is_ok());
        let mut without = serde_json::to_value(claims(&clock)).unwrap();
        for claim in ["aud", "nbf", "exp", "iat"] {
            let taken = without.as_object_mut().unwrap().remove(claim).unwrap();
            let mut header = Header::new(Algorithm::EdDSA);
            (header.kid, header.typ) = (Some(known.public_jwk().kid.clone()), Some(TYPE.to_owned()));
            let token = jsonwebtoken::encode(&header, &without, &key).unwrap();
            assert_eq!(refusal(&verifier, &token).await, "TOKEN_INVALID", "without `{claim}`");
            without[claim] = taken;
        }
        assert_eq!(refusal(&verifier, &signer.sign(&claims(&clock)).unwrap()).await, "TOKEN_INVALID");
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
        let verifier = Verifier::new(&Settings::default(), clock.clone(), source);
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

        // the old key is withdrawn, because somebody stole it: what it has signed ends when that is known
        let stolen = old.sign(&claims(&clock)).unwrap();
        assert!(verifier.verify(&stolen).await.is_ok());
        published.store(Arc::new(vec![new.public_jwk().clone()]));
        clock.advance(SignedDuration::from_secs(10));
        assert_eq!(
            refusal(&verifier, &Signer::random().unwrap().sign(&claims(&clock)).unwrap()).await,
            "TOKEN_INVALID"
        );
        assert_eq!(refusal(&verifier, &stolen).await, "TOKEN_INVALID", "though it is remembered as verified");
        assert!(verifier.verify(&token).await.is_ok());
    }

    #[tokio::test]
    async fn an_issuer_that_cannot_be_reached_is_not_the_callers_fault() {
        let (clock, signer) = (clock(), Signer::random().unwrap());
        let source = KeySource::new(|| std::future::ready(Err(Error::unreachable("down"))));
        let verifier = Verifier::new(&Settings::default(), clock.clone(), source);
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
