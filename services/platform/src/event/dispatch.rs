//! Takes facts out of a service's outbox and gives them to the bus, until every one was handled.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{LockBehavior, LockType},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Bus,
    rounds::{OFTEN, Rounds},
};
use crate::{
    Clock, Ctx, Error, Ids, Reads, Result, Store, Tenant, Tenants,
    store::{
        At,
        rows::{answered, inbox, outbox},
    },
};

/// How many facts are taken at once.
const BATCH: u64 = 64;
/// How long a taken fact is out of the sight of other replicas. One that dies with it gives it back after this; one that is slow
/// takes it again before the half is over.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// After how many failures a fact is given up: at the pace of [`next_try`] that is about twenty hours.
const TRIES: i32 = 50;
/// When a fact that was given up is due: in the year 9999. It stays in the outbox, where an operator can make it due again.
const NEVER: Timestamp = Timestamp::constant(253_370_764_800, 0);
/// How many tenants are looked at at once where all are.
const AT_ONCE: usize = 8;
/// How often old rows are swept, and what services do every hour is done.
const HOUR: Duration = Duration::from_secs(3600);
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

    /// Dispatches until told to stop. Each tenant by itself: one whose mail server sleeps holds up no other.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.dispatch(&stop), self.tidy(&stop));
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
        // what was begun is brought to its end
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

    /// Dispatches what is due now, in every tenant. What fails is logged and tried again later.
    pub async fn drain(&self) {
        stream::iter(self.tenants.all())
            .for_each_concurrent(AT_ONCE, async |tenant| drop(self.look(tenant).await))
            .await;
    }

    /// Dispatches what is due now in one tenant. Gives it back, and whether something has to be tried again.
    async fn look(&self, tenant: Arc<Tenant>) -> (Arc<Tenant>, bool) {
        let again = self.drain_tenant(&tenant).await.unwrap_or_else(|error| {
            tracing::error!(tenant = %tenant.id(), service = self.store.service(), ?error, "outbox cannot be read");
            true
        });
        (tenant, again)
    }

    /// How many facts are waiting, in every tenant, due or not.
    pub async fn waiting(&self) -> Result<u64> {
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

    /// Does what the service does every hour, in every tenant.
    pub async fn hour(&self) {
        for tenant in self.tenants.all() {
            self.bus.hour(self.store.service(), &tenant).await;
        }
    }

    async fn sweep_tenant(&self, tenant: &Arc<Tenant>) -> Result<()> {
        let ctx = self.ctx(tenant);
        let tx = self.store.write(&ctx).await?;
        let old = At(ctx.now() - crate::store::ANSWERS_KEPT);
        answered::Entity::delete_many().filter(answered::Column::At.lt(old)).exec(tx.conn()).await?;
        let old = At(ctx.now() - REMEMBERED);
        inbox::Entity::delete_many().filter(inbox::Column::At.lt(old)).exec(tx.conn()).await?;
        let given_up = outbox::Entity::find().filter(outbox::Column::DueAt.eq(At(NEVER))).count(tx.conn()).await?;
        if given_up > 0 {
            tracing::error!(tenant = %tenant.id(), service = self.store.service(), given_up,
                "facts were given up; `UPDATE outbox SET attempts = 0, due_at = 0 WHERE attempts >= 50` makes them due again");
        }
        tx.commit().await
    }

    async fn drain_tenant(&self, tenant: &Arc<Tenant>) -> Result<bool> {
        let mut again = false;
        loop {
            let (facts, mut until) = self.take(tenant).await?;
            if facts.is_empty() {
                return Ok(again);
            }
            let mut handled = Vec::new();
            for (place, fact) in facts.iter().enumerate() {
                let rest = facts[place..].iter().map(|fact| fact.id);
                match self.hold(tenant, handled.iter().copied().chain(rest).collect(), until).await? {
                    Some(held) => until = held,
                    None => break,
                }
                match self.bus.publish(tenant, fact).await {
                    Ok(()) => handled.push(fact.id),
                    Err(error) => {
                        again = true;
                        self.put_back(tenant, fact, &error).await?;
                    }
                }
            }
            let tx = self.store.write(&self.ctx(tenant)).await?;
            outbox::Entity::delete_many().filter(outbox::Column::Id.is_in(handled)).exec(tx.conn()).await?;
            tx.commit().await?;
        }
    }

    /// Keeps facts of a batch out of the sight of other replicas. Gives until when, or nothing where one has it already.
    async fn hold(&self, tenant: &Arc<Tenant>, facts: Vec<Uuid>, until: Timestamp) -> Result<Option<Timestamp>> {
        let ctx = self.ctx(tenant);
        if ctx.now() + LEASE / 2 <= until {
            return Ok(Some(until));
        }
        let tx = self.store.write(&ctx).await?;
        let wanted = facts.len() as u64;
        let held = outbox::Entity::update_many()
            .col_expr(outbox::Column::DueAt, At(ctx.now() + LEASE).into())
            .filter(outbox::Column::Id.is_in(facts))
            .filter(outbox::Column::DueAt.eq(At(until)))
            .exec(tx.conn())
            .await?;
        if held.rows_affected != wanted {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(ctx.now() + LEASE))
    }

    async fn take(&self, tenant: &Arc<Tenant>) -> Result<(Vec<outbox::Model>, Timestamp)> {
        let ctx = self.ctx(tenant);
        let due = outbox::Entity::find()
            .filter(outbox::Column::DueAt.lte(At(ctx.now())))
            .order_by_asc(outbox::Column::Id)
            .limit(BATCH);
        // most looks find nothing: they take no lock
        if due.clone().one(self.store.read(&ctx).await?.conn()).await?.is_none() {
            return Ok((Vec::new(), ctx.now()));
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
        Ok((facts, ctx.now() + LEASE))
    }

    async fn put_back(&self, tenant: &Arc<Tenant>, fact: &outbox::Model, error: &Error) -> Result<()> {
        let ctx = self.ctx(tenant);
        let attempts = fact.attempts + 1;
        if attempts < TRIES {
            tracing::error!(tenant = %tenant.id(), event = %fact.name, attempts, ?error,
                "fact not handled; tried again later");
        } else {
            tracing::error!(tenant = %tenant.id(), event = %fact.name, id = %fact.id, attempts, ?error,
                "fact not handled; given up, it stays in the outbox");
        }
        let tx = self.store.write(&ctx).await?;
        let mut row = fact.clone().into_active_model();
        row.attempts = Set(attempts);
        row.due_at = Set(At(next_try(ctx.now(), attempts)));
        outbox::Entity::update(row).exec(tx.conn()).await?;
        tx.commit().await
    }

    fn ctx(&self, tenant: &Arc<Tenant>) -> Ctx {
        Ctx::for_job(tenant.clone(), "dispatch", &self.clock, self.ids.clone())
    }
}

/// Twice as long after each failure, at most half an hour; never again after too many.
fn next_try(now: Timestamp, attempts: i32) -> Timestamp {
    if attempts >= TRIES {
        return NEVER;
    }
    let seconds = 1_i64 << attempts.clamp(0, 11);
    now + SignedDuration::from_secs(seconds.min(1800))
}
