//! Ended sessions as rows.

use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};
use uuid::Uuid;

use crate::{
    Reads, Result, Tx,
    store::{
        At,
        rows::ended_session::{ActiveModel, Column, Entity},
    },
};

/// The number of rows that one statement writes: both databases bound the number of values in a statement.
const AT_ONCE: usize = 1_000;

/// Writes sessions that end in this transaction. One that is there stays as it is.
pub(crate) async fn write(tx: &Tx, sessions: &[Uuid], kept_until: Timestamp) -> Result<()> {
    for some in sessions.chunks(AT_ONCE) {
        let rows = some.iter().map(|id| ActiveModel { id: Set(*id), kept_until: Set(At(kept_until)) });
        let there = OnConflict::column(Column::Id).do_nothing().to_owned();
        Entity::insert_many(rows).on_conflict(there).exec_without_returning(tx.conn()).await?;
    }
    Ok(())
}

/// The sessions that are kept for longer than an instant.
pub(super) async fn kept_after(db: &impl Reads, instant: Timestamp) -> Result<Vec<(Uuid, Timestamp)>> {
    let rows = Entity::find().filter(Column::KeptUntil.gt(At(instant))).all(db.conn()).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.kept_until.0)).collect())
}

/// Removes the sessions whose last token has expired.
pub(crate) async fn sweep(tx: &Tx, now: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::KeptUntil.lte(At(now))).exec(tx.conn()).await?;
    Ok(())
}
