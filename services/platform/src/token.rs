//! Access tokens: who made the call, in which tenant, for how long. Every process verifies them by itself, with public keys it
//! asks the issuer for; nobody is asked per call.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use proto::options::v1::Role;

use crate::{Member, TenantId, secret::Secret};

mod signer;
mod verifier;

pub use signer::{PublicKey, Signer};
pub use verifier::{KeySource, Verifier};

/// The `[tokens]` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The name tokens are issued under: tokens of another installation are not taken.
    pub issuer: String,
    /// How long an access token works.
    pub access_minutes: u32,
    /// How long a session can be refreshed.
    pub refresh_days: u32,
    /// The Ed25519 key tokens are signed with, PKCS#8 in PEM. Without it one is made under `process.data`.
    pub signing_key: Option<Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { issuer: "koine".to_owned(), access_minutes: 10, refresh_days: 30, signing_key: None }
    }
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The installation that issued it.
    pub iss: String,
    /// The account.
    pub sub: Uuid,
    /// The one tenant it works in.
    pub tenant: String,
    /// The session it belongs to.
    pub sid: Uuid,
    /// What the account may be in the tenant.
    #[serde(with = "roles")]
    pub roles: Vec<Role>,
    /// What a shared account stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_for: Option<Uuid>,
    /// The tenant the caller is at home in, where that is not [`tenant`](Self::tenant): it was exchanged for a token of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<TenantId>,
    /// Whether the caller signed in with a credential that must be replaced first.
    #[serde(default)]
    pub provisional: bool,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// From when it works no more.
    pub exp: i64,
    /// Its own name.
    pub jti: Uuid,
}

impl From<&Claims> for Member {
    fn from(claims: &Claims) -> Self {
        let Claims { sub, sid, roles, acts_for, home, provisional, .. } = claims;
        Self {
            account: *sub,
            session: *sid,
            roles: roles.clone(),
            acts_for: *acts_for,
            home: home.clone(),
            provisional: *provisional,
        }
    }
}

/// Roles are written as the words people use: `coordinator`.
mod roles {
    use proto::options::v1::Role;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(roles: &[Role], serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq(roles.iter().map(|role| role.as_str_name().trim_start_matches("ROLE_").to_ascii_lowercase()))
    }

    /// A role this version does not know is passed over: it can open nothing here.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Ok(names
            .iter()
            .filter_map(|name| Role::from_str_name(&format!("ROLE_{}", name.to_ascii_uppercase())))
            .collect())
    }
}
