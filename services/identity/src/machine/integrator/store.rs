//! Integrators as rows.

use platform::{
    Ctx, Error, Id, Locks, Page, PageRequest, Reads, Result, Tx,
    ctx::Visible,
    listing::{Fields, Key},
};
use proto::options::v1::Role;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect,
};

use super::Integrator;
use crate::{account::Account, machine::Scopes, mandate::Mandate};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{account::Account, machine::Integrator, mandate::Mandate};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "integrator")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Integrator>,
        pub account_id: Id<Account>,
        pub mandate_id: Id<Mandate>,
        pub name: String,
        pub purpose: String,
        pub scopes: String,
        pub created_at: At,
        pub created_by: Id<Account>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The integrator, if the caller may see it. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Integrator>) -> Result<Integrator> {
    find(db, id).await?.visible("integrator", |integrator| integrator.is_visible_to(db.ctx()))
}

/// [`get`], and locks it until the transaction ends: what is made for it is counted, and nothing is made while all of it is ended.
pub(crate) async fn get_to_change(tx: &impl Locks, id: Id<Integrator>) -> Result<Integrator> {
    let found = row::Entity::find_by_id(id).lock_exclusive().one(tx.conn()).await?.map(integrator);
    found.visible("integrator", |integrator| integrator.is_visible_to(tx.ctx()))
}

/// The integrator, without a check of the caller.
pub(crate) async fn find(db: &impl Reads, id: Id<Integrator>) -> Result<Option<Integrator>> {
    Ok(row::Entity::find_by_id(id).one(db.conn()).await?.map(integrator))
}

/// The integrators of a technician, locked until the transaction ends.
pub(crate) async fn of_account_to_change(tx: &Tx, account: Id<Account>) -> Result<Vec<Id<Integrator>>> {
    ids_to_change(tx, row::Column::AccountId.eq(account)).await
}

/// The integrators whose technician has a mandate, locked until the transaction ends.
pub(crate) async fn of_mandate_to_change(tx: &Tx, mandate: Id<Mandate>) -> Result<Vec<Id<Integrator>>> {
    ids_to_change(tx, row::Column::MandateId.eq(mandate)).await
}

async fn ids_to_change(tx: &Tx, which: impl sea_orm::sea_query::IntoCondition) -> Result<Vec<Id<Integrator>>> {
    // in one order, so that two who lock several do not wait for each other
    let these = row::Entity::find().filter(which.into_condition()).order_by_asc(row::Column::Id).lock_exclusive();
    Ok(these.select_only().column(row::Column::Id).into_tuple().all(tx.conn()).await?)
}

/// What integrators are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Desc)
        .id("id", C::Id)
        .id("account_id", C::AccountId)
        .text("name", C::Name)
        .time("created_at", C::CreatedAt)
        .usually(C::CreatedAt, Order::Desc)
}

/// One page of the integrators that the caller may see, newest first where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, page: PageRequest<Key>) -> Result<Page<Integrator>> {
    let shown = row::Entity::find().filter(visible_to(db.ctx())?);
    Ok(fields().page(db, shown, page).await?.map(integrator))
}

/// The condition of [`Integrator::is_visible_to`] for a query.
fn visible_to(ctx: &Ctx) -> Result<Condition> {
    let all = Condition::all();
    if ctx.has(Role::Coordinator) {
        return Ok(all);
    }
    let own = ctx.member()?.mandate.map(Id::<Mandate>::from);
    Ok(all.add(row::Column::MandateId.is_in(own)))
}

/// Inserts a new integrator.
pub(crate) async fn insert(tx: &Tx, new: &Integrator) -> Result<()> {
    let Integrator { id, account, mandate, name, purpose, scopes, created_at, created_by } = new.clone();
    let row = row::Model {
        id,
        account_id: account,
        mandate_id: mandate,
        name,
        purpose,
        scopes: scopes.to_string(),
        created_at: created_at.into(),
        created_by,
    };
    row::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Deletes an integrator, with its tokens. Error: not found, where it was deleted before.
pub(crate) async fn delete(tx: &Tx, id: Id<Integrator>) -> Result<()> {
    let gone = row::Entity::delete_by_id(id).exec(tx.conn()).await?;
    if gone.rows_affected == 1 { Ok(()) } else { Err(Error::not_found("integrator")) }
}

fn integrator(row: row::Model) -> Integrator {
    Integrator {
        id: row.id,
        account: row.account_id,
        mandate: row.mandate_id,
        name: row.name,
        purpose: row.purpose,
        scopes: Scopes::from(row.scopes.as_str()),
        created_at: row.created_at.0,
        created_by: row.created_by,
    }
}
