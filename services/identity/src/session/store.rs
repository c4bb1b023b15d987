//! Sessions as rows.

use platform::{Error, Id, Reads, Result, Tx, ended, store::At};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    Select,
    sea_query::{Expr, ExprTrait},
};

use super::{Came, Session, over};
use crate::{
    account::{Account, Passkey, provider_link::ProviderLink},
    mandate::Mandate,
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::{Account, Passkey, factor::Factor, provider_link::ProviderLink},
        mandate::Mandate,
        session::Session,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Session>,
        pub version: i64,
        pub account_id: Id<Account>,
        pub generation: i32,
        pub created_at: At,
        pub expires_at: At,
        pub ended_at: Option<At>,
        pub last_used_at: At,
        pub mandate_id: Option<Id<Mandate>>,
        pub family: Option<Id<Session>>,
        pub factor_id: Option<Id<Factor>>,
        /// None: the row is older than the column, and its family was of one session.
        pub family_until: Option<At>,
        pub passkey_id: Option<Id<Passkey>>,
        pub provider_link_id: Option<Id<ProviderLink>>,
        pub provider_two_factors: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The session. Error: `SESSION_OVER`, where it does not exist.
pub(crate) async fn get(db: &impl Reads, id: Id<Session>) -> Result<Session> {
    find(db, id).await?.ok_or_else(over)
}

/// The session, if there is one.
pub(crate) async fn find(db: &impl Reads, id: Id<Session>) -> Result<Option<Session>> {
    row::Entity::find_by_id(id).one(db.conn()).await?.map(session).transpose()
}

/// The caller's own session, also where it has ended. Error: `SESSION_OVER`, where it is not kept any more.
pub(crate) async fn asking(db: &impl Reads) -> Result<Session> {
    get(db, db.ctx().member()?.session.into()).await
}

/// The newest session of a family. Error: `SESSION_OVER`, where there is none.
pub(crate) async fn newest_of(db: &impl Reads, family: Id<Session>) -> Result<Session> {
    let theirs = row::Entity::find().filter(row::Column::Family.eq(family));
    // one is inserted in the transaction that ends the one before, and ids sort by age
    theirs.order_by_desc(row::Column::Id).one(db.conn()).await?.map(session).transpose()?.ok_or_else(over)
}

/// The mandate of the session of an account that was used last, as far as its sessions are kept.
pub(crate) async fn last_mandate(db: &impl Reads, account: Id<Account>) -> Result<Option<Id<Mandate>>> {
    let theirs = row::Entity::find().filter(row::Column::AccountId.eq(account));
    let newest = theirs.order_by_desc(row::Column::LastUsedAt).order_by_desc(row::Column::Id);
    let last = newest.select_only().column(row::Column::MandateId).into_tuple().one(db.conn()).await?;
    Ok(last.flatten())
}

/// The most living sessions of an account: enough for a class that shares one. (Older processes left more.)
const MOST: u64 = 100;

/// How many of those beyond it end at once.
const BEYOND: u64 = 1_000;

/// The living sessions of an account, those used last first, at most [`MOST`].
pub(crate) async fn living(db: &impl Reads, account: Id<Account>) -> Result<Vec<Session>> {
    let last = living_of(db, account).limit(MOST);
    last.all(db.conn()).await?.into_iter().map(session).collect()
}

/// The living ones, those used last first.
fn living_of(db: &impl Reads, account: Id<Account>) -> Select<row::Entity> {
    row::Entity::find()
        .filter(row::Column::AccountId.eq(account))
        .filter(row::Column::EndedAt.is_null())
        .filter(row::Column::ExpiresAt.gte(At(db.ctx().now())))
        .order_by_desc(row::Column::LastUsedAt)
        .order_by_desc(row::Column::Id)
}

/// Inserts a session of an account, which is locked. Deletes those of its sessions that are over, and ends those beyond [`MOST`] that were
/// not used for the longest time.
pub(crate) async fn insert(tx: &Tx, session: &Session) -> Result<()> {
    let over = row::Column::EndedAt.is_not_null().or(row::Column::ExpiresAt.lt(At(tx.ctx().now())));
    let theirs = row::Entity::delete_many().filter(row::Column::AccountId.eq(session.account));
    theirs.filter(over).exec(tx.conn()).await?;
    let row = row::Model {
        id: session.id,
        version: session.version + 1,
        account_id: session.account,
        generation: session.generation,
        created_at: session.created_at.into(),
        expires_at: session.expires_at.into(),
        ended_at: session.ended_at.map(At::from),
        last_used_at: session.last_used_at.into(),
        mandate_id: Some(session.mandate),
        family: Some(session.family),
        factor_id: session.factor,
        family_until: Some(session.family_until.into()),
        passkey_id: session.passkey,
        provider_link_id: session.came.map(|came| came.link),
        provider_two_factors: session.came.is_some_and(|came| came.two_factors),
    };
    row::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.conn()).await?;
    let beyond = living_of(tx, session.account).offset(MOST).limit(BEYOND).select_only().column(row::Column::Id);
    let beyond: Vec<_> = beyond.into_tuple().all(tx.conn()).await?;
    if beyond.is_empty() { Ok(()) } else { end_these(tx, beyond).await.map(drop) }
}

/// Saves the next generation of a session that was read. Returns false where it was saved or ended in between: of two uses of one
/// token at once, one is the second use.
pub(crate) async fn save_next(tx: &Tx, session: &mut Session) -> Result<bool> {
    let before = session.version;
    session.version += 1;
    let turned = row::Entity::update_many()
        .col_expr(row::Column::Version, Expr::value(session.version))
        .col_expr(row::Column::Generation, Expr::value(session.generation))
        .col_expr(row::Column::LastUsedAt, Expr::value(At(session.last_used_at)))
        .filter(row::Column::Id.eq(session.id))
        .filter(row::Column::Version.eq(before))
        .filter(row::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(turned.rows_affected == 1)
}

/// Ends a session. Returns false where it had ended before.
pub(crate) async fn end(tx: &Tx, id: Id<Session>) -> Result<bool> {
    end_these(tx, vec![id]).await
}

/// Ends a session that was read, whose place another one takes. Error: `ETAG_STALE`, where it was refreshed or ended since.
pub(crate) async fn end_read(tx: &Tx, session: &Session) -> Result<()> {
    let held = row::Entity::update_many()
        .col_expr(row::Column::Version, Expr::value(session.version + 1))
        .filter(row::Column::Id.eq(session.id))
        .filter(row::Column::Version.eq(session.version))
        .filter(row::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    tx.saved(held, session.version)?;
    end(tx, session.id).await.map(drop)
}

/// Ends every session of an account.
pub(crate) async fn end_all(tx: &Tx, account: Id<Account>) -> Result<()> {
    end_where(tx, row::Column::AccountId.eq(account)).await
}

/// Ends every session that acts in a mandate.
pub(crate) async fn end_all_in(tx: &Tx, mandate: Id<Mandate>) -> Result<()> {
    end_where(tx, row::Column::MandateId.eq(mandate)).await
}

/// Ends every session that a passkey has opened.
pub(crate) async fn end_all_by(tx: &Tx, passkey: Id<Passkey>) -> Result<()> {
    end_where(tx, row::Column::PasskeyId.eq(passkey)).await
}

/// Ends every session that a link with an identity provider has opened.
pub(crate) async fn end_all_by_link(tx: &Tx, link: Id<ProviderLink>) -> Result<()> {
    end_where(tx, row::Column::ProviderLinkId.eq(link)).await
}

async fn end_where(tx: &Tx, which: impl Into<Condition>) -> Result<()> {
    let living = row::Entity::find().select_only().column(row::Column::Id).filter(row::Column::EndedAt.is_null());
    let these = living.filter(which.into()).into_tuple().all(tx.conn()).await?;
    end_these(tx, these).await.map(drop)
}

/// Ends every session of an account but one.
pub(crate) async fn end_others(tx: &Tx, account: Id<Account>, but: Id<Session>) -> Result<()> {
    end_where(tx, row::Column::AccountId.eq(account).and(row::Column::Id.ne(but))).await
}

/// Ends sessions here and, with their access tokens, at every service: the one place that does. Returns false where all had ended
/// before.
async fn end_these(tx: &Tx, ids: Vec<Id<Session>>) -> Result<bool> {
    let now: At = tx.ctx().now().into();
    let done = row::Entity::update_many()
        .col_expr(row::Column::EndedAt, now.into())
        .filter(row::Column::EndedAt.is_null())
        .filter(row::Column::Id.is_in(ids.iter().copied()))
        .exec(tx.conn())
        .await?;
    if done.rows_affected == 0 {
        return Ok(false);
    }
    ended::end(tx, &ids.into_iter().map(Id::uuid).collect::<Vec<_>>());
    Ok(true)
}

fn session(row: row::Model) -> Result<Session> {
    let without = || Error::internal(format!("session {} acts in no mandate", row.id));
    Ok(Session {
        mandate: row.mandate_id.ok_or_else(without)?,
        family: row.family.unwrap_or(row.id),
        factor: row.factor_id,
        passkey: row.passkey_id,
        came: row.provider_link_id.map(|link| Came { link, two_factors: row.provider_two_factors }),
        id: row.id,
        version: row.version,
        account: row.account_id,
        generation: row.generation,
        created_at: row.created_at.0,
        last_used_at: row.last_used_at.0,
        expires_at: row.expires_at.0,
        family_until: row.family_until.unwrap_or(row.expires_at).0,
        ended_at: row.ended_at.map(|at| at.0),
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use platform::{Ctx, Error, Store};

    use super::*;
    use crate::{
        reason::Reason,
        testing::{Ground, HOUR, entered},
    };

    async fn opened(store: &Store, ctx: &Ctx, account: &Account) -> Session {
        let session = Session::open(ctx, &entered(ctx, acts_in(store, ctx, account).await), HOUR);
        let tx = store.change(ctx).await.unwrap();
        insert(&tx, &session).await.unwrap();
        tx.commit().await.unwrap();
        session
    }

    /// The mandate of an account that has one.
    async fn acts_in(store: &Store, ctx: &Ctx, account: &Account) -> Mandate {
        let db = store.read(ctx).await.unwrap();
        crate::mandate::store::of_account(&db, account.id()).await.unwrap().remove(0)
    }

    async fn read(ground: &Ground, id: Id<Session>) -> Result<Session, Error> {
        get(&ground.store().read(&ground.anybody()).await.unwrap(), id).await
    }

    #[tokio::test]
    async fn a_session_reads_as_it_was_saved() {
        let ground = Ground::new();
        let saved = opened(ground.store(), &ground.anybody(), &ground.teacher("ana@school.example").await).await;
        assert_eq!(read(&ground, saved.id).await.unwrap(), Session { version: 1, ..saved });
        let nobodys = read(&ground, ground.anybody().new_id()).await;
        assert!(nobodys.is_err_and(|error| error.is(Reason::SessionOver)));
    }

    #[tokio::test]
    async fn of_two_calls_that_refresh_one_session_at_once_one_wins() {
        let ground = Ground::new();
        let ctx = ground.anybody();
        let id = opened(ground.store(), &ctx, &ground.teacher("ana@school.example").await).await.id;
        let (mut one, mut other) = (read(&ground, id).await.unwrap(), read(&ground, id).await.unwrap());
        for session in [&mut one, &mut other] {
            let token = super::super::Refresh::of(session);
            assert!(session.refresh(ctx.now(), &token).unwrap(), "both have seen the same generation");
        }
        let tx = ground.store().change(&ctx).await.unwrap();
        assert!(save_next(&tx, &mut one).await.unwrap());
        assert!(!save_next(&tx, &mut other).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(read(&ground, id).await.unwrap(), one);
    }

    #[tokio::test]
    async fn a_session_that_was_ended_after_it_was_read_is_not_refreshed() {
        let ground = Ground::new();
        let ctx = ground.anybody();
        let id = opened(ground.store(), &ctx, &ground.teacher("ana@school.example").await).await.id;
        let mut session = read(&ground, id).await.unwrap();
        let tx = ground.store().change(&ctx).await.unwrap();
        assert!(end(&tx, id).await.unwrap());
        assert!(!save_next(&tx, &mut session).await.unwrap());
        assert!(!end(&tx, id).await.unwrap(), "once");
    }

    #[tokio::test]
    async fn ending_all_ends_those_of_one_account() {
        let ground = Ground::new();
        let ctx = ground.anybody();
        let one = ground.teacher("ana@school.example").await;
        let other = ground.teacher("ivo@school.example").await;
        let mandates = [acts_in(ground.store(), &ctx, &one).await, acts_in(ground.store(), &ctx, &other).await];
        let [first, second, strange] =
            [0, 0, 1].map(|at| Session::open(&ctx, &entered(&ctx, mandates[at].clone()), HOUR));
        let tx = ground.store().change(&ctx).await.unwrap();
        for session in [&first, &second, &strange] {
            insert(&tx, session).await.unwrap();
        }
        end_all(&tx, one.id()).await.unwrap();
        tx.commit().await.unwrap();
        let mut living = Vec::new();
        for session in [&first, &second, &strange] {
            living.push(read(&ground, session.id).await.unwrap().living(ctx.now()).is_ok());
        }
        assert_eq!(living, [false, false, true]);
    }

    #[tokio::test]
    async fn the_mandate_of_the_newest_session_is_known_though_it_ended_and_its_sessions_end_with_it() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let last =
            async || last_mandate(&ground.store().read(&ground.anybody()).await.unwrap(), teacher.id()).await.unwrap();
        assert_eq!(last().await, None);
        let session = opened(ground.store(), &ground.anybody(), &teacher).await;
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        end_all_in(&tx, ground.anybody().new_id()).await.unwrap();
        assert!(get(&tx, session.id).await.unwrap().living(ground.anybody().now()).is_ok());
        end_all_in(&tx, session.mandate).await.unwrap();
        tx.commit().await.unwrap();
        assert!(read(&ground, session.id).await.unwrap().living(ground.anybody().now()).is_err());
        assert_eq!(last().await, Some(session.mandate));
    }

    #[tokio::test]
    async fn one_lists_and_ends_ones_own_living_sessions() {
        let ground = Ground::new();
        let one = ground.teacher("ana@school.example").await;
        let other = ground.teacher("ivo@school.example").await;
        let ctx = ground.anybody();
        let mandates = [acts_in(ground.store(), &ctx, &one).await, acts_in(ground.store(), &ctx, &other).await];
        let [first, second, third, strange] =
            [0, 0, 0, 1].map(|at| Session::open(&ctx, &entered(&ctx, mandates[at].clone()), HOUR));
        let tx = ground.store().change(&ctx).await.unwrap();
        for session in [&first, &second, &third, &strange] {
            insert(&tx, session).await.unwrap();
        }
        let ids = async || living(&tx, one.id()).await.unwrap().iter().map(Session::id).collect::<Vec<_>>();
        assert_eq!(ids().await, [third.id, second.id, first.id]);
        end_others(&tx, one.id(), second.id).await.unwrap();
        assert_eq!(ids().await, [second.id]);
        assert_eq!(living(&tx, other.id()).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn beyond_so_many_the_session_ends_that_was_not_used_for_the_longest_time() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let other = opened(ground.store(), &ground.anybody(), &ground.teacher("ivo@school.example").await).await;
        let mut first = opened(ground.store(), &ground.anybody(), &teacher).await;
        let second = opened(ground.store(), &ground.anybody(), &teacher).await;
        ground.clock.advance(SignedDuration::from_mins(1));
        first = read(&ground, first.id).await.unwrap();
        let token = super::super::Refresh::of(&first);
        assert!(first.refresh(ground.anybody().now(), &token).unwrap());
        let ctx = ground.anybody();
        let tx = ground.store().change(&ctx).await.unwrap();
        assert!(save_next(&tx, &mut first).await.unwrap());
        let mandate = crate::mandate::store::of_account(&tx, teacher.id()).await.unwrap().remove(0);
        for _ in 1..MOST {
            insert(&tx, &Session::open(&ctx, &entered(&ctx, mandate.clone()), HOUR)).await.unwrap();
        }
        assert_eq!(living(&tx, teacher.id()).await.unwrap().len(), 100);
        tx.commit().await.unwrap();
        let now = ground.anybody().now();
        assert!(read(&ground, first.id).await.unwrap().living(now).is_ok(), "it was used");
        assert!(read(&ground, second.id).await.unwrap().living(now).is_err());
        assert!(read(&ground, other.id).await.unwrap().living(now).is_ok(), "it is somebody else's");
    }

    #[tokio::test]
    async fn a_new_session_sweeps_away_those_that_are_over() {
        let ground = Ground::new();
        let teacher = ground.teacher("ana@school.example").await;
        let old = opened(ground.store(), &ground.anybody(), &teacher).await;
        ground.clock.advance(SignedDuration::from_mins(30));
        let living = opened(ground.store(), &ground.anybody(), &teacher).await;
        ground.clock.advance(SignedDuration::from_mins(31));
        opened(ground.store(), &ground.anybody(), &teacher).await;
        assert!(read(&ground, old.id).await.is_err());
        assert!(read(&ground, living.id).await.is_ok());
    }
}
