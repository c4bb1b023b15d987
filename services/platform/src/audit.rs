//! The audit log of a tenant: who did what to what, when. There is one for each service.
//!
//! An entry is written in the transaction that it reports, and that transaction waits for no other one. It is written to a
//! [`lane`]: a sequence of numbered entries that only one transaction uses at a time, with a row that holds its last number. A
//! moment later, at most 100 ms while the process runs, the [`Sequencer`] of any replica [chains](chain) the entries of all lanes:
//! it moves them into the table `audit`, where each has a number and a keyed digest of itself and of all entries before it, and
//! seals the new end. The lock on the row of the end is the lease: the replica that holds it chains for all replicas, and a replica
//! that dies releases it.
//!
//! What [`verify`] finds, even where the attacker can write to the database:
//! - a chained entry that was changed, removed, added or moved, also the last one: by the chain and the sealed end;
//! - an entry that waits to be chained and was changed, removed or added: each has a keyed digest with its lane and number, the
//!   sealed row of the lane holds its last number, and the sealed end lists the lanes.
//!
//! It cannot find a part of the log that was restored, with its seals, to an earlier state from a copy: the whole log to an earlier
//! end, or a lane to an earlier last number, where the entries written since were removed before they were chained. The second is
//! possible only in the moment before the sequencer runs. Who has kept the `mac` of an entry, or an [export], finds it: there the
//! same entry has another one.
//!
//! A [`Log`] is what a service's methods give of it to those who may read it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, QuerySelect, Statement,
    sea_query::LockType,
};
use uuid::Uuid;

use crate::{
    Ctx, Error, Reads, Result, Store, TenantId, Tx,
    secret::Keys,
    store::{of_text, rows::audit_head, to_text},
};

mod chain;
mod export;
mod lane;
mod log;
mod sequencer;
mod verify;

#[cfg(test)]
pub(crate) use export::exported;
pub(crate) use lane::{Lane, Lanes, append};
pub use log::{Log, Pieces};
pub use sequencer::Sequencer;
pub use verify::{Found, Part, Verdict, verify, verify_part};

/// An entry to be written: an action, its subject and details.
pub(crate) struct Note {
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

/// The id of the only row of `audit_head`, which holds the end of the log.
const HEAD: i32 = 1;

/// The end of a log, and the last chained entry of each lane.
struct End {
    seq: i64,
    mac: Vec<u8>,
    lanes: BTreeMap<Uuid, Chained>,
}

/// The last chained entry of a lane.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
struct Chained {
    /// The number of that entry.
    number: i64,
    /// The instant of the latest entry seen, in microseconds since 1970.
    at: i64,
}

/// The log of one tenant and service, and the keys for its digests.
#[derive(Clone, Copy)]
struct Of<'a> {
    keys: &'a Keys,
    tenant: &'a TenantId,
    service: &'static str,
}

impl<'a> Of<'a> {
    fn new(store: &'a Store, ctx: &'a Ctx) -> Self {
        Self { keys: store.keys(), tenant: ctx.tenant().id(), service: store.service() }
    }

    fn tx(tx: &'a Tx) -> Self {
        Self { keys: tx.keys(), tenant: tx.ctx().tenant().id(), service: tx.service() }
    }

    /// A keyed digest for this log. The purpose is part of it, so that a digest of one kind is not valid as another kind.
    fn derive(&self, purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
        let all = [&[self.tenant.as_str().as_bytes(), self.service.as_bytes()], parts].concat();
        self.keys.derive(purpose, &all).to_vec()
    }

    /// The seal of an end, which only the installation can make. Without lanes it equals the seal of logs from before lanes
    /// existed.
    fn end_seal(&self, seq: i64, mac: &[u8], lanes: &str) -> Vec<u8> {
        let (seq, lanes) = (seq.to_be_bytes(), lanes.as_bytes());
        let parts: [&[u8]; 3] = [&seq, mac, lanes];
        self.derive("audit end", if lanes.is_empty() { &parts[..2] } else { &parts })
    }

    /// The end in a row. None, where the seal is not one of this installation.
    fn end(&self, head: audit_head::Model) -> Result<Option<End>> {
        if head.seal != self.end_seal(head.seq, &head.mac, &head.lanes) {
            return Ok(None);
        }
        let lanes = if head.lanes.is_empty() { BTreeMap::new() } else { of_text(&head.lanes)? };
        Ok(Some(End { seq: head.seq, mac: head.mac, lanes }))
    }

    /// The end to continue from. Error: internal, where there is no end of this installation: entries after it would hide the
    /// change.
    fn sound_end(&self, head: Option<audit_head::Model>) -> Result<End> {
        let head = head.ok_or_else(|| {
            Error::internal("the recorded end of the audit log is missing: somebody removed it; see `koine audit`")
        })?;
        self.end(head)?.ok_or_else(|| {
            Error::internal("the recorded end of the audit log is not one of this installation: see `koine audit`")
        })
    }

    /// The sealed row of an end.
    fn sealed(&self, end: End) -> Result<audit_head::ActiveModel> {
        let End { seq, mac, lanes } = end;
        let lanes = if lanes.is_empty() { String::new() } else { to_text(&lanes)? };
        let seal = self.end_seal(seq, &mac, &lanes);
        Ok(audit_head::ActiveModel { id: Set(HEAD), seq: Set(seq), mac: Set(mac), seal: Set(seal), lanes: Set(lanes) })
    }
}

/// Seals the end of an empty log in a database in which nothing was written yet. In any other database a log without a seal was
/// emptied, and stays without a seal. Called by the code that creates the database, before anything else uses it.
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

/// Whether all tables are empty, except for the rows that the schema itself inserts.
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

/// The row of the end. With `lock`, the row is locked until the transaction ends.
async fn head(db: &impl Reads, lock: bool) -> Result<Option<audit_head::Model>> {
    let mut query = audit_head::Entity::find_by_id(HEAD);
    if lock && db.conn().get_database_backend() == DbBackend::Postgres {
        query = query.lock(LockType::Update);
    }
    Ok(query.one(db.conn()).await?)
}

/// An instant in microseconds, as it is stored and digested.
fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}
