//! Reading and writing. What is emitted and noted on the way is written in the same transaction, at its end.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
};

use prost::Message;
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, Statement, UpdateResult,
};
use tokio::sync::OwnedMutexGuard;
use tonic::Response;

use super::{
    At, Permit, Reads, Store, idempotency,
    rows::{inbox, outbox},
};
use crate::{
    Ctx, Result,
    audit::{self, Note},
    ctx::Handling,
    event::Event,
    telemetry, watch, wire,
};

/// How many facts are written by one statement: both databases take a limited number of values in it.
const AT_ONCE: usize = 1_000;

/// Read-and-write access to one tenant's database. Dropping it undoes everything.
pub struct Tx {
    store: Store,
    ctx: Ctx,
    transaction: DatabaseTransaction,
    pending: Mutex<Pending>,
    held: Held,
}

/// What a transaction holds until it ends.
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

impl Tx {
    pub(super) fn new(store: Store, ctx: Ctx, transaction: DatabaseTransaction, held: Held) -> Self {
        Self { store, ctx, transaction, pending: Mutex::default(), held }
    }

    /// Forgets the answers that were given to visitors who acted for this, or who are at home in it: what they told is not there any
    /// more, or not for them, and a request of before, sent again, must not tell it.
    pub async fn forget_answers(&self, acted_for: impl Display) -> Result<()> {
        idempotency::forget(self, &acted_for.to_string()).await
    }

    /// Publishes a fact, when and only when this transaction commits.
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

    /// Tells who watches a topic in this tenant what has changed of it, when and only when this transaction commits. The key says
    /// what, to [`Shows::show`](crate::watch::Shows::show).
    pub fn tell_watchers(&self, topic: impl Display, key: impl Display) {
        self.pending().changes.push((topic.to_string(), key.to_string()));
    }

    /// Nobody else holds what goes by this name in this tenant until the transaction ends: for what is decided by a row that is not there.
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

    /// Commits, and answers. A request with a `request_id` is given the same answer again for 24 hours.
    pub async fn answer<A: Message>(self, answer: A) -> Result<Response<A>, tonic::Status> {
        idempotency::keep(&self, &answer).await?;
        let ctx = self.ctx.clone();
        self.commit().await?;
        idempotency::kept(&ctx);
        Ok(Response::new(answer))
    }

    /// Commits.
    pub async fn commit(self) -> Result<()> {
        let Pending { events, changes, notes, .. } = std::mem::take(&mut *self.pending());
        let published = !events.is_empty();
        for some in events.chunks(AT_ONCE) {
            outbox::Entity::insert_many(some.to_vec()).exec_without_returning(&self.transaction).await?;
        }
        watch::write(&self, &changes).await?;
        // once for a handling, whatever it commits after. Where it was recorded by another one, both keys clash and this is undone
        let handling = self.ctx.handled_event().filter(|handling| !handling.is_recorded());
        if let Some(handling) = handling {
            self.record(handling).await?;
        }
        // last: where its lane is new, the log's end stays locked from here to the commit
        let lane = if notes.is_empty() { None } else { Some(audit::append(&self, &self.held.lanes, notes).await?) };
        self.transaction.commit().await?;
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

    /// One row was saved, or somebody else saved it first. `version` is the one that was expected.
    pub fn saved(&self, result: UpdateResult, version: i64) -> Result<()> {
        if result.rows_affected == 1 { Ok(()) } else { Err(wire::stale(version + 1)) }
    }

    /// The service whose data it changes.
    pub(crate) fn service(&self) -> &'static str {
        self.store.service()
    }

    /// Keys of the installation.
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
