//! Takes facts out of a service's outbox and gives them to the bus, until every one was handled.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockBehavior, LockType},
};
use tokio_util::sync::CancellationToken;

use super::Bus;
use crate::{
    Clock, Ctx, Ids, Reads, Result, Store, Tenant, Tenants,
    store::{
        At,
        rows::{answered, inbox, outbox},
    },
};

/// How many facts are taken at once.
const BATCH: u64 = 64;
/// How long a taken fact is out of the sight of other replicas. One that dies with it gives it back after this.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often the outboxes are looked at when nothing was committed here: for other replicas' facts and for those tried again.
const PATROL: Duration = Duration::from_secs(5);
/// How often old rows are swept.
const SWEEP: SignedDuration = SignedDuration::from_hours(1);
/// How long a handled fact is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The dispatcher of one service's outbox, over all tenants.
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

    /// Dispatches until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut swept = Timestamp::MIN;
        loop {
            self.drain().await;
            if self.clock.now().duration_since(swept) >= SWEEP {
                swept = self.clock.now();
                self.sweep().await;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.store.committed() => {}
                () = tokio::time::sleep(PATROL) => {}
            }
        }
    }

    /// Dispatches what is due now, in every tenant. What fails is logged and tried again later.
    pub async fn drain(&self) {
        for tenant in self.tenants.all() {
            if let Err(error) = self.drain_tenant(&tenant).await {
                tracing::error!(tenant = %tenant.id(), service = self.store.service(), ?error, "outbox cannot be read");
            }
        }
    }

    /// How many facts are waiting, in every tenant, due or not.
    pub async fn waiting(&self) -> Result<u64> {
        use sea_orm::PaginatorTrait;
        let mut waiting = 0;
        for tenant in self.tenants.all() {
            let db = self.store.read(&self.ctx(&tenant)).await?;
            waiting += outbox::Entity::find().count(db.conn()).await?;
        }
        Ok(waiting)
    }

    /// Forgets what no longer needs to be remembered: old answers and old records of handled facts.
    pub async fn sweep(&self) {
        for tenant in self.tenants.all() {
            if let Err(error) = self.sweep_tenant(&tenant).await {
                tracing::error!(tenant = %tenant.id(), service = self.store.service(), ?error, "old rows not swept");
            }
        }
    }

    async fn sweep_tenant(&self, tenant: &Arc<Tenant>) -> Result<()> {
        let ctx = self.ctx(tenant);
        let tx = self.store.write(&ctx).await?;
        let old = At(ctx.now() - crate::store::ANSWERS_KEPT);
        answered::Entity::delete_many().filter(answered::Column::At.lt(old)).exec(tx.conn()).await?;
        let old = At(ctx.now() - REMEMBERED);
        inbox::Entity::delete_many().filter(inbox::Column::At.lt(old)).exec(tx.conn()).await?;
        tx.commit().await
    }

    async fn drain_tenant(&self, tenant: &Arc<Tenant>) -> Result<()> {
        loop {
            let facts = self.take(tenant).await?;
            if facts.is_empty() {
                return Ok(());
            }
            let mut handled = Vec::new();
            for fact in facts {
                match self.bus.publish(tenant, &fact).await {
                    Ok(()) => handled.push(fact.id),
                    Err(error) => {
                        tracing::error!(tenant = %tenant.id(), event = %fact.name, attempts = fact.attempts + 1, error = ?error,
                            "fact not handled; tried again later");
                        self.put_back(tenant, fact).await?;
                    }
                }
            }
            let tx = self.store.write(&self.ctx(tenant)).await?;
            outbox::Entity::delete_many().filter(outbox::Column::Id.is_in(handled)).exec(tx.conn()).await?;
            tx.commit().await?;
        }
    }

    async fn take(&self, tenant: &Arc<Tenant>) -> Result<Vec<outbox::Model>> {
        let ctx = self.ctx(tenant);
        let due = outbox::Entity::find()
            .filter(outbox::Column::DueAt.lte(At(ctx.now())))
            .order_by_asc(outbox::Column::Id)
            .limit(BATCH);
        // most looks find nothing: they take no lock
        if due.clone().one(self.store.read(&ctx).await?.conn()).await?.is_none() {
            return Ok(Vec::new());
        }
        let tx = self.store.write(&ctx).await?;
        let locked = match tx.conn().get_database_backend() {
            DbBackend::Postgres => due.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked),
            _ => due,
        };
        let facts = locked.all(tx.conn()).await?;
        outbox::Entity::update_many()
            .col_expr(outbox::Column::DueAt, At(ctx.now() + LEASE).into())
            .filter(outbox::Column::Id.is_in(facts.iter().map(|fact| fact.id)))
            .exec(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(facts)
    }

    async fn put_back(&self, tenant: &Arc<Tenant>, fact: outbox::Model) -> Result<()> {
        let ctx = self.ctx(tenant);
        let tx = self.store.write(&ctx).await?;
        let attempts = fact.attempts + 1;
        let mut row = fact.into_active_model();
        row.attempts = Set(attempts);
        row.due_at = Set(At(next_try(ctx.now(), attempts)));
        outbox::Entity::update(row).exec(tx.conn()).await?;
        tx.commit().await
    }

    fn ctx(&self, tenant: &Arc<Tenant>) -> Ctx {
        Ctx::for_job(tenant.clone(), "dispatch", &self.clock, self.ids.clone())
    }
}

/// Twice as long after each failure, at most five minutes.
fn next_try(now: Timestamp, attempts: i32) -> Timestamp {
    let seconds = 1_i64 << attempts.clamp(0, 8);
    now + SignedDuration::from_secs(seconds.min(300))
}
