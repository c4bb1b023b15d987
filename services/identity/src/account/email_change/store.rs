//! Changes of address as rows.

use platform::{Id, Reads, Result, Tx, store::At};
use sea_orm::{
    ColumnTrait, DeleteMany, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, sea_query::ExprTrait,
};

use super::{EmailChange, REGRET};
use crate::account::{Account, Login, code::WAITING};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::{Account, email_change::EmailChange};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "email_change")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<EmailChange>,
        pub account_id: Id<Account>,
        pub former: String,
        pub wanted: String,
        pub asked_at: At,
        pub expires_at: At,
        pub redeemed_at: Option<At>,
        pub has_shown_factor: bool,
        pub is_final: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Inserts a change of an account, which is locked, and deletes those that wait for the code of another address, or are over. Where so many
/// wait for this one, none is inserted.
pub(crate) async fn ask(tx: &Tx, new: &EmailChange) -> Result<()> {
    let over = row::Column::ExpiresAt.lt(At(new.asked_at)).or(row::Column::Wanted.ne(new.wanted.as_str()));
    waiting(new.account).filter(over).exec(tx.conn()).await?;
    let same = row::Entity::find().filter(row::Column::AccountId.eq(new.account));
    if same.filter(row::Column::RedeemedAt.is_null()).count(tx.conn()).await? >= WAITING {
        return Ok(());
    }
    let row = row::Model {
        id: new.id,
        account_id: new.account,
        former: new.former.to_string(),
        wanted: new.wanted.to_string(),
        asked_at: new.asked_at.into(),
        expires_at: new.expires_at.into(),
        redeemed_at: new.redeemed_at.map(At::from),
        has_shown_factor: new.has_shown_factor,
        is_final: new.is_final,
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The change with this id, if it is still known.
pub(crate) async fn find(db: &impl Reads, id: Id<EmailChange>) -> Result<Option<EmailChange>> {
    let found = row::Entity::find_by_id(id).one(db.conn()).await?;
    Ok(found.map(|row| EmailChange {
        id: row.id,
        account: row.account_id,
        former: Login(row.former),
        wanted: Login(row.wanted),
        asked_at: row.asked_at.0,
        expires_at: row.expires_at.0,
        redeemed_at: row.redeemed_at.map(|at| at.0),
        has_shown_factor: row.has_shown_factor,
        is_final: row.is_final,
    }))
}

/// Marks a change of an account, which is locked, as redeemed; it is final, where one before it can be taken back. Returns false, where another
/// call redeemed it first.
pub(crate) async fn redeem(tx: &Tx, account: Id<Account>, id: Id<EmailChange>) -> Result<bool> {
    let now = tx.ctx().now();
    let before = row::Entity::find().filter(row::Column::AccountId.eq(account));
    let before = before.filter(row::Column::RedeemedAt.gte(At(now - REGRET)));
    let is_final = before.filter(row::Column::IsFinal.eq(false)).count(tx.conn()).await? > 0;
    let redeemed = row::Entity::update_many()
        .col_expr(row::Column::RedeemedAt, At(now).into())
        .col_expr(row::Column::IsFinal, is_final.into())
        .filter(row::Column::Id.eq(id))
        .filter(row::Column::RedeemedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(redeemed.rows_affected == 1)
}

/// Whether the address of an account was changed by who has shown no second factor, and can still be taken back.
pub(crate) async fn is_doubtful(db: &impl Reads, account: Id<Account>) -> Result<bool> {
    let theirs = row::Entity::find().filter(row::Column::AccountId.eq(account));
    let changed = theirs.filter(row::Column::RedeemedAt.gte(At(db.ctx().now() - REGRET)));
    let doubtful = changed.filter(row::Column::IsFinal.eq(false)).filter(row::Column::HasShownFactor.eq(false));
    Ok(doubtful.count(db.conn()).await? > 0)
}

/// Deletes the changes of an account that wait for their code. Those that were redeemed stay for the mails about them.
pub(crate) async fn forget_of(tx: &Tx, account: Id<Account>) -> Result<()> {
    waiting(account).exec(tx.conn()).await?;
    Ok(())
}

fn waiting(account: Id<Account>) -> DeleteMany<row::Entity> {
    row::Entity::delete_many().filter(row::Column::AccountId.eq(account)).filter(row::Column::RedeemedAt.is_null())
}

/// Deletes all changes of an account: what was asked for and what could be taken back.
pub(crate) async fn forget_all_of(tx: &Tx, account: Id<Account>) -> Result<()> {
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
    async fn changes_to_one_address_wait_and_one_is_redeemed_once() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let ctx = ground.anybody();
        let asked = |address: &str| EmailChange::ask(&ctx, &teacher, Login::of(address), HOUR).unwrap();
        let [first, second, third] = ["one@b.example", "two@b.example", "three@b.example"].map(asked);
        let tx = ground.store().change(&ctx).await.unwrap();
        ask(&tx, &first).await.unwrap();
        ask(&tx, &second).await.unwrap();
        assert_eq!(find(&tx, first.id()).await.unwrap(), None);
        for _ in 0..WAITING {
            ask(&tx, &asked("two@b.example")).await.unwrap();
        }
        assert_eq!(row::Entity::find().count(tx.conn()).await.unwrap(), WAITING);
        assert_eq!(find(&tx, second.id()).await.unwrap().as_ref(), Some(&second));
        let redeemed = async || redeem(&tx, teacher.id(), second.id()).await.unwrap();
        assert!(redeemed().await && !redeemed().await, "once");
        ask(&tx, &third).await.unwrap();
        assert!(find(&tx, second.id()).await.unwrap().is_some(), "the letters about it are not written yet");
    }
}
