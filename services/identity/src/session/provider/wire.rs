//! Providers and attempts as messages.

use platform::{Ctx, secret::Keys, wire};
use proto::identity::v1 as pb;

use super::{Answer, Attempt};
use crate::country::Provider;

impl From<&Provider> for pb::Provider {
    fn from(provider: &Provider) -> Self {
        Self { code: provider.code().to_owned(), name: provider.name().to_owned() }
    }
}

impl From<pb::CompleteProviderSignInRequest> for Answer {
    fn from(req: pb::CompleteProviderSignInRequest) -> Self {
        Self { attempt: req.attempt, state: req.state, code: req.code, provider: req.provider, iss: req.iss }
    }
}

impl From<pb::CompleteProviderLinkRequest> for Answer {
    fn from(req: pb::CompleteProviderLinkRequest) -> Self {
        Self { attempt: req.attempt, state: req.state, code: req.code, provider: req.provider, iss: req.iss }
    }
}

impl Attempt {
    /// The attempt as who has begun it sees it. `url` is where they go.
    pub(crate) fn shown(&self, ctx: &Ctx, keys: &Keys, url: String) -> pb::ProviderAttempt {
        let expires_at = Some(wire::timestamp(self.expires_at));
        pb::ProviderAttempt { url, attempt: self.secret(ctx, keys), expires_at }
    }
}
