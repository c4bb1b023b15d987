//! The service that signs people in, as called by the other services.

use proto::identity::v1::{
    GetMembershipRequest, ListKeysRequest, membership_service_client::MembershipServiceClient,
    session_service_client::SessionServiceClient,
};

use crate::{
    Peers,
    border::Recheck,
    client::peer_error,
    token::{KeySource, PublicKey},
};

/// Its name.
pub(super) const ISSUER: &str = "identity";

/// Fetches the public keys from the service that signs tokens.
pub(super) fn keys(peers: Peers) -> KeySource {
    KeySource::new(move || {
        let channel = peers.channel(ISSUER);
        async move {
            let answer = SessionServiceClient::new(channel?).list_keys(ListKeysRequest {}).await.map_err(peer_error)?;
            Ok(answer.into_inner().keys.into_iter().map(|key| PublicKey { kid: key.kid, x: key.x }).collect())
        }
    })
}

/// Asks the service that signs tokens, with the visitor's token, whether they may still be here. The answer travels with the call.
pub(super) fn recheck(peers: Peers) -> Recheck {
    Recheck::new(move |ctx| {
        let channel = peers.call(ISSUER, &ctx);
        async move {
            let mut issuer = MembershipServiceClient::new(channel?);
            Ok(issuer.get_membership(GetMembershipRequest {}).await.map_err(peer_error)?.into_inner())
        }
    })
}
