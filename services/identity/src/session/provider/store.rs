//! Attempts as rows.

use platform::{Id, Reads, Result, Tx, store::At};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

use super::{Attempt, Linking};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::Account,
        session::{Session, provider::Attempt},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_attempt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Attempt>,
        pub provider: String,
        pub issuer: String,
        pub account_id: Option<Id<Account>>,
        pub family: Option<Id<Session>>,
        pub begun_at: At,
        pub expires_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Inserts an attempt.
pub(crate) async fn insert(tx: &Tx, attempt: &Attempt) -> Result<()> {
    let row = row::Model {
        id: attempt.id,
        provider: attempt.provider.clone(),
        issuer: attempt.issuer.clone(),
        account_id: attempt.linking.map(|linking| linking.account),
        family: attempt.linking.map(|linking| linking.family),
        begun_at: attempt.begun_at.into(),
        expires_at: attempt.expires_at.into(),
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Takes an attempt, which is gone then. None, where there is none, or another call took it first.
pub(crate) async fn take(tx: &Tx, id: Id<Attempt>) -> Result<Option<Attempt>> {
    let Some(row) = row::Entity::find_by_id(id).one(tx.conn()).await? else { return Ok(None) };
    let taken = row::Entity::delete_by_id(id).exec(tx.conn()).await?;
    let linking = row.account_id.zip(row.family).map(|(account, family)| Linking { account, family });
    Ok((taken.rows_affected == 1).then_some(Attempt {
        id: row.id,
        provider: row.provider,
        issuer: row.issuer,
        linking,
        begun_at: row.begun_at.0,
        expires_at: row.expires_at.0,
    }))
}

/// Deletes the attempts that can be completed no longer.
pub(crate) async fn forget_over(tx: &Tx) -> Result<()> {
    let over = row::Column::ExpiresAt.lt(At(tx.ctx().now()));
    row::Entity::delete_many().filter(over).exec(tx.conn()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::Ground;

    #[tokio::test]
    async fn an_attempt_reads_as_it_was_saved_is_taken_once_and_forgotten_when_it_is_over() {
        let ground = Ground::new();
        let (_, session) = ground.signed_in_teacher("ana@school.example").await;
        let provider = toml::from_str("code = 'a'\nname = 'x'\nissuer = 'https://a.example'\nclient_id = 'x'").unwrap();
        let ctx = ground.anybody();
        let [one, other] = [None, Some(&session)].map(|linking| Attempt::begin(&ctx, &provider, linking));
        let tx = ground.store().change(&ctx).await.unwrap();
        for attempt in [&one, &other] {
            insert(&tx, attempt).await.unwrap();
        }
        forget_over(&tx).await.unwrap();
        assert_eq!(take(&tx, one.id).await.unwrap().as_ref(), Some(&one));
        assert_eq!(take(&tx, one.id).await.unwrap(), None);
        assert_eq!(take(&tx, other.id).await.unwrap().as_ref(), Some(&other));
        insert(&tx, &one).await.unwrap();
        tx.commit().await.unwrap();
        ground.clock.advance(SignedDuration::from_mins(11));
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        forget_over(&tx).await.unwrap();
        assert_eq!(take(&tx, one.id).await.unwrap(), None);
    }
}
