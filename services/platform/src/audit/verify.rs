//! Verifies a whole log: whether it is as it was written.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{Chained, End, Of, chain::follows, head, lane::lane_seal, micros};
use crate::{
    Ctx, Reads, Result, Store,
    secret::Keys,
    store::{
        Snapshot,
        rows::{audit, audit_entry, audit_lane},
    },
};

/// What the verification of a log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is as it was written, including those that wait to be chained. The value is their number.
    Whole(i64),
    /// The first entry that was changed or is out of order.
    Broken(i64),
    /// Entries are missing between this one and the recorded end.
    Cut(i64),
    /// The recorded end was removed. The entries up to this one are unchanged; whether later ones existed is not known.
    EndMissing(i64),
    /// This installation did not write the recorded end. The entries up to this one are unchanged; later ones are not known.
    EndForged(i64),
    /// The chained entries up to this one are unchanged. An entry that waits to be chained, or the row of a lane, was changed,
    /// removed or added.
    WaitingBroken(i64),
}

/// The number of entries that are read at a time.
const STRIDE: u64 = 1_000;

/// Reads the whole log of a tenant, recomputes its chain, and checks each entry that waits to be chained.
pub async fn verify(store: &Store, ctx: &Ctx) -> Result<Verdict> {
    let db = store.read(ctx).await?;
    let of = Of { keys: store.keys(), tenant: ctx.tenant().id(), service: store.service() };
    let head = head(&db, false).await?;
    let (seq, mac) = match chained(&db, store.keys(), ctx).await? {
        Ok(last) => last,
        Err(broken) => return Ok(Verdict::Broken(broken)),
    };
    let Some(head) = head else { return Ok(Verdict::EndMissing(seq)) };
    let Some(end) = of.end(head)? else { return Ok(Verdict::EndForged(seq)) };
    if end.seq != seq || end.mac != mac {
        return Ok(Verdict::Cut(seq));
    }
    Ok(match waiting(&db, of, end).await? {
        Some(waiting) => Verdict::Whole(seq + waiting),
        None => Verdict::WaitingBroken(seq),
    })
}

/// Recomputes the chain. Returns the last number and digest, or the number of the first entry that was changed or is out of order.
async fn chained(db: &Snapshot, keys: &Keys, ctx: &Ctx) -> Result<std::result::Result<(i64, Vec<u8>), i64>> {
    let (mut seq, mut mac) = (0, Vec::new());
    let mut after = None;
    loop {
        let query = audit::Entity::find()
            // without a lower bound, so that an entry with a number below 1 is found too
            .apply_if(after, |query, after| query.filter(audit::Column::Seq.gt(after)))
            .order_by_asc(audit::Column::Seq)
            .limit(STRIDE);
        let rows = query.all(db.conn()).await?;
        if rows.is_empty() {
            return Ok(Ok((seq, mac)));
        }
        for row in rows {
            let expected = chained_mac(keys, ctx, &mac, &row);
            if row.seq != seq + 1 || row.mac != expected {
                return Ok(Err(row.seq.min(seq + 1)));
            }
            (seq, mac) = (row.seq, row.mac);
        }
        after = Some(seq);
    }
}

/// The number of entries that wait to be chained. None, where they are not exactly those that the lanes have written.
async fn waiting(db: &Snapshot, of: Of<'_>, end: End) -> Result<Option<i64>> {
    let mut reached = end.lanes;
    let (mut count, mut after) = (0, (Uuid::nil(), 0));
    loop {
        let (lane, number) = (audit_entry::Column::Lane, audit_entry::Column::Number);
        let rows = audit_entry::Entity::find()
            .filter(
                Condition::any()
                    .add(lane.gt(after.0))
                    .add(Condition::all().add(lane.eq(after.0)).add(number.gt(after.1))),
            )
            .order_by_asc(lane)
            .order_by_asc(number)
            .limit(STRIDE);
        let rows = rows.all(db.conn()).await?;
        let Some(last) = rows.last() else { break };
        (count, after) = (count + rows.len() as i64, (last.lane, last.number));
        for row in rows {
            match reached.get_mut(&row.lane).filter(|lane| follows(of, lane, &row)) {
                Some(lane) => lane.number = row.number,
                None => return Ok(None),
            }
        }
    }
    let lanes = audit_lane::Entity::find().all(db.conn()).await?;
    Ok(are_as_recorded(of, reached, lanes).then_some(count))
}

/// Whether each lane ends with the number in its row, and no row is missing, changed or added.
fn are_as_recorded(of: Of<'_>, mut reached: BTreeMap<Uuid, Chained>, rows: Vec<audit_lane::Model>) -> bool {
    let each = rows.into_iter().all(|row| {
        let ends_there = reached.remove(&row.id).is_some_and(|lane| lane.number == row.number);
        ends_there && row.seal == lane_seal(of, row.id, row.number)
    });
    each && reached.is_empty()
}

/// The digest of a chained entry and of all before it. The length of each part is included, so that different entries differ.
pub(super) fn chained_mac(keys: &Keys, ctx: &Ctx, before: &[u8], row: &audit::Model) -> Vec<u8> {
    let (seq, at) = (row.seq.to_be_bytes(), micros(row.at.0).to_be_bytes());
    let tenant = ctx.tenant().id().as_str().as_bytes();
    let parts: [&[u8]; 8] = [
        tenant,
        before,
        &seq,
        &at,
        row.actor.as_bytes(),
        row.action.as_bytes(),
        row.subject.as_bytes(),
        row.detail.as_bytes(),
    ];
    keys.derive("audit", &parts).to_vec()
}
