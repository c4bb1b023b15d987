//! Mandates as rows.

use platform::{
    Bound, Error, Id, Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
    store::is_duplicate,
};
use proto::options::v1::Role;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
    sea_query::{Expr, SelectStatement},
};

use super::{Deed, Mandate, held, roles};
use crate::account::Account;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{account::Account, mandate::Mandate};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "mandate")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Mandate>,
        pub version: i64,
        pub account_id: Id<Account>,
        pub role: String,
        pub territory: String,
        pub edition_id: Option<Uuid>,
        pub granted_at: At,
        pub granted_by: Option<Id<Account>>,
        pub revoked_at: Option<At>,
        pub revoked_by: Option<Id<Account>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The mandate. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Mandate>) -> Result<Mandate> {
    let row = row::Entity::find_by_id(id).one(db.conn()).await?;
    row.map(mandate).transpose()?.ok_or_else(|| Error::not_found("mandate"))
}

/// The mandates that an account holds now, oldest first.
pub(crate) async fn of_account(db: &impl Reads, account: Id<Account>) -> Result<Vec<Mandate>> {
    let theirs = living().filter(row::Column::AccountId.eq(account));
    let rows = theirs.order_by_asc(row::Column::GrantedAt).order_by_asc(row::Column::Id).all(db.conn()).await?;
    rows.into_iter().map(mandate).collect()
}

/// The accounts that have a role now, each once.
pub(crate) async fn holders(db: &impl Reads, role: Role) -> Result<Vec<Id<Account>>> {
    let held = living().filter(row::Column::Role.eq(roles::word(role)));
    let ids = held.select_only().column(row::Column::AccountId).distinct().order_by_asc(row::Column::AccountId);
    Ok(ids.into_tuple().all(db.conn()).await?)
}

/// Those of some accounts that have a role now.
pub(crate) async fn holders_among(
    db: &impl Reads,
    role: Role,
    accounts: impl IntoIterator<Item = Id<Account>>,
) -> Result<Vec<Id<Account>>> {
    let held = living().filter(row::Column::Role.eq(roles::word(role))).filter(row::Column::AccountId.is_in(accounts));
    Ok(held.select_only().column(row::Column::AccountId).into_tuple().all(db.conn()).await?)
}

/// A query for the accounts that have a role now.
pub(crate) fn holding(role: Role) -> SelectStatement {
    let held = living().filter(row::Column::Role.eq(roles::word(role)));
    held.select_only().column(row::Column::AccountId).into_query()
}

fn living() -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::RevokedAt.is_null())
}

/// What mandates are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Desc)
        .id("id", C::Id)
        .id("account_id", C::AccountId)
        .words("role", C::Role, "ROLE", roles::all().map(roles::word))
        .text("territory", C::Territory)
        .id("edition_id", C::EditionId)
        .time("granted_at", C::GrantedAt)
        .time("revoked_at", C::RevokedAt)
        .usually(C::GrantedAt, Order::Desc)
}

/// One page of the mandates of the tenant, newest first where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, page: PageRequest<Key>) -> Result<Page<Mandate>> {
    fields().page(db, row::Entity::find(), page).await?.try_map(mandate)
}

/// Adds a mandate. Error: `MANDATE_HELD`, where the account has the role with this bound.
pub(crate) async fn add(tx: &Tx, mandate: &mut Mandate) -> Result<()> {
    mandate.version = 1;
    let added =
        row::Entity::insert(row_of(mandate).into_active_model().reset_all()).exec_without_returning(tx.conn()).await;
    added.map(drop).map_err(|fault| if is_duplicate(&fault) { held() } else { fault.into() })
}

/// Saves the next version of a mandate. Error: `ETAG_STALE`, where it was saved in between.
pub(crate) async fn save(tx: &Tx, mandate: &mut Mandate) -> Result<()> {
    mandate.version += 1;
    tx.save(row_of(mandate).into_active_model().reset_all()).await
}

/// Locks a mandate as it was read until the transaction ends, so that it is not revoked while somebody begins to act in it. Error:
/// `ETAG_STALE`, where it was saved in between.
pub(crate) async fn lock(tx: &Tx, mandate: &Mandate) -> Result<()> {
    let held = row::Entity::update_many()
        .col_expr(row::Column::Version, Expr::value(mandate.version))
        .filter(row::Column::Id.eq(mandate.id))
        .filter(row::Column::Version.eq(mandate.version))
        .exec(tx.conn())
        .await?;
    tx.saved(held, mandate.version)
}

fn row_of(mandate: &Mandate) -> row::Model {
    let Mandate { id, version, account, role, bound, granted, revoked } = mandate.clone();
    row::Model {
        id,
        version,
        account_id: account,
        role: roles::word(role),
        territory: bound.area,
        edition_id: bound.period,
        granted_at: granted.at.into(),
        granted_by: granted.by,
        revoked_at: revoked.map(|revoked| revoked.at.into()),
        revoked_by: revoked.and_then(|revoked| revoked.by),
    }
}

fn mandate(row: row::Model) -> Result<Mandate> {
    Ok(Mandate {
        id: row.id,
        version: row.version,
        account: row.account_id,
        role: role(&row.role)?,
        bound: Bound { area: row.territory, period: row.edition_id },
        granted: Deed { at: row.granted_at.0, by: row.granted_by },
        revoked: row.revoked_at.map(|at| Deed { at: at.0, by: row.revoked_by }),
    })
}

/// The role that a word in a row means. Error: internal, where a newer version has written it.
pub(super) fn role(word: &str) -> Result<Role> {
    roles::of_word(word).ok_or_else(|| Error::internal(format!("no role is called `{word}`")))
}

#[cfg(test)]
mod tests {
    use platform::error::Shared;

    use super::*;
    use crate::{
        mandate::{Giver, Post},
        reason::Reason,
        testing::Ground,
    };

    async fn given(ground: &Ground, to: &Account, bound: Bound) -> Result<Mandate> {
        let ctx = ground.anybody();
        let mut mandate = Mandate::grant(&ctx, &Giver::operator(), Some(to), Post { role: Role::Juror, bound })?;
        let tx = ground.store().change(&ctx).await.unwrap();
        add(&tx, &mut mandate).await?;
        tx.commit().await.unwrap();
        Ok(mandate)
    }

    #[tokio::test]
    async fn a_mandate_reads_as_it_was_saved_and_the_living_ones_oldest_first() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let bound = Bound { area: "ITF14".to_owned(), period: Some(uuid::Uuid::from_u128(7)) };
        let mut juror = given(&ground, &teacher, bound).await.unwrap();
        let db = ground.store().read(&ground.anybody()).await.unwrap();
        assert_eq!(get(&db, juror.id).await.unwrap(), juror);
        let theirs = of_account(&db, teacher.id()).await.unwrap();
        assert_eq!(theirs.iter().map(Mandate::role).collect::<Vec<_>>(), [Role::Teacher, Role::Juror]);
        drop(db);
        juror.revoke(&ground.anybody(), &Giver::operator(), &[]).unwrap();
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        lock(&tx, &theirs[1]).await.unwrap();
        save(&tx, &mut juror).await.unwrap();
        assert!(lock(&tx, &theirs[1]).await.is_err_and(|error| error.is(Shared::EtagStale)));
        tx.commit().await.unwrap();
        let db = ground.store().read(&ground.anybody()).await.unwrap();
        assert_eq!(get(&db, juror.id).await.unwrap(), juror);
        assert_eq!(of_account(&db, teacher.id()).await.unwrap(), theirs[..1]);
        assert_eq!(holders(&db, Role::Juror).await.unwrap(), []);
        assert_eq!(holders(&db, Role::Teacher).await.unwrap(), [teacher.id()]);
    }

    #[tokio::test]
    async fn one_role_with_one_bound_is_held_once_until_it_is_revoked() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let here = || Bound { area: "ITF14".to_owned(), period: None };
        let mut first = given(&ground, &teacher, here()).await.unwrap();
        given(&ground, &teacher, Bound::default()).await.unwrap();
        for bound in [here(), Bound::default()] {
            let twice = given(&ground, &teacher, bound).await;
            assert!(twice.is_err_and(|error| error.is(Reason::MandateHeld)));
        }
        first.revoke(&ground.anybody(), &Giver::operator(), &[]).unwrap();
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        save(&tx, &mut first).await.unwrap();
        tx.commit().await.unwrap();
        given(&ground, &teacher, here()).await.unwrap();
    }
}
