//! Chaining the entries of lanes: they are moved into the log in the order of their turns, and the new end is sealed. Each batch is
//! one transaction that locks the row of the end, so that only one replica chains at a time, and a process that dies leaves nothing
//! half done.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Chained, End, Lane, Of, head, lane::entry_mac, micros};
use crate::{
    Ctx, Reads, Result, Store, Tx,
    store::rows::{audit, audit_entry, audit_head, audit_lane},
};

/// The number of entries that one transaction chains at most.
const BATCH: u64 = 1_000;

/// The numbers of rows that one statement inserts. There are few sizes, because the database prepares and caches a statement for
/// each.
const SIZES: [usize; 4] = [125, 25, 5, 1];

/// When entries are chained, lanes without an entry for this long are removed. Its writer stops using it earlier: see [`super::lane`].
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);

/// Chains every entry that waits in a tenant's log, and removes the lanes of `leaving`. Returns the lanes with entries that were
/// changed, removed or added; the entries of such a lane stay where they are, so that [`verify`](super::verify) finds them. Error:
/// internal, where the log has no end of this installation; nothing was chained then.
pub(super) async fn chain(store: &Store, ctx: &Ctx, leaving: &[Lane]) -> Result<BTreeSet<Uuid>> {
    let mut broken = BTreeSet::new();
    let mut leaving: Vec<Uuid> = leaving.iter().map(|lane| lane.id).collect();
    loop {
        let waiting = audit_entry::Entity::find()
            .filter(audit_entry::Column::Lane.is_not_in(broken.iter().copied()))
            .order_by_asc(audit_entry::Column::Lane)
            .order_by_asc(audit_entry::Column::Number)
            .limit(BATCH);
        // another replica has often chained them, which can be seen without the lock
        let first = waiting.clone().limit(1).one(store.glance(ctx).await?.conn()).await?;
        if first.is_none() && leaving.is_empty() {
            return Ok(broken);
        }
        let tx = store.change(ctx).await?;
        let of = Of::tx(&tx);
        let mut end = of.sound_end(head(&tx, true).await?)?;
        let rows = waiting.all(tx.conn()).await?;
        let is_all = rows.len() < BATCH as usize;
        let sound = advance(of, &mut end, rows, &mut broken);
        append(&tx, &mut end, sound).await?;
        forget(&tx, &mut end, std::mem::take(&mut leaving)).await?;
        audit_head::Entity::update(of.sealed(end)?).exec(tx.conn()).await?;
        tx.commit().await?;
        if is_all {
            return Ok(broken);
        }
    }
}

/// The unchanged entries, in the order of their turns; `end` is advanced to the last one of each lane. A lane is broken from the
/// first entry that is missing, changed or added.
fn advance(
    of: Of<'_>,
    end: &mut End,
    rows: Vec<audit_entry::Model>,
    broken: &mut BTreeSet<Uuid>,
) -> Vec<audit_entry::Model> {
    let mut sound = Vec::with_capacity(rows.len());
    for row in rows {
        let lane = end.lanes.get_mut(&row.lane).filter(|lane| !broken.contains(&row.lane) && follows(of, lane, &row));
        match lane {
            Some(lane) => {
                *lane = Chained { number: row.number, at: lane.at.max(micros(row.at.0)) };
                sound.push(row);
            }
            None => drop(broken.insert(row.lane)),
        }
    }
    sound.sort_unstable_by_key(|row| (row.turn, row.lane, row.number));
    sound
}

/// Whether an entry is the next one of its lane and unchanged since it was written.
pub(super) fn follows(of: Of<'_>, lane: &Chained, row: &audit_entry::Model) -> bool {
    row.number == lane.number + 1 && row.mac == entry_mac(of, row)
}

/// Moves entries into the log.
async fn append(tx: &Tx, end: &mut End, entries: Vec<audit_entry::Model>) -> Result<()> {
    let lanes: BTreeSet<Uuid> = entries.iter().map(|row| row.lane).collect();
    let (of, mut rows) = (Of::tx(tx), Vec::with_capacity(entries.len()));
    for audit_entry::Model { at, actor, action, subject, detail, .. } in entries {
        end.seq += 1;
        let mut row = audit::Model { seq: end.seq, at, actor, action, subject, detail, mac: Vec::new() };
        row.mac = super::verify::chained_mac(of, &end.mac, &row);
        end.mac.clone_from(&row.mac);
        rows.push(row.into_active_model().reset_all());
    }
    let mut rows = &rows[..];
    while let Some(size) = SIZES.into_iter().find(|size| *size <= rows.len()) {
        let (some, rest) = rows.split_at(size);
        audit::Entity::insert_many(some.to_vec()).exec_without_returning(tx.conn()).await?;
        rows = rest;
    }
    for lane in lanes {
        let Some(chained) = end.lanes.get(&lane) else { continue };
        // a lane commits its entries in the order of their numbers, so no lower number can follow
        audit_entry::Entity::delete_many()
            .filter(audit_entry::Column::Lane.eq(lane))
            .filter(audit_entry::Column::Number.lte(chained.number))
            .exec(tx.conn())
            .await?;
    }
    Ok(())
}

/// Removes lanes that are not used any more, where all their entries are chained.
async fn forget(tx: &Tx, end: &mut End, mut leaving: Vec<Uuid>) -> Result<()> {
    let long_ago = micros(tx.ctx().now() - FORGOTTEN);
    leaving.extend(end.lanes.iter().filter(|(_, lane)| lane.at < long_ago).map(|(id, _)| *id));
    for id in leaving {
        let Some(Chained { number, .. }) = end.lanes.get(&id) else { continue };
        // a writer that still uses the lane finds no row and rolls back
        let gone = audit_lane::Entity::delete_many()
            .filter(audit_lane::Column::Id.eq(id))
            .filter(audit_lane::Column::Number.eq(*number))
            .exec(tx.conn())
            .await?;
        if gone.rows_affected == 1 {
            end.lanes.remove(&id);
        }
    }
    Ok(())
}
