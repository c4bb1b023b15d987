//! Saving rows that have a version: a save that is based on an earlier version than the current one is refused.

use std::str::FromStr;

use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel, Iterable,
    PrimaryKeyToColumn, QueryFilter, Value, sea_query::OnConflict,
};

use super::{Reads, Tx};
use crate::{Error, Result, wire};

impl Tx {
    /// Saves a row with a `bigint` column `version`. Version 1 is inserted; a later version replaces the one before it. Columns
    /// that are not set stay unchanged. Error: `ETAG_STALE`, where another transaction saved this version or inserted the row
    /// first.
    pub async fn save<A>(&self, row: A) -> Result<()>
    where
        A: ActiveModelTrait,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        let version = <A::Entity as EntityTrait>::Column::from_str("version").map_err(|_| unversioned())?;
        let Some(Value::BigInt(Some(number))) = value(&row, version) else { return Err(unversioned()) };
        let saved = match number {
            1 => add(self, row).await?,
            _ => replace(self, row, version.eq(number - 1)).await?,
        };
        if saved == 1 { Ok(()) } else { Err(wire::stale(number)) }
    }
}

async fn add<A>(tx: &Tx, row: A) -> Result<u64>
where
    A: ActiveModelTrait,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    // only for its key: a conflict of another unique column is another fault
    let keys = <A::Entity as EntityTrait>::PrimaryKey::iter().map(|key| key.into_column());
    let insert = A::Entity::insert(row).on_conflict(OnConflict::columns(keys).do_nothing().to_owned());
    match insert.exec_without_returning(tx.conn()).await {
        Err(DbErr::RecordNotInserted) => Ok(0),
        added => Ok(added?),
    }
}

async fn replace<A: ActiveModelTrait>(tx: &Tx, mut row: A, is_before: impl Into<Condition>) -> Result<u64> {
    let mut which = is_before.into();
    for key in <A::Entity as EntityTrait>::PrimaryKey::iter() {
        let column = key.into_column();
        which = which.add(column.eq(value(&row, column).ok_or_else(unversioned)?));
        row.not_set(column);
    }
    Ok(A::Entity::update_many().set(row).filter(which).exec(tx.conn()).await?.rows_affected)
}

fn value<A: ActiveModelTrait>(row: &A, column: <A::Entity as EntityTrait>::Column) -> Option<Value> {
    match row.get(column) {
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some(value),
        ActiveValue::NotSet => None,
    }
}

fn unversioned() -> Error {
    Error::internal("a row is saved that has no version, or not its whole key")
}
