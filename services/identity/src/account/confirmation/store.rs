//! Confirmations as rows.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use platform::{
    Ctx, Id, Reads, Result, Tx,
    store::{of_text, to_text},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::SelectStatement,
};

use super::{Confirmation, Ending, Ground};
use crate::account::{Account, Login};

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

/// The accounts for which somebody has vouched as a colleague, which holds.
pub(crate) async fn said_by(db: &impl Reads, by: Id<Account>) -> Result<Vec<Id<Account>>> {
    let said = row::Entity::find().filter(row::Column::GivenBy.eq(by)).filter(row::Column::EndedAt.is_null());
    let said = said.filter(row::Column::Ground.eq(to_text(&Ground::Colleague)?));
    let of = said.order_by_asc(row::Column::AccountId).select_only().column(row::Column::AccountId);
    Ok(of.into_tuple().all(db.conn()).await?)
}

mod refused {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::Account;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "refused_teacher")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub login: String,
        pub account_id: Id<Account>,
        pub refused_at: At,
        pub refused_by: Id<Account>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What holds of an account of which nothing was said: that the central team refused its address, where it did.
pub(crate) async fn refused_before(db: &impl Reads, account: &Account) -> Result<Option<Confirmation>> {
    let found = refused::Entity::find_by_id(digest_of(db.ctx(), &account.login)).one(db.conn()).await?;
    Ok(found.map(|row| Confirmation::refused(account, row.refused_at.0, row.refused_by)))
}

/// Remembers that the central team refused the address of an account, where it has. It may have had others before.
pub(crate) async fn remember_refused(tx: &Tx, account: &Account, said: &Confirmation) -> Result<()> {
    let Some(Ending { at, by: Some(by) }) = said.ended else { return Ok(()) };
    let login = digest_of(tx.ctx(), &account.login);
    // of an account that was registered anew, its former one is known
    if refused::Entity::find_by_id(login.clone()).one(tx.conn()).await?.is_some() {
        return Ok(());
    }
    let row = refused::Model { login, account_id: account.id, refused_at: at.into(), refused_by: by };
    refused::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Forgets that the central team refused an account, which it confirms now: its address, and those that it had before. Those of an account
/// whose address it took over are among them.
pub(crate) async fn forget_refused(tx: &Tx, account: &Account) -> Result<()> {
    let login = digest_of(tx.ctx(), &account.login);
    let former = refused::Entity::find_by_id(login).one(tx.conn()).await?.map(|row| row.account_id);
    let theirs = refused::Column::AccountId.is_in(former.into_iter().chain([account.id]));
    refused::Entity::delete_many().filter(theirs).exec(tx.conn()).await?;
    Ok(())
}

fn digest_of(ctx: &Ctx, login: &Login) -> String {
    let text = format!("refused teacher {} {login}", ctx.tenant().id());
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

/// A query for the accounts that are confirmed.
pub(crate) fn confirmed() -> SelectStatement {
    let living = row::Entity::find().filter(row::Column::EndedAt.is_null());
    living.select_only().column(row::Column::AccountId).into_query()
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
        for ground in [Ground::Domain, Ground::SchoolDomain, Ground::School, Ground::Colleague, Ground::Coordinator] {
            let version = find(&tx, teacher.id()).await.unwrap().map_or(0, |before| before.version);
            let mut said = Confirmation { version, ..given(&ctx, &teacher, ground) };
            save(&tx, &mut said).await.unwrap();
            assert_eq!(find(&tx, teacher.id()).await.unwrap().as_ref(), Some(&said));
            let by = said.given_by.unwrap();
            let vouched_for = if ground == Ground::Colleague { vec![teacher.id()] } else { Vec::new() };
            assert_eq!(said_by(&tx, by).await.unwrap(), vouched_for, "{ground:?}");
        }
        let said = find(&tx, teacher.id()).await.unwrap().unwrap();
        let mut ended = said.ended_with_its_giver(&ctx);
        save(&tx, &mut ended).await.unwrap();
        assert_eq!(all(&tx, [teacher.id(), ctx.new_id()]).await.unwrap(), [ended]);
        assert_eq!(said_by(&tx, said.given_by.unwrap()).await.unwrap(), []);
    }

    #[tokio::test]
    async fn who_was_refused_is_remembered_by_every_address_and_forgotten_when_the_central_team_confirms() {
        let stage = Stage::new();
        let (teacher, ctx) = (stage.teacher("ana@school.example").await, stage.anybody());
        let other = |login: &str| crate::account::tests::account(&ctx, login, None, None);
        let tx = stage.store().change(&ctx).await.unwrap();
        let said = Confirmation::refused(&teacher, ctx.now(), ctx.new_id());
        remember_refused(&tx, &teacher, &said).await.unwrap();
        let mut moved = teacher.clone();
        moved.login = Login::of("ana@home.example");
        remember_refused(&tx, &moved, &said).await.unwrap();
        remember_refused(&tx, &moved, &said.ended_with_its_giver(&ctx)).await.unwrap();
        for login in ["Ana@School.example", "ana@home.example"] {
            let anew = other(login);
            let before = refused_before(&tx, &anew).await.unwrap().expect(login);
            assert_eq!((before.account, before.is_taken_back()), (anew.id, true));
        }
        assert_eq!(refused_before(&tx, &other("eva@school.example")).await.unwrap(), None);
        forget_refused(&tx, &other("ana@home.example")).await.unwrap();
        assert_eq!(refused_before(&tx, &teacher).await.unwrap(), None);
    }
}
