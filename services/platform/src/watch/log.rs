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

/// How many changes are shown at once. However many there are, no more are read than these and those behind the horizon that were seen.
pub(super) const BATCH: usize = 256;
/// How long a change is kept for who comes back.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The topic of a row that stores the transaction before which changes were removed.
const SWEPT: &str = "";

/// Changes of a topic since a position.
pub(super) struct Batch {
    /// The changes, in the order of their transactions.
    pub(super) changes: Vec<Change>,
    /// All changes before this one are among them, or were seen before.
    pub(super) horizon: Place,
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
    let mut position = Position::new(horizon(db).await?, []);
    loop {
        let behind = read(db, topic, &position).await?.changes;
        if behind.is_empty() {
            return Ok(position);
        }
        behind.iter().for_each(|change| position.saw(change.place));
    }
}

/// The position in a text. None, where the text is not a position, where changes after it were removed, or where the position is
/// later than the database, because an older one was restored.
pub(super) async fn after(db: &Snapshot, text: &str) -> Result<Option<Position>> {
    let Ok(position) = text.parse::<Position>() else { return Ok(None) };
    let swept = change::Entity::find().filter(change::Column::Topic.eq(SWEPT)).order_by_desc(change::Column::Seq);
    let is_kept = swept.one(db.conn()).await?.is_none_or(|swept| swept.seq <= position.horizon().0);
    let horizon = horizon(db).await?;
    Ok(Some(position).filter(|position| is_kept && position.horizon() <= horizon))
}

/// The first changes under a topic since a position.
pub(super) async fn read(db: &Snapshot, topic: &str, position: &Position) -> Result<Batch> {
    // those that were seen are among them: one more than a batch remains, if there is one more
    let (horizon, mut changes) = look(db, topic, position.horizon(), position.behind() + BATCH + 1).await?;
    changes.retain(|change| !position.has(change.place));
    let Some(next) = changes.get(BATCH).map(|next| next.place) else { return Ok(Batch { changes, horizon }) };
    changes.truncate(BATCH);
    Ok(Batch { changes, horizon: horizon.min(next) })
}

/// What gives the horizon, in a column of this name.
fn horizon_in(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon",
        _ => "SELECT coalesce(max(seq), 0) + 1 AS horizon FROM change",
    }
}

/// The first transaction that may still run, as the place of its first change.
async fn horizon(db: &Snapshot) -> Result<Place> {
    let backend = db.conn().get_database_backend();
    let row = db.conn().query_one_raw(Statement::from_string(backend, horizon_in(backend))).await?;
    Ok((row.map_or(Ok(0), |row| row.try_get("", "horizon"))?, 0))
}

/// The horizon, and the first changes of a topic from one on.
async fn look(db: &Snapshot, topic: &str, (first, nth): Place, most: usize) -> Result<(Place, Vec<Change>)> {
    let backend = db.conn().get_database_backend();
    let sql = format!(
        "SELECT h.horizon, c.seq, c.nth, c.key FROM ({}) h \
         LEFT JOIN change c ON c.topic = $1 AND c.seq >= $2 AND (c.seq > $2 OR c.nth >= $3) ORDER BY c.seq, c.nth LIMIT $4",
        horizon_in(backend)
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let query =
        Statement::from_sql_and_values(backend, sql, [Value::from(topic), first.into(), nth.into(), most.into()]);
    let rows = db.conn().query_all_raw(query).await?;
    let horizon = rows.first().map_or(Ok(0), |row| row.try_get("", "horizon"))?;
    let change = |row: &QueryResult| -> Result<Option<Change>> {
        let Some(seq) = row.try_get::<Option<i64>>("", "seq")? else { return Ok(None) };
        Ok(Some(Change { place: (seq, row.try_get("", "nth")?), key: row.try_get("", "key")? }))
    };
    Ok(((horizon, 0), rows.iter().filter_map(|row| change(row).transpose()).collect::<Result<_>>()?))
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
