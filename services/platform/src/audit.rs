//! The audit log of a tenant: who did what to what, when. Entries are chained by a keyed digest and the end of the chain is kept
//! apart, under a seal of the installation's key, so that a changed, removed or reordered entry, also the last one, is found by
//! [`verify`], though who did it can write the database. What cannot be found from inside is a log that is put back, end and
//! all, to what it was at an earlier instant by somebody who kept a copy.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Statement, sea_query::LockType,
};

use crate::{
    Ctx, Error, Reads, Result, Store, TenantId, Tx,
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
    /// The recorded end was removed. The entries up to this one are whole; what came after them cannot be known.
    EndMissing(i64),
    /// The recorded end is not one this installation wrote. The entries up to this one are whole, as above.
    EndForged(i64),
}

/// How many entries are verified at a time.
const STRIDE: u64 = 1_000;

/// The one row that says where the log ends.
const HEAD: i32 = 1;

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
        audit_head::Entity::update(sealed(keys, tenant, service, head.seq, head.mac)).exec(database).await?;
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

/// Adds entries to the log, in the transaction they belong to.
pub(crate) async fn append(tx: &Tx, notes: Vec<Note>) -> Result<()> {
    let (tenant, service) = (tx.ctx().tenant().id(), tx.service());
    let missing = || Error::internal("the recorded end of the audit log is missing: somebody removed it");
    let head = end_of(tx, true).await?.ok_or_else(missing)?;
    if !is_ours(tx.keys(), tenant, service, &head) {
        // an entry after it would hide what was done
        return Err(Error::internal(
            "the recorded end of the audit log is not one of this installation: see `koine audit`",
        ));
    }
    let audit_head::Model { mut seq, mut mac, .. } = head;
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
    audit_head::Entity::update(sealed(tx.keys(), tenant, service, seq, mac)).exec(tx.conn()).await?;
    Ok(())
}

/// The end of a log, sealed.
fn sealed(keys: &Keys, tenant: &TenantId, service: &str, seq: i64, mac: Vec<u8>) -> audit_head::ActiveModel {
    let seal = end_seal(keys, tenant, service, seq, &mac);
    audit_head::ActiveModel { id: Set(HEAD), seq: Set(seq), mac: Set(mac), seal: Set(seal) }
}

fn is_ours(keys: &Keys, tenant: &TenantId, service: &str, head: &audit_head::Model) -> bool {
    head.seal == end_seal(keys, tenant, service, head.seq, &head.mac)
}

/// What only the installation can say of where a log ends: under a name of its own, so that no entry's digest passes for it.
fn end_seal(keys: &Keys, tenant: &TenantId, service: &str, seq: i64, mac: &[u8]) -> Vec<u8> {
    keys.derive("audit end", &[tenant.as_str().as_bytes(), service.as_bytes(), &seq.to_be_bytes(), mac]).to_vec()
}

async fn end_of(db: &impl Reads, lock: bool) -> Result<Option<audit_head::Model>> {
    let mut query = audit_head::Entity::find_by_id(HEAD);
    if lock && db.conn().get_database_backend() == DbBackend::Postgres {
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
    let mut after = None;
    loop {
        let query = audit::Entity::find()
            // from the very first: an entry before the first one is none of ours either
            .apply_if(after, |query, after| query.filter(audit::Column::Seq.gt(after)))
            .order_by_asc(audit::Column::Seq)
            .limit(STRIDE);
        let rows = query.all(db.conn()).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let expected = seal(store.keys(), ctx, &mac, &row);
            if row.seq != seq + 1 || row.mac != expected {
                return Ok(Verdict::Broken(row.seq.min(seq + 1)));
            }
            (seq, mac) = (row.seq, row.mac);
        }
        after = Some(seq);
    }
    Ok(match head {
        None => Verdict::EndMissing(seq),
        Some(head) if !is_ours(store.keys(), ctx.tenant().id(), store.service(), &head) => Verdict::EndForged(seq),
        Some(head) if head.seq == seq && head.mac == mac => Verdict::Whole(seq),
        Some(_) => Verdict::Cut(seq),
    })
}
