//! Operations as rows.

use jiff::{SignedDuration, Timestamp};
use prost::Name;
use proto::google::longrunning::Operation;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, sea_query::Expr,
};
use uuid::Uuid;

use super::{interrupted, lease, shown};
use crate::{
    Allowed, Ctx, Error, Id, Page, PageRequest, Reads, Result, Tx,
    store::{
        At, of_text,
        rows::operation::{Column, Entity, Model},
        to_text,
    },
};

/// How long one that has ended is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// An operation as it stands in its row.
pub(super) struct Row {
    pub(super) id: Uuid,
    account: Uuid,
    pub(super) state: State,
    /// How many parts are done, of how many.
    pub(super) parts: (i32, i32),
    pub(super) cancelling: bool,
    pub(super) outcome: Vec<u8>,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) lease_until: Timestamp,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Running,
    Done,
    Failed,
    Cancelled,
}

impl Row {
    /// One that the caller asks for. Error: `TOKEN_MISSING`.
    pub(super) fn begun(ctx: &Ctx) -> Result<Self> {
        Ok(Self {
            id: ctx.new_id::<Operation>().uuid(),
            account: ctx.member()?.account,
            state: State::Running,
            parts: (0, 0),
            cancelling: false,
            outcome: Vec::new(),
            started_at: ctx.now(),
            ended_at: None,
            lease_until: lease(ctx.now()),
        })
    }

    /// Whether it is for a caller who sees those of this account, or of anybody where none is named: the rule of [`find`]. Error: not
    /// found.
    pub(super) fn open_to(&self, own: Option<Uuid>) -> Result<Allowed> {
        Allowed::when(own.is_none_or(|account| account == self.account), || Error::not_found("operation"))
    }

    /// The row of an operation that ended at `at` with an answer.
    pub(super) fn done(self, parts: (i32, i32), at: Timestamp, answer: &impl Name) -> Self {
        Self { state: State::Done, parts, ended_at: Some(at), outcome: shown::any(answer), ..self }
    }
}

impl TryFrom<Model> for Row {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: row.id,
            account: row.account,
            state: of_text(&row.state)?,
            parts: (row.done, row.total),
            cancelling: row.cancelling,
            outcome: row.outcome,
            started_at: row.started_at.0,
            ended_at: row.ended_at.map(Timestamp::from),
            lease_until: row.lease_until.0,
        })
    }
}

/// An operation, if it is one of this account's, or of anybody's where none is named.
pub(super) async fn find(db: &impl Reads, own: Option<Uuid>, id: Uuid) -> Result<Option<Row>> {
    let found = Entity::find_by_id(id).apply_if(own, |query, account| query.filter(Column::Account.eq(account)));
    found.one(db.conn()).await?.map(Row::try_from).transpose()
}

/// One page of the operations of this account, or of all where none is named, newest first.
pub(super) async fn list(db: &impl Reads, own: Option<Uuid>, page: PageRequest<Id<Operation>>) -> Result<Page<Row>> {
    let rows = Entity::find()
        .apply_if(own, |query, account| query.filter(Column::Account.eq(account)))
        .apply_if(page.after().copied(), |query, after| query.filter(Column::Id.lt(after.uuid())))
        .order_by_desc(Column::Id)
        .limit(page.limit())
        .all(db.conn())
        .await?;
    let rows = rows.into_iter().map(Row::try_from).collect::<Result<Vec<_>>>()?;
    Ok(page.page(rows, |row| row.id.into()))
}

/// How many run in the tenant.
pub(super) async fn running(tx: &Tx) -> Result<u64> {
    let alive = Entity::find()
        .filter(Column::State.eq(to_text(&State::Running)?))
        .filter(Column::LeaseUntil.gte(At(tx.ctx().now())));
    Ok(alive.count(tx.conn()).await?)
}

/// Adds one.
pub(super) async fn add(tx: &Tx, row: &Row) -> Result<()> {
    let model = Model {
        id: row.id,
        account: row.account,
        state: to_text(&row.state)?,
        done: row.parts.0,
        total: row.parts.1,
        cancelling: row.cancelling,
        outcome: row.outcome.clone(),
        started_at: At(row.started_at),
        ended_at: row.ended_at.map(At),
        lease_until: At(row.lease_until),
    };
    Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Renews the lease of one that runs, and says how far it is. Returns whether it is to end.
pub(super) async fn renew(tx: &Tx, id: Uuid, (done, total): (i32, i32), now: Timestamp) -> Result<bool> {
    Entity::update_many()
        .col_expr(Column::Done, Expr::value(done))
        .col_expr(Column::Total, Expr::value(total))
        .col_expr(Column::LeaseUntil, Expr::value(At(lease(now))))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(to_text(&State::Running)?))
        .exec(tx.conn())
        .await?;
    let row = Entity::find_by_id(id).one(tx.conn()).await?;
    Ok(row.is_some_and(|row| row.cancelling))
}

/// Ends one that runs. Error: `OPERATION_INTERRUPTED`, where its lease was over and the sweeper has ended it.
pub(super) async fn end(
    tx: &Tx,
    id: Uuid,
    state: State,
    (done, total): (i32, i32),
    at: Timestamp,
    outcome: Vec<u8>,
) -> Result<()> {
    let ended = Entity::update_many()
        .col_expr(Column::State, Expr::value(to_text(&state)?))
        .col_expr(Column::Done, Expr::value(done))
        .col_expr(Column::Total, Expr::value(total))
        .col_expr(Column::EndedAt, Expr::value(At(at)))
        .col_expr(Column::Outcome, Expr::value(outcome))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(to_text(&State::Running)?))
        .exec(tx.conn())
        .await?;
    if ended.rows_affected == 1 { Ok(()) } else { Err(interrupted()) }
}

/// Notes that a running operation is to end. Returns false, and changes nothing, where it has ended.
pub(super) async fn cancel(tx: &Tx, id: Uuid) -> Result<bool> {
    let noted = Entity::update_many()
        .col_expr(Column::Cancelling, Expr::value(true))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(to_text(&State::Running)?))
        .exec(tx.conn())
        .await?;
    Ok(noted.rows_affected == 1)
}

/// Removes one.
pub(super) async fn remove(tx: &Tx, id: Uuid) -> Result<()> {
    Entity::delete_by_id(id).exec(tx.conn()).await?;
    Ok(())
}

/// Ends those that were left by processes that died, and removes those that have ended long ago.
pub(crate) async fn sweep(tx: &Tx) -> Result<()> {
    let now = tx.ctx().now();
    Entity::update_many()
        .col_expr(Column::State, Expr::value(to_text(&State::Failed)?))
        .col_expr(Column::EndedAt, Expr::value(At(now)))
        .col_expr(Column::Outcome, Expr::value(shown::status(interrupted())))
        .filter(Column::State.eq(to_text(&State::Running)?))
        .filter(Column::LeaseUntil.lt(At(now)))
        .exec(tx.conn())
        .await?;
    Entity::delete_many().filter(Column::EndedAt.lt(At(now - KEPT))).exec(tx.conn()).await?;
    Ok(())
}
