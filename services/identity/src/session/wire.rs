//! Sessions and keys as messages.

use platform::{token::PublicKey, wire};
use proto::identity::v1 as pb;

use super::Grant;

impl From<Grant> for pb::Session {
    fn from(grant: Grant) -> Self {
        let password_change_needed = grant.refresh.is_none();
        let (refresh_token, refresh_expires_at) = grant.refresh.unzip();
        Self {
            access_token: grant.access,
            access_expires_at: Some(wire::timestamp(grant.access_expires_at)),
            refresh_token: refresh_token.unwrap_or_default(),
            refresh_expires_at: refresh_expires_at.map(wire::timestamp),
            password_change_needed,
        }
    }
}

/// Converts a public key to a JSON Web Key. (A function, because `From` cannot be implemented between two types of other crates.)
pub(super) fn key(key: &PublicKey) -> pb::Key {
    pb::Key {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: key.x.clone(),
        kid: key.kid.clone(),
        r#use: "sig".to_owned(),
        alg: "EdDSA".to_owned(),
    }
}
