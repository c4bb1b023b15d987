//! The only door to a database. It opens for a [`Ctx`], and opens that tenant's database: no ctx, no query.
//!
//! A tenant is a database. Embedded: `data/<tenant>/<service>.db`, SQLite. Otherwise one PostgreSQL database per tenant with one
//! schema and one role per service. Pools are opened on first use and empty themselves when idle. One budget bounds the connections
//! in use over all of them, and a few are the most one tenant gets. Who waits there holds nothing others wait for, with one exception that
//! goes one way: a transaction of a programme may wait for one of a country, and none of a country for a programme's.

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
    error::{Reason, Shared},
    event,
    secret::Keys,
    watch::Bells,
};

mod begin;
mod engine;
mod fault;
mod idempotency;
mod one;
mod provision;
pub(crate) mod rows;
mod settings;
mod text;
mod tx;
mod version;

pub use fault::is_duplicate;
pub use one::Glance;
pub use rows::At;
pub use settings::{Engine, Settings};
pub use text::{holding, of_text, to_text};
pub use tx::Tx;

pub(crate) use idempotency::{KEPT as ANSWERS_KEPT, Once};

/// How long a call waits at each door to a connection before it is told that there is too much to do.
const PATIENCE: Duration = Duration::from_secs(3);

/// The door. Cheap to clone.
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
    /// In which tenants facts were published.
    published: Since,
    /// In which tenants entries were added to the audit log.
    noted: Since,
    bells: Bells,
}

/// In which tenants something happened since somebody last asked.
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

    /// Those, once there is one.
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

/// Brings the schema of a service up to date in a database. Safe to run again. Of several processes one runs it at a time.
pub type Schema = fn(&'static str, DatabaseConnection) -> BoxFuture<'static, std::result::Result<(), DbErr>>;

/// The connections all stores of a process share. Cheap to clone.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// At most this many connections in use at once.
    pub fn new(connections: u32) -> Self {
        Self(Arc::new(Semaphore::new(connections.max(1) as usize)))
    }
}

/// The connections to one tenant's database.
#[derive(Clone)]
struct Pool {
    connections: DatabaseConnection,
    /// One place for each connection it may have.
    places: Arc<Semaphore>,
    /// SQLite lets one writer in at a time and makes others poll; queueing here is fair and does not poll.
    writer: Option<Arc<AsyncMutex<()>>>,
    /// What this process writes its audit entries with.
    lanes: Arc<audit::Lanes>,
}

/// What reads: a [`Snapshot`], a [`Glance`] or a [`Tx`].
pub trait Reads: Sync {
    /// What runs a statement: a transaction, or for a single statement none.
    type Conn: ConnectionTrait;

    /// What to run a statement in.
    fn conn(&self) -> &Self::Conn;

    /// The context it was opened for.
    fn ctx(&self) -> &Ctx;
}

/// Read-only access to one tenant's database, consistent from the first statement to the last.
pub struct Snapshot {
    ctx: Ctx,
    transaction: DatabaseTransaction,
    _permit: Permit,
}

/// The right to one connection: of the tenant's, and of the process's.
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
    /// The store of one service. With a `schema`, a tenant's database is made and brought up to date before it is used for the
    /// first time, so that a country added while the process runs needs nothing else; without one, `koine migrate` has done it.
    pub fn new(service: &'static str, engine: Engine, budget: Budget, keys: Keys, schema: Option<Schema>) -> Self {
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
        }))
    }

    /// The service it belongs to.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// Opens the caller's tenant for reading.
    pub async fn read(&self, ctx: &Ctx) -> Result<Snapshot> {
        let pool = self.pool(ctx.tenant().id()).await?;
        let permit = self.permit(&pool).await?;
        let (transaction, permit) = begin::begin(pool.connections, engine::read(&self.0.engine), permit).await?;
        Ok(Snapshot { ctx: ctx.clone(), transaction, _permit: permit })
    }

    /// Opens the caller's tenant for reading with one statement, which needs no transaction.
    pub async fn glance(&self, ctx: &Ctx) -> Result<Glance> {
        let pool = self.pool(ctx.tenant().id()).await?;
        let permit = self.permit(&pool).await?;
        Ok(Glance::new(ctx.clone(), pool.connections, permit))
    }

    /// Opens the caller's tenant for reading and writing. Nothing is written before `commit` or `answer`; dropping it rolls
    /// everything back. A call whose request was answered before, by its `request_id`, ends here, and is given that answer again.
    /// Error: that one, which a method passes on; `REQUEST_ID_REUSED`; overloaded; unreachable.
    pub async fn write(&self, ctx: &Ctx) -> Result<Tx> {
        let pool = self.pool(ctx.tenant().id()).await?;
        // the turn before the permit: who waits for one country's writer must not hold what other countries need
        let turn = match &pool.writer {
            Some(writer) => Some(patiently(writer.clone().lock_owned()).await?),
            None => None,
        };
        let permit = self.permit(&pool).await?;
        let (transaction, permit) = begin::begin(pool.connections, engine::WRITE, permit).await?;
        let held = tx::Held { lanes: pool.lanes, _permit: permit, _turn: turn };
        let tx = Tx::new(self.clone(), ctx.clone(), transaction, held);
        idempotency::look(&tx).await?;
        Ok(tx)
    }

    /// [`Store::write`] for what the handler of a fact does in this tenant, or nothing where it was done before: the fact came
    /// twice, or a process died after this commit and before the next. For a handler that writes on both sides of a border, where
    /// each side has an inbox of its own. Error: internal, where no fact is handled.
    pub async fn write_once(&self, ctx: &Ctx) -> Result<Option<Tx>> {
        let handling = ctx.handled_event().ok_or_else(|| Error::internal("`write_once` is for handlers of facts"))?;
        let tx = self.write(ctx).await?;
        let done = event::was_handled(&tx, handling.event, handling.handler).await?;
        Ok(Some(tx).filter(|_| !done))
    }

    /// The tenants in which this store published facts since the last time. Waits until there is one.
    pub(crate) async fn published(&self) -> BTreeSet<TenantId> {
        self.0.published.take().await
    }

    /// Rings the bell of the dispatcher of this store: there is something to do in a tenant.
    pub(crate) fn has_published(&self, tenant: &TenantId) {
        self.0.published.add(tenant);
    }

    /// The tenants in which this store added entries to the audit log since the last time. Waits until there is one.
    pub(crate) async fn noted(&self) -> BTreeSet<TenantId> {
        self.0.noted.take().await
    }

    /// The lanes that this process has written audit entries with and does not use now, by tenant: it will not use them again.
    pub(crate) fn close_lanes(&self) -> BTreeMap<TenantId, Vec<audit::Lane>> {
        let pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = pools.iter().map(|(tenant, pool)| (tenant.clone(), pool.lanes.close()));
        lanes.filter(|(_, lanes)| !lanes.is_empty()).collect()
    }

    /// The bells of who watches its data.
    pub(crate) fn bells(&self) -> &Bells {
        &self.0.bells
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

    /// Closes every connection. For the end of a process, and before a database is moved or restored.
    pub async fn close(&self) {
        let pools: Vec<_> = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
        for (_, pool) in pools {
            // closing is best effort: the process is ending and every commit is already durable
            let _ = pool.connections.close().await;
        }
    }

    /// Opens a tenant's database and, where this store has a schema, brings it up to date.
    pub async fn open(&self, tenant: &TenantId) -> Result<()> {
        self.pool(tenant).await.map(drop)
    }
}

async fn patiently<T>(waiting: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| overloaded())
}

fn overloaded() -> Error {
    Shared::Overloaded
        .error("There is more to do now than can be done in time. Nothing was changed; try again in a moment.")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests;
