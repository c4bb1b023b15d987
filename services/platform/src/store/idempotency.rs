//! The same request, the same answer: a `request_id` is kept for 24 hours with the answer it was given.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prost::Message;
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
#[derive(Clone, Debug)]
pub(crate) struct Key {
    name: String,
    digest: Vec<u8>,
}

/// What becomes of the request of a call that may be repeated. The request is known once it is opened; the first transaction that
/// is opened for writing looks whether it was answered before; the one that answers keeps the answer. So no method does any of it.
#[derive(Debug, Default)]
pub(crate) struct Once(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether its message has a `request_id` and its caller is somebody.
    is_repeatable: bool,
    key: Option<Key>,
    outcome: Outcome,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Outcome {
    /// Nothing is answered yet.
    #[default]
    Open,
    /// The answer is kept.
    Kept,
    /// It was answered before, with this message.
    Before(Vec<u8>),
}

impl Once {
    /// The call asks for this.
    pub(crate) fn asked<Q: ReflectMessage>(&self, ctx: &Ctx, request: &Q) {
        let has_key = request.descriptor().get_field_by_name("request_id").is_some();
        let is_repeatable = has_key && matches!(ctx.caller(), Caller::Member(_));
        *self.state() = State { is_repeatable, key: Key::of(ctx, request), outcome: Outcome::Open };
    }

    /// The answer that was given before, if this call repeats a request.
    pub(crate) fn before(&self) -> Option<Vec<u8>> {
        match &self.state().outcome {
            Outcome::Before(answer) => Some(answer.clone()),
            Outcome::Open | Outcome::Kept => None,
        }
    }

    /// Whether its answer should have been kept and was not.
    pub(crate) fn is_forgotten(&self) -> bool {
        let state = self.state();
        state.is_repeatable && state.outcome == Outcome::Open
    }

    /// The key to look for, and to keep the answer under, as long as there is none.
    fn key(&self) -> Option<Key> {
        let state = self.state();
        state.key.clone().filter(|_| state.outcome == Outcome::Open)
    }

    fn becomes(&self, outcome: Outcome) {
        self.state().outcome = outcome;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long an answer is kept.
pub(crate) const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Key {
    /// The key of a request that carries a `request_id`.
    fn of<Q: ReflectMessage>(ctx: &Ctx, request: &Q) -> Option<Self> {
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

/// Ends the call where its request was answered before: the layers give that answer again, whatever the method makes of this error.
/// Error: `REQUEST_ID_REUSED` where the id came with another request.
pub(super) async fn look(tx: &Tx) -> Result<()> {
    let once = &tx.ctx().call().once;
    let Some(key) = once.key() else { return Ok(()) };
    let Some(answer) = find(tx, &key).await? else { return Ok(()) };
    once.becomes(Outcome::Before(answer));
    Err(Shared::Internal.error("This was answered before, and the same answer is given again."))
}

/// Keeps the answer with what the transaction writes.
pub(super) async fn keep(tx: &Tx, answer: &impl Message) -> Result<()> {
    let Some(key) = tx.ctx().call().once.key() else { return Ok(()) };
    let row = answered::ActiveModel {
        key: Set(key.name),
        digest: Set(key.digest),
        answer: Set(answer.encode_to_vec()),
        at: Set(At(tx.ctx().now())),
    };
    let renew = OnConflict::column(answered::Column::Key)
        .update_columns([answered::Column::Digest, answered::Column::Answer, answered::Column::At])
        .to_owned();
    answered::Entity::insert(row).on_conflict(renew).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The transaction that keeps the answer is committed.
pub(super) fn kept(ctx: &Ctx) {
    ctx.call().once.becomes(Outcome::Kept);
}

/// The answer given before, if there is one. Of two calls with one key at once, the second waits here for the first.
async fn find(tx: &Tx, key: &Key) -> Result<Option<Vec<u8>>> {
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
