//! Passkeys as messages.

use platform::wire;
use proto::identity::v1 as pb;

use super::{Begun, New, Passkey};

impl From<Passkey> for pb::Passkey {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name,
            created_at: Some(wire::timestamp(passkey.created_at)),
            last_used_at: passkey.last_used_at.map(wire::timestamp),
            is_second_factor: passkey.is_factor,
        }
    }
}

impl From<Begun> for pb::BeginPasskeyResponse {
    fn from(Begun { ceremony, options, expires_at }: Begun) -> Self {
        Self { ceremony, options, expires_at: Some(wire::timestamp(expires_at)) }
    }
}

impl From<Begun> for pb::BeginPasskeySignInResponse {
    fn from(Begun { ceremony, options, expires_at }: Begun) -> Self {
        Self { ceremony, options, expires_at: Some(wire::timestamp(expires_at)) }
    }
}

impl<'a> From<&'a pb::ConfirmPasskeyRequest> for New<'a> {
    fn from(req: &'a pb::ConfirmPasskeyRequest) -> Self {
        Self { ceremony: &req.ceremony, credential: &req.credential, name: &req.name }
    }
}
