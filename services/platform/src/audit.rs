//! The audit log of a tenant: who did what to what, when. There is one for each service.
//!
//! An entry is written in the transaction it tells of, and that transaction waits for no other one. It is written by a [`lane`]: a
//! writer that has one transaction at a time, numbers its entries, and keeps its last number in a row of its own. A moment later,
//! at most 100 ms while the process lives, the [`Sequencer`] of any replica [chains](chain) what all lanes have written: it moves
//! the entries into the table `audit`, where each has a number and a keyed digest of itself and of all before it, and seals the
//! new end. The lock on the row of the end is the lease: who holds it chains for all replicas, and a replica that dies gives it back.
//!
//! What [`verify`] finds, though who did it can write the database:
//! - a chained entry that was changed, removed, added or moved, also the last one: by the chain and the sealed end;
//! - an entry that waits to be chained and was changed, removed or added: each has a keyed digest with its lane and number, and its
//!   lane says, sealed, which number is the last; which lanes there are stands in the sealed end.
//!
//! What cannot be found from inside is a part of the log that is put back, seal and all, to what it was at an earlier instant by
//! somebody who kept a copy: the whole log to an earlier end, or a lane to an earlier last number, together with the removal of what
//! it wrote since and before that was chained. The second is possible in the moment before the sequencer comes only.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, QuerySelect, Statement,
    sea_query::LockType,
};
use uuid::Uuid;

use crate::{
    Error, Reads, Result, TenantId, Tx,
    secret::Keys,
    store::{of_text, rows::audit_head, to_text},
};

mod chain;
mod lane;
mod sequencer;
mod verify;

pub(crate) use lane::{Lane, Lanes, append};
pub use sequencer::Sequencer;
pub use verify::{Verdict, verify};

/// One thing that was done.
pub(crate) struct Note {
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

/// The one row that says where the log ends.
const HEAD: i32 = 1;

/// Where a log ends, and how far each lane is chained.
struct End {
    seq: i64,
    mac: Vec<u8>,
    lanes: BTreeMap<Uuid, Chained>,
}

/// How far a lane is chained.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
struct Chained {
    /// The number of its last entry that is.
    number: i64,
    /// When it was last seen to write, in microseconds since 1970.
    at: i64,
}

/// Whose log it is, and what it is sealed with.
#[derive(Clone, Copy)]
struct Of<'a> {
    keys: &'a Keys,
    tenant: &'a TenantId,
    service: &'static str,
}

impl<'a> Of<'a> {
    fn tx(tx: &'a Tx) -> Self {
        Self { keys: tx.keys(), tenant: tx.ctx().tenant().id(), service: tx.service() }
    }

    /// A keyed digest under a name of its own, so that none passes for another kind.
    fn derive(&self, purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
        let all = [&[self.tenant.as_str().as_bytes(), self.service.as_bytes()], parts].concat();
        self.keys.derive(purpose, &all).to_vec()
    }

    /// What only the installation can say of where a log ends. Without lanes it is what it was before there were any.
    fn end_seal(&self, seq: i64, mac: &[u8], lanes: &str) -> Vec<u8> {
        let (seq, lanes) = (seq.to_be_bytes(), lanes.as_bytes());
        let parts: [&[u8]; 3] = [&seq, mac, lanes];
        self.derive("audit end", if lanes.is_empty() { &parts[..2] } else { &parts })
    }

    /// The end a row tells of; nothing, where the installation did not write it.
    fn end(&self, head: audit_head::Model) -> Result<Option<End>> {
        if head.seal != self.end_seal(head.seq, &head.mac, &head.lanes) {
            return Ok(None);
        }
        let lanes = if head.lanes.is_empty() { BTreeMap::new() } else { of_text(&head.lanes)? };
        Ok(Some(End { seq: head.seq, mac: head.mac, lanes }))
    }

    /// The end to go on from. Error: internal, where there is none of this installation: an entry after it would hide what was done.
    fn sound_end(&self, head: Option<audit_head::Model>) -> Result<End> {
        let head = head.ok_or_else(|| {
            Error::internal("the recorded end of the audit log is missing: somebody removed it; see `koine audit`")
        })?;
        self.end(head)?.ok_or_else(|| {
            Error::internal("the recorded end of the audit log is not one of this installation: see `koine audit`")
        })
    }

    /// The row of an end, sealed.
    fn sealed(&self, end: End) -> Result<audit_head::ActiveModel> {
        let End { seq, mac, lanes } = end;
        let lanes = if lanes.is_empty() { String::new() } else { to_text(&lanes)? };
        let seal = self.end_seal(seq, &mac, &lanes);
        Ok(audit_head::ActiveModel { id: Set(HEAD), seq: Set(seq), mac: Set(mac), seal: Set(seal), lanes: Set(lanes) })
    }
}

/// Seals the end of a log that has no entry, in a database where nothing was written yet. Anywhere else a log without a seal was
/// emptied, and stays without. For who makes the database, before anybody else is let in.
pub(crate) async fn begin(
    database: &DatabaseConnection,
    keys: &Keys,
    tenant: &TenantId,
    service: &'static str,
) -> Result<()> {
    let head = audit_head::Entity::find_by_id(HEAD).one(database).await?;
    if let Some(head) = head.filter(|head| head.seal.is_empty() && head.seq == 0)
        && is_untouched(database).await?
    {
        let end = End { seq: head.seq, mac: head.mac, lanes: BTreeMap::new() };
        audit_head::Entity::update(Of { keys, tenant, service }.sealed(end)?).exec(database).await?;
    }
    Ok(())
}

/// Whether nothing stands in any table but what the schema itself puts there.
async fn is_untouched(database: &DatabaseConnection) -> Result<bool> {
    let backend = database.get_database_backend();
    let tables = match backend {
        DbBackend::Postgres => "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()",
        _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
    };
    for row in database.query_all_raw(Statement::from_string(backend, tables)).await? {
        let name: String = row.try_get("", "name")?;
        let by_schema = ["audit_head", "seaql_migrations"].contains(&name.as_str()) || name.starts_with("sqlite_");
        let first = Statement::from_string(backend, format!("SELECT 1 FROM \"{name}\" LIMIT 1"));
        if !by_schema && database.query_one_raw(first).await?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The row of the end. Locked, it stays as it is until the transaction ends.
async fn head(db: &impl Reads, lock: bool) -> Result<Option<audit_head::Model>> {
    let mut query = audit_head::Entity::find_by_id(HEAD);
    if lock && db.conn().get_database_backend() == DbBackend::Postgres {
        query = query.lock(LockType::Update);
    }
    Ok(query.one(db.conn()).await?)
}

/// An instant as a row and a digest have it.
fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}
