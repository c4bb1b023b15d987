//! The backlog of a handler: facts that it failed to handle, and those that wait for one of them. It is stored in the database of
//! the handler's service, beside the inbox, whichever way the facts arrived.

use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use opentelemetry::{KeyValue, global, metrics::Counter};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use uuid::Uuid;

use super::{
    Late, Order, Told,
    bus::{Bus, Consumer, was_handled},
    settings::NEVER,
};
use crate::{
    Ctx, Error, Reads, Result, Tenant, Tx,
    store::{At, rows::backlog},
};

/// How long other replicas leave a fact alone that is being tried: longer than a handler may take.
const LEASE: SignedDuration = SignedDuration::from_secs(180);

/// The number of facts that were parked since the process started. The tenant is no label: metrics would grow with every country.
static PARKED: LazyLock<Counter<u64>> =
    LazyLock::new(|| global::meter("koine").u64_counter("koine.facts.parked").build());

/// Whether a fact is in the backlog of a handler, waiting or parked.
pub(super) async fn has(db: &impl Reads, event: Uuid, handler: &str) -> Result<bool> {
    Ok(backlog::Entity::find_by_id((handler.to_owned(), event)).one(db.conn()).await?.is_some())
}

/// Whether a fact waits in the backlog of a handler. One that is parked does not.
pub(super) async fn waits(db: &impl Reads, handler: &str) -> Result<bool> {
    let waiting = backlog::Entity::find().filter(backlog::Column::Handler.eq(handler)).filter(is_waiting());
    Ok(waiting.one(db.conn()).await?.is_some())
}

/// The names of the handlers that have waiting facts.
pub(super) async fn handlers(db: &impl Reads) -> Result<Vec<String>> {
    let names = backlog::Entity::find().select_only().column(backlog::Column::Handler).distinct();
    Ok(names.filter(is_waiting()).into_tuple().all(db.conn()).await?)
}

/// The numbers of waiting and of parked facts in the backlogs of the service of `db`.
pub(super) async fn count(db: &impl Reads) -> Result<(u64, u64)> {
    let all = backlog::Entity::find().count(db.conn()).await?;
    let waiting = backlog::Entity::find().filter(is_waiting()).count(db.conn()).await?;
    Ok((waiting, all - waiting))
}

/// The facts in the backlogs of a service, oldest first.
pub(super) async fn late(db: &impl Reads) -> Result<Vec<Late>> {
    let rows = backlog::Entity::find().order_by_asc(backlog::Column::Event).all(db.conn()).await?;
    let late = |row: backlog::Model| Late {
        id: row.event,
        event: row.name,
        handler: Some(row.handler),
        at: row.at.0,
        attempts: row.attempts,
        next_try: Some(row.due_at.0).filter(|due| *due < NEVER),
    };
    Ok(rows.into_iter().map(late).collect())
}

/// Makes parked facts due: those with these ids, or all, where no ids are given. Returns their number.
pub(super) async fn release(tx: &Tx, ids: &[Uuid]) -> Result<u64> {
    let due = backlog::ActiveModel { attempts: Set(0), due_at: Set(At(tx.ctx().now())), ..Default::default() };
    let parked = backlog::Entity::update_many().set(due).filter(backlog::Column::DueAt.gte(At(NEVER)));
    let these = if ids.is_empty() { parked } else { parked.filter(backlog::Column::Event.is_in(ids.iter().copied())) };
    Ok(these.exec(tx.conn()).await?.rows_affected)
}

/// Adds a fact to the backlog of a handler, with the number of failed attempts. Does nothing where the fact is there already.
pub(super) async fn add(consumer: &Consumer, ctx: &Ctx, fact: &Told, attempts: i32, due: Timestamp) -> Result<()> {
    let row = backlog::ActiveModel {
        handler: Set(consumer.handler.name.to_owned()),
        event: Set(fact.id),
        name: Set(fact.name.clone()),
        body: Set(fact.body.clone()),
        trace: Set(fact.trace.clone()),
        at: Set(At(fact.at)),
        attempts: Set(attempts),
        due_at: Set(At(due)),
    };
    let tx = consumer.store.change(ctx).await?;
    let there = OnConflict::columns([backlog::Column::Handler, backlog::Column::Event]).do_nothing().to_owned();
    backlog::Entity::insert(row).on_conflict(there).exec_without_returning(tx.conn()).await?;
    tx.commit().await?;
    consumer.store.has_published(ctx.tenant().id());
    Ok(())
}

/// Logs that a handler failed, and whether the fact is tried again. Counts the fact where it is parked.
pub(super) fn failed(
    consumer: &Consumer,
    tenant: &Tenant,
    fact: &Told,
    (attempts, due): (i32, Timestamp),
    error: &Error,
) {
    let (handler, tenant, event, id) = (consumer.handler.name, tenant.id(), &fact.name, fact.id);
    if due < NEVER {
        tracing::error!(%tenant, handler, %event, %id, attempts, ?error, "fact not handled; tried again later");
        return;
    }
    tracing::error!(%tenant, handler, %event, %id, attempts, ?error,
        "fact not handled; parked until `koine facts retry` releases it");
    PARKED.add(1, &[KeyValue::new("handler", handler), KeyValue::new("event", event.clone())]);
}

/// Handles the due facts in the backlog of a handler, oldest first. Where the handler keeps the order, later facts wait for the
/// first. Returns whether facts are still waiting.
pub(super) async fn work_off(bus: &Bus, consumer: &Consumer, tenant: &Arc<Tenant>) -> Result<bool> {
    let ctx = || bus.ctx(tenant, &consumer.handler);
    while let Some(row) = first_due(&consumer.store.read(&ctx()).await?, consumer).await? {
        let Some(until) = lease(consumer, &ctx(), &row).await? else { break };
        let (attempts, fact) = (row.attempts + 1, Told::from(row));
        let known = was_handled(&consumer.store.read(&ctx()).await?, fact.id, consumer.handler.name).await?;
        let handled = if known { Ok(()) } else { bus.handle(consumer, tenant, &fact).await };
        let due = handled.as_ref().err().map(|error| {
            let due = bus.settings().next_try(ctx().now(), attempts, error);
            failed(consumer, tenant, &fact, (attempts, due), error);
            due
        });
        settle(consumer, &ctx(), fact.id, until, due.map(|due| (attempts, due))).await?;
    }
    waits(&consumer.store.read(&ctx()).await?, consumer.handler.name).await
}

async fn first_due(db: &impl Reads, consumer: &Consumer) -> Result<Option<backlog::Model>> {
    let now = At(db.ctx().now());
    let theirs = backlog::Entity::find().filter(backlog::Column::Handler.eq(consumer.handler.name));
    let theirs = theirs.order_by_asc(backlog::Column::Event).limit(1);
    Ok(match consumer.handler.order {
        Order::Kept => theirs.filter(is_waiting()).one(db.conn()).await?.filter(|row| row.due_at <= now),
        Order::Free => theirs.filter(backlog::Column::DueAt.lte(now)).one(db.conn()).await?,
    })
}

/// Reserves a fact, so that other replicas leave it alone. Returns the end of the lease; none, where another replica was faster.
async fn lease(consumer: &Consumer, ctx: &Ctx, row: &backlog::Model) -> Result<Option<At>> {
    let until = At(ctx.now() + LEASE);
    let tx = consumer.store.change(ctx).await?;
    let leased = backlog::Entity::update_many()
        .col_expr(backlog::Column::DueAt, until.into())
        .filter(backlog::Column::Handler.eq(&row.handler))
        .filter(backlog::Column::Event.eq(row.event))
        .filter(backlog::Column::DueAt.eq(row.due_at))
        .exec(tx.conn())
        .await?;
    tx.commit().await?;
    Ok((leased.rows_affected == 1).then_some(until))
}

/// Removes a fact from the backlog, or sets when it is due again. Does nothing where another replica has the lease.
async fn settle(consumer: &Consumer, ctx: &Ctx, event: Uuid, lease: At, again: Option<(i32, Timestamp)>) -> Result<()> {
    let tx = consumer.store.change(ctx).await?;
    let ours = Condition::all()
        .add(backlog::Column::Handler.eq(consumer.handler.name))
        .add(backlog::Column::Event.eq(event))
        .add(backlog::Column::DueAt.eq(lease));
    if let Some((attempts, due)) = again {
        let row = backlog::ActiveModel { attempts: Set(attempts), due_at: Set(At(due)), ..Default::default() };
        backlog::Entity::update_many().set(row).filter(ours).exec(tx.conn()).await?;
    } else {
        backlog::Entity::delete_many().filter(ours).exec(tx.conn()).await?;
    }
    tx.commit().await
}

fn is_waiting() -> Condition {
    Condition::all().add(backlog::Column::DueAt.lt(At(NEVER)))
}

impl From<backlog::Model> for Told {
    fn from(row: backlog::Model) -> Self {
        Self { id: row.event, name: row.name, body: row.body, trace: row.trace, at: row.at.0 }
    }
}
