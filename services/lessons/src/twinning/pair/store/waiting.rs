//! Pairs that wait for somebody to act, whoever asks.

use jiff::Timestamp;
use platform::{
    Id, Reads, Result, Tx,
    store::{At, to_text},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{find, row, with_sides};
use crate::twinning::pair::{Pair, PairStage};

/// The next `many` pairs after an id that have been in one of these states since `since` or longer.
pub(crate) async fn waiting(
    db: &impl Reads,
    states: &[PairStage],
    since: Timestamp,
    after: Option<Id<Pair>>,
    many: u64,
) -> Result<Vec<Pair>> {
    let rows = row::Entity::find()
        .filter(row::Column::State.is_in(states.iter().map(to_text).collect::<Result<Vec<_>>>()?))
        .filter(row::Column::StateSince.lte(At(since)))
        .apply_if(after, |query, after| query.filter(row::Column::Id.gt(after)))
        .order_by_asc(row::Column::Id)
        .limit(many)
        .all(db.conn())
        .await?;
    with_sides(db, rows).await
}

/// The pair, whoever asks, which nobody else can change until the transaction ends.
pub(crate) async fn find_to_change(tx: &Tx, id: Id<Pair>) -> Result<Option<Pair>> {
    row::Entity::find_by_id(id).lock_exclusive().one(tx.conn()).await?;
    find(tx, id).await
}
