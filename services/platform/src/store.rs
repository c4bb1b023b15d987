//! The only access to the databases. It needs a [`Ctx`], and opens the database of its tenant: no ctx, no query.
//!
//! Each tenant has a database. Embedded: `data/<tenant>/<service>.db`, SQLite. Otherwise one PostgreSQL database for each tenant,
//! with one schema and one role for each service. Pools are opened at their first use and closed when idle. One budget bounds the
//! connections of all pools that are in use, and each tenant gets at most a few of them. A call that waits for the budget holds
//! nothing that others wait for, with one exception, which cannot make a circle: a transaction of a programme may wait for one of a
//! country, but never the reverse.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedSemaphorePermit, Semaphore};

use crate::{
    Ctx, Error, Result, TenantId, audit,
    ended::Ended,
    error::{Reason, Shared},
    event,
    secret::Keys,
    watch::Bells,
};

mod begin;
mod engine;
mod fault;
pub(crate) mod idempotency;
mod method;
mod naming;
mod one;
mod opening;
mod provision;
pub(crate) mod rows;
mod settings;
mod text;
mod tx;
mod version;

pub use fault::is_duplicate;
pub use method::MethodTx;
pub use one::Glance;
pub use opening::{Allowed, Opening};
pub use rows::At;
pub use settings::{Engine, Settings};
pub use text::{holding, of_text, to_text};
pub use tx::Tx;

pub(crate) use idempotency::{KEPT as ANSWERS_KEPT, Once};

/// How long a call waits for each of the writer's turn, the tenant's connections and the budget, before it is refused.
const PATIENCE: Duration = Duration::from_secs(3);

/// The databases of one service. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    service: &'static str,
    engine: Engine,
    keys: Keys,
    budget: Budget,
    schema: Option<Schema>,
    pools: Mutex<HashMap<TenantId, Pool>>,
    opening: AsyncMutex<()>,
    /// The tenants in which facts were published.
    published: Since,
    /// The tenants in which entries were added to the audit log.
    noted: Since,
    bells: Bells,
    /// The registry of the process.
    ended: Ended,
}

/// The tenants in which something happened since the last [`Since::take`].
#[derive(Default)]
struct Since {
    tenants: Mutex<BTreeSet<TenantId>>,
    bell: Notify,
}

impl Since {
    fn add(&self, tenant: &TenantId) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone());
        self.bell.notify_one();
    }

    /// Waits until there is a tenant, then removes and returns all of them.
    async fn take(&self) -> BTreeSet<TenantId> {
        loop {
            let tenants = std::mem::take(&mut *self.tenants.lock().unwrap_or_else(PoisonError::into_inner));
            if !tenants.is_empty() {
                return tenants;
            }
            self.bell.notified().await;
        }
    }
}

/// Brings the schema of a service up to date in a database. It can be run again. Several processes run it one after the other.
pub type Schema = fn(&'static str, DatabaseConnection) -> BoxFuture<'static, std::result::Result<(), DbErr>>;

/// The bound on the connections that all stores of a process use. Cheap to clone.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// A budget for this many connections in use at once, at least one.
    pub fn new(connections: u32) -> Self {
        Self(Arc::new(Semaphore::new(connections.max(1) as usize)))
    }
}

/// The connections to one tenant's database.
#[derive(Clone)]
struct Pool {
    connections: DatabaseConnection,
    /// One permit for each connection that the pool may have.
    places: Arc<Semaphore>,
    /// SQLite has one writer at a time and makes others poll; waiting here is fair and does not poll.
    writer: Option<Arc<AsyncMutex<()>>>,
    /// The lanes to which this process writes audit entries.
    lanes: Arc<audit::Lanes>,
}

/// What reads: a [`Snapshot`], a [`Glance`], an [`Opening`], a [`MethodTx`] or a [`Tx`].
pub trait Reads: Sync {
    /// The type that runs statements: a transaction, or, for a single statement, a connection.
    type Conn: ConnectionTrait;

    /// The transaction or connection to run statements with.
    fn conn(&self) -> &Self::Conn;

    /// The context for which it was opened.
    fn ctx(&self) -> &Ctx;
}

/// What reads and can lock rows until its transaction ends: an [`Opening`], a [`MethodTx`] or a [`Tx`].
pub trait Locks: Reads {}

/// Read-only access to one tenant's database, consistent from the first statement to the last.
pub struct Snapshot {
    ctx: Ctx,
    transaction: DatabaseTransaction,
    _permit: Permit,
}

/// A permit of the tenant's connections, and one of the process's.
type Permit = [OwnedSemaphorePermit; 2];

impl Reads for Snapshot {
    type Conn = DatabaseTransaction;

    fn conn(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    fn ctx(&self) -> &Ctx {
        &self.ctx
    }
}

impl Store {
    /// The store of one service. With a `schema`, a tenant's database is created and brought up to date before its first use, so
    /// that a country can be added while the process runs; without one, `koine migrate` must have done this.
    pub fn new(service: &'static str, engine: Engine, budget: Budget, keys: Keys, schema: Option<Schema>) -> Self {
        Self::telling(Ended::default(), service, engine, (budget, keys), schema)
    }

    /// [`Store::new`], for a process with this registry of ended sessions.
    pub(crate) fn telling(
        ended: Ended,
        service: &'static str,
        engine: Engine,
        (budget, keys): (Budget, Keys),
        schema: Option<Schema>,
    ) -> Self {
        Self(Arc::new(Inner {
            service,
            engine,
            keys,
            budget,
            schema,
            pools: Mutex::default(),
            opening: AsyncMutex::default(),
            published: Since::default(),
            noted: Since::default(),
            bells: Bells::default(),
            ended,
        }))
    }

    /// The name of the service.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// Begins to read in the caller's tenant. Error: overloaded; unreachable.
    pub async fn read(&self, ctx: &Ctx) -> Result<Snapshot> {
        let pool = self.pool(ctx.tenant().id()).await?;
        let permit = self.permit(&pool).await?;
        let (transaction, permit) = begin::begin(pool.connections, engine::read(&self.0.engine), permit).await?;
        Ok(Snapshot { ctx: ctx.clone(), transaction, _permit: permit })
    }

    /// Begins to read with a single statement, which needs no transaction. Error: overloaded; unreachable.
    pub async fn glance(&self, ctx: &Ctx) -> Result<Glance> {
        let pool = self.pool(ctx.tenant().id()).await?;
        let permit = self.permit(&pool).await?;
        Ok(Glance::new(ctx.clone(), pool.connections, permit))
    }

    /// Opens the caller's tenant for reading and writing, for a method, which loads its object, applies the object rule and goes on with
    /// [`Opening::allowed`]. Dropping it rolls everything back. Error: overloaded; unreachable; `TOKEN_ENDED`, where the caller's session
    /// ended since the call was let in.
    pub async fn write(&self, ctx: &Ctx) -> Result<Opening> {
        let tx = self.change(ctx).await?;
        // asked last: to wait for the turn, or for the body of an upload, takes its time
        self.0.ended.still(ctx)?;
        Ok(Opening::new(tx))
    }

    /// Opens the tenant for reading and writing, for what is no answer of a method: a handler of a fact, a task, a command, or the
    /// trace that a read leaves. Nothing is written before `commit`; dropping it rolls everything back. Error: overloaded; unreachable.
    pub async fn change(&self, ctx: &Ctx) -> Result<Tx> {
        let pool = self.pool(ctx.tenant().id()).await?;
        // first the turn, then the permit: a call that waits for one tenant's writer must not hold a connection that others need
        let turn = match &pool.writer {
            Some(writer) => Some(patiently(writer.clone().lock_owned()).await?),
            None => None,
        };
        let permit = self.permit(&pool).await?;
        let (transaction, permit) = begin::begin(pool.connections, engine::WRITE, permit).await?;
        let held = tx::Held { lanes: pool.lanes, _permit: permit, _turn: turn };
        Ok(Tx::new(self.clone(), ctx.clone(), transaction, held))
    }

    /// [`Store::change`] for what the handler of a fact does in this tenant, or nothing where it was done before: the fact came
    /// twice, or a process died after this commit and before the next. For a handler that writes on both sides of a border, where
    /// each side has an inbox of its own: once on each, and last in the tenant of the fact. Error: internal, where no fact is handled.
    pub async fn change_once(&self, ctx: &Ctx) -> Result<Option<Tx>> {
        let handling = ctx.handled_event().ok_or_else(|| Error::internal("`change_once` is for handlers of facts"))?;
        let tx = self.change(ctx).await?;
        let done = event::was_handled(&tx, handling.event, handling.handler).await?;
        Ok(Some(tx).filter(|_| !done))
    }

    /// Waits until there are tenants in which this store published facts since the last call, and returns them.
    pub(crate) async fn published(&self) -> BTreeSet<TenantId> {
        self.0.published.take().await
    }

    /// Wakes the dispatcher of this store, for a tenant.
    pub(crate) fn has_published(&self, tenant: &TenantId) {
        self.0.published.add(tenant);
    }

    /// Waits until there are tenants in which this store added audit entries since the last call, and returns them.
    pub(crate) async fn noted(&self) -> BTreeSet<TenantId> {
        self.0.noted.take().await
    }

    /// Removes and returns the idle lanes of this process, by tenant. They are not used again.
    pub(crate) fn close_lanes(&self) -> BTreeMap<TenantId, Vec<audit::Lane>> {
        let pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = pools.iter().map(|(tenant, pool)| (tenant.clone(), pool.lanes.close()));
        lanes.filter(|(_, lanes)| !lanes.is_empty()).collect()
    }

    /// The bells of those who watch the data of this store.
    pub(crate) fn bells(&self) -> &Bells {
        &self.0.bells
    }

    /// The registry of ended sessions of the process.
    pub(crate) fn ended(&self) -> &Ended {
        &self.0.ended
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    async fn permit(&self, pool: &Pool) -> Result<Permit> {
        let place = patiently(pool.places.clone().acquire_owned()).await?.map_err(Error::internal)?;
        let share = patiently(self.0.budget.0.clone().acquire_owned()).await?.map_err(Error::internal)?;
        Ok([place, share])
    }

    async fn pool(&self, tenant: &TenantId) -> Result<Pool> {
        if let Some(pool) = self.known(tenant) {
            return Ok(pool);
        }
        let _first = self.0.opening.lock().await;
        if let Some(pool) = self.known(tenant) {
            return Ok(pool);
        }
        let (engine, service) = (&self.0.engine, self.0.service);
        let pool = match self.0.schema {
            None => engine::open(engine, service, tenant).await?,
            Some(schema) => {
                let alone = provision::provision(engine, service, tenant).await?;
                let pool = engine::open(engine, service, tenant).await?;
                schema(service, pool.connections.clone()).await?;
                audit::begin(&pool.connections, &self.0.keys, tenant, service).await?;
                drop(alone);
                pool
            }
        };
        self.0.pools.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone(), pool.clone());
        Ok(pool)
    }

    fn known(&self, tenant: &TenantId) -> Option<Pool> {
        self.0.pools.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    /// Closes every connection, when the process ends, and before a database is moved or restored.
    pub async fn close(&self) {
        let pools: Vec<_> = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
        for (_, pool) in pools {
            // an error is ignored: the process is ending and every commit is durable
            let _ = pool.connections.close().await;
        }
    }

    /// Opens a tenant's database and, where the store has a schema, brings it up to date. Error: unreachable; internal.
    pub async fn open(&self, tenant: &TenantId) -> Result<()> {
        self.pool(tenant).await.map(drop)
    }
}

async fn patiently<T>(waiting: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| overloaded())
}

/// The refusal of a call for which there is no place now.
pub(crate) fn overloaded() -> Error {
    Shared::Overloaded
        .error("There is more to do now than can be done in time. Nothing was changed; try again in a moment.")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
pub(crate) mod tests;
