//! Second factors as rows.

use platform::{Error, Id, Reads, Result, Tx, secret::Keys, store::At};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::ExprTrait};

use super::{Enrolled, Factor, Held, Link, Misses, REMEMBERED, RecoveryCodes, Tries};
use crate::{
    account::{Account, passkey, provider_link},
    country::Country,
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::{
        Account,
        factor::{Factor, RecoveryCodes},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "factor")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Factor>,
        pub version: i64,
        pub account_id: Id<Account>,
        pub begun_at: At,
        pub enrolled_at: Option<At>,
        pub last_step: i64,
        pub codes_id: Option<Id<RecoveryCodes>>,
        pub codes_used: i32,
        pub misses: i32,
        pub missed_at: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod tries {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::factor::Factor;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "factor_miss")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub factor_id: Id<Factor>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub network: String,
        pub misses: i32,
        pub missed_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The wrong codes of a factor that came from the caller's network.
pub(crate) async fn tries(db: &impl Reads, keys: &Keys, factor: Id<Factor>) -> Result<Tries> {
    let none = Tries::none(db.ctx(), keys, factor);
    let found = tries::Entity::find_by_id((factor, none.network.clone())).one(db.conn()).await?;
    Ok(Tries { misses: found.map(|row| Misses { count: row.misses, last_at: row.missed_at.0 }), ..none })
}

/// Saves the wrong codes of a locked factor from a network, and forgets those of others that are old.
pub(crate) async fn save_tries(tx: &Tx, saved: &Tries) -> Result<()> {
    let theirs = tries::Entity::delete_many().filter(tries::Column::FactorId.eq(saved.factor));
    let old = tries::Column::MissedAt.lt(At(tx.ctx().now() - REMEMBERED));
    theirs.filter(tries::Column::Network.eq(saved.network.as_str()).or(old)).exec(tx.conn()).await?;
    let Some(Misses { count, last_at }) = saved.misses else { return Ok(()) };
    let network = saved.network.clone();
    let row = tries::Model { factor_id: saved.factor, network, misses: count, missed_at: last_at.into() };
    tries::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The second factor of an account, or the enrolment of one that waits.
pub(crate) async fn find(db: &impl Reads, account: Id<Account>) -> Result<Option<Factor>> {
    let theirs = row::Entity::find().filter(row::Column::AccountId.eq(account));
    theirs.one(db.conn()).await?.map(factor).transpose()
}

/// What an account is protected by beside the password, or that it has none: an enrolment that waits is none.
pub(crate) async fn held(db: &impl Reads, account: Id<Account>) -> Result<Held> {
    let found = find(db, account).await?;
    let passkeys = passkey::store::factors_of(db, account).await?;
    let country = db.ctx().tenant().section::<Country>()?;
    let links = provider_link::store::of_account(db, account).await?.into_iter();
    let links = links.filter(|link| link.is_factor_in(country));
    let links = links.map(|link| Link { id: link.id(), is_proven: link.has_shown_two() }).collect();
    Ok(Held { factor: found.filter(Factor::is_enrolled).map(|factor| factor.id), passkeys, links })
}

/// Saves an enrolment that begins, and deletes one that waits.
pub(crate) async fn begin(tx: &Tx, factor: &mut Factor) -> Result<()> {
    remove(tx, factor.account).await?;
    save(tx, factor).await
}

/// Saves the next version of a factor. Error: `ETAG_STALE`, where it was saved in between: no code is taken twice.
pub(crate) async fn save(tx: &Tx, factor: &mut Factor) -> Result<()> {
    factor.version += 1;
    tx.save(row_of(factor).into_active_model().reset_all()).await
}

/// Deletes what an account has.
pub(crate) async fn remove(tx: &Tx, account: Id<Account>) -> Result<()> {
    row::Entity::delete_many().filter(row::Column::AccountId.eq(account)).exec(tx.conn()).await?;
    Ok(())
}

fn row_of(factor: &Factor) -> row::Model {
    let enrolled = factor.enrolled.as_ref();
    row::Model {
        id: factor.id,
        version: factor.version,
        account_id: factor.account,
        begun_at: factor.begun_at.into(),
        enrolled_at: enrolled.map(|enrolled| enrolled.at.into()),
        last_step: enrolled.map_or(0, |enrolled| enrolled.last_step),
        codes_id: enrolled.map(|enrolled| enrolled.codes.id),
        codes_used: enrolled.map_or(0, |enrolled| enrolled.codes.used),
        misses: factor.misses.map_or(0, |misses| misses.count),
        missed_at: factor.misses.map(|misses| misses.last_at.into()),
    }
}

fn factor(row: row::Model) -> Result<Factor> {
    let enrolled = match (row.enrolled_at, row.codes_id) {
        (Some(at), Some(id)) => {
            let codes = RecoveryCodes { id, used: row.codes_used };
            Some(Enrolled { at: at.0, last_step: row.last_step, codes })
        }
        (None, None) => None,
        _ => return Err(Error::internal(format!("factor {} is enrolled by half", row.id))),
    };
    Ok(Factor {
        id: row.id,
        version: row.version,
        account: row.account_id,
        begun_at: row.begun_at.0,
        enrolled,
        misses: row.missed_at.map(|at| Misses { count: row.misses, last_at: at.0 }),
    })
}

#[cfg(test)]
mod tests {
    use platform::error::Shared;

    use super::*;
    use crate::testing::Ground;

    #[tokio::test]
    async fn a_factor_reads_as_it_was_saved_and_counts_when_it_is_enrolled() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let ctx = ground.anybody();
        let tx = ground.store().change(&ctx).await.unwrap();
        let mut first = Factor::begin(&ctx, &teacher, None).unwrap();
        begin(&tx, &mut first).await.unwrap();
        let mut factor = Factor::begin(&ctx, &teacher, Some(&first)).unwrap();
        begin(&tx, &mut factor).await.unwrap();
        assert_eq!(find(&tx, teacher.id()).await.unwrap().as_ref(), Some(&factor), "the one that was begun last");
        assert_eq!(held(&tx, teacher.id()).await.unwrap(), Held::of(None));
        let codes = RecoveryCodes { id: ctx.new_id(), used: 5 };
        factor.enrolled = Some(Enrolled { at: ctx.now(), last_step: 7, codes });
        factor.misses = Some(Misses { count: 3, last_at: ctx.now() });
        save(&tx, &mut factor).await.unwrap();
        assert_eq!(find(&tx, teacher.id()).await.unwrap().as_ref(), Some(&factor));
        let mut key = passkey::tests::key(&ctx, &teacher);
        assert_eq!(held(&tx, teacher.id()).await.unwrap(), Held::of(Some(factor.id)));
        passkey::store::insert(&tx, &mut key).await.unwrap();
        assert_eq!(held(&tx, teacher.id()).await.unwrap(), Held::of(Some(factor.id)), "it counts as the password");
        passkey::store::count(&tx, key.id()).await.unwrap();
        assert_eq!(held(&tx, teacher.id()).await.unwrap(), Held::of(Some(factor.id)).and(vec![key.id()]));
        remove(&tx, teacher.id()).await.unwrap();
        assert_eq!(find(&tx, teacher.id()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn wrong_codes_are_kept_by_the_network_they_came_from_and_forgotten_when_they_are_old() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let (here, there) = (ground.from("198.51.100.7"), ground.from("192.0.2.7"));
        let tx = ground.store().change(&here).await.unwrap();
        let mut factor = Factor::begin(&here, &teacher, None).unwrap();
        begin(&tx, &mut factor).await.unwrap();
        let mut kept = tries(&tx, &ground.keys, factor.id).await.unwrap();
        assert_eq!(kept.misses, None);
        for count in [1, 2] {
            kept.misses = Some(Misses { count, last_at: here.now() });
            save_tries(&tx, &kept).await.unwrap();
            assert_eq!(tries(&tx, &ground.keys, factor.id).await.unwrap(), kept);
        }
        tx.commit().await.unwrap();
        let tx = ground.store().change(&there).await.unwrap();
        let mut other = tries(&tx, &ground.keys, factor.id).await.unwrap();
        assert_eq!(other.misses, None);
        tx.commit().await.unwrap();
        ground.clock.advance(REMEMBERED + jiff::SignedDuration::from_micros(1));
        let later = ground.from("192.0.2.7");
        other.misses = Some(Misses { count: 1, last_at: later.now() });
        let tx = ground.store().change(&later).await.unwrap();
        save_tries(&tx, &other).await.unwrap();
        assert_eq!(tries::Entity::find().all(tx.conn()).await.unwrap().len(), 1);
        other.misses = None;
        save_tries(&tx, &other).await.unwrap();
        assert_eq!(tries::Entity::find().all(tx.conn()).await.unwrap(), []);
    }

    #[tokio::test]
    async fn of_two_that_take_a_code_at_once_one_is_saved() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let ctx = ground.anybody();
        let tx = ground.store().change(&ctx).await.unwrap();
        let mut one = Factor::begin(&ctx, &teacher, None).unwrap();
        begin(&tx, &mut one).await.unwrap();
        let mut other = one.clone();
        save(&tx, &mut one).await.unwrap();
        assert!(save(&tx, &mut other).await.is_err_and(|error| error.is(Shared::EtagStale)));
    }
}
