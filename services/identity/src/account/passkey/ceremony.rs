//! What is begun and waits for the answer of a browser. Nothing is kept of it: the client is given it, under a keyed digest that binds it
//! to the tenant, to its purpose and to an instant, and brings it back. It holds the challenge, which the browser is told anyway, and nothing
//! secret. Any replica completes it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Id, Result, secret::Keys};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::Passkey;
use crate::reason::{Reason, Refuse};

/// How long it is of use.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// What is begun.
#[derive(Debug)]
pub(super) struct Ceremony<S> {
    /// Its id, and that of the passkey, where one is added.
    pub(super) id: Id<Passkey>,
    /// What the library wants to know again.
    pub(super) state: S,
}

/// What for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// To add a passkey, in this session.
    Adding(Uuid),
    /// To sign in.
    SigningIn,
}

/// What the client is told.
#[derive(Debug)]
pub struct Begun {
    /// What it brings back.
    pub ceremony: String,
    /// What the browser needs, as JSON.
    pub options: String,
    /// The last instant at which it is of use.
    pub expires_at: Timestamp,
}

impl Purpose {
    /// To add a passkey in the caller's session.
    pub(super) fn adding(ctx: &Ctx) -> Result<Self> {
        Ok(Self::Adding(ctx.member()?.session))
    }

    fn mac(self, ctx: &Ctx, keys: &Keys, id: Uuid, until: i64, state: &[u8]) -> [u8; 32] {
        let (word, session) = match self {
            Self::Adding(session) => ("adding", session),
            Self::SigningIn => ("signing in", Uuid::nil()),
        };
        let tenant = ctx.tenant().id().as_str().as_bytes();
        let parts = [word.as_bytes(), tenant, session.as_bytes(), id.as_bytes(), &until.to_be_bytes(), state];
        keys.derive("passkey ceremony", &parts)
    }
}

impl<S: Serialize + DeserializeOwned> Ceremony<S> {
    /// What the client is told.
    pub(super) fn seal(&self, ctx: &Ctx, keys: &Keys, purpose: Purpose, options: String) -> Result<Begun> {
        let (id, state) = (self.id.uuid(), serde_json::to_vec(&self.state).map_err(Error::internal)?);
        let expires_at = ctx.now() + PATIENCE;
        let until = expires_at.as_microsecond();
        let mut bytes = id.as_bytes().to_vec();
        bytes.extend(until.to_be_bytes());
        bytes.extend(purpose.mac(ctx, keys, id, until, &state));
        bytes.extend(state);
        Ok(Begun { ceremony: BASE64_URL_SAFE_NO_PAD.encode(bytes), options, expires_at })
    }

    /// What the client brings back. Error: `PASSKEY_OVER`, where it is none that was begun here for this, or too old.
    pub(super) fn open(ctx: &Ctx, keys: &Keys, purpose: Purpose, text: &str) -> Result<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| over())?;
        let (id, rest) = bytes.split_first_chunk::<16>().ok_or_else(over)?;
        let (until, rest) = rest.split_first_chunk::<8>().ok_or_else(over)?;
        let (mac, state) = rest.split_first_chunk::<32>().ok_or_else(over)?;
        let (id, until) = (Uuid::from_bytes(*id), i64::from_be_bytes(*until));
        let expected = purpose.mac(ctx, keys, id, until, state);
        aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected).map_err(|_| over())?;
        if ctx.now().as_microsecond() > until {
            return Err(over());
        }
        Ok(Self { id: id.into(), state: serde_json::from_slice(state).map_err(Error::internal)? })
    }
}

/// The error for what is over, and for what was never begun.
pub(super) fn over() -> Error {
    Reason::PasskeyOver.error("What was begun is over: it took too long, or was completed before. Begin anew.")
}

#[cfg(test)]
mod tests {
    use platform::Caller;

    use super::*;
    use crate::testing::Ground;

    fn sealed(ground: &Ground, purpose: Purpose) -> String {
        let ctx = ground.anybody();
        let ceremony = Ceremony { id: ctx.new_id(), state: "what the library wants to know".to_owned() };
        ceremony.seal(&ctx, &ground.keys, purpose, String::new()).unwrap().ceremony
    }

    fn opens(ctx: &Ctx, keys: &Keys, purpose: Purpose, text: &str) -> bool {
        match Ceremony::<String>::open(ctx, keys, purpose, text) {
            Ok(ceremony) => ceremony.state == "what the library wants to know",
            Err(error) => {
                assert!(error.is(Reason::PasskeyOver), "{error:?}");
                false
            }
        }
    }

    #[test]
    fn what_is_begun_is_of_use_for_what_it_was_begun_for_in_its_tenant_and_session() {
        let ground = Ground::without_store();
        ground.add_programme("it-hr", "ITF14");
        let (ctx, there) = (ground.anybody(), ground.ctx_in("it-hr", Caller::Anonymous));
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sign_in = sealed(&ground, Purpose::SigningIn);
        let adding = sealed(&ground, Purpose::Adding(own));
        assert!(opens(&ctx, &ground.keys, Purpose::SigningIn, &sign_in));
        assert!(opens(&ctx, &ground.keys, Purpose::Adding(own), &adding));
        assert!(!opens(&ctx, &ground.keys, Purpose::Adding(other), &adding), "of another session");
        assert!(!opens(&ctx, &ground.keys, Purpose::SigningIn, &adding), "to sign in with what adds");
        assert!(!opens(&ctx, &ground.keys, Purpose::Adding(Uuid::nil()), &sign_in), "to add with what signs in");
        assert!(!opens(&there, &ground.keys, Purpose::SigningIn, &sign_in), "of another tenant");
        assert!(!opens(&ctx, &Keys::random().unwrap(), Purpose::SigningIn, &sign_in), "of another installation");
    }

    #[test]
    fn what_is_begun_is_of_use_for_five_minutes_and_as_it_was_given() {
        let ground = Ground::without_store();
        let text = sealed(&ground, Purpose::SigningIn);
        ground.clock.advance(PATIENCE);
        let opens = |text: &str| opens(&ground.anybody(), &ground.keys, Purpose::SigningIn, text);
        assert!(opens(&text));
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert!(!opens(&BASE64_URL_SAFE_NO_PAD.encode(&bytes)), "byte {at}");
            bytes[at] ^= 1;
        }
        for broken in ["", "AAAA", "%%%", &text[..40]] {
            assert!(!opens(broken), "{broken}");
        }
        ground.clock.advance(SignedDuration::from_micros(1));
        assert!(!opens(&text));
    }
}
