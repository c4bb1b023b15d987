//! Confirmations as rows.

use platform::{
    Id, Reads, Result, Tx,
    store::{of_text, to_text},
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use super::{Confirmation, Ending};
use crate::account::Account;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{account::Account, school::School};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "confirmation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: Id<Account>,
        pub version: i64,
        pub ground: String,
        pub school_id: Option<Id<School>>,
        pub given_at: At,
        pub given_by: Option<Id<Account>>,
        pub ended_at: Option<At>,
        pub ended_by: Option<Id<Account>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What was said last of an account, also where it has ended.
pub(crate) async fn find(db: &impl Reads, account: Id<Account>) -> Result<Option<Confirmation>> {
    row::Entity::find_by_id(account).one(db.conn()).await?.map(confirmation).transpose()
}

/// What was said last of some accounts, also where it has ended, in no order.
pub(crate) async fn all(db: &impl Reads, accounts: impl IntoIterator<Item = Id<Account>>) -> Result<Vec<Confirmation>> {
    let rows = row::Entity::find().filter(row::Column::AccountId.is_in(accounts)).all(db.conn()).await?;
    rows.into_iter().map(confirmation).collect()
}

/// Those of some accounts that are confirmed.
pub(crate) async fn confirmed_among(
    db: &impl Reads,
    accounts: impl IntoIterator<Item = Id<Account>>,
) -> Result<Vec<Id<Account>>> {
    let living = row::Entity::find()
        .filter(row::Column::AccountId.is_in(accounts))
        .filter(row::Column::EndedAt.is_null())
        .select_only()
        .column(row::Column::AccountId);
    Ok(living.into_tuple().all(db.conn()).await?)
}

/// Inserts what is said of an account for the first time, or saves the next version. Error: `ETAG_STALE`, where it was saved in between.
pub(crate) async fn save(tx: &Tx, confirmation: &mut Confirmation) -> Result<()> {
    confirmation.version += 1;
    let Confirmation { account, version, ground, school, given_at, given_by, ended } = confirmation.clone();
    let row = row::Model {
        account_id: account,
        version,
        ground: to_text(&ground)?,
        school_id: school,
        given_at: given_at.into(),
        given_by,
        ended_at: ended.map(|ended| ended.at.into()),
        ended_by: ended.and_then(|ended| ended.by),
    };
    tx.save(row.into_active_model().reset_all()).await
}

fn confirmation(row: row::Model) -> Result<Confirmation> {
    Ok(Confirmation {
        account: row.account_id,
        version: row.version,
        ground: of_text(&row.ground)?,
        school: row.school_id,
        given_at: row.given_at.0,
        given_by: row.given_by,
        ended: row.ended_at.map(|at| Ending { at: at.0, by: row.ended_by }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::confirmation::{Ground, tests::given},
        testing::Ground as Stage,
    };

    #[tokio::test]
    async fn what_is_said_of_a_teacher_reads_as_it_was_saved() {
        let stage = Stage::new();
        let teacher = stage.teacher("ana@school.example").await;
        let ctx = stage.member(&teacher);
        let tx = stage.store().change(&ctx).await.unwrap();
        assert_eq!(find(&tx, teacher.id()).await.unwrap(), None);
        for ground in [Ground::Domain, Ground::School, Ground::Colleague, Ground::Coordinator] {
            let version = find(&tx, teacher.id()).await.unwrap().map_or(0, |before| before.version);
            let mut said = Confirmation { version, ..given(&ctx, &teacher, ground) };
            save(&tx, &mut said).await.unwrap();
            assert_eq!(find(&tx, teacher.id()).await.unwrap().as_ref(), Some(&said));
            assert_eq!(confirmed_among(&tx, [teacher.id()]).await.unwrap(), [teacher.id()]);
        }
        let mut back = find(&tx, teacher.id()).await.unwrap().unwrap().taken_back(&ctx).unwrap().unwrap();
        save(&tx, &mut back).await.unwrap();
        assert_eq!(all(&tx, [teacher.id(), ctx.new_id()]).await.unwrap(), [back]);
        assert_eq!(confirmed_among(&tx, [teacher.id()]).await.unwrap(), []);
    }
}
