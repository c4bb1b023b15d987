//! The outbox of a service as queues, one for each kind of fact. Facts of a kind leave in the order of their ids; a fact that
//! cannot leave holds up only those of its kind. The process that works on a queue has a lease on its first fact.

use jiff::SignedDuration;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Late, settings::pause};
use crate::{
    Ctx, Reads, Result, Store,
    store::{At, rows::outbox},
};

/// The number of facts that are taken at once.
const BATCH: u64 = 64;
/// How long other replicas leave a queue alone. Where a replica dies, the lease ends after this; a slow one renews it before half
/// of it is over. Half of it is longer than a handler may take.
const LEASE: SignedDuration = SignedDuration::from_secs(180);

/// The number of facts in the outbox.
pub(super) async fn count(db: &impl Reads) -> Result<u64> {
    Ok(outbox::Entity::find().count(db.conn()).await?)
}

/// The kinds of facts that can be taken now, and whether there are other kinds.
pub(super) async fn due(db: &impl Reads) -> Result<(Vec<String>, bool)> {
    let kinds = outbox::Entity::find().select_only().column(outbox::Column::Name).distinct();
    let (mut due, mut others) = (Vec::new(), false);
    for kind in kinds.into_tuple::<String>().all(db.conn()).await? {
        let first = of_kind(&kind).one(db.conn()).await?;
        if first.is_some_and(|first| first.due_at <= At(db.ctx().now())) {
            due.push(kind);
        } else {
            others = true;
        }
    }
    Ok((due, others))
}

/// The facts that could not leave at the first attempt.
pub(super) async fn late(db: &impl Reads) -> Result<Vec<Late>> {
    let rows = outbox::Entity::find().filter(outbox::Column::Attempts.gt(0)).order_by_asc(outbox::Column::Id);
    let late = |row: outbox::Model| Late {
        id: row.id,
        event: row.name,
        handler: None,
        at: row.at.0,
        attempts: row.attempts,
        next_try: Some(row.due_at.0),
    };
    Ok(rows.all(db.conn()).await?.into_iter().map(late).collect())
}

/// The first facts of a kind, with the lease on their queue.
pub(super) struct Batch {
    store: Store,
    facts: Vec<outbox::Model>,
    first: Uuid,
    until: At,
}

impl Batch {
    /// Takes the first facts of a kind. None, where another replica has them or the first is not due.
    pub(super) async fn take(store: &Store, ctx: &Ctx, kind: &str) -> Result<Option<Self>> {
        let tx = store.change(ctx).await?;
        // one that was told first and committed last stands before those that another replica has: they are left to it
        let is_due = |fact: &outbox::Model| fact.due_at <= At(ctx.now());
        let facts: Vec<_> = of_kind(kind).limit(BATCH).all(tx.conn()).await?.into_iter().take_while(is_due).collect();
        let Some(first) = facts.first() else { return Ok(None) };
        let (first, due, until) = (first.id, first.due_at, At(ctx.now() + LEASE));
        if !lease(&tx, first, due, until).await? {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(Self { store: store.clone(), facts, first, until }))
    }

    /// The facts, oldest first.
    pub(super) fn facts(&self) -> &[outbox::Model] {
        &self.facts
    }

    /// Renews the lease where half of it is over. Returns whether the lease is still held.
    pub(super) async fn hold(&mut self, ctx: &Ctx) -> Result<bool> {
        if At(ctx.now() + LEASE / 2) <= self.until {
            return Ok(true);
        }
        let (tx, until) = (self.store.change(ctx).await?, At(ctx.now() + LEASE));
        if !lease(&tx, self.first, self.until, until).await? {
            return Ok(false);
        }
        tx.commit().await?;
        self.until = until;
        Ok(true)
    }

    /// Removes the first `done` facts, which have left, and ends the lease. Where the next one `failed` to leave, it is due after a
    /// pause.
    pub(super) async fn settle(self, ctx: &Ctx, done: usize, failed: bool) -> Result<()> {
        let tx = self.store.change(ctx).await?;
        let (left, rest) = self.facts.split_at(done);
        let left = outbox::Column::Id.is_in(left.iter().map(|fact| fact.id));
        outbox::Entity::delete_many().filter(left).exec(tx.conn()).await?;
        if let Some(next) = rest.first() {
            let attempts = next.attempts + i32::from(failed);
            let due = if failed { pause(ctx.now(), attempts) } else { ctx.now() };
            let row = outbox::ActiveModel { attempts: Set(attempts), due_at: Set(At(due)), ..Default::default() };
            outbox::Entity::update_many().set(row).filter(outbox::Column::Id.eq(next.id)).exec(tx.conn()).await?;
        }
        tx.commit().await
    }
}

fn of_kind(kind: &str) -> sea_orm::Select<outbox::Entity> {
    outbox::Entity::find().filter(outbox::Column::Name.eq(kind)).order_by_asc(outbox::Column::Id)
}

async fn lease(db: &impl Reads, first: Uuid, due: At, until: At) -> Result<bool> {
    let leased = outbox::Entity::update_many()
        .col_expr(outbox::Column::DueAt, until.into())
        .filter(outbox::Column::Id.eq(first))
        .filter(outbox::Column::DueAt.eq(due))
        .exec(db.conn())
        .await?;
    Ok(leased.rows_affected == 1)
}
