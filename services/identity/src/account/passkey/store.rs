//! Passkeys as rows.

use jiff::Timestamp;
use platform::{
    Id, Reads, Result, Tx,
    store::{At, is_duplicate, of_text, to_text},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    Select, sea_query::Expr,
};

use super::{Passkey, refused};
use crate::account::Account;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::{Account, passkey::Passkey};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "passkey")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Passkey>,
        pub version: i64,
        pub account_id: Id<Account>,
        pub key_name: String,
        pub credential: String,
        pub name: String,
        pub is_factor: bool,
        pub created_at: At,
        pub last_used_at: Option<At>,
        pub last_ceremony: Id<Passkey>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The passkey with this id, if there is one.
pub(crate) async fn find(db: &impl Reads, id: Id<Passkey>) -> Result<Option<Passkey>> {
    row::Entity::find_by_id(id).one(db.conn()).await?.map(passkey).transpose()
}

/// The passkeys of an account, the oldest first.
pub(crate) async fn of_account(db: &impl Reads, account: Id<Account>) -> Result<Vec<Passkey>> {
    let rows = theirs(account).order_by_asc(row::Column::Id).all(db.conn()).await?;
    rows.into_iter().map(passkey).collect()
}

/// The ids of the passkeys of an account that count as a second factor.
pub(crate) async fn factors_of(db: &impl Reads, account: Id<Account>) -> Result<Vec<Id<Passkey>>> {
    let factors = theirs(account).filter(row::Column::IsFactor.eq(true));
    Ok(factors.select_only().column(row::Column::Id).into_tuple().all(db.conn()).await?)
}

/// Counts one as a second factor from now on.
pub(crate) async fn count(tx: &Tx, id: Id<Passkey>) -> Result<()> {
    let one = row::Entity::update_many().filter(row::Column::Id.eq(id));
    one.col_expr(row::Column::IsFactor, Expr::val(true)).exec(tx.conn()).await?;
    Ok(())
}

fn theirs(account: Id<Account>) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::AccountId.eq(account))
}

/// Inserts a new one. Error: `PASSKEY_REFUSED`, where its key is known here already.
pub(crate) async fn insert(tx: &Tx, passkey: &mut Passkey) -> Result<()> {
    passkey.version = 1;
    let row = row_of(passkey)?.into_active_model().reset_all();
    let inserted = row::Entity::insert(row).exec_without_returning(tx.conn()).await;
    inserted.map(drop).map_err(|fault| if is_duplicate(&fault) { refused() } else { fault.into() })
}

/// Saves the next version of one. Error: `ETAG_STALE`, where it was saved in between.
pub(crate) async fn save(tx: &Tx, passkey: &mut Passkey) -> Result<()> {
    passkey.version += 1;
    tx.save(row_of(passkey)?.into_active_model().reset_all()).await
}

/// Deletes one.
pub(crate) async fn remove(tx: &Tx, id: Id<Passkey>) -> Result<()> {
    row::Entity::delete_by_id(id).exec(tx.conn()).await?;
    Ok(())
}

/// Counts those of an account as the password from now on.
pub(crate) async fn demote(tx: &Tx, account: Id<Account>) -> Result<()> {
    let theirs = row::Entity::update_many().filter(row::Column::AccountId.eq(account));
    theirs.col_expr(row::Column::IsFactor, Expr::val(false)).exec(tx.conn()).await?;
    Ok(())
}

/// Deletes those of an account that count as the password, except one. Returns how many there were.
pub(crate) async fn remove_weak(tx: &Tx, account: Id<Account>, except: Option<Id<Passkey>>) -> Result<u64> {
    let theirs = row::Entity::delete_many().filter(row::Column::AccountId.eq(account));
    let weak = theirs.filter(row::Column::IsFactor.eq(false));
    let weak = weak.filter(Condition::all().add_option(except.map(|kept| row::Column::Id.ne(kept))));
    Ok(weak.exec(tx.conn()).await?.rows_affected)
}

/// Deletes those of an account that were added at an instant or later. Returns how many there were.
pub(crate) async fn remove_since(tx: &Tx, account: Id<Account>, instant: Timestamp) -> Result<u64> {
    let theirs = row::Entity::delete_many().filter(row::Column::AccountId.eq(account));
    Ok(theirs.filter(row::Column::CreatedAt.gte(At(instant))).exec(tx.conn()).await?.rows_affected)
}

fn row_of(passkey: &Passkey) -> Result<row::Model> {
    Ok(row::Model {
        id: passkey.id,
        version: passkey.version,
        account_id: passkey.account,
        key_name: passkey.key_name(),
        credential: to_text(&passkey.key)?,
        name: passkey.name.clone(),
        is_factor: passkey.is_factor,
        created_at: passkey.created_at.into(),
        last_used_at: passkey.last_used_at.map(At::from),
        last_ceremony: passkey.last_ceremony,
    })
}

fn passkey(row: row::Model) -> Result<Passkey> {
    Ok(Passkey {
        id: row.id,
        version: row.version,
        account: row.account_id,
        key: of_text(&row.credential)?,
        name: row.name,
        is_factor: row.is_factor,
        created_at: row.created_at.0,
        last_used_at: row.last_used_at.map(|at| at.0),
        last_ceremony: row.last_ceremony,
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use platform::error::Shared;

    use super::*;
    use crate::{account::passkey::tests::key, reason::Reason, testing::Ground};

    #[tokio::test]
    async fn passkeys_read_as_they_were_saved_and_go_with_those_added_later() {
        let ground = Ground::new();
        let (teacher, other) = (ground.teacher("ana@school.example").await, ground.teacher("ivo@school.example").await);
        let mut first = key(&ground.anybody(), &teacher);
        ground.clock.advance(SignedDuration::from_hours(1));
        let ctx = ground.anybody();
        let (mut second, mut third) = (key(&ctx, &teacher), key(&ctx, &other));
        let tx = ground.store().change(&ctx).await.unwrap();
        for passkey in [&mut first, &mut second, &mut third] {
            insert(&tx, passkey).await.unwrap();
        }
        let stale = first.clone();
        (first.last_used_at, first.last_ceremony) = (Some(ctx.now()), ctx.new_id());
        save(&tx, &mut first).await.unwrap();
        assert!(save(&tx, &mut stale.clone()).await.is_err_and(|error| error.is(Shared::EtagStale)));
        assert_eq!(of_account(&tx, teacher.id()).await.unwrap(), [first.clone(), second.clone()]);
        assert_eq!(remove_since(&tx, teacher.id(), second.created_at).await.unwrap(), 1);
        assert_eq!(find(&tx, first.id).await.unwrap(), Some(first.clone()));
        remove(&tx, first.id).await.unwrap();
        assert_eq!(of_account(&tx, teacher.id()).await.unwrap(), []);
        assert_eq!(of_account(&tx, other.id()).await.unwrap(), [third]);
    }

    #[tokio::test]
    async fn those_that_count_as_the_password_go_without_those_that_are_a_second_factor() {
        let ground = Ground::new();
        let (teacher, other) = (ground.teacher("ana@school.example").await, ground.teacher("ivo@school.example").await);
        let ctx = ground.anybody();
        let tx = ground.store().change(&ctx).await.unwrap();
        let [mut factor, mut kept, mut weak] = [(); 3].map(|()| key(&ctx, &teacher));
        let mut strange = key(&ctx, &other);
        for passkey in [&mut factor, &mut kept, &mut weak, &mut strange] {
            insert(&tx, passkey).await.unwrap();
        }
        count(&tx, factor.id).await.unwrap();
        assert_eq!(factors_of(&tx, teacher.id()).await.unwrap(), [factor.id]);
        assert_eq!(remove_weak(&tx, teacher.id(), Some(kept.id)).await.unwrap(), 1);
        assert_eq!(find(&tx, weak.id).await.unwrap(), None);
        assert_eq!(remove_weak(&tx, teacher.id(), None).await.unwrap(), 1);
        let left = of_account(&tx, teacher.id()).await.unwrap();
        assert_eq!(left, [Passkey { is_factor: true, ..factor }]);
        assert_eq!(of_account(&tx, other.id()).await.unwrap(), [strange]);
    }

    #[tokio::test]
    async fn a_key_that_is_known_is_not_added_to_another_account() {
        let ground = Ground::new();
        let (teacher, other) = (ground.teacher("ana@school.example").await, ground.teacher("ivo@school.example").await);
        let ctx = ground.anybody();
        let tx = ground.store().change(&ctx).await.unwrap();
        let mut first = key(&ctx, &teacher);
        insert(&tx, &mut first).await.unwrap();
        let mut same = Passkey { id: ctx.new_id(), account: other.id(), ..first.clone() };
        assert!(insert(&tx, &mut same).await.is_err_and(|error| error.is(Reason::PasskeyRefused)));
    }
}
