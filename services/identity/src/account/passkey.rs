//! Passkeys: keys that a device keeps for the owner of an account, and uses after it has looked who asks (WebAuthn). One counts as the
//! password, or as the password and the second factor.
//!
//! What is begun is not kept: the client brings it back, sealed ([`ceremony`]). That it is completed once is seen in what a completion
//! leaves behind. Adding a passkey ends the session in which it was begun; and a passkey remembers the last ceremony that it completed, and
//! completes neither that one again nor one from before. So whoever has no account leaves nothing here, however often they begin.
//!
//! One that was added by who had shown a second factor of the account, or as the first one of an account that needs one, counts as a second
//! factor. Any other counts as the password, by which it was added: whoever knows that could have added it.
//!
//! The handle by which a device knows its user is the id of the passkey. It says nothing of the account, and is known in its own tenant alone.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, secret::Keys};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey as Key, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
    WebauthnError,
};

use super::Account;
use crate::reason::{Reason, Refuse};

pub mod api;
mod ceremony;
mod site;
pub(crate) mod store;
mod wire;

pub use ceremony::Begun;
use ceremony::{Ceremony, Purpose};
pub use site::Site;

/// A passkey of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Passkey {
    id: Id<Passkey>,
    version: i64,
    account: Id<Account>,
    key: Key,
    name: String,
    is_factor: bool,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    last_ceremony: Id<Passkey>,
}

/// What a browser answers to who adds a passkey.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// What was begun.
    pub ceremony: &'a str,
    /// The answer of the browser.
    pub credential: &'a str,
    /// What its owner calls it.
    pub name: &'a str,
}

/// The account that is given a passkey.
#[derive(Clone, Copy, Debug)]
pub struct Receiver<'a> {
    /// The account.
    pub account: &'a Account,
    /// The passkeys it has.
    pub others: &'a [Passkey],
    /// Whether what is added counts as a second factor.
    pub is_factor: bool,
}

/// What a browser answers to who signs in.
#[derive(Debug)]
pub struct Answer {
    ceremony: Ceremony<DiscoverableAuthentication>,
    credential: PublicKeyCredential,
    passkey: Id<Passkey>,
}

/// What an answer shows that a passkey has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// That its owner is there.
    Owner,
    /// That the key was copied: its counter has gone back.
    Copy,
}

/// How many passkeys an account can have.
const MOST: usize = 10;

impl Passkey {
    /// Begins to add one to an account, which has `others`. Error: `PASSKEYS_TOO_MANY`; `PASSKEY_NOT_POSSIBLE`.
    pub fn begin(ctx: &Ctx, keys: &Keys, site: &Site, account: &Account, others: &[Self]) -> Result<Begun> {
        refuse_too_many(others)?;
        let id = ctx.new_id();
        let (options, state) = site.begin_adding(ctx, id, account, others)?;
        Ceremony { id, state }.seal(ctx, keys, Purpose::adding(ctx)?, options)
    }

    /// Adds the one that was begun in the caller's session. Error: `PASSKEY_OVER`; `PASSKEY_REFUSED`; `PASSKEYS_TOO_MANY`;
    /// `PASSKEY_NOT_POSSIBLE`.
    pub fn add(ctx: &Ctx, keys: &Keys, site: &Site, receiver: Receiver<'_>, new: &New<'_>) -> Result<Self> {
        refuse_too_many(receiver.others)?;
        let Ceremony { id, state } =
            Ceremony::<PasskeyRegistration>::open(ctx, keys, Purpose::adding(ctx)?, new.ceremony)?;
        let credential: RegisterPublicKeyCredential = read(new.credential)?;
        let key = site.known()?.finish_passkey_registration(&credential, &state).map_err(unfit)?;
        Ok(Self {
            id,
            version: 0,
            account: receiver.account.id(),
            key,
            name: new.name.trim().to_owned(),
            is_factor: receiver.is_factor,
            created_at: ctx.now(),
            last_used_at: None,
            last_ceremony: id,
        })
    }

    /// Begins to sign in by one, whose ever it is. Error: `PASSKEY_NOT_POSSIBLE`.
    pub fn begin_sign_in(ctx: &Ctx, keys: &Keys, site: &Site) -> Result<Begun> {
        let (options, state) = site.begin_sign_in()?;
        Ceremony { id: ctx.new_id(), state }.seal(ctx, keys, Purpose::SigningIn, options)
    }

    /// Judges an answer. Where the owner is there, the passkey is to be saved. Error: `PASSKEY_REFUSED`; `PASSKEY_OVER`, where this
    /// ceremony, or one that was begun later, was completed before; `PASSKEY_NOT_POSSIBLE`.
    pub fn judge(&mut self, ctx: &Ctx, site: &Site, answer: &Answer) -> Result<Shown> {
        let state = answer.ceremony.state.clone();
        let signed = match site.known()?.finish_discoverable_authentication_v2(&answer.credential, state, &self.key) {
            // an answer that is sent twice has a counter of before, too
            Err(WebauthnError::CredentialPossibleCompromise) if answer.ceremony.id <= self.last_ceremony => {
                return Err(ceremony::over());
            }
            Err(WebauthnError::CredentialPossibleCompromise) => return Ok(Shown::Copy),
            other => other.map_err(unfit)?,
        };
        // asked after the signature, so that nobody else learns when a passkey was used
        if answer.ceremony.id <= self.last_ceremony {
            return Err(ceremony::over());
        }
        self.key.update_credential(&signed);
        self.last_ceremony = answer.ceremony.id;
        self.last_used_at = Some(ctx.now());
        Ok(Shown::Owner)
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The device's own name of the key, as JSON writes it.
    fn key_name(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.key.cred_id())
    }

    /// When it was added.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// The account that it opens.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// What the audit log calls it.
    pub(crate) fn subject(&self) -> String {
        format!("passkey {}", self.id)
    }
}

impl Answer {
    /// Reads what a browser answers. Error: `PASSKEY_OVER`; `PASSKEY_REFUSED`.
    pub fn read(ctx: &Ctx, keys: &Keys, ceremony: &str, credential: &str) -> Result<Self> {
        let ceremony = Ceremony::open(ctx, keys, Purpose::SigningIn, ceremony)?;
        let credential: PublicKeyCredential = read(credential)?;
        let handle: Option<[u8; 16]> = credential.get_user_unique_id().and_then(|handle| handle.try_into().ok());
        let passkey = uuid::Uuid::from_bytes(handle.ok_or_else(refused)?).into();
        Ok(Self { ceremony, credential, passkey })
    }

    /// The passkey that it says to be of.
    pub fn passkey(&self) -> Id<Passkey> {
        self.passkey
    }
}

/// The error for an answer that does not count, in the same words.
pub(crate) fn refused() -> Error {
    let text = "This passkey does not count here. Try again, use another passkey, or sign in with the password.";
    Reason::PasskeyRefused.error(text)
}

fn unfit(why: WebauthnError) -> Error {
    refused().caused_by(why)
}

fn read<T: serde::de::DeserializeOwned>(credential: &str) -> Result<T> {
    serde_json::from_str(credential).map_err(|_| refused())
}

fn refuse_too_many(held: &[Passkey]) -> Result<()> {
    if held.len() < MOST {
        return Ok(());
    }
    let text = format!("This account has {MOST} passkeys, and no account can have more. Remove one first.");
    Err(Reason::PasskeysTooMany.error(text).with("most", MOST))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{account::tests::account, testing::Ground};

    /// A passkey of an account, whose key nobody has.
    pub(crate) fn key(ctx: &Ctx, account: &Account) -> Passkey {
        let id = ctx.new_id::<Passkey>();
        let number = BASE64_URL_SAFE_NO_PAD.encode(id.uuid().as_bytes().repeat(2));
        let point = serde_json::json!({ "curve": "SECP256R1", "x": number, "y": number });
        let credential = serde_json::json!({
            "cred_id": number,
            "cred": { "type_": "ES256", "key": { "EC_EC2": point } },
            "counter": 0,
            "transports": null,
            "user_verified": true,
            "backup_eligible": false,
            "backup_state": false,
            "registration_policy": "required",
            "extensions": {},
            "attestation": { "data": "None", "metadata": "None" },
            "attestation_format": "none",
        });
        Passkey {
            id,
            version: 0,
            account: account.id(),
            key: serde_json::from_value(serde_json::json!({ "cred": credential })).unwrap(),
            name: "a phone".to_owned(),
            is_factor: false,
            created_at: ctx.now(),
            last_used_at: None,
            last_ceremony: id,
        }
    }

    fn reason<T>(outcome: Result<T>) -> &'static str {
        outcome.map_or_else(|error| error.reason(), |_| "OK")
    }

    #[test]
    fn an_account_has_ten_passkeys_at_most() {
        let ground = Ground::without_store();
        let account = account(&ground.anybody(), "ana@school.example", None, None);
        let (ctx, site) = (ground.member(&account), Site::of("https://koine.example"));
        let held: Vec<_> = (0..MOST).map(|_| key(&ctx, &account)).collect();
        let begin = |held: &[Passkey]| reason(Passkey::begin(&ctx, &ground.keys, &site, &account, held));
        assert_eq!((begin(&held[1..]), begin(&held)), ("OK", "PASSKEYS_TOO_MANY"));
        let new = New { ceremony: "", credential: "", name: "" };
        let add = |others: &[Passkey]| {
            let receiver = Receiver { account: &account, others, is_factor: false };
            reason(Passkey::add(&ctx, &ground.keys, &site, receiver, &new))
        };
        assert_eq!((add(&held[1..]), add(&held)), ("PASSKEY_OVER", "PASSKEYS_TOO_MANY"));
    }

    #[test]
    fn an_answer_that_nobody_can_read_is_refused_like_any_other() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let begun = Passkey::begin_sign_in(&ctx, &ground.keys, &Site::of("https://koine.example")).unwrap();
        let handle = |handle: &str| {
            let response =
                format!(r#"{{"authenticatorData":"","clientDataJSON":"","signature":"","userHandle":{handle}}}"#);
            format!(r#"{{"id":"","rawId":"","type":"public-key","response":{response}}}"#)
        };
        let read = |credential: &str| reason(Answer::read(&ctx, &ground.keys, &begun.ceremony, credential));
        for unreadable in ["", "{}", "null", &handle("null"), &handle(r#""""#), &handle(r#""AAAA""#)] {
            assert_eq!(read(unreadable), "PASSKEY_REFUSED", "{unreadable}");
        }
        assert_eq!(read(&handle(r#""AAAAAAAAAAAAAAAAAAAAAA""#)), "OK");
    }

    #[test]
    fn who_begins_to_sign_in_is_told_nothing_of_anybody() {
        let ground = Ground::without_store();
        let ctx = ground.anybody();
        let begun = Passkey::begin_sign_in(&ctx, &ground.keys, &Site::of("https://koine.example")).unwrap();
        let options: serde_json::Value = serde_json::from_str(&begun.options).unwrap();
        assert_eq!(options["publicKey"]["allowCredentials"], serde_json::json!([]));
        assert_eq!(options["publicKey"]["userVerification"], "required");
        assert_eq!(options.as_object().unwrap().len(), 1);
    }
}
