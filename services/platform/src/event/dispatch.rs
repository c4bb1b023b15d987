//! Takes facts out of a service's outbox and gives them to the bus.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, future::join_all, stream, stream::FuturesUnordered};
use jiff::SignedDuration;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Bus, Errand, Late, Told, backlog,
    outbox::{self, Batch},
    rounds::{OFTEN, Rounds, SELDOM},
};
use crate::{
    Clock, Ctx, Ids, Reads, Result, Store, Tenant, TenantId, Tenants, ended, operation,
    store::{
        At,
        rows::{answered, inbox},
    },
    watch,
};

/// The number of tenants that [`Dispatcher::drain`] works on at once.
const AT_ONCE: usize = 8;
/// How often old rows are removed and the hourly work is done.
const HOUR: Duration = Duration::from_secs(3600);
/// How long the inbox keeps the record of a handled fact.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The dispatcher of one service's outbox, for all tenants.
#[derive(Clone)]
pub struct Dispatcher {
    store: Store,
    bus: Bus,
    tenants: Tenants,
    clock: Clock,
    ids: Ids,
}

impl Dispatcher {
    /// A dispatcher. It does nothing before [`Dispatcher::run`] or [`Dispatcher::drain`].
    pub fn new(store: Store, bus: Bus, tenants: Tenants, clock: Clock, ids: Ids) -> Self {
        Self { store, bus, tenants, clock, ids }
    }

    /// Dispatches until `stop` is cancelled. Each tenant is separate, so that a tenant whose mail server is slow delays no other.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.dispatch(&stop), self.tidy(&stop), self.errands(&stop));
    }

    async fn dispatch(&self, stop: &CancellationToken) {
        let mut rounds = Rounds::default();
        let mut looks = FuturesUnordered::new();
        loop {
            looks.extend(rounds.due(self.tenants.all(), Instant::now()).into_iter().map(|tenant| self.look(tenant)));
            tokio::select! {
                () = stop.cancelled() => break,
                tenants = self.store.published() => rounds.published(tenants, Instant::now()),
                Some((tenant, again)) = looks.next() => rounds.ended(tenant.id(), again, Instant::now()),
                () = tokio::time::sleep(OFTEN) => {}
            }
        }
        // a dispatch that has begun is completed
        while looks.next().await.is_some() {}
    }

    async fn tidy(&self, stop: &CancellationToken) {
        loop {
            self.sweep().await;
            self.hour().await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(HOUR) => {}
            }
        }
    }

    /// Does what handlers have left to be done. No fact waits for it.
    async fn errands(&self, stop: &CancellationToken) {
        join_all(self.bus.errands(self.store.service()).map(|errand| self.attend(errand, stop))).await;
    }

    async fn attend(&self, errand: &Errand, stop: &CancellationToken) {
        let (mut rounds, mut looks) = (FuturesUnordered::new(), tokio::time::interval(SELDOM));
        loop {
            let begun = errand.bell.begins();
            rounds.extend(begun.into_iter().map(|(tenant, wake)| self.round(errand, tenant, wake, stop)));
            tokio::select! {
                () = stop.cancelled() => break,
                _ = looks.tick() => self.tenants.all().iter().for_each(|tenant| errand.bell.ring_in(tenant.id())),
                () = errand.bell.rung() => {}
                Some(()) = rounds.next() => {}
            }
        }
        while rounds.next().await.is_some() {}
    }

    async fn round(&self, errand: &Errand, tenant: TenantId, wake: Arc<Notify>, stop: &CancellationToken) {
        match self.tenants.get(tenant.as_str()) {
            Ok(found) => {
                let ctx = || Ctx::for_job(found.clone(), errand.name, &self.clock, self.ids.clone());
                errand.round((&tenant, &wake), ctx, stop).await;
            }
            // its file is gone: there is nobody for whom anything could be done
            Err(_) => while !errand.bell.ends(&tenant) {},
        }
    }

    /// Dispatches what is due now, in every tenant. Failures are logged, and tried again later.
    pub async fn drain(&self) {
        stream::iter(self.tenants.all())
            .for_each_concurrent(AT_ONCE, async |tenant| drop(self.look(tenant).await))
            .await;
    }

    /// Dispatches what is due now in one tenant. Returns the tenant, and whether facts are waiting to be tried again.
    async fn look(&self, tenant: Arc<Tenant>) -> (Arc<Tenant>, bool) {
        let again = self.drain_tenant(&tenant).await.unwrap_or_else(|error| {
            tracing::error!(tenant = %tenant.id(), service = self.store.service(), ?error, "outbox cannot be read");
            true
        });
        (tenant, again)
    }

    /// The number of facts in the outbox and the backlogs of every tenant: due, not due, or parked. Each errand of a tenant that is not
    /// done yet counts as one more.
    pub async fn waiting(&self) -> Result<u64> {
        let errands = self.bus.errands(self.store.service());
        let mut waiting: u64 = errands.map(|errand| errand.bell.busy() as u64).sum();
        for tenant in self.tenants.all() {
            let db = self.store.read(&self.ctx(&tenant)).await?;
            let (in_backlogs, parked) = backlog::count(&db).await?;
            waiting += outbox::count(&db).await? + in_backlogs + parked;
        }
        Ok(waiting)
    }

    /// The service whose outbox this is.
    pub fn service(&self) -> &'static str {
        self.store.service()
    }

    /// The facts of a tenant that could not be handled, or could not leave for other processes, at the first attempt.
    pub async fn late(&self, tenant: &Arc<Tenant>) -> Result<Vec<Late>> {
        let db = self.store.read(&self.ctx(tenant)).await?;
        Ok([outbox::late(&db).await?, backlog::late(&db).await?].concat())
    }

    /// Makes parked facts of a tenant due: those with these ids, or all, where no ids are given. Returns their number.
    pub async fn release(&self, tenant: &Arc<Tenant>, ids: &[Uuid]) -> Result<u64> {
        let tx = self.store.change(&self.ctx(tenant)).await?;
        let released = backlog::release(&tx, ids).await?;
        tx.commit().await?;
        Ok(released)
    }

    /// Removes old rows: stored answers, records of handled facts, changes for watchers, and sessions that ended long ago.
    pub async fn sweep(&self) {
        for tenant in self.tenants.all() {
            if let Err(error) = self.sweep_tenant(&tenant).await {
                tracing::error!(tenant = %tenant.id(), service = self.store.service(), ?error, "old rows not swept");
            }
        }
    }

    /// Does the hourly work of the service in every tenant.
    pub async fn hour(&self) {
        for tenant in self.tenants.all() {
            self.bus.hour(self.store.service(), &tenant).await;
        }
    }

    async fn sweep_tenant(&self, tenant: &Arc<Tenant>) -> Result<()> {
        let ctx = self.ctx(tenant);
        let tx = self.store.change(&ctx).await?;
        let old = At(ctx.now() - crate::store::ANSWERS_KEPT);
        answered::Entity::delete_many().filter(answered::Column::At.lt(old)).exec(tx.conn()).await?;
        let old = At(ctx.now() - REMEMBERED);
        inbox::Entity::delete_many().filter(inbox::Column::At.lt(old)).exec(tx.conn()).await?;
        watch::sweep(&tx, ctx.now()).await?;
        ended::sweep(&tx, ctx.now()).await?;
        operation::sweep(&tx).await?;
        let (_, parked) = backlog::count(&tx).await?;
        if parked > 0 {
            tracing::error!(tenant = %tenant.id(), service = self.store.service(), parked,
                "facts are parked; `koine facts list` shows them, `koine facts retry` releases them");
        }
        tx.commit().await
    }

    async fn drain_tenant(&self, tenant: &Arc<Tenant>) -> Result<bool> {
        let waiting = self.bus.try_again(&self.store, tenant).await?;
        loop {
            let (due, others) = outbox::due(&self.store.read(&self.ctx(tenant)).await?).await?;
            if due.is_empty() {
                return Ok(waiting || others);
            }
            let drained = join_all(due.iter().map(|kind| self.drain_queue(tenant, kind))).await;
            let drained: Vec<bool> = drained.into_iter().collect::<Result<_>>()?;
            if !drained.contains(&true) {
                return Ok(true);
            }
        }
    }

    /// Publishes the first facts of a kind. Returns whether all of them were published.
    async fn drain_queue(&self, tenant: &Arc<Tenant>, kind: &str) -> Result<bool> {
        let Some(mut batch) = Batch::take(&self.store, &self.ctx(tenant), kind).await? else { return Ok(false) };
        let (mut done, mut failed) = (0, false);
        while let Some(fact) = batch.facts().get(done).cloned() {
            let attempts = fact.attempts + 1;
            if !batch.hold(&self.ctx(tenant)).await? {
                return Ok(false);
            }
            if let Err(error) = self.bus.publish(tenant, &Told::from(fact)).await {
                tracing::error!(tenant = %tenant.id(), event = kind, attempts, ?error,
                    "fact not handled: it stays in the outbox and is tried again later");
                failed = true;
                break;
            }
            done += 1;
        }
        batch.settle(&self.ctx(tenant), done, failed).await?;
        Ok(!failed)
    }

    fn ctx(&self, tenant: &Arc<Tenant>) -> Ctx {
        Ctx::for_job(tenant.clone(), "dispatch", &self.clock, self.ids.clone())
    }
}
