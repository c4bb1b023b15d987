//! Links as rows.

use platform::{Id, Reads, Result, Tx};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};

use super::{ProviderLink, linked};
use crate::account::Account;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::{Account, provider_link::ProviderLink};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_link")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<ProviderLink>,
        pub account_id: Id<Account>,
        pub provider: String,
        pub issuer: String,
        pub subject: String,
        pub linked_at: At,
        pub is_factor: bool,
        pub has_shown_two: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Inserts a link. Error: `PROVIDER_LINKED`, where its subject is linked, or its account with this provider.
pub(crate) async fn insert(tx: &Tx, link: &ProviderLink) -> Result<()> {
    let row = row::Model {
        id: link.id,
        account_id: link.account,
        provider: link.provider.clone(),
        issuer: link.issuer.clone(),
        subject: link.subject.clone(),
        linked_at: link.linked_at.into(),
        is_factor: link.is_factor,
        has_shown_two: link.has_shown_two,
    };
    let first_wins = OnConflict::new().do_nothing().to_owned();
    let insert = row::Entity::insert(row.into_active_model()).on_conflict(first_wins);
    if insert.exec_without_returning(tx.conn()).await? == 0 { Err(linked()) } else { Ok(()) }
}

/// The link with this id.
pub(crate) async fn find(db: &impl Reads, id: Id<ProviderLink>) -> Result<Option<ProviderLink>> {
    Ok(row::Entity::find_by_id(id).one(db.conn()).await?.map(link))
}

/// The link of a subject of an issuer.
pub(crate) async fn by_subject(db: &impl Reads, issuer: &str, subject: &str) -> Result<Option<ProviderLink>> {
    let theirs = row::Entity::find().filter(row::Column::Issuer.eq(issuer)).filter(row::Column::Subject.eq(subject));
    Ok(theirs.one(db.conn()).await?.map(link))
}

/// The links of an account, the oldest first.
pub(crate) async fn of_account(db: &impl Reads, account: Id<Account>) -> Result<Vec<ProviderLink>> {
    let theirs = row::Entity::find().filter(row::Column::AccountId.eq(account)).order_by_asc(row::Column::Id);
    Ok(theirs.all(db.conn()).await?.into_iter().map(link).collect())
}

/// Counts one as a second factor from now on, where two factors are shown at its provider.
pub(crate) async fn count(tx: &Tx, id: Id<ProviderLink>) -> Result<()> {
    set(tx, id, row::Column::IsFactor).await
}

/// Counts those of an account as the password from now on.
pub(crate) async fn demote(tx: &Tx, account: Id<Account>) -> Result<()> {
    let theirs = row::Entity::update_many().filter(row::Column::AccountId.eq(account));
    theirs.col_expr(row::Column::IsFactor, Expr::val(false)).exec(tx.conn()).await?;
    Ok(())
}

/// Keeps that two factors were shown at its provider.
pub(crate) async fn has_shown_two(tx: &Tx, id: Id<ProviderLink>) -> Result<()> {
    set(tx, id, row::Column::HasShownTwo).await
}

async fn set(tx: &Tx, id: Id<ProviderLink>, flag: row::Column) -> Result<()> {
    let one = row::Entity::update_many().filter(row::Column::Id.eq(id));
    one.col_expr(flag, Expr::val(true)).exec(tx.conn()).await?;
    Ok(())
}

/// Deletes a link. Returns false, where it was deleted before.
pub(crate) async fn remove(tx: &Tx, id: Id<ProviderLink>) -> Result<bool> {
    Ok(row::Entity::delete_by_id(id).exec(tx.conn()).await?.rows_affected == 1)
}

fn link(row: row::Model) -> ProviderLink {
    ProviderLink {
        id: row.id,
        account: row.account_id,
        provider: row.provider,
        issuer: row.issuer,
        subject: row.subject,
        linked_at: row.linked_at.0,
        is_factor: row.is_factor,
        has_shown_two: row.has_shown_two,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{country::Provider, reason::Reason, testing::Ground};

    #[tokio::test]
    async fn a_subject_is_linked_once_and_an_account_once_with_each_provider() {
        let ground = Ground::new();
        let ctx = ground.anybody();
        let [ana, ivo] = [ground.teacher("ana@school.example").await, ground.teacher("ivo@school.example").await];
        let provider = |code: &str| -> Provider {
            toml::from_str(&format!("code = '{code}'\nname = 'x'\nissuer = 'https://{code}.example'\nclient_id = 'x'"))
                .unwrap()
        };
        let link = |account: &Account, code: &str, subject: &str| {
            ProviderLink::new(&ctx, account.id(), &provider(code), subject.to_owned())
        };
        let first = link(&ana, "one", "a");
        let tx = ground.store().change(&ctx).await.unwrap();
        insert(&tx, &first).await.unwrap();
        for taken in [link(&ivo, "one", "a"), link(&ana, "one", "b")] {
            assert!(insert(&tx, &taken).await.is_err_and(|error| error.is(Reason::ProviderLinked)));
        }
        insert(&tx, &link(&ivo, "one", "b")).await.unwrap();
        insert(&tx, &link(&ana, "two", "a")).await.unwrap();
        assert_eq!(by_subject(&tx, "https://one.example", "a").await.unwrap().as_ref(), Some(&first));
        assert_eq!(by_subject(&tx, "https://two.example", "b").await.unwrap(), None);
        assert_eq!(of_account(&tx, ana.id()).await.unwrap().len(), 2);
        assert!(remove(&tx, first.id()).await.unwrap() && !remove(&tx, first.id()).await.unwrap());
        assert_eq!(find(&tx, first.id()).await.unwrap(), None);
    }
}
