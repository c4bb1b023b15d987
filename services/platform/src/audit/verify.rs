//! Reading a whole log again, to say whether it is as it was written.

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
    /// Every entry is as it was written, also those that wait to be chained. How many there are.
    Whole(i64),
    /// The first entry that is not as it was written: changed, or out of its place.
    Broken(i64),
    /// Entries are missing between this one and the end that was recorded.
    Cut(i64),
    /// The recorded end was removed. The entries up to this one are whole; what came after them cannot be known.
    EndMissing(i64),
    /// The recorded end is not one this installation wrote. The entries up to this one are whole, as above.
    EndForged(i64),
    /// The chained entries, up to this one, are whole. Of those that wait to be chained, or of what is recorded of their lanes, some
    /// was changed, removed or added.
    WaitingBroken(i64),
}

/// How many entries are verified at a time.
const STRIDE: u64 = 1_000;

/// Reads a tenant's whole log, recomputes its chain, and looks at each entry that waits to be chained.
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

/// Recomputes the chain. Gives its last number and digest, or the number of the first entry that is not as it was written.
async fn chained(db: &Snapshot, keys: &Keys, ctx: &Ctx) -> Result<std::result::Result<(i64, Vec<u8>), i64>> {
    let (mut seq, mut mac) = (0, Vec::new());
    let mut after = None;
    loop {
        let query = audit::Entity::find()
            // from the very first: an entry before the first one is none of ours either
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

/// How many entries wait to be chained; nothing, where they are not all of those that the lanes have written.
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

/// Whether each lane ends where its row says, and no row is missing, changed or added.
fn are_as_recorded(of: Of<'_>, mut reached: BTreeMap<Uuid, Chained>, rows: Vec<audit_lane::Model>) -> bool {
    let each = rows.into_iter().all(|row| {
        let ends_there = reached.remove(&row.id).is_some_and(|lane| lane.number == row.number);
        ends_there && row.seal == lane_seal(of, row.id, row.number)
    });
    each && reached.is_empty()
}

/// The digest of a chained entry and all before it. Every part is framed by its length, so that no two entries read alike.
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
