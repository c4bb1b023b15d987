//! The same request, the same answer: a `request_id` is kept for 24 hours with the answer it was given.

use prost_reflect::ReflectMessage;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement,
    sea_query::OnConflict,
};

use super::{At, Reads, Tx, rows::answered};
use crate::{
    Caller, Ctx, Member, Result,
    error::{Reason, Shared},
    open,
};

/// What a repeated request is known by: who asked, with which key, for what.
pub(super) struct Key {
    name: String,
    digest: Vec<u8>,
}

/// How long an answer is kept.
pub(crate) const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Key {
    /// The key of a request that carries a `request_id`.
    pub(super) fn of<Q: ReflectMessage>(ctx: &Ctx, request: &Q) -> Option<Self> {
        let (id, digest) = open::request_key(request)?;
        let caller = match ctx.caller() {
            // answers to visitors are for what they act for, or for all of their home, and are forgotten with it
            Caller::Member(Member { account, home: Some(home), acts_for, .. }) => match acts_for {
                Some(whole) => format!("{whole}/{account}"),
                None => format!("{home}/{account}"),
            },
            Caller::Member(member) => member.account.to_string(),
            Caller::Anonymous | Caller::Job(_) => return None,
        };
        Some(Self { name: format!("{caller}/{id}"), digest })
    }
}

/// Forgets every answer that was given to visitors who acted for this, or who are at home in it.
pub(super) async fn forget(tx: &Tx, acted_for: &str) -> Result<()> {
    let theirs = answered::Column::Key.starts_with(format!("{acted_for}/"));
    answered::Entity::delete_many().filter(theirs).exec(tx.conn()).await?;
    Ok(())
}

/// The answer given before, if there is one. Of two calls with one key at once, the second waits here for the first.
pub(super) async fn find(tx: &Tx, key: &Key) -> Result<Option<Vec<u8>>> {
    if tx.conn().get_database_backend() == DbBackend::Postgres {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        tx.conn()
            .execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [key.name.clone().into()]))
            .await?;
    }
    let Some(row) = answered::Entity::find_by_id(key.name.clone()).one(tx.conn()).await? else { return Ok(None) };
    if row.at.0 + KEPT < tx.ctx().now() {
        return Ok(None);
    }
    if row.digest != key.digest {
        let text = "This request id was used before for a different request. Use a new one; nothing was changed.";
        return Err(Shared::RequestIdReused.error(text));
    }
    Ok(Some(row.answer))
}

/// Keeps the answer.
pub(super) async fn keep(tx: &Tx, key: Key, answer: Vec<u8>) -> Result<()> {
    let row = answered::ActiveModel {
        key: Set(key.name),
        digest: Set(key.digest),
        answer: Set(answer),
        at: Set(At(tx.ctx().now())),
    };
    let renew = OnConflict::column(answered::Column::Key)
        .update_columns([answered::Column::Digest, answered::Column::Answer, answered::Column::At])
        .to_owned();
    answered::Entity::insert(row).on_conflict(renew).exec_without_returning(tx.conn()).await?;
    Ok(())
}
