//! Teams as rows.

use platform::{
    Ctx, Error, Id, Locks, Reads, Result, Tx, batch,
    ctx::Visible,
    store::{At, of_text, to_text},
};
use proto::options::v1::Role;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Related,
    RelationDef, Select,
    sea_query::{DynIden, Expr, IntoCondition, SimpleExpr},
};

use super::{Code, Credential, End, Ending, SchoolAtAdmission, State, Team};
use crate::{
    account::{Account, TeamId},
    class::{file::File, track::Track},
};

pub(crate) mod handover;
mod list;
pub(super) mod moves;

pub(crate) use list::{Filter, list};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::{Account, TeamId},
        class::{application::Application, file::File, track},
        school::School,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "team")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TeamId,
        pub version: i64,
        pub code: String,
        pub name: String,
        pub application_id: Id<Application>,
        pub edition_id: Id<track::Edition>,
        pub track_id: Id<track::Track>,
        pub is_interreg: bool,
        pub school_id: Id<School>,
        pub school_code: String,
        pub school_name: String,
        pub territory: String,
        pub team_type: String,
        pub size: i32,
        pub referent_id: Id<Account>,
        pub email: String,
        pub logo_file_id: Option<Id<File>>,
        pub admitted_at: At,
        pub reservation: Option<String>,
        pub activated_at: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod support {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::account::{Account, TeamId};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "team_support")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: TeamId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: Id<Account>,
        pub added_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod credential {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{account::TeamId, class::team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "credential")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<team::Credential>,
        pub team_id: TeamId,
        pub hash: Vec<u8>,
        pub issued_at: At,
        pub expires_at: At,
        pub ended_at: Option<At>,
        pub ended_by: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

impl Related<support::Entity> for row::Entity {
    fn to() -> RelationDef {
        let of_team = support::Entity::belongs_to(Self).from(support::Column::TeamId).to(row::Column::Id);
        RelationDef::from(of_team).rev()
    }
}

/// The credential that an invited team still has: there is one at most.
impl Related<credential::Entity> for row::Entity {
    fn to() -> RelationDef {
        let of_team = credential::Entity::belongs_to(Self).from(credential::Column::TeamId).to(row::Column::Id);
        let lives = |_: DynIden, credential: DynIden| {
            Expr::col((credential, credential::Column::EndedAt)).is_null().into_condition()
        };
        RelationDef::from(of_team).rev().on_condition(lives)
    }
}

/// The team, if the caller may see it. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: TeamId) -> Result<Team> {
    find(db, id).await?.visible("team", |team| team.is_visible_to(db.ctx()))
}

/// These teams, in this order, if the caller may see them all. Error: not found, with the ids of those that the caller may not see.
pub(crate) async fn get_all(db: &impl Reads, ids: &[TeamId]) -> Result<Vec<Team>> {
    let shown = row::Entity::find().filter(row::Column::Id.is_in(ids.to_vec())).filter(visible_to(db.ctx())?);
    let teams = with_supports(db, shown.all(db.conn()).await?).await?;
    batch::all("team", ids, &teams, |team| team.id)
}

/// The team, without a check of the caller. One statement reads it with all that belongs to it.
pub(crate) async fn find(db: &impl Reads, id: TeamId) -> Result<Option<Team>> {
    let query = row::Entity::find_by_id(id).find_also_related(support::Entity).find_also_related(credential::Entity);
    let mut rows = query.all(db.conn()).await?;
    rows.sort_by_key(|(_, support, _)| support.as_ref().map(|support| support.added_at));
    let supports =
        rows.iter().filter_map(|(_, support, _)| support.as_ref().map(|support| support.account_id)).collect();
    let Some((row, _, credential)) = rows.into_iter().next() else { return Ok(None) };
    team(row, supports, credential.map(|credential| credential.expires_at)).map(Some)
}

/// The files that are the logo of a team.
pub(crate) async fn logos(db: &impl Reads) -> Result<Vec<Id<File>>> {
    let logos = row::Entity::find().select_only().column(row::Column::LogoFileId);
    Ok(logos.filter(row::Column::LogoFileId.is_not_null()).into_tuple().all(db.conn()).await?)
}

/// The teams whose referent an account is, without a check of the caller, in the order of their codes.
pub(crate) async fn of_referent(db: &impl Reads, account: Id<Account>) -> Result<Vec<Team>> {
    let theirs = row::Entity::find().filter(row::Column::ReferentId.eq(account)).order_by_asc(row::Column::Code);
    with_supports(db, theirs.all(db.conn()).await?).await
}

/// The teams whose referents some accounts are, with their tracks, without a check of the caller.
pub(crate) async fn led_by(
    db: &impl Reads,
    accounts: impl IntoIterator<Item = Id<Account>>,
) -> Result<Vec<(Id<Account>, TeamId, Id<Track>)>> {
    use row::Column as C;
    let led = row::Entity::find().select_only().columns([C::ReferentId, C::Id, C::TrackId]);
    Ok(led.filter(C::ReferentId.is_in(accounts)).into_tuple().all(db.conn()).await?)
}

/// Removes an account from all teams that it supports.
pub(crate) async fn remove_support(tx: &Tx, account: Id<Account>) -> Result<()> {
    support::Entity::delete_many().filter(support::Column::AccountId.eq(account)).exec(tx.conn()).await?;
    Ok(())
}

/// [`get`], and locks the team until the transaction ends.
pub(crate) async fn get_to_change(tx: &impl Locks, id: TeamId) -> Result<Team> {
    find_to_change(tx, id).await?.visible("team", |team| team.is_visible_to(tx.ctx()))
}

/// [`find`], and locks the team until the transaction ends. Its credentials are changed only by transactions that hold this lock.
pub(crate) async fn find_to_change(tx: &impl Locks, id: TeamId) -> Result<Option<Team>> {
    let Some(row) = held(id).one(tx.conn()).await? else { return Ok(None) };
    Ok(with_supports(tx, vec![row]).await?.pop())
}

fn held(id: TeamId) -> Select<row::Entity> {
    row::Entity::find_by_id(id).lock_exclusive()
}

/// The condition of [`Team::is_visible_to`] for a query.
fn visible_to(ctx: &Ctx) -> Result<Condition> {
    if ctx.has(Role::Coordinator) || ctx.has(Role::Integrator) {
        return Ok(Condition::all());
    }
    let member = ctx.member()?;
    let account: Id<Account> = member.account.into();
    let helped = support::Entity::find()
        .select_only()
        .column(support::Column::TeamId)
        .filter(support::Column::AccountId.eq(account))
        .into_query();
    let own = member.acts_for.map(TeamId::from);
    Ok(Condition::any()
        .add(row::Column::ReferentId.eq(account))
        .add(row::Column::Id.in_subquery(helped))
        .add_option(own.map(|team| row::Column::Id.eq(team))))
}

async fn with_supports(db: &impl Reads, rows: Vec<row::Model>) -> Result<Vec<Team>> {
    let ids = rows.iter().map(|row| row.id);
    let supports = support::Entity::find()
        .filter(support::Column::TeamId.is_in(ids))
        .order_by_asc(support::Column::AddedAt)
        .all(db.conn())
        .await?;
    let supports_of = |team| supports.iter().filter(|row| row.team_id == team).map(|row| row.account_id).collect();
    let credentials = open_credentials(db, &rows).await?;
    rows.into_iter()
        .map(|row| {
            let until = credentials.iter().find(|credential| credential.team_id == row.id).map(|one| one.expires_at);
            let supports = supports_of(row.id);
            team(row, supports, until)
        })
        .collect()
}

/// The valid credentials of those teams that are invited. Most teams are active and have none.
async fn open_credentials(db: &impl Reads, rows: &[row::Model]) -> Result<Vec<credential::Model>> {
    let invited: Vec<_> = rows.iter().filter(|row| row.activated_at.is_none()).map(|row| row.id).collect();
    if invited.is_empty() {
        return Ok(Vec::new());
    }
    let open = credential::Entity::find()
        .filter(credential::Column::TeamId.is_in(invited))
        .filter(credential::Column::EndedAt.is_null());
    Ok(open.all(db.conn()).await?)
}

fn team(row: row::Model, supports: Vec<Id<Account>>, until: Option<At>) -> Result<Team> {
    let state = match (row.activated_at, until) {
        (Some(since), _) => State::Active { since: since.0 },
        (None, Some(until)) => State::Invited { until: until.0 },
        (None, None) => return Err(Error::internal(format!("team {} has neither password nor credential", row.id))),
    };
    Ok(Team {
        id: row.id,
        version: row.version,
        code: Code::stored(row.code),
        name: row.name,
        application: row.application_id,
        edition: row.edition_id,
        track: row.track_id,
        is_interreg: row.is_interreg,
        school: SchoolAtAdmission {
            id: row.school_id,
            code: row.school_code,
            name: row.school_name,
            territory: row.territory,
        },
        team_type: of_text(&row.team_type)?,
        size: row.size,
        referent: row.referent_id,
        supports,
        email: Some(row.email).filter(|email| !email.is_empty()),
        logo: row.logo_file_id,
        admitted_at: row.admitted_at.0,
        reservation: row.reservation.as_deref().map(of_text).transpose()?,
        state,
    })
}

/// Inserts a new team, or saves the next version of one that was read. Error: `ETAG_STALE`, where it was saved in between.
pub(crate) async fn save(tx: &Tx, team: &mut Team) -> Result<()> {
    team.version += 1;
    tx.save(active(team)?).await?;
    save_supports(tx, team).await
}

fn active(team: &Team) -> Result<row::ActiveModel> {
    Ok(row::ActiveModel {
        id: Set(team.id),
        version: Set(team.version),
        code: Set(team.code.to_string()),
        name: Set(team.name.clone()),
        application_id: Set(team.application),
        edition_id: Set(team.edition),
        track_id: Set(team.track),
        is_interreg: Set(team.is_interreg),
        school_id: Set(team.school.id),
        school_code: Set(team.school.code.clone()),
        school_name: Set(team.school.name.clone()),
        territory: Set(team.school.territory.clone()),
        team_type: Set(to_text(&team.team_type)?),
        size: Set(team.size),
        referent_id: Set(team.referent),
        email: Set(team.email.clone().unwrap_or_default()),
        logo_file_id: Set(team.logo),
        admitted_at: Set(team.admitted_at.into()),
        reservation: Set(team.reservation.as_ref().map(to_text).transpose()?),
        activated_at: Set(match team.state {
            State::Active { since } => Some(since.into()),
            State::Invited { .. } => None,
        }),
    })
}

async fn save_supports(tx: &Tx, team: &Team) -> Result<()> {
    support::Entity::delete_many()
        .filter(support::Column::TeamId.eq(team.id))
        .filter(support::Column::AccountId.is_not_in(team.supports.iter().copied()))
        .exec(tx.conn())
        .await?;
    let known = support::Entity::find().filter(support::Column::TeamId.eq(team.id)).all(tx.conn()).await?;
    let new = team.supports.iter().filter(|account| !known.iter().any(|row| row.account_id == **account));
    let rows: Vec<_> = new
        .map(|account| support::ActiveModel {
            team_id: Set(team.id),
            account_id: Set(*account),
            added_at: Set(tx.ctx().now().into()),
        })
        .collect();
    if !rows.is_empty() {
        support::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    }
    Ok(())
}

/// The credential. Error: not found.
pub(crate) async fn credential(db: &impl Reads, id: Id<Credential>) -> Result<Credential> {
    let row = credential::Entity::find_by_id(id).one(db.conn()).await?;
    row.map(credential_of).transpose()?.ok_or_else(|| Error::not_found("credential"))
}

/// Every credential that was issued to a team.
pub(crate) async fn credentials(db: &impl Reads, team: TeamId) -> Result<Vec<Credential>> {
    let rows = credential::Entity::find().filter(credential::Column::TeamId.eq(team)).all(db.conn()).await?;
    rows.into_iter().map(credential_of).collect()
}

fn credential_of(row: credential::Model) -> Result<Credential> {
    let (issued, expires) = (row.issued_at.0, row.expires_at.0);
    let by: Option<Ending> = row.ended_by.as_deref().map(of_text).transpose()?;
    let ended = row.ended_at.zip(by).map(|(at, by)| End { at: at.0, by });
    Ok(Credential::stored(row.id, row.team_id, row.hash, (issued, expires), ended))
}

/// Ends those of the selected credentials that are valid. Returns their number.
async fn end(tx: &Tx, by: Ending, which: SimpleExpr) -> Result<u64> {
    let now: At = tx.ctx().now().into();
    let ended = credential::Entity::update_many()
        .col_expr(credential::Column::EndedAt, now.into())
        .col_expr(credential::Column::EndedBy, to_text(&by)?.into())
        .filter(which)
        .filter(credential::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(ended.rows_affected)
}

/// Inserts a credential and ends the one before. The team's account is not changed; `across::credential` does that.
pub(crate) async fn replace_credential(tx: &Tx, new: &Credential) -> Result<()> {
    end(tx, Ending::Replaced, credential::Column::TeamId.eq(new.team())).await?;
    let (hash, issued_at, ended) = new.parts();
    let row = credential::ActiveModel {
        id: Set(new.id()),
        team_id: Set(new.team()),
        hash: Set(hash.to_vec()),
        issued_at: Set(issued_at.into()),
        expires_at: Set(new.expires_at().into()),
        ended_at: Set(ended.map(|end| end.at.into())),
        ended_by: Set(ended.map(|end| to_text(&end.by)).transpose()?),
    };
    credential::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Ends a credential that is being redeemed. Error: `CREDENTIAL_USED`, where another call ended it first.
pub(crate) async fn redeem(tx: &Tx, credential: &Credential) -> Result<()> {
    if end(tx, Ending::Redeemed, credential::Column::Id.eq(credential.id())).await? == 1 {
        return Ok(());
    }
    // the credential itself knows why it is no longer valid
    self::credential(tx, credential.id()).await?.redeemable(tx.ctx().now())?;
    Err(super::credential::used(Ending::Redeemed))
}

#[cfg(test)]
mod tests {
    use platform::{Caller, Member, PageRequest};
    use proto::options::v1::Role;
    use sea_orm::DbBackend;

    use super::*;
    use crate::{reason::Reason, testing::Ground};

    #[tokio::test]
    async fn a_team_is_known_to_itself_its_teachers_and_the_central_team_and_to_nobody_else() {
        let ground = Ground::new();
        let (referent, support) =
            (ground.teacher("ana@school.example").await, ground.teacher("eva@school.example").await);
        let (mut team, _) = ground.team(&referent).await;
        let tx = ground.store().change(&ground.anybody()).await.unwrap();
        let teacher = crate::across::mandating::teacher(&tx, "teacher_id", support.id()).await.unwrap();
        team.add_support(&ground.member(&referent), &teacher).unwrap();
        save(&tx, &mut team).await.unwrap();
        tx.commit().await.unwrap();
        let somebody = |role, acts_for: Option<uuid::Uuid>| {
            let fresh = || ground.anybody().new_id::<Team>().uuid();
            let (account, session, roles, bound) = (fresh(), fresh(), vec![role], platform::Bound::default());
            let (mandate, scopes, home, lacks) = (None, None, None, None);
            let member =
                Member { account, session, roles, mandate, bound, scopes, acts_for, home, lacks, is_half: false };
            ground.ctx(Caller::Member(member))
        };
        let stranger = ground.teacher("iva@school.example").await;
        for (ctx, who, sees) in [
            (somebody(Role::Coordinator, None), "the central team", true),
            (somebody(Role::Integrator, None), "a machine", true),
            (somebody(Role::Team, Some(team.id.uuid())), "the team", true),
            (ground.member(&referent), "the referent", true),
            (ground.member(&support), "a support teacher", true),
            (ground.member(&stranger), "another teacher", false),
            (somebody(Role::Team, Some(ground.anybody().new_id::<Team>().uuid())), "another team", false),
            (ground.anybody(), "nobody", false),
        ] {
            let db = ground.store().read(&ctx).await.unwrap();
            let listed = list(&db, Filter::default(), PageRequest::walk(9, "").unwrap()).await;
            let listed = listed.is_ok_and(|page| page.items.iter().any(|listed| listed.id == team.id));
            assert_eq!(
                (team.is_visible_to(&ctx), get(&db, team.id).await.is_ok(), listed),
                (sees, sees, sees),
                "{who}"
            );
        }
    }

    #[test]
    fn who_changes_a_team_waits_for_who_changes_it_already() {
        let query = held(uuid::Uuid::nil().into()).build(DbBackend::Postgres).to_string();
        assert!(query.ends_with("FOR UPDATE"), "{query}");
    }

    #[tokio::test]
    async fn a_credential_keeps_why_it_ended() {
        let ground = Ground::new();
        let (team, first) = ground.team(&ground.teacher("ana@school.example").await).await;
        let ctx = ground.anybody();
        let second = Credential::issue(&ctx, &ground.keys, team.id).unwrap();
        let tx = ground.store().change(&ctx).await.unwrap();
        replace_credential(&tx, &second).await.unwrap();
        redeem(&tx, &second).await.unwrap();
        for (ended, word) in [(&first, "newer"), (&second, "used before")] {
            let refused = redeem(&tx, ended).await.unwrap_err();
            assert!(refused.is(Reason::CredentialUsed) && refused.message().contains(word), "{refused:?}");
        }
        let read = credentials(&tx, team.id).await.unwrap();
        assert_eq!(read.iter().map(Credential::id).collect::<Vec<_>>(), [first.id(), second.id()]);
    }
}
