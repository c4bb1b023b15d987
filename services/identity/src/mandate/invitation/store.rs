//! Invitations as rows.

use jiff::Timestamp;
use platform::{
    Bound, Error, Id, Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
    store::At,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::NotSet,
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, Order, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::{Code, Invitation, State, used};
use crate::{
    account::{Account, Login},
    mandate::{Deed, Post, roles, store::role},
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::Account,
        mandate::invitation::{Code, Invitation},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "invitation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Invitation>,
        pub version: i64,
        pub code_id: Id<Code>,
        pub email: String,
        pub role: String,
        pub territory: String,
        pub edition_id: Option<Uuid>,
        pub locale: String,
        pub invited_at: At,
        pub invited_by: Option<Id<Account>>,
        pub expires_at: Option<At>,
        pub accepted_at: Option<At>,
        pub account_id: Option<Id<Account>>,
        pub revoked_at: Option<At>,
        pub revoked_by: Option<Id<Account>>,
        pub left_id: Option<Id<Account>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The invitation. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Invitation>) -> Result<Invitation> {
    let row = row::Entity::find_by_id(id).one(db.conn()).await?;
    row.map(invitation).transpose()?.ok_or_else(|| Error::not_found("invitation"))
}

/// The invitation whose code this is. None, where a newer one took its place.
pub(crate) async fn by_code(db: &impl Reads, code: Id<Code>) -> Result<Option<Invitation>> {
    row::Entity::find().filter(row::Column::CodeId.eq(code)).one(db.conn()).await?.map(invitation).transpose()
}

/// What invitations are filtered and ordered by, at an instant.
fn fields(now: Timestamp) -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Desc)
        .id("id", C::Id)
        .words("role", C::Role, "ROLE", roles::all().map(roles::word))
        .text("territory", C::Territory)
        .id("edition_id", C::EditionId)
        .cases("state", cases(now))
        .time("invited_at", C::InvitedAt)
        .time("expires_at", C::ExpiresAt)
        .usually(C::InvitedAt, Order::Desc)
}

/// What each state means of a row. Each condition is true or false, also where the row has no such time.
fn cases(now: Timestamp) -> [(&'static str, Condition); 4] {
    use row::Column as C;
    let pending = || Condition::all().add(C::ExpiresAt.is_not_null());
    [
        ("INVITATION_STATE_PENDING", pending().add(C::ExpiresAt.gte(At(now)))),
        ("INVITATION_STATE_EXPIRED", pending().add(C::ExpiresAt.lt(At(now)))),
        ("INVITATION_STATE_ACCEPTED", Condition::all().add(C::AcceptedAt.is_not_null())),
        ("INVITATION_STATE_REVOKED", Condition::all().add(C::RevokedAt.is_not_null())),
    ]
}

/// One page of the invitations of the tenant, newest first where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, page: PageRequest<Key>) -> Result<Page<Invitation>> {
    fields(db.ctx().now()).page(db, row::Entity::find(), page).await?.try_map(invitation)
}

/// Inserts a new invitation, or saves the next version of one that was read. Error: `ETAG_STALE`, where it was saved in between.
pub(crate) async fn save(tx: &Tx, invitation: &mut Invitation) -> Result<()> {
    invitation.version += 1;
    let mut row = row_of(invitation).into_active_model().reset_all();
    row.left_id = NotSet;
    tx.save(row).await
}

/// Says of the invitations to an address whose it was: its owner leaves, and their account forgets it.
pub(crate) async fn keep_owner(tx: &Tx, address: &Login, owner: Id<Account>) -> Result<()> {
    let theirs = row::Entity::update_many().col_expr(row::Column::LeftId, Expr::value(owner));
    theirs.filter(row::Column::Email.eq(address.as_str())).exec(tx.conn()).await?;
    Ok(())
}

/// Withdraws the invitations to an address that wait: whose it was has another one now, or has left, and whoever reads its mail is not who was
/// invited.
pub(crate) async fn withdraw(tx: &Tx, address: &Login) -> Result<()> {
    let waiting = row::Entity::update_many().filter(row::Column::Email.eq(address.as_str()));
    waiting
        .filter(row::Column::ExpiresAt.is_not_null())
        .col_expr(row::Column::Version, Expr::col(row::Column::Version).add(1))
        .col_expr(row::Column::ExpiresAt, Expr::value(None::<At>))
        .col_expr(row::Column::RevokedAt, At(tx.ctx().now()).into())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Saves an invitation that was accepted. Error: `CODE_INVALID`, where another call accepted it first.
pub(crate) async fn settle(tx: &Tx, invitation: &mut Invitation) -> Result<()> {
    let before = invitation.version;
    invitation.version += 1;
    let row = row_of(invitation);
    let settled = row::Entity::update_many()
        .col_expr(row::Column::Version, Expr::value(row.version))
        .col_expr(row::Column::ExpiresAt, Expr::value(row.expires_at))
        .col_expr(row::Column::AcceptedAt, Expr::value(row.accepted_at))
        .col_expr(row::Column::AccountId, Expr::value(row.account_id))
        .filter(row::Column::Id.eq(invitation.id))
        .filter(row::Column::Version.eq(before))
        .exec(tx.conn())
        .await?;
    if settled.rows_affected == 1 { Ok(()) } else { Err(used()) }
}

fn row_of(invitation: &Invitation) -> row::Model {
    let Invitation { id, version, code, login, post, locale, invited, state } = invitation.clone();
    let (mut expires_at, mut accepted, mut revoked) = (None, None, None);
    match state {
        State::Pending { until } => expires_at = Some(until),
        State::Accepted { at, account } => accepted = Some((at, account)),
        State::Revoked(deed) => revoked = Some(deed),
    }
    row::Model {
        id,
        version,
        code_id: code,
        email: login.map(|login| login.to_string()).unwrap_or_default(),
        role: roles::word(post.role),
        territory: post.bound.area,
        edition_id: post.bound.period,
        locale,
        invited_at: invited.at.into(),
        invited_by: invited.by,
        expires_at: expires_at.map(At),
        accepted_at: accepted.map(|(at, _)| At(at)),
        account_id: accepted.map(|(_, account)| account),
        revoked_at: revoked.map(|revoked| At(revoked.at)),
        revoked_by: revoked.and_then(|revoked| revoked.by),
        left_id: None,
    }
}

fn invitation(row: row::Model) -> Result<Invitation> {
    let state = match (row.expires_at, row.accepted_at.zip(row.account_id), row.revoked_at) {
        (Some(until), None, None) => State::Pending { until: until.0 },
        (None, Some((at, account)), None) => State::Accepted { at: at.0, account },
        (None, None, Some(at)) => State::Revoked(Deed { at: at.0, by: row.revoked_by }),
        _ => return Err(Error::internal(format!("invitation {}: its times contradict each other", row.id))),
    };
    Ok(Invitation {
        id: row.id,
        version: row.version,
        code: row.code_id,
        login: Some(row.email).filter(|email| !email.is_empty()).map(|email| Login::of(&email)),
        post: Post { role: role(&row.role)?, bound: Bound { area: row.territory, period: row.edition_id } },
        locale: row.locale,
        invited: Deed { at: row.invited_at.0, by: row.invited_by },
        state,
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proto::options::v1::Role;

    use super::*;
    use crate::{mandate::Giver, reason::Reason, testing::Ground};

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    async fn saved(ground: &Ground, email: &str, end: impl FnOnce(&mut Invitation)) -> Invitation {
        let ctx = ground.anybody();
        let bound = Bound { area: "ITF14".to_owned(), period: Some(uuid::Uuid::from_u128(7)) };
        let post = Post { role: Role::Juror, bound };
        let new = Invitation::create(&ctx, &Giver::operator(), Login::of(email), post, "it".to_owned(), DAY);
        let mut invitation = new.unwrap();
        let tx = ground.store().change(&ctx).await.unwrap();
        save(&tx, &mut invitation).await.unwrap();
        end(&mut invitation);
        save(&tx, &mut invitation).await.unwrap();
        tx.commit().await.unwrap();
        invitation
    }

    async fn read(ground: &Ground, id: Id<Invitation>) -> Invitation {
        get(&ground.store().read(&ground.anybody()).await.unwrap(), id).await.unwrap()
    }

    #[tokio::test]
    async fn an_invitation_reads_as_it_was_saved_however_it_ended() {
        let ground = Ground::new();
        let ctx = ground.anybody();
        let teacher = ground.teacher("ivo@school.example").await;
        let pending = saved(&ground, "a@school.example", |_| {}).await;
        let accepted = saved(&ground, "b@school.example", |one| drop(one.accept(&ctx, &teacher, &[]).unwrap())).await;
        let revoked =
            saved(&ground, "c@school.example", |one| assert!(one.revoke(&ctx, &Giver::operator()).unwrap())).await;
        for invitation in [pending, accepted, revoked] {
            assert_eq!(read(&ground, invitation.id).await, invitation);
            let db = ground.store().read(&ctx).await.unwrap();
            assert_eq!(by_code(&db, invitation.code).await.unwrap(), Some(invitation));
        }
    }

    #[tokio::test]
    async fn of_two_that_accept_at_once_one_wins() {
        let ground = Ground::new();
        let ctx = ground.anybody();
        let teacher = ground.teacher("ivo@school.example").await;
        let mut one = saved(&ground, "a@school.example", |_| {}).await;
        let mut other = one.clone();
        for invitation in [&mut one, &mut other] {
            invitation.accept(&ctx, &teacher, &[]).unwrap();
        }
        let tx = ground.store().change(&ctx).await.unwrap();
        settle(&tx, &mut one).await.unwrap();
        assert!(settle(&tx, &mut other).await.is_err_and(|error| error.is(Reason::CodeInvalid)));
        tx.commit().await.unwrap();
        assert_eq!(read(&ground, one.id).await, one);
    }
}
