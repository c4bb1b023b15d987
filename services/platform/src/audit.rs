//! The audit log of a tenant: who did what to what, when. Entries are chained by a keyed digest and the end of the chain is kept
//! apart, so that a changed, removed or reordered entry, also the last one, is found by [`verify`].

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::LockType,
};

use crate::{
    Ctx, Error, Reads, Result, Store, Tx,
    secret::Keys,
    store::{
        At,
        rows::{audit, audit_head},
    },
};

/// One thing that was done.
pub(crate) struct Note {
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

/// What the verification of a log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is as it was written. How many there are.
    Whole(i64),
    /// The first entry that is not as it was written: changed, or out of its place.
    Broken(i64),
    /// Entries are missing between this one and the end that was recorded.
    Cut(i64),
}

/// How many entries are verified at a time.
const STRIDE: u64 = 1_000;

/// The one row that says where the log ends.
const HEAD: i32 = 1;

/// Adds entries to the log, in the transaction they belong to.
pub(crate) async fn append(tx: &Tx, notes: Vec<Note>) -> Result<()> {
    let missing = || Error::internal("the recorded end of the audit log is missing: somebody removed it");
    let audit_head::Model { mut seq, mut mac, .. } = end_of(tx, true).await?.ok_or_else(missing)?;
    let mut rows = Vec::with_capacity(notes.len());
    for Note { action, subject, detail } in notes {
        seq += 1;
        let mut row = audit::Model {
            seq,
            at: At(tx.ctx().now()),
            actor: tx.ctx().actor(),
            action: action.to_owned(),
            subject,
            detail,
            mac: Vec::new(),
        };
        mac = seal(tx.keys(), tx.ctx(), &mac, &row);
        row.mac.clone_from(&mac);
        rows.push(row.into_active_model().reset_all());
    }
    audit::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    let head = audit_head::ActiveModel { id: Set(HEAD), seq: Set(seq), mac: Set(mac) };
    audit_head::Entity::update(head).exec(tx.conn()).await?;
    Ok(())
}

async fn end_of(db: &impl Reads, lock: bool) -> Result<Option<audit_head::Model>> {
    let mut query = audit_head::Entity::find_by_id(HEAD);
    if lock && db.conn().get_database_backend() == sea_orm::DbBackend::Postgres {
        query = query.lock(LockType::Update);
    }
    Ok(query.one(db.conn()).await?)
}

/// The digest of one entry and all before it. Every part is framed by its length, so that no two entries read alike.
fn seal(keys: &Keys, ctx: &Ctx, before: &[u8], row: &audit::Model) -> Vec<u8> {
    let (seq, at) = (row.seq.to_be_bytes(), row.at.0.as_microsecond().to_be_bytes());
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

/// Reads a tenant's whole log and recomputes its chain.
pub async fn verify(store: &Store, ctx: &Ctx) -> Result<Verdict> {
    let db = store.read(ctx).await?;
    let head = end_of(&db, false).await?;
    let (mut seq, mut mac) = (0, Vec::new());
    loop {
        let query =
            audit::Entity::find().filter(audit::Column::Seq.gt(seq)).order_by_asc(audit::Column::Seq).limit(STRIDE);
        let rows = query.all(db.conn()).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let expected = seal(store.keys(), ctx, &mac, &row);
            if row.seq != seq + 1 || row.mac != expected {
                return Ok(Verdict::Broken(seq + 1));
            }
            (seq, mac) = (row.seq, row.mac);
        }
    }
    match head {
        Some(head) if head.seq == seq && head.mac == mac => Ok(Verdict::Whole(seq)),
        // the recorded end is elsewhere, or was removed itself
        Some(_) | None => Ok(Verdict::Cut(seq)),
    }
}
