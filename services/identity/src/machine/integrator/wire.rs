//! Integrators as messages.

use jiff::Timestamp;
use platform::wire;
use proto::identity::v1 as pb;

use super::{Integrator, Registration};
use crate::{machine::MachineToken, session::Grant};

impl From<Integrator> for pb::Integrator {
    fn from(integrator: Integrator) -> Self {
        let Integrator { id, account, mandate: _, name, purpose, scopes, created_at, created_by } = integrator;
        Self {
            id: id.to_string(),
            account_id: account.to_string(),
            name,
            purpose,
            scopes: scopes.words(),
            created_at: Some(wire::timestamp(created_at)),
            created_by: created_by.to_string(),
        }
    }
}

impl From<pb::CreateIntegratorRequest> for Registration {
    fn from(req: pb::CreateIntegratorRequest) -> Self {
        Self { name: req.name.trim().to_owned(), purpose: req.purpose.trim().to_owned(), scopes: req.scopes }
    }
}

/// The answer for an access token that is given at `now` for a machine token.
pub(super) fn given(now: Timestamp, token: &MachineToken, grant: Grant) -> pb::ExchangeMachineTokenResponse {
    let left = grant.access_expires_at.duration_since(now);
    pb::ExchangeMachineTokenResponse {
        access_token: grant.access,
        token_type: "Bearer".to_owned(),
        expires_in: i32::try_from(left.as_secs()).unwrap_or_default(),
        scope: token.scopes().to_string(),
    }
}
