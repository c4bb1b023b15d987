//! The rows of changes, and which of them a watcher has not seen.
//!
//! A row has the number of its transaction. SQLite has one writer at a time, so the number is one more than the last one, and rows
//! are committed in order. PostgreSQL numbers its transactions itself, and they commit in any order; the first one that may still
//! run is the horizon of a snapshot.

use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, Statement, Value, sea_query::OnConflict,
};

use super::position::{Place, Position};
use crate::{
    Reads, Result, Snapshot, Tx,
    store::{At, rows::change},
};

/// How many changes are read at once.
const BATCH: usize = 256;
/// How long a change is kept for who comes back.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The topic of a row that stores the transaction before which changes were removed.
const SWEPT: &str = "";

/// Changes of a topic since a position.
pub(super) struct Batch {
    /// The changes, in the order of their transactions.
    pub(super) changes: Vec<Change>,
    /// All changes before this one are among them, or were seen before.
    pub(super) horizon: i64,
}

/// A change of a topic.
pub(super) struct Change {
    pub(super) place: Place,
    pub(super) key: String,
}

impl Batch {
    /// The keys of the changes, each once, in the order of their first changes.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for Change { key, .. } in &self.changes {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }
}

/// Writes changes, each a topic and a key, in their transaction.
pub(crate) async fn write(tx: &Tx, changes: &[(String, String)]) -> Result<()> {
    let backend = tx.conn().get_database_backend();
    let number = match backend {
        DbBackend::Postgres => "pg_current_xact_id()::text::bigint",
        _ => "(SELECT coalesce(max(seq), 0) + 1 FROM change)",
    };
    let sql = format!("INSERT INTO change (seq, nth, topic, key, at) VALUES ({number}, $1, $2, $3, $4)");
    for (nth, (topic, key)) in (0_i32..).zip(changes) {
        let values: [Value; 4] = [nth.into(), topic.into(), key.into(), At(tx.ctx().now()).into()];
        tx.conn().execute_raw(Statement::from_sql_and_values(backend, &sql, values)).await?;
    }
    Ok(())
}

/// The position of a watcher that has seen all changes so far.
pub(super) async fn now(db: &Snapshot, topic: &str) -> Result<Position> {
    let (horizon, _) = look(db, topic, i64::MAX).await?;
    let (_, behind) = look(db, topic, horizon).await?;
    Ok(Position::new(horizon, behind.into_iter().map(|change| change.place)))
}

/// The position in a text. None, where the text is not a position, where changes after it were removed, or where the position is
/// later than the database, because an older one was restored.
pub(super) async fn after(db: &Snapshot, text: &str) -> Result<Option<Position>> {
    let Ok(position) = text.parse::<Position>() else { return Ok(None) };
    let swept = change::Entity::find().filter(change::Column::Topic.eq(SWEPT)).order_by_desc(change::Column::Seq);
    let is_kept = swept.one(db.conn()).await?.is_none_or(|swept| swept.seq <= position.horizon());
    let (horizon, _) = look(db, "", i64::MAX).await?;
    Ok(Some(position).filter(|position| is_kept && position.horizon() <= horizon))
}

/// What changed under a topic since a position.
pub(super) async fn read(db: &Snapshot, topic: &str, position: &Position) -> Result<Batch> {
    let (horizon, mut changes) = look(db, topic, position.horizon()).await?;
    changes.retain(|change| !position.has(change.place));
    let Some(next) = changes.get(BATCH).map(|next| next.place.0) else { return Ok(Batch { changes, horizon }) };
    changes.truncate(BATCH);
    Ok(Batch { changes, horizon: horizon.min(next) })
}

/// The horizon, and the changes of a topic from one transaction on.
async fn look(db: &Snapshot, topic: &str, from: i64) -> Result<(i64, Vec<Change>)> {
    let backend = db.conn().get_database_backend();
    let horizon = match backend {
        DbBackend::Postgres => "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon",
        _ => "SELECT coalesce(max(seq), 0) + 1 AS horizon FROM change",
    };
    let sql = format!(
        "SELECT h.horizon, c.seq, c.nth, c.key FROM ({horizon}) h LEFT JOIN change c ON c.topic = $1 AND c.seq >= $2 ORDER BY c.seq, c.nth"
    );
    let query = Statement::from_sql_and_values(backend, sql, [Value::from(topic), from.into()]);
    let rows = db.conn().query_all_raw(query).await?;
    let horizon = rows.first().map_or(Ok(0), |row| row.try_get("", "horizon"))?;
    let change = |row: &QueryResult| -> Result<Option<Change>> {
        let Some(seq) = row.try_get::<Option<i64>>("", "seq")? else { return Ok(None) };
        Ok(Some(Change { place: (seq, row.try_get("", "nth")?), key: row.try_get("", "key")? }))
    };
    Ok((horizon, rows.iter().filter_map(|row| change(row).transpose()).collect::<Result<_>>()?))
}

/// Removes old changes, and stores up to which transaction: a watcher with an earlier position may have missed some.
pub(crate) async fn sweep(tx: &Tx, now: Timestamp) -> Result<()> {
    let old = change::Entity::find().filter(change::Column::At.lt(At(now - KEPT)));
    let old = old.filter(change::Column::Topic.ne(SWEPT)).order_by_desc(change::Column::Seq).limit(1);
    let Some(last) = old.one(tx.conn()).await? else { return Ok(()) };
    let row = change::ActiveModel {
        seq: Set(last.seq),
        nth: Set(-1),
        topic: Set(SWEPT.to_owned()),
        key: Set(String::new()),
        at: Set(At(now)),
    };
    let there = OnConflict::columns([change::Column::Seq, change::Column::Nth]).do_nothing().to_owned();
    change::Entity::insert(row).on_conflict(there).exec_without_returning(tx.conn()).await?;
    change::Entity::delete_many().filter(change::Column::Seq.lt(last.seq)).exec(tx.conn()).await?;
    Ok(())
}
