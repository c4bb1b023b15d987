//! Machine tokens as messages.

use platform::wire;
use proto::identity::v1 as pb;

use super::{MachineToken, Wish};

impl From<MachineToken> for pb::MachineToken {
    fn from(token: MachineToken) -> Self {
        Self {
            id: token.id.to_string(),
            integrator_id: token.integrator.to_string(),
            label: token.label,
            scopes: token.scopes.words(),
            created_at: Some(wire::timestamp(token.created_at)),
            expires_at: Some(wire::timestamp(token.expires_at)),
            last_used_at: token.last_used_at.map(wire::timestamp),
            revoked_at: token.revoked_at.map(wire::timestamp),
        }
    }
}

impl From<pb::CreateMachineTokenRequest> for Wish {
    fn from(req: pb::CreateMachineTokenRequest) -> Self {
        Self { label: req.label.trim().to_owned(), scopes: req.scopes, days: req.valid_days }
    }
}
