//! Recoveries as rows.

use platform::{Id, Reads, Result, Tx, store::At};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, Query},
};

use super::Recovery;
use crate::account::{Account, code::WAITING, store::row as account};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::{Account, recovery::Recovery};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "recovery")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Recovery>,
        pub account_id: Id<Account>,
        pub issued_at: At,
        pub expires_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Inserts a recovery of an account, which is locked, beside those that wait, and deletes those that are over. Where so many wait, none is
/// inserted. Where there is no account with this id, the same statements run, so that it takes as long, and nothing is inserted.
pub(crate) async fn issue(tx: &Tx, new: &Recovery) -> Result<()> {
    let theirs = row::Column::AccountId.eq(new.account);
    let over = row::Entity::delete_many().filter(theirs.clone()).filter(row::Column::ExpiresAt.lt(At(new.issued_at)));
    over.exec(tx.conn()).await?;
    if row::Entity::find().filter(theirs).count(tx.conn()).await? >= WAITING {
        return Ok(());
    }
    let of_account = Query::select()
        .expr(Expr::value(new.id))
        .column(account::Column::Id)
        .expr(Expr::value(At(new.issued_at)))
        .expr(Expr::value(At(new.expires_at)))
        .from(account::Entity)
        .and_where(account::Column::Id.eq(new.account))
        .to_owned();
    let mut insert = Query::insert();
    let columns = [row::Column::Id, row::Column::AccountId, row::Column::IssuedAt, row::Column::ExpiresAt];
    insert.into_table(row::Entity).columns(columns).select_from(of_account).map_err(platform::Error::internal)?;
    tx.conn().execute(&insert).await?;
    Ok(())
}

/// The recovery with this id, if it still waits.
pub(crate) async fn find(db: &impl Reads, id: Id<Recovery>) -> Result<Option<Recovery>> {
    let found = row::Entity::find_by_id(id).one(db.conn()).await?;
    Ok(found.map(|row| Recovery {
        id: row.id,
        account: row.account_id,
        issued_at: row.issued_at.0,
        expires_at: row.expires_at.0,
    }))
}

/// Deletes a recovery that was used. Returns false, where another call used it first.
pub(crate) async fn redeem(tx: &Tx, id: Id<Recovery>) -> Result<bool> {
    Ok(row::Entity::delete_by_id(id).exec(tx.conn()).await?.rows_affected == 1)
}

/// Deletes the recoveries of an account.
pub(crate) async fn forget_of(tx: &Tx, account: Id<Account>) -> Result<()> {
    row::Entity::delete_many().filter(row::Column::AccountId.eq(account)).exec(tx.conn()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::Ground;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[tokio::test]
    async fn several_wait_beside_each_other_and_not_without_end_and_nobody_has_none() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let ctx = ground.anybody();
        let [first, second] = [(); 2].map(|()| Recovery::new(&ctx, teacher.id(), HOUR));
        let nobodys = Recovery::new(&ctx, ctx.new_id(), HOUR);
        let tx = ground.store().change(&ctx).await.unwrap();
        for recovery in [&first, &second, &nobodys] {
            issue(&tx, recovery).await.unwrap();
        }
        assert_eq!(find(&tx, nobodys.id).await.unwrap(), None);
        for recovery in [&second, &first] {
            assert_eq!(find(&tx, recovery.id).await.unwrap().as_ref(), Some(recovery));
        }
        assert!(redeem(&tx, second.id).await.unwrap() && !redeem(&tx, second.id).await.unwrap(), "once");
        let mut last = second;
        for _ in 0..WAITING {
            last = Recovery::new(&ctx, teacher.id(), HOUR);
            issue(&tx, &last).await.unwrap();
        }
        assert_eq!(find(&tx, last.id).await.unwrap(), None, "those that wait are enough");
        assert!(find(&tx, first.id).await.unwrap().is_some());
        tx.commit().await.unwrap();
        ground.clock.advance(HOUR + SignedDuration::from_micros(1));
        let later = ground.anybody();
        let tx = ground.store().change(&later).await.unwrap();
        let next = Recovery::new(&later, teacher.id(), HOUR);
        issue(&tx, &next).await.unwrap();
        assert!(find(&tx, next.id).await.unwrap().is_some() && find(&tx, first.id).await.unwrap().is_none());
    }
}
