//! Machine tokens as rows.

use platform::{
    Error, Id, Locks, Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
    store::At,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, Order, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::{CaseStatement, Expr},
};

use super::MachineToken;
use crate::{
    machine::{Integrator, Scopes},
    session::Session,
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        machine::{Integrator, MachineToken},
        session::Session,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "machine_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<MachineToken>,
        pub integrator_id: Id<Integrator>,
        pub session_id: Id<Session>,
        pub label: String,
        pub scopes: String,
        pub created_at: At,
        pub expires_at: At,
        pub last_used_at: Option<At>,
        pub revoked_at: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The token, without a check of the caller.
pub(crate) async fn find(db: &impl Reads, id: Id<MachineToken>) -> Result<Option<MachineToken>> {
    Ok(row::Entity::find_by_id(id).one(db.conn()).await?.map(token))
}

/// The token of an integrator, locked until the transaction ends. Error: not found.
pub(crate) async fn get_to_change(tx: &impl Locks, of: Id<Integrator>, id: Id<MachineToken>) -> Result<MachineToken> {
    let own = row::Entity::find_by_id(id).filter(row::Column::IntegratorId.eq(of)).lock_exclusive();
    own.one(tx.conn()).await?.map(token).ok_or_else(|| Error::not_found("machine token"))
}

/// What machine tokens are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Desc)
        .id("id", C::Id)
        .text("label", C::Label)
        .time("created_at", C::CreatedAt)
        .time("expires_at", C::ExpiresAt)
        .time("last_used_at", C::LastUsedAt)
        .time("revoked_at", C::RevokedAt)
        .usually(C::CreatedAt, Order::Desc)
}

/// One page of the tokens of an integrator, newest first where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, of: Id<Integrator>, page: PageRequest<Key>) -> Result<Page<MachineToken>> {
    let shown = row::Entity::find().filter(row::Column::IntegratorId.eq(of));
    Ok(fields().page(db, shown, page).await?.map(token))
}

/// How many tokens of an integrator work now, but for one.
pub(crate) async fn count_working(db: &impl Reads, of: Id<Integrator>, but: Option<Id<MachineToken>>) -> Result<u64> {
    let theirs = row::Entity::find().filter(row::Column::IntegratorId.eq(of)).filter(row::Column::RevokedAt.is_null());
    let working = theirs.filter(row::Column::ExpiresAt.gt(At(db.ctx().now())));
    Ok(working.filter(row::Column::Id.is_not_in(but)).count(db.conn()).await?)
}

/// Inserts a new token.
pub(crate) async fn insert(tx: &Tx, new: &MachineToken) -> Result<()> {
    let MachineToken { id, integrator, session, label, scopes, created_at, expires_at, last_used_at, revoked_at } =
        new.clone();
    let row = row::Model {
        id,
        integrator_id: integrator,
        session_id: session,
        label,
        scopes: scopes.to_string(),
        created_at: created_at.into(),
        expires_at: expires_at.into(),
        last_used_at: last_used_at.map(At::from),
        revoked_at: revoked_at.map(At::from),
    };
    row::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Saves until when a locked token works, and whether it was revoked.
pub(crate) async fn save_end(tx: &Tx, token: &MachineToken) -> Result<()> {
    row::Entity::update_many()
        .col_expr(row::Column::ExpiresAt, Expr::value(At(token.expires_at)))
        .col_expr(row::Column::RevokedAt, Expr::value(token.revoked_at.map(At)))
        .filter(row::Column::Id.eq(token.id))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Saves when a token was used.
pub(crate) async fn used(tx: &Tx, token: &MachineToken) -> Result<()> {
    row::Entity::update_many()
        .col_expr(row::Column::LastUsedAt, Expr::value(token.last_used_at.map(At)))
        .filter(row::Column::Id.eq(token.id))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Locks the tokens of some integrators that were not revoked.
pub(crate) async fn living_to_change(tx: &Tx, of: &[Id<Integrator>]) -> Result<Vec<MachineToken>> {
    let theirs = row::Entity::find().filter(row::Column::IntegratorId.is_in(of.iter().copied()));
    let living = theirs.filter(row::Column::RevokedAt.is_null()).lock_exclusive();
    Ok(living.all(tx.conn()).await?.into_iter().map(token).collect())
}

/// How many tokens one statement changes: both databases bound the number of values in a statement.
const AT_ONCE: usize = 500;

/// Puts something else in the place of a session in the access tokens that will be given for some tokens.
pub(crate) async fn renew(tx: &Tx, tokens: &[MachineToken]) -> Result<()> {
    for some in tokens.chunks(AT_ONCE) {
        let another = some.iter().fold(CaseStatement::new(), |another, token| {
            another.case(row::Column::Id.eq(token.id), Expr::value(tx.ctx().new_id::<Session>()))
        });
        row::Entity::update_many()
            .col_expr(row::Column::SessionId, another.finally(Expr::col(row::Column::SessionId)).into())
            .filter(row::Column::Id.is_in(some.iter().map(|token| token.id)))
            .exec(tx.conn())
            .await?;
    }
    Ok(())
}

fn token(row: row::Model) -> MachineToken {
    MachineToken {
        id: row.id,
        integrator: row.integrator_id,
        session: row.session_id,
        label: row.label,
        scopes: Scopes::from(row.scopes.as_str()),
        created_at: row.created_at.0,
        expires_at: row.expires_at.0,
        last_used_at: row.last_used_at.map(|at| at.0),
        revoked_at: row.revoked_at.map(|at| at.0),
    }
}
