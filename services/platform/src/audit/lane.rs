//! Writing entries without waiting for others. Only one transaction uses a lane at a time, so no transaction waits for the row that
//! holds its last number, and the number is known without a query.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, Statement,
};
use uuid::Uuid;

use super::{Chained, Note, Of, head, micros};
use crate::{
    Error, Reads, Result, Tx,
    error::{Reason, Shared},
    store::{
        At,
        rows::{audit_entry, audit_head, audit_lane},
    },
};

/// The writer stops using a lane without an entry for this long. [`super::chain`] removes it later than that.
const FRESH: SignedDuration = SignedDuration::from_mins(30);

/// The lanes of this process in the log of one tenant.
#[derive(Default)]
pub(crate) struct Lanes {
    idle: Mutex<Vec<Lane>>,
    turn: AtomicI64,
}

/// A lane, owned by the transaction that uses it. A lane that is not given back is not used again, because it is not known whether
/// the transaction was committed.
pub(crate) struct Lane {
    pub(super) id: Uuid,
    /// The number of its last entry. None: it has no entry and no row yet.
    pub(super) number: Option<i64>,
    used_at: Timestamp,
}

impl Lanes {
    /// Returns an idle lane, or a new one.
    fn take(&self, tx: &Tx) -> Lane {
        let now = tx.ctx().now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(lane) = idle.pop() {
            if now < lane.used_at + FRESH {
                return lane;
            }
        }
        Lane { id: tx.ctx().new_id::<Lane>().uuid(), number: None, used_at: now }
    }

    /// Makes a lane available again. Call it after the commit of its transaction.
    pub(crate) fn give_back(&self, lane: Lane) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
    }

    /// Removes and returns the idle lanes, when the process ends.
    pub(crate) fn close(&self) -> Vec<Lane> {
        std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The instant that orders entries, adjusted so that each entry of a process has a greater one than the entry before.
    fn turn(&self, now: i64) -> i64 {
        let next = |last: i64| now.max(last + 1);
        // with a function that always gives a value, the update cannot fail
        let last = self.turn.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(next(last)));
        last.map_or(now, next)
    }
}

/// Adds entries to the log, in the transaction that they report. Returns the lane that they were written to; return it to [`Lanes`]
/// after the commit. Error: internal, where the log has no end of this installation.
pub(crate) async fn append(tx: &Tx, lanes: &Lanes, notes: Vec<Note>) -> Result<Lane> {
    let mut lane = lanes.take(tx);
    let first = lane.number.unwrap_or_default() + 1;
    let rows: Vec<_> = (first..).zip(notes).map(|(number, note)| entry(tx, lanes, lane.id, number, note)).collect();
    let last = first - 1 + i64::try_from(rows.len()).map_err(Error::internal)?;
    match lane.number {
        None => enter(tx, lane.id, last).await?,
        Some(before) => advance(tx, lane.id, before, last).await?,
    }
    audit_entry::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    (lane.number, lane.used_at) = (Some(last), tx.ctx().now());
    Ok(lane)
}

fn entry(tx: &Tx, lanes: &Lanes, lane: Uuid, number: i64, note: Note) -> audit_entry::ActiveModel {
    let now = tx.ctx().now();
    let Note { action, subject, detail } = note;
    let mut row = audit_entry::Model {
        lane,
        number,
        turn: lanes.turn(micros(now)),
        at: At(now),
        actor: tx.ctx().actor(),
        action: action.to_owned(),
        subject,
        detail,
        mac: Vec::new(),
    };
    row.mac = entry_mac(Of::tx(tx), &row);
    row.into_active_model().reset_all()
}

/// The keyed digest of an entry that waits to be chained.
pub(super) fn entry_mac(of: Of<'_>, row: &audit_entry::Model) -> Vec<u8> {
    let audit_entry::Model { lane, number, turn, at, actor, action, subject, detail, mac: _ } = row;
    let (number, turn, at) = (number.to_be_bytes(), turn.to_be_bytes(), micros(at.0).to_be_bytes());
    let texts = [actor.as_bytes(), action.as_bytes(), subject.as_bytes(), detail.as_bytes()];
    of.derive("audit entry", &[&[lane.as_bytes(), &number[..], &turn, &at][..], &texts].concat())
}

/// The seal of the last number of a lane, which only the installation can make.
pub(super) fn lane_seal(of: Of<'_>, lane: Uuid, number: i64) -> Vec<u8> {
    of.derive("audit lane", &[lane.as_bytes(), &number.to_be_bytes()])
}

/// Adds a new lane to the log. This waits for the lock on the end of the log, once for each lane.
async fn enter(tx: &Tx, lane: Uuid, last: i64) -> Result<()> {
    let of = Of::tx(tx);
    let mut end = of.sound_end(head(tx, true).await?)?;
    end.lanes.insert(lane, Chained { number: 0, at: micros(tx.ctx().now()) });
    audit_head::Entity::update(of.sealed(end)?).exec(tx.conn()).await?;
    let row = audit_lane::ActiveModel { id: Set(lane), number: Set(last), seal: Set(lane_seal(of, lane, last)) };
    audit_lane::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Stores the new last number of a lane, and checks in the same statement that the log still has an end of this installation.
async fn advance(tx: &Tx, lane: Uuid, before: i64, last: i64) -> Result<()> {
    let of = Of::tx(tx);
    let sql = "UPDATE audit_lane SET number = $1, seal = $2 WHERE id = $3 AND number = $4 \
               RETURNING (SELECT id FROM audit_head) AS id, (SELECT seq FROM audit_head) AS seq, (SELECT mac FROM audit_head) AS mac, \
               (SELECT seal FROM audit_head) AS seal, (SELECT lanes FROM audit_head) AS lanes";
    let values = [last.into(), lane_seal(of, lane, last).into(), lane.into(), before.into()];
    let update = Statement::from_sql_and_values(tx.conn().get_database_backend(), sql, values);
    let Some(row) = tx.conn().query_one_raw(update).await? else {
        // the lane was removed after a long time without an entry, or by an attacker, which `verify` finds
        return Err(Shared::Overloaded
            .error("What was done could not be written down. Nothing was changed; try again in a moment.")
            .retry_after(Duration::from_millis(200))
            .caused_by(format!("the lane {lane} of the audit log is not where its writer left it")));
    };
    let head = row.try_get::<Option<i32>>("", "id")?.map(|_| audit_head::Model::from_query_result(&row, ""));
    of.sound_end(head.transpose()?).map(drop)
}
