//! Sessions that end before their access tokens expire.
//!
//! A token is verified without a question to anybody, so everybody who verifies tokens has to know which sessions have ended. Each
//! process keeps their ids in memory, until the last token of each has expired; before a call is let in they are looked at, and
//! nothing is asked.
//!
//! Who ends a session calls [`end`] in the transaction that does. Its commit writes the ids into a table of the service, tells this
//! process, rings the bell of the other replicas, and publishes the fact `SessionsEnded`, by which the other services do the same. A
//! process reads the table of a tenant before the first call that it lets in there, and again when the bell rings.
//!
//! A call that was let in before the end and writes after it is refused when it opens its transaction ([`Ended::still`]).

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use jiff::{SignedDuration, Timestamp};
use proto::{Fact, identity::v1::SessionsEnded};
use uuid::Uuid;

use crate::{
    Ctx, Error, Result, Store, TenantId, Tx,
    error::{Reason, Shared},
    event::Handlers,
    token::{self, Claims},
};

mod lookout;
mod rows;

pub(crate) use lookout::Lookout;
use lookout::TOPIC;
pub(crate) use rows::{sweep, write};

/// How much longer than an access token lives an ended session is kept: as long as a call that was let in with the token may run, an upload
/// on a slow line for hours, for it is looked at again when the call writes. It also covers that the clocks of two processes differ, and
/// that a token may be given while its session is ended.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// The sessions that have ended, as far as this process knows. Cheap to clone; all clones are one registry.
#[derive(Clone)]
pub(crate) struct Ended(Arc<Inner>);

struct Inner {
    /// How long a session is kept after its end.
    kept: SignedDuration,
    sessions: RwLock<HashMap<Uuid, Entry>>,
}

/// An ended session.
struct Entry {
    tenant: TenantId,
    kept_until: Timestamp,
}

impl Default for Ended {
    fn default() -> Self {
        Self::new(&token::Settings::default())
    }
}

impl Ended {
    /// An empty registry, for tokens of these settings.
    pub(crate) fn new(tokens: &token::Settings) -> Self {
        let kept = tokens.access() + MARGIN;
        Self(Arc::new(Inner { kept, sessions: RwLock::default() }))
    }

    /// The instant until which a session that ends now is kept.
    pub(crate) fn kept_until(&self, now: Timestamp) -> Timestamp {
        now + self.0.kept
    }

    /// Adds sessions of a tenant.
    pub(crate) fn add(&self, tenant: &TenantId, sessions: impl IntoIterator<Item = (Uuid, Timestamp)>) {
        let mut known = self.0.sessions.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(sessions.into_iter().map(|(id, kept_until)| (id, Entry { tenant: tenant.clone(), kept_until })));
    }

    /// Whether the session of a token has ended. A visitor's has not: it is one of another tenant, which is asked before every call.
    pub(crate) fn has(&self, claims: &Claims) -> bool {
        let known = self.0.sessions.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&claims.sid).is_some_and(|entry| entry.tenant.as_str() == claims.tenant)
    }

    /// Refuses a call whose session has ended since it was let in, for instance while its body was read. Error: `TOKEN_ENDED`.
    pub(crate) fn still(&self, ctx: &Ctx) -> Result<()> {
        let Ok(member) = ctx.member() else { return Ok(()) };
        let known = self.0.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let has_ended = known.get(&member.session).is_some_and(|entry| entry.tenant == *ctx.tenant().id());
        if has_ended { Err(over()) } else { Ok(()) }
    }

    /// Removes the sessions for which no call can run any more.
    pub(crate) fn forget(&self, now: Timestamp) {
        self.0.sessions.write().unwrap_or_else(PoisonError::into_inner).retain(|_, entry| entry.kept_until > now);
    }
}

/// Ends sessions at every entrance of every service, if the transaction commits: their access tokens are refused from then on. It is
/// for the service that signs people in.
pub fn end(tx: &Tx, sessions: &[Uuid]) {
    if !sessions.is_empty() {
        tx.ended(sessions);
        tx.emit(&SessionsEnded { session_ids: sessions.iter().map(Uuid::to_string).collect() });
    }
}

/// Tells this process and the other replicas of a service that sessions have ended, when it is dropped: after the commit, and where
/// the caller goes away while it runs and nobody knows how it ends. Then a session that goes on is refused rather than one that ended
/// let in.
pub(crate) struct Telling {
    store: Store,
    tenant: TenantId,
    sessions: Vec<Uuid>,
    kept_until: Timestamp,
}

impl Telling {
    /// For sessions of the caller's tenant, kept until an instant.
    pub(crate) fn new(store: &Store, ctx: &Ctx, sessions: Vec<Uuid>, kept_until: Timestamp) -> Self {
        Self { store: store.clone(), tenant: ctx.tenant().id().clone(), sessions, kept_until }
    }

    /// Nothing was committed.
    pub(crate) fn nothing(mut self) {
        self.sessions.clear();
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let sessions = std::mem::take(&mut self.sessions);
        if !sessions.is_empty() {
            self.store.ended().add(&self.tenant, sessions.into_iter().map(|session| (session, self.kept_until)));
            self.store.bells().pass_on((self.tenant.clone(), TOPIC.to_owned()));
        }
    }
}

/// The error for a caller whose session has ended.
pub(crate) fn over() -> Error {
    Shared::TokenEnded.error("The session of this token has ended. Sign in again.")
}

/// Adds the handler by which a service learns that sessions have ended, where the fact names the service. Nobody else adds one.
pub(crate) fn handlers(handlers: Handlers, store: &Store) -> Handlers {
    if !SessionsEnded::CONSUMERS.contains(&store.service()) {
        return handlers;
    }
    let store = store.clone();
    handlers.on_each("end sessions", move |ctx, fact| {
        let store = store.clone();
        async move { hear(&store, &ctx, fact).await }
    })
}

async fn hear(store: &Store, ctx: &Ctx, fact: SessionsEnded) -> Result<()> {
    let ids = fact.session_ids.iter().map(|id| id.parse().map_err(Error::internal));
    let ids: Vec<Uuid> = ids.collect::<Result<_>>()?;
    let tx = store.change(ctx).await?;
    tx.ended(&ids);
    tx.commit().await
}

#[cfg(test)]
mod tests;
