//! Chains entries a moment after they were written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::stream::{self, StreamExt};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Lane, chain::chain};
use crate::{Clock, Ctx, Error, Ids, Result, Store, Tenant, TenantId, Tenants};

/// How long entries are collected before they are chained together. With the time for chaining this is below 100 ms.
const GATHER: Duration = Duration::from_millis(50);
/// How long the sequencer waits before it retries a log that could not be chained.
const PAUSE: Duration = Duration::from_secs(5);
/// How often every log is checked, for entries of a replica that died before it chained them.
const SELDOM: Duration = Duration::from_secs(300);
/// How many tenants are checked at the same time.
const AT_ONCE: usize = 4;

/// The sequencer of one service's audit logs, for all tenants. Each replica has one; what one of them chains, the others find done.
#[derive(Clone)]
pub struct Sequencer {
    store: Store,
    tenants: Tenants,
    clock: Clock,
    ids: Ids,
    /// The broken lanes that were logged, so that each is logged once.
    told: Arc<Mutex<BTreeSet<(TenantId, Uuid)>>>,
}

impl Sequencer {
    /// A sequencer. It does nothing before [`Sequencer::run`] or [`Sequencer::drain`].
    pub fn new(store: Store, tenants: Tenants, clock: Clock, ids: Ids) -> Self {
        Self { store, tenants, clock, ids, told: Arc::default() }
    }

    /// Chains until `stop` is cancelled. Tenants with new entries are chained within 100 ms, and every tenant every five minutes.
    pub async fn run(self, stop: CancellationToken) {
        let (mut look, mut again) = (tokio::time::interval(SELDOM), tokio::time::interval(PAUSE));
        let (mut due, mut failed) = (BTreeSet::new(), BTreeSet::new());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                noted = self.store.noted() => due.extend(noted),
                _ = again.tick(), if !failed.is_empty() => due.append(&mut failed),
                _ = look.tick() => due.extend(self.every()),
            }
            if stop.run_until_cancelled(tokio::time::sleep(GATHER)).await.is_none() {
                return;
            }
            for (tenant, error) in self.chain(std::mem::take(&mut due), &BTreeMap::new()).await {
                tracing::error!(%tenant, service = self.store.service(), ?error, "audit log not chained; tried again later");
                failed.insert(tenant);
            }
        }
    }

    /// Chains the waiting entries of every tenant. Error: that of the first tenant whose log could not be chained.
    pub async fn drain(&self) -> Result<()> {
        let failed = self.chain(self.every(), &BTreeMap::new()).await;
        failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Chains the entries of this process and removes its lanes, when the process ends.
    pub async fn finish(&self) {
        let leaving = self.store.close_lanes();
        for (tenant, error) in self.chain(leaving.keys().cloned().collect(), &leaving).await {
            tracing::warn!(%tenant, service = self.store.service(), ?error, "audit log not chained; the next process does it");
        }
    }

    fn every(&self) -> BTreeSet<TenantId> {
        self.tenants.all().iter().map(|tenant| tenant.id().clone()).collect()
    }

    /// Chains the logs of these tenants. Returns the tenants whose log could not be chained, with the error.
    async fn chain(&self, due: BTreeSet<TenantId>, leaving: &BTreeMap<TenantId, Vec<Lane>>) -> Vec<(TenantId, Error)> {
        let looks = stream::iter(due).map(async |id| {
            // the file of the tenant was removed: its log waits until the file is back
            let tenant = self.tenants.get(id.as_str()).ok()?;
            let done = self.one(&tenant, leaving.get(&id).map_or(&[][..], Vec::as_slice)).await;
            done.err().map(|error| (id, error))
        });
        looks.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
    }

    async fn one(&self, tenant: &Arc<Tenant>, leaving: &[Lane]) -> Result<()> {
        let ctx = Ctx::for_job(tenant.clone(), "sequence", &self.clock, self.ids.clone());
        let broken = chain(&self.store, &ctx, leaving).await?;
        for lane in broken {
            let is_new = self.told.lock().unwrap_or_else(PoisonError::into_inner).insert((tenant.id().clone(), lane));
            if is_new {
                tracing::error!(tenant = %tenant.id(), service = self.store.service(), %lane,
                    "an entry of the audit log was changed, removed or added before it was chained: see `koine audit`");
            }
        }
        Ok(())
    }
}
