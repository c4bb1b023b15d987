//! Transactions that read and write. Facts, changes and audit entries are collected, and written at the commit, in the same
//! transaction.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
};

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, RuntimeErr, Statement,
    UpdateResult, sqlx,
};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::{
    At, Locks, Permit, Reads, Store, idempotency,
    rows::{inbox, outbox},
};
use crate::{
    Ctx, Error, Result,
    audit::{self, Note},
    ctx::Handling,
    ended,
    event::Event,
    telemetry, watch, wire,
};

/// The number of facts that one statement writes: both databases bound the number of values in a statement.
const AT_ONCE: usize = 1_000;

/// Read and write access to one tenant's database. Dropping it rolls everything back.
pub struct Tx {
    store: Store,
    ctx: Ctx,
    transaction: DatabaseTransaction,
    pending: Mutex<Pending>,
    held: Held,
}

/// What a transaction owns until it ends.
pub(super) struct Held {
    pub(super) lanes: Arc<audit::Lanes>,
    pub(super) _permit: Permit,
    pub(super) _turn: Option<OwnedMutexGuard<()>>,
}

#[derive(Default)]
struct Pending {
    events: Vec<outbox::ActiveModel>,
    changes: Vec<(String, String)>,
    notes: Vec<Note>,
    ended: Vec<Uuid>,
}

impl Reads for Tx {
    type Conn = DatabaseTransaction;

    fn conn(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    fn ctx(&self) -> &Ctx {
        &self.ctx
    }
}

impl Locks for Tx {}

impl Tx {
    pub(super) fn new(store: Store, ctx: Ctx, transaction: DatabaseTransaction, held: Held) -> Self {
        Self { store, ctx, transaction, pending: Mutex::default(), held }
    }

    /// Removes the answers that were given to an account, or to visitors who acted for a class, or whose home this is. What they contain
    /// is removed or hidden from them now, and a repeated request must not reveal it.
    pub async fn forget_answers(&self, acted_for: impl Display) -> Result<()> {
        idempotency::forget(self, &acted_for.to_string()).await
    }

    /// Publishes a fact, if this transaction commits.
    pub fn emit<E: Event>(&self, event: &E) {
        let now = At(self.ctx.now());
        self.pending().events.push(outbox::ActiveModel {
            id: Set(self.ctx.new_id::<E>().uuid()),
            name: Set(E::full_name()),
            body: Set(event.encode_to_vec()),
            trace: Set(telemetry::current_traceparent()),
            at: Set(now),
            attempts: Set(0),
            due_at: Set(now),
        });
    }

    /// Tells those who watch a topic in this tenant what changed, if this transaction commits.
    /// [`Shows::show`](crate::watch::Shows::show) receives the key.
    pub fn tell_watchers(&self, topic: impl Display, key: impl Display) {
        self.pending().changes.push((topic.to_string(), key.to_string()));
    }

    /// Writes sessions into the table of those that have ended, and tells this process and the other replicas of the service, if this
    /// transaction commits. [`ended::end`] tells the other services too.
    pub(crate) fn ended(&self, sessions: &[Uuid]) {
        self.pending().ended.extend(sessions);
    }

    /// Locks a name in this tenant until the transaction ends, for what is decided by a row that does not exist yet. Waits for whoever
    /// holds it. Error: as of the database.
    pub async fn hold(&self, name: &str) -> Result<()> {
        // SQLite lets one writer in at a time
        if self.transaction.get_database_backend() == DbBackend::Postgres {
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
            let held = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
            self.transaction.execute_raw(held).await?;
        }
        Ok(())
    }

    /// Notes in the tenant's audit log that the caller did `action` to `subject`. `detail` is for facts that are not personal.
    pub fn note(&self, action: &'static str, subject: impl std::fmt::Display, detail: impl Into<String>) {
        self.pending().notes.push(Note { action, subject: subject.to_string(), detail: detail.into() });
    }

    /// Commits. A call that only validates is rolled back instead. In the handler of a fact it also records that the fact was handled in
    /// this tenant. Error: as of the database; internal, and nothing is committed, where a handler has committed here before, or in the
    /// tenant of its fact.
    pub async fn commit(self) -> Result<()> {
        // here and nowhere else: no method has to know of it, and none can commit past it
        if self.ctx.validates_only() {
            return Ok(self.transaction.rollback().await?);
        }
        let handling = self.ctx.handled_event();
        if handling.is_some_and(|handling| handling.is_recorded() || handling.is_over()) {
            return Err(Error::internal("a handler commits once in a tenant, and in that of its fact last"));
        }
        let Pending { events, changes, notes, ended } = std::mem::take(&mut *self.pending());
        let published = !events.is_empty();
        for some in events.chunks(AT_ONCE) {
            outbox::Entity::insert_many(some.to_vec()).exec_without_returning(&self.transaction).await?;
        }
        watch::write(&self, &changes).await?;
        let kept_until = self.store.ended().kept_until(self.ctx.now());
        ended::write(&self, &ended, kept_until).await?;
        // where it was recorded by another one, both keys clash and this is undone
        if let Some(handling) = handling {
            self.record(handling).await?;
        }
        // last: where the lane is new, the end of the log stays locked from here to the commit
        let lane = if notes.is_empty() { None } else { Some(audit::append(&self, &self.held.lanes, notes).await?) };
        let telling = ended::Telling::new(&self.store, &self.ctx, ended, kept_until);
        if let Err(error) = self.transaction.commit().await {
            // where the connection broke, nobody knows whether it was committed
            if is_refused(&error) {
                telling.nothing();
            }
            return Err(error.into());
        }
        drop(telling);
        if let Some(lane) = lane {
            self.held.lanes.give_back(lane);
            self.store.0.noted.add(self.ctx.tenant().id());
        }
        handling.inspect(|handling| handling.recorded());
        let tenant = self.ctx.tenant().id();
        changes.into_iter().for_each(|(topic, _)| self.store.bells().ring((tenant.clone(), topic)));
        if published {
            self.store.has_published(tenant);
        }
        Ok(())
    }

    /// Error: `ETAG_STALE`, where no row was saved, because another transaction saved it first. `version` is the expected one.
    pub fn saved(&self, result: UpdateResult, version: i64) -> Result<()> {
        if result.rows_affected == 1 { Ok(()) } else { Err(wire::stale(version + 1)) }
    }

    /// The service whose data are changed.
    pub(crate) fn service(&self) -> &'static str {
        self.store.service()
    }

    /// The keys of the installation.
    pub(crate) fn keys(&self) -> &crate::secret::Keys {
        self.store.keys()
    }

    async fn record(&self, Handling { event, handler, .. }: &Handling) -> Result<()> {
        let row =
            inbox::ActiveModel { event: Set(*event), handler: Set((*handler).to_owned()), at: Set(At(self.ctx.now())) };
        inbox::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the database itself refused a statement: then it is known that nothing was done.
fn is_refused(error: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else { return false };
    matches!(cause, RuntimeErr::SqlxError(error) if matches!(**error, sqlx::Error::Database(_)))
}
