//! Coming in by an identity provider. Somebody begins an attempt, is led to the provider, and comes back with its answer; whoever completes
//! the attempt has the secret that was given to who began it, and completes it once. All that the attempt is known by, to its owner and to
//! the provider, is derived from its id with a key of the installation.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Id, Result, secret::Keys};

use super::Session;
use crate::{
    account::{Account, code},
    country::Provider,
    reason::{Reason, Refuse},
};

pub mod api;
mod remote;
pub(crate) mod store;
mod wire;

pub use remote::Remote;

/// A way to a provider that was begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    id: Id<Attempt>,
    provider: String,
    issuer: String,
    linking: Option<Linking>,
    begun_at: Timestamp,
    expires_at: Timestamp,
}

/// Whose account is to be linked, and in which family of sessions that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linking {
    account: Id<Account>,
    family: Id<Session>,
}

/// What a provider is told of an attempt, or is asked by.
pub struct Secrets {
    /// Says which attempt an answer belongs to.
    pub state: String,
    /// Says which attempt a token was made for.
    pub nonce: String,
    /// Says that who exchanges a code has asked for it (PKCE).
    pub verifier: String,
}

/// What comes back from a provider.
pub struct Answer {
    /// The secret that was given to who began the attempt.
    pub attempt: String,
    /// The state that the provider sent back.
    pub state: String,
    /// The code.
    pub code: String,
    /// The code of the provider whose page it came to.
    pub provider: String,
    /// Who the provider says it is. Empty, where it does not.
    pub iss: String,
}

/// Whom a provider knows somebody as who has answered an attempt.
pub struct Shown {
    /// The provider.
    pub provider: Provider,
    /// The subject.
    pub subject: String,
    /// Whether two factors were shown there.
    pub two_factors: bool,
}

/// How long an attempt waits.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// What the secret is derived for that is given to who begins.
const ATTEMPT: &str = "provider attempt";

/// What the state is derived for.
const STATE: &str = "provider state";

impl Attempt {
    /// Begins one, to sign in, or to link the account of a session.
    pub fn begin(ctx: &Ctx, provider: &Provider, linking: Option<&Session>) -> Self {
        let (id, begun_at) = (ctx.new_id(), ctx.now());
        let (provider, issuer) = (provider.code().to_owned(), provider.issuer().to_owned());
        let linking = linking.map(Linking::of);
        Self { id, provider, issuer, linking, begun_at, expires_at: begun_at + PATIENCE }
    }

    /// The secret of who has begun it.
    pub fn secret(&self, ctx: &Ctx, keys: &Keys) -> String {
        code::write(ctx, keys, ATTEMPT, self.id)
    }

    /// What its provider is told.
    pub fn secrets(&self, ctx: &Ctx, keys: &Keys) -> Secrets {
        let tenant = ctx.tenant().id().as_str().as_bytes();
        let text = |purpose| BASE64_URL_SAFE_NO_PAD.encode(keys.derive(purpose, &[tenant, self.id.uuid().as_bytes()]));
        let state = code::write(ctx, keys, STATE, self.id);
        Secrets { state, nonce: text("provider nonce"), verifier: text("provider verifier") }
    }

    /// The attempt that an answer belongs to, which is both who began it and what the provider sent back. Error:
    /// `PROVIDER_ANSWER_REFUSED`.
    pub fn read(ctx: &Ctx, keys: &Keys, answer: &Answer) -> Result<Id<Self>> {
        let begun: Id<Self> = code::read(ctx, keys, ATTEMPT, &answer.attempt).map_err(|_| refused())?;
        let answered = code::read(ctx, keys, STATE, &answer.state).map_err(|_| refused())?;
        if begun == answered { Ok(begun) } else { Err(refused()) }
    }

    /// Whom a provider has shown by its answer.
    pub(crate) fn shown_by(&self, provider: Provider, said: remote::Subject) -> Shown {
        let remote::Subject { subject, two_factors } = said;
        Shown { provider, subject, two_factors }
    }

    /// The provider that was asked, where the file of the country has not changed since. `answered` is the code of the one whose page the
    /// answer came to. `asking` is the session that completes the attempt; None: whoever completes it signs in. Error:
    /// `PROVIDER_ANSWER_REFUSED`, where it is too old, or of another session, or the provider is another one.
    pub fn completed<'p>(
        &self,
        now: Timestamp,
        providers: &'p [Provider],
        answered: &str,
        asking: Option<&Session>,
    ) -> Result<&'p Provider> {
        let is_in_time = now <= self.expires_at && self.linking == asking.map(Linking::of) && self.provider == answered;
        let asked =
            providers.iter().find(|provider| provider.code() == self.provider && provider.issuer() == self.issuer);
        asked.filter(|_| is_in_time).ok_or_else(refused)
    }
}

impl Linking {
    fn of(session: &Session) -> Self {
        Self { account: session.account(), family: session.family() }
    }
}

/// The error for every answer that is not trusted, in the same words.
pub(crate) fn refused() -> Error {
    let text = "The answer of the identity provider belongs to another attempt, is too old, was used before, or is not the provider's. \
                Begin anew.";
    Reason::ProviderAnswerRefused.error(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        session::Lifetime,
        testing::{Ground, entry},
    };

    fn provider(code: &str, issuer: &str) -> Provider {
        toml::from_str(&format!("code = '{code}'\nname = 'x'\nissuer = 'https://{issuer}'\nclient_id = 'x'")).unwrap()
    }

    fn answer(attempt: String, state: String) -> Answer {
        Answer { attempt, state, code: String::new(), provider: String::new(), iss: String::new() }
    }

    #[test]
    fn an_answer_belongs_to_who_began_the_attempt_that_it_is_for() {
        let ground = Ground::without_store();
        let (ctx, keys) = (ground.anybody(), &ground.keys);
        let provider = provider("one", "one.example");
        let [mine, other] = [0, 1].map(|_| Attempt::begin(&ctx, &provider, None));
        let state = |attempt: &Attempt| attempt.secrets(&ctx, keys).state;
        let read = |attempt, state| Attempt::read(&ctx, keys, &answer(attempt, state));
        assert_eq!(read(mine.secret(&ctx, keys), state(&mine)).unwrap(), mine.id);
        for (attempt, state) in [
            (mine.secret(&ctx, keys), state(&other)),
            (other.secret(&ctx, keys), state(&mine)),
            (state(&mine), state(&mine)),
            (mine.secret(&ctx, keys), mine.secret(&ctx, keys)),
            (mine.secret(&ctx, keys), String::new()),
        ] {
            assert!(read(attempt, state).is_err_and(|error| error.is(Reason::ProviderAnswerRefused)));
        }
        let Secrets { nonce, verifier, .. } = mine.secrets(&ctx, keys);
        assert!(nonce != verifier && verifier.len() == 43, "what PKCE asks for");
    }

    #[test]
    fn an_attempt_is_completed_in_time_by_who_began_it_with_the_provider_that_was_asked() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let one = provider("one", "one.example");
        let hour = SignedDuration::from_hours(1);
        let lifetime = Lifetime { family: hour, lacking: hour };
        let [own, strange] = [0, 1].map(|_| Session::open(&ctx, &entry(&ctx), lifetime));
        let attempt = Attempt::begin(&ctx, &one, Some(&own));
        let is_done = |now, provider: &Provider, asking| {
            attempt.completed(now, std::slice::from_ref(provider), provider.code(), asking).is_ok()
        };
        assert!(is_done(ctx.now() + PATIENCE, &one, Some(&own)));
        assert!(!is_done(ctx.now() + PATIENCE + SignedDuration::from_micros(1), &one, Some(&own)));
        assert!(!is_done(ctx.now(), &one, Some(&strange)) && !is_done(ctx.now(), &one, None));
        for changed in [provider("two", "one.example"), provider("one", "two.example")] {
            assert!(!is_done(ctx.now(), &changed, Some(&own)));
        }
        let signing_in = Attempt::begin(&ctx, &one, None);
        assert!(signing_in.completed(ctx.now(), std::slice::from_ref(&one), "one", None).is_ok());
        assert!(signing_in.completed(ctx.now(), std::slice::from_ref(&one), "one", Some(&own)).is_err());
        assert!(signing_in.completed(ctx.now(), &[one], "two", None).is_err());
    }
}
