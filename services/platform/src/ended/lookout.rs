//! What a process does to know of the sessions that end elsewhere.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, watch::Receiver};

use super::{Ended, over, rows};
use crate::{Clock, Ctx, Ids, Result, Store, Tasks, Tenant, TenantId, token::Claims};

/// The topic of the bell that rings at the replicas of a service when sessions have ended.
pub(crate) const TOPIC: &str = "ended sessions";

/// How far back the table is read again: longer than a call or a handler takes from its instant to its commit.
const BACK: SignedDuration = SignedDuration::from_secs(90);

/// Knows which sessions have ended in the tenants of a process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lookout(Arc<Inner>);

struct Inner {
    ended: Ended,
    /// The stores whose tables are read.
    stores: Vec<Store>,
    clock: Clock,
    ids: Ids,
    tasks: Tasks,
    /// The tenants whose tables were read, or are being read. The cell is set when they were.
    known: RwLock<HashMap<TenantId, Arc<OnceCell<()>>>>,
}

impl Lookout {
    /// Looks into the tables of these stores.
    pub(crate) fn new(ended: Ended, stores: Vec<Store>, clock: Clock, ids: Ids, tasks: Tasks) -> Self {
        Self(Arc::new(Inner { ended, stores, clock, ids, tasks, known: RwLock::default() }))
    }

    /// Checks that the session of a token has not ended. Error: `TOKEN_ENDED`; that of the database, where nobody can say so yet.
    pub(crate) async fn check(&self, tenant: &Arc<Tenant>, claims: &Claims) -> Result<()> {
        // a visitor's home is asked before every call
        if claims.home.is_some() {
            return Ok(());
        }
        if !self.knows(tenant.id()) {
            self.learn(tenant).await?;
        }
        if self.0.ended.has(claims) { Err(over()) } else { Ok(()) }
    }

    /// The registry.
    pub(crate) fn ended(&self) -> &Ended {
        &self.0.ended
    }

    fn knows(&self, tenant: &TenantId) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(tenant).is_some_and(|cell| cell.initialized())
    }

    /// Reads the tables of a tenant, or waits for the call that does.
    async fn learn(&self, tenant: &Arc<Tenant>) -> Result<()> {
        let cell = {
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            known.entry(tenant.id().clone()).or_default().clone()
        };
        cell.get_or_try_init(|| self.begin(tenant)).await.map(drop)
    }

    async fn begin(&self, tenant: &Arc<Tenant>) -> Result<()> {
        let mut read = Vec::new();
        for store in &self.0.stores {
            // before the table is read, so that nothing is missed in between
            let bell = store.bells().listen(tenant.id(), TOPIC);
            read.push((store.clone(), bell, self.read(store, tenant, self.0.clock.now()).await?));
        }
        for (store, bell, latest) in read {
            self.0.tasks.spawn("ended sessions", self.clone().follow(store, tenant.clone(), bell, latest));
        }
        Ok(())
    }

    /// Reads the table again whenever the bell rings. Where that fails, the tenant is not known any more, and its next call reads.
    async fn follow(self, store: Store, tenant: Arc<Tenant>, mut bell: Receiver<()>, mut latest: Timestamp) {
        let stop = self.0.tasks.token();
        while let Some(Ok(())) = stop.run_until_cancelled(bell.changed()).await {
            match self.read(&store, &tenant, latest - BACK).await {
                Ok(read) => latest = latest.max(read),
                Err(error) => {
                    tracing::error!(tenant = %tenant.id(), service = store.service(), ?error, "ended sessions cannot be read");
                    self.0.known.write().unwrap_or_else(PoisonError::into_inner).remove(tenant.id());
                    return;
                }
            }
        }
    }

    /// Adds the sessions that are kept for longer than an instant. Returns how long the last of them is kept.
    async fn read(&self, store: &Store, tenant: &Arc<Tenant>, instant: Timestamp) -> Result<Timestamp> {
        let ctx = Ctx::for_job(tenant.clone(), TOPIC, &self.0.clock, self.0.ids.clone());
        let sessions = rows::kept_after(&store.glance(&ctx).await?, instant.max(ctx.now())).await?;
        let latest = sessions.iter().map(|(_, kept_until)| *kept_until).max();
        self.0.ended.add(tenant.id(), sessions);
        Ok(latest.unwrap_or(instant))
    }
}
