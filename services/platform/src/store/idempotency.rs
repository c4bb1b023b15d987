//! A repeated request gets its first answer: the answer to a `request_id` is stored for 24 hours.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prost::Message;
use prost_reflect::ReflectMessage;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement,
    sea_query::OnConflict,
};

use super::{At, Reads, Store, Tx, naming, rows::answered};
use crate::{
    Caller, Ctx, Error, Member, Result,
    error::{Reason, Shared},
    open,
};

/// Identifies a repeated request: the caller with the `request_id`, and the digest of the message.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    name: String,
    digest: Vec<u8>,
}

/// The state of a call's request, which may be repeated. The request is set when it is opened; the first transaction of a
/// method whose caller may do what they ask for looks for a stored answer; the transaction that answers stores the answer. No method has
/// to do this itself.
#[derive(Debug, Default)]
pub(crate) struct Once(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether the message has a field `request_id` and the caller is signed in.
    is_repeatable: bool,
    key: Option<Key>,
    outcome: Outcome,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Outcome {
    /// There is no answer yet.
    #[default]
    Open,
    /// The answer is kept, or nothing is because the call only validates.
    Kept,
    /// The request was answered before, with this message.
    Before(Vec<u8>),
}

impl Once {
    /// Sets the request of the call.
    pub(crate) fn asked<Q: ReflectMessage>(&self, ctx: &Ctx, request: &Q) {
        if open::has_key(request) {
            self.known_by(ctx, open::request_key(request));
        }
    }

    /// The call can be repeated, and its request is known by this id and this digest, if it has an id.
    pub(crate) fn known_by(&self, ctx: &Ctx, key: Option<(String, Vec<u8>)>) {
        let is_repeatable = matches!(ctx.caller(), Caller::Member(_));
        let key = key.and_then(|(id, digest)| Key::of(ctx, &id, digest));
        *self.state() = State { is_repeatable, key, outcome: Outcome::Open };
    }

    /// The earlier answer. None, where this call does not repeat a request.
    pub(crate) fn before(&self) -> Option<Vec<u8>> {
        match &self.state().outcome {
            Outcome::Before(answer) => Some(answer.clone()),
            Outcome::Open | Outcome::Kept => None,
        }
    }

    /// Whether the answer should have been stored and was not.
    pub(crate) fn is_forgotten(&self) -> bool {
        let state = self.state();
        state.is_repeatable && state.outcome == Outcome::Open
    }

    /// The key of the request, while there is no answer.
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

/// How long an answer is stored.
pub(crate) const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Key {
    /// The key of a request with a `request_id`. None, where the caller is not signed in.
    fn of(ctx: &Ctx, id: &str, digest: Vec<u8>) -> Option<Self> {
        let caller = match ctx.caller() {
            // a visitor's key begins with what they act for, or with their home, so that their answers can be removed with it
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

/// Removes the answers that name somebody, whoever they were given to. Returns how many.
pub(crate) async fn forget_naming(tx: &Tx, name: &str) -> Result<i64> {
    let backend = tx.conn().get_database_backend();
    // the database finds the few that may, and here is seen which do
    let sql = match backend {
        DbBackend::Postgres => "SELECT key, answer FROM answered WHERE position($1 IN answer) > 0",
        _ => "SELECT key, answer FROM answered WHERE instr(answer, $1) > 0",
    };
    let statement = Statement::from_sql_and_values(backend, sql, [name.as_bytes().to_vec().into()]);
    let mut gone = 0;
    for row in tx.conn().query_all_raw(statement).await? {
        let (key, answer): (String, Vec<u8>) = (row.try_get("", "key")?, row.try_get("", "answer")?);
        if naming::names(&answer, name) {
            gone += answered::Entity::delete_by_id(key).exec(tx.conn()).await?.rows_affected;
        }
    }
    i64::try_from(gone).map_err(Error::internal)
}

/// Removes the answers that were given to the account `acted_for`, or to visitors who acted for it, or whose home it is.
pub(super) async fn forget(tx: &Tx, acted_for: &str) -> Result<()> {
    let theirs = answered::Column::Key.starts_with(format!("{acted_for}/"));
    answered::Entity::delete_many().filter(theirs).exec(tx.conn()).await?;
    Ok(())
}

/// Fails where the request was answered before. The layers then give that answer again, whatever the method makes of this error.
/// Error: `REQUEST_ID_REUSED`, where the id came with another request.
pub(super) async fn look(db: &impl Reads) -> Result<()> {
    let once = &db.ctx().call().once;
    let Some(key) = once.key() else { return Ok(()) };
    let Some(answer) = find(db, &key).await? else { return Ok(()) };
    once.becomes(Outcome::Before(answer));
    Err(Shared::Internal.error("This was answered before, and the same answer is given again."))
}

/// The earlier answer to this request, for a method that answers with how a thing stands now. It then calls [`kept`]. None, where it was
/// not answered before. Error: `REQUEST_ID_REUSED`.
pub(crate) async fn earlier(store: &Store, ctx: &Ctx) -> Result<Option<Vec<u8>>> {
    match ctx.call().once.key() {
        Some(key) => find(&store.read(ctx).await?, &key).await,
        None => Ok(None),
    }
}

/// Removes this answer to this request, so that it can be asked again. One that another call has stored meanwhile stays.
pub(crate) async fn free(tx: &Tx, answer: Vec<u8>) -> Result<()> {
    if let Some(key) = tx.ctx().call().once.key() {
        let this = answered::Entity::delete_many().filter(answered::Column::Key.eq(key.name));
        this.filter(answered::Column::Answer.eq(answer)).exec(tx.conn()).await?;
    }
    Ok(())
}

/// Lets a call that only validates be decided anew, whatever was answered before.
pub(crate) fn ask_again(ctx: &Ctx) {
    ctx.call().once.becomes(Outcome::Kept);
}

/// Stores the answer, in the transaction of the method.
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

/// Notes that the answer is stored, after the commit.
pub(crate) fn kept(ctx: &Ctx) {
    ctx.call().once.becomes(Outcome::Kept);
}

/// The earlier answer. Of two calls at once with one key, the second waits here until the first ends.
async fn find(db: &impl Reads, key: &Key) -> Result<Option<Vec<u8>>> {
    if db.conn().get_database_backend() == DbBackend::Postgres {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        db.conn()
            .query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [key.name.clone().into()]))
            .await?;
    }
    let Some(row) = answered::Entity::find_by_id(key.name.clone()).one(db.conn()).await? else { return Ok(None) };
    if row.at.0 + KEPT < db.ctx().now() {
        return Ok(None);
    }
    if row.digest != key.digest {
        let text = "This request id was used before for a different request. Use a new one; nothing was changed.";
        return Err(Shared::RequestIdReused.error(text));
    }
    Ok(Some(row.answer))
}
