//! Access tokens: who calls, in which tenant, and until when. Every process verifies them itself, with public keys that it fetches
//! from the issuer; no call asks the issuer.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use proto::options::v1::Role;

use crate::{Bound, Lack, Member, TenantId, secret::Secret};

/// The type in the header of an access token (RFC 9068), so that nothing else that is signed with the key passes for one.
const TYPE: &str = "at+jwt";

mod signer;
mod verifier;

pub use signer::{PublicKey, Signer};
pub use verifier::{KeySource, Verifier};

/// The section `[tokens]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The name of the issuer. Tokens of another issuer are refused.
    pub issuer: String,
    /// The name of the installation for which tokens are given. Tokens for another one are refused. Empty: the issuer's.
    pub audience: String,
    /// How many minutes an access token is valid.
    pub access_minutes: u32,
    /// How many days a session can be refreshed.
    pub refresh_days: u32,
    /// The Ed25519 key that signs tokens, PKCS#8 in PEM. Without it, one is created under `process.data`.
    pub signing_key: Option<Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        let (issuer, audience) = ("koine".to_owned(), String::new());
        Self { issuer, audience, access_minutes: 10, refresh_days: 30, signing_key: None }
    }
}

impl Settings {
    /// The name of the installation for which tokens are given.
    pub fn audience(&self) -> &str {
        if self.audience.is_empty() { &self.issuer } else { &self.audience }
    }

    /// The longest validity of an access token.
    pub fn access(&self) -> SignedDuration {
        SignedDuration::from_mins(self.access_minutes.into())
    }
}

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The installation for which it is given.
    pub aud: String,
    /// The account.
    pub sub: Uuid,
    /// The tenant in which it is valid.
    pub tenant: String,
    /// The session it belongs to.
    pub sid: Uuid,
    /// The role of the mandate that the session acts in.
    #[serde(with = "roles")]
    pub roles: Vec<Role>,
    /// The mandate that the session acts in. None for a visitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<Uuid>,
    /// What bounds the mandate.
    #[serde(default, skip_serializing_if = "Bound::is_none")]
    pub bound: Bound,
    /// What a machine may do, in the words of the contract. None: it is no machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// What a shared account acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_for: Option<Uuid>,
    /// The home of a visitor, where it is not [`tenant`](Self::tenant): the token was exchanged for one of that tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<TenantId>,
    /// Whether the session lacks something. An older version reads this one alone, and lets such a caller in to nearly nothing.
    #[serde(default)]
    pub provisional: bool,
    /// What it lacks, where it is not a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<Lack>,
    /// Whether the account has a second factor that the session has not shown, whether its role needs one or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_half: bool,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// The second from which it is valid.
    pub nbf: i64,
    /// The second from which it is not valid any more.
    pub exp: i64,
    /// Its id.
    pub jti: Uuid,
}

impl From<&Claims> for Member {
    fn from(claims: &Claims) -> Self {
        let Claims { sub, sid, roles, mid, bound, scopes, acts_for, home, provisional, lacks, is_half, .. } = claims;
        Self {
            account: *sub,
            session: *sid,
            roles: roles.clone(),
            mandate: *mid,
            bound: bound.clone(),
            scopes: scopes.clone(),
            acts_for: *acts_for,
            home: home.clone(),
            lacks: lacks.or(provisional.then_some(Lack::Password)),
            is_half: *is_half,
        }
    }
}

/// Roles are written as words: `coordinator`.
mod roles {
    use proto::options::v1::Role;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(roles: &[Role], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(roles.iter().map(|role| proto::roles::word(*role)))
    }

    /// An unknown role is ignored: it allows nothing in this version.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Ok(names.iter().filter_map(|name| proto::roles::of_word(name)).collect())
    }
}

/// The claims of a teacher of `it`, valid from now on for ten minutes.
#[cfg(test)]
pub(crate) fn of_teacher(clock: &crate::Clock) -> Claims {
    let now = clock.now().as_second();
    Claims {
        iss: "koine".to_owned(),
        aud: "koine".to_owned(),
        sub: Uuid::from_u128(1),
        tenant: "it".to_owned(),
        sid: Uuid::from_u128(2),
        roles: vec![Role::Teacher],
        mid: None,
        bound: crate::Bound::default(),
        scopes: None,
        acts_for: None,
        home: None,
        provisional: false,
        lacks: None,
        is_half: false,
        iat: now,
        nbf: now,
        exp: now + 600,
        jti: Uuid::from_u128(3),
    }
}
