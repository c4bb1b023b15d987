//! Letters to schools as rows.

use platform::{Id, Reads, Result, Tx, store::At};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};

use super::SchoolLetter;
use crate::account::{Account, code::WAITING};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::{Account, SchoolLetter},
        school::School,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "school_letter")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<SchoolLetter>,
        pub account_id: Id<Account>,
        pub school_id: Id<School>,
        pub issued_at: At,
        pub expires_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Inserts a letter about an account, which is locked, beside those that wait, and deletes those that are over. Where so many wait, none is
/// inserted.
pub(crate) async fn issue(tx: &Tx, new: &SchoolLetter) -> Result<()> {
    let theirs = row::Column::AccountId.eq(new.account);
    let over = row::Entity::delete_many().filter(theirs.clone()).filter(row::Column::ExpiresAt.lt(At(new.issued_at)));
    over.exec(tx.conn()).await?;
    if row::Entity::find().filter(theirs).count(tx.conn()).await? >= WAITING {
        return Ok(());
    }
    let row = row::Model {
        id: new.id,
        account_id: new.account,
        school_id: new.school,
        issued_at: new.issued_at.into(),
        expires_at: new.expires_at.into(),
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The letter with this id, if its code still waits.
pub(crate) async fn find(db: &impl Reads, id: Id<SchoolLetter>) -> Result<Option<SchoolLetter>> {
    let found = row::Entity::find_by_id(id).one(db.conn()).await?;
    Ok(found.map(|row| SchoolLetter {
        id: row.id,
        account: row.account_id,
        school: row.school_id,
        issued_at: row.issued_at.0,
        expires_at: row.expires_at.0,
    }))
}

/// Deletes a letter whose code was used. Returns false, where another call used it first.
pub(crate) async fn redeem(tx: &Tx, id: Id<SchoolLetter>) -> Result<bool> {
    Ok(row::Entity::delete_by_id(id).exec(tx.conn()).await?.rows_affected == 1)
}

/// Deletes the letters about an account.
pub(crate) async fn forget_of(tx: &Tx, account: Id<Account>) -> Result<()> {
    row::Entity::delete_many().filter(row::Column::AccountId.eq(account)).exec(tx.conn()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::Ground;

    #[tokio::test]
    async fn letters_wait_beside_each_other_and_not_without_end_and_each_is_used_once() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let school = ground.school("CHTD007011").await;
        let ctx = ground.anybody();
        let hour = SignedDuration::from_hours(1);
        let [first, second] = [(); 2].map(|()| SchoolLetter::new(&ctx, teacher.id(), school.id(), hour));
        let tx = ground.store().change(&ctx).await.unwrap();
        issue(&tx, &first).await.unwrap();
        issue(&tx, &second).await.unwrap();
        assert_eq!(find(&tx, first.id).await.unwrap().as_ref(), Some(&first));
        assert_eq!(find(&tx, second.id).await.unwrap().as_ref(), Some(&second));
        for _ in 0..WAITING {
            issue(&tx, &SchoolLetter::new(&ctx, teacher.id(), school.id(), hour)).await.unwrap();
        }
        assert_eq!(row::Entity::find().count(tx.conn()).await.unwrap(), WAITING);
        assert!(redeem(&tx, second.id).await.unwrap() && !redeem(&tx, second.id).await.unwrap(), "once");
    }
}
