//! Verifies a whole log: whether it is as it was written.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{Chained, End, Of, chain::follows, head, lane::lane_seal, micros};
use crate::{
    Ctx, Reads, Result, Store, Violations,
    error::Shared,
    store::{
        Snapshot,
        rows::{audit, audit_entry, audit_head, audit_lane},
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

/// A part of a log: from one entry to another, both included. The default is the whole log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The number of the first entry. None: the first of the log.
    pub first: Option<i64>,
    /// The number of the last entry. None: the last of the log.
    pub last: Option<i64>,
}

/// What the verification of a part of a log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether it is as it was written.
    pub verdict: Verdict,
    /// How many entries are, also those that wait, where they were looked at.
    pub entries: i64,
    /// The number of the last of them that is chained. 0 where there is none.
    pub last: i64,
    /// The keyed digest of that entry and of all before it.
    pub mac: Vec<u8>,
}

/// The number of entries that are read at a time.
pub(super) const STRIDE: u64 = 1_000;

impl Part {
    /// The part from one number to another. 0 stands for the first entry of the log, and for the last one.
    pub fn of(first: i64, last: i64) -> Self {
        Self { first: Some(first).filter(|first| *first > 0), last: Some(last).filter(|last| *last > 0) }
    }

    /// Error: `FIELDS_INVALID` at `first` or `last`, where the log has no such part. `end` is the number that it says to
    /// end with, if it does.
    pub(super) fn check(self, end: Option<i64>) -> Result<()> {
        let Some(end) = end else { return Ok(()) };
        let mut violations = Violations::new();
        if self.last.is_some_and(|last| last > end) {
            violations.add("last", Shared::FieldsInvalid, format!("The log ends with entry {end}."));
        }
        if self.first.is_some_and(|first| first > self.last.unwrap_or(end).max(1)) {
            violations.add("first", Shared::FieldsInvalid, "No entry of the log is from here to the last one.");
        }
        violations.done()
    }
}

/// What a log says of its own end.
pub(super) enum Recorded {
    /// It is not asked: the part that is looked at says where it ends.
    Unasked,
    /// Nothing.
    Missing,
    /// Something that this installation has not written.
    Forged,
    /// That it is here.
    Is(End),
}

impl Recorded {
    /// What the row of the end says, where a part goes to the end.
    pub(super) fn of(of: Of<'_>, head: Option<audit_head::Model>, part: Part) -> Result<Self> {
        Ok(match head {
            _ if part.last.is_some() => Self::Unasked,
            None => Self::Missing,
            Some(head) => of.end(head)?.map_or(Self::Forged, Self::Is),
        })
    }
}

/// How far a chain was followed.
#[derive(Default)]
pub(super) struct Walked {
    /// The number of the last entry, and its digest.
    pub(super) seq: i64,
    pub(super) mac: Vec<u8>,
    /// How many entries they are.
    count: i64,
}

/// A chain that is followed from entry to entry.
pub(super) struct Walk<'a> {
    pub(super) of: Of<'a>,
    pub(super) part: Part,
    pub(super) at: Walked,
}

impl<'a> Walk<'a> {
    /// A walk that stands before a part. None, where the entry before it is missing.
    pub(super) async fn begin(db: &impl Reads, of: Of<'a>, part: Part) -> Result<Option<Self>> {
        let before = part.first.map_or(0, |first| first - 1);
        if before == 0 {
            return Ok(Some(Self { of, part, at: Walked::default() }));
        }
        let row = audit::Entity::find_by_id(before).one(db.conn()).await?;
        Ok(row.map(|row| Self { of, part, at: Walked { seq: row.seq, mac: row.mac, count: 0 } }))
    }

    /// The next entries of the part, at most [`STRIDE`]. None at its end.
    pub(super) async fn next(&self, db: &impl Reads) -> Result<Vec<audit::Model>> {
        let after = Some(self.at.seq).filter(|seq| *seq > 0);
        let query = audit::Entity::find()
            // from the beginning without a lower bound, so that an entry with a number below 1 is found too
            .apply_if(after, |query, after| query.filter(audit::Column::Seq.gt(after)))
            .apply_if(self.part.last, |query, last| query.filter(audit::Column::Seq.lte(last)))
            .order_by_asc(audit::Column::Seq)
            .limit(STRIDE);
        Ok(query.all(db.conn()).await?)
    }

    /// Follows the chain to an entry. Error: the number of the first one that was changed or is out of order.
    pub(super) fn step(&mut self, row: &audit::Model) -> std::result::Result<(), i64> {
        let next = self.at.seq + 1;
        if row.seq != next || row.mac != chained_mac(self.of, &self.at.mac, row) {
            return Err(row.seq.min(next));
        }
        self.at = Walked { seq: row.seq, mac: row.mac.clone(), count: self.at.count + 1 };
        Ok(())
    }

    /// Follows the chain to the end of the part. Returns the number of the first entry that was changed or is out of order, if there
    /// is one.
    async fn all(&mut self, db: &impl Reads) -> Result<Option<i64>> {
        loop {
            let rows = self.next(db).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            if let Some(broken) = rows.iter().find_map(|row| self.step(row).err()) {
                return Ok(Some(broken));
            }
        }
    }

    /// The verdict where the chain was followed until no entry was left.
    pub(super) fn verdict(&self, recorded: &Recorded) -> Verdict {
        let Walked { seq, mac, count } = &self.at;
        match recorded {
            Recorded::Unasked if self.part.last.is_some_and(|last| *seq < last) => Verdict::Cut(*seq),
            Recorded::Missing => Verdict::EndMissing(*seq),
            Recorded::Forged => Verdict::EndForged(*seq),
            Recorded::Is(end) if end.seq != *seq || end.mac != *mac => Verdict::Cut(*seq),
            Recorded::Unasked | Recorded::Is(_) => Verdict::Whole(*count),
        }
    }
}

/// Reads the whole log of a tenant, recomputes its chain, and checks each entry that waits to be chained.
pub async fn verify(store: &Store, ctx: &Ctx) -> Result<Verdict> {
    verify_part(store, ctx, Part::default()).await.map(|found| found.verdict)
}

/// [`verify`] for a part of the log. Where the part says with which entry it ends, the recorded end of the log and the entries that wait
/// are not looked at. Error: `FIELDS_INVALID`, where the log has no such part.
pub async fn verify_part(store: &Store, ctx: &Ctx, part: Part) -> Result<Found> {
    let db = store.read(ctx).await?;
    let of = Of::new(store, ctx);
    let head = head(&db, false).await?;
    part.check(head.as_ref().map(|head| head.seq))?;
    let recorded = Recorded::of(of, head, part)?;
    let Some(mut walk) = Walk::begin(&db, of, part).await? else {
        let before = part.first.unwrap_or_default() - 1;
        return Ok(Found { verdict: Verdict::Broken(before), entries: 0, last: 0, mac: Vec::new() });
    };
    let verdict = match walk.all(&db).await? {
        Some(broken) => Verdict::Broken(broken),
        None => walk.verdict(&recorded),
    };
    let Walked { seq, mac, count } = walk.at;
    let verdict = verdict.with(waiting(&db, of, &recorded).await?, seq);
    let entries = if let Verdict::Whole(entries) = verdict { entries } else { count };
    Ok(Found { verdict, entries, last: seq, mac })
}

impl Verdict {
    /// The verdict on chained entries up to one, where this is known of those that wait.
    pub(super) fn with(self, waiting: Option<i64>, last: i64) -> Self {
        match (self, waiting) {
            (Self::Whole(count), Some(waiting)) => Self::Whole(count + waiting),
            (Self::Whole(_), None) => Self::WaitingBroken(last),
            (broken, _) => broken,
        }
    }
}

/// The number of entries that wait to be chained behind a recorded end. None, where they are not exactly those that the lanes have written.
pub(super) async fn waiting(db: &Snapshot, of: Of<'_>, recorded: &Recorded) -> Result<Option<i64>> {
    match recorded {
        Recorded::Is(end) => behind(db, of, end).await,
        // a part that ends before is not asked about them, and of an end that is none nothing follows
        Recorded::Unasked | Recorded::Missing | Recorded::Forged => Ok(Some(0)),
    }
}

async fn behind(db: &Snapshot, of: Of<'_>, end: &End) -> Result<Option<i64>> {
    let mut reached = end.lanes.clone();
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
pub(super) fn chained_mac(of: Of<'_>, before: &[u8], row: &audit::Model) -> Vec<u8> {
    let (seq, at) = (row.seq.to_be_bytes(), micros(row.at.0).to_be_bytes());
    let parts: [&[u8]; 8] = [
        of.tenant.as_str().as_bytes(),
        before,
        &seq,
        &at,
        row.actor.as_bytes(),
        row.action.as_bytes(),
        row.subject.as_bytes(),
        row.detail.as_bytes(),
    ];
    of.keys.derive("audit", &parts).to_vec()
}
