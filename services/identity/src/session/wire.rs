//! Sessions and keys as messages.

use platform::{Id, Lack, token::PublicKey, wire};
use proto::identity::v1 as pb;

use super::{Opened, Session};

impl From<Opened> for pb::Session {
    fn from(Opened { grant, entry }: Opened) -> Self {
        let (refresh_token, refresh_expires_at) = grant.refresh.unzip();
        let is_lacking = |lack| entry.lacks() == Some(lack);
        Self {
            access_token: grant.access,
            access_expires_at: Some(wire::timestamp(grant.access_expires_at)),
            refresh_token: refresh_token.unwrap_or_default(),
            refresh_expires_at: refresh_expires_at.map(wire::timestamp),
            password_change_needed: is_lacking(Lack::Password),
            role: entry.mandate().role().into(),
            mandate_id: entry.mandate().id().to_string(),
            second_factor_needed: is_lacking(Lack::SecondFactor),
            enrolment_needed: is_lacking(Lack::Enrolment),
            passkey_needed: entry.needs_passkey(),
            provider_needed: entry.needs_provider(),
        }
    }
}

impl Session {
    /// The session as its owner sees it. `asking` is the session that asks.
    pub(super) fn shown(self, asking: Id<Self>) -> pb::OwnSession {
        pb::OwnSession {
            // it stays, whichever mandate the session goes on in
            id: self.family.to_string(),
            created_at: Some(wire::timestamp(self.created_at)),
            last_used_at: Some(wire::timestamp(self.last_used_at)),
            expires_at: Some(wire::timestamp(self.expires_at)),
            is_current: self.id == asking,
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
