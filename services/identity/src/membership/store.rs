//! Memberships as rows of a programme.

use platform::{
    Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Order, sea_query::OnConflict};

use super::{Member, Projection};
use crate::account::TeamId;

pub(super) mod crossing;

mod row {
    use platform::store::At;
    use sea_orm::entity::prelude::*;

    use crate::account::TeamId;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "membership")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: TeamId,
        pub home: String,
        pub alias: String,
        pub school_name: String,
        pub territory: String,
        pub first_seen_at: At,
        pub last_seen_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What the programme knows of a team. None where the team has not visited it.
pub(crate) async fn find(db: &impl Reads, team: TeamId) -> Result<Option<Projection>> {
    Ok(row::Entity::find_by_id(team).one(db.conn()).await?.map(member).transpose()?.map(|member| member.team))
}

/// What members are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::TeamId, Order::Asc)
        .id("team.team_id", C::TeamId)
        .text("team.home", C::Home)
        .text("team.alias", C::Alias)
        .text("team.school_name", C::SchoolName)
        .text("team.territory", C::Territory)
        .time("first_seen_at", C::FirstSeenAt)
        .time("last_seen_at", C::LastSeenAt)
}

/// One page of the teams that the programme knows, where nothing else is asked in the order of their ids, which is the order of their
/// admissions at home.
pub(crate) async fn list(db: &impl Reads, page: PageRequest<Key>) -> Result<Page<Member>> {
    fields().page(db, row::Entity::find(), page).await?.try_map(member)
}

/// Saves what the programme knows of a team, and replaces what it knew before.
pub(crate) async fn keep(tx: &Tx, projection: &Projection) -> Result<()> {
    let Projection { team, home, alias, school_name, territory } = projection.clone();
    let now = tx.ctx().now().into();
    let row = row::Model {
        team_id: team,
        home: home.to_string(),
        alias,
        school_name,
        territory,
        first_seen_at: now,
        last_seen_at: now,
    };
    let newer = [row::Column::Alias, row::Column::SchoolName, row::Column::Territory, row::Column::LastSeenAt];
    row::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::column(row::Column::TeamId).update_columns(newer).to_owned())
        .exec_without_returning(tx.conn())
        .await?;
    Ok(())
}

fn member(row: row::Model) -> Result<Member> {
    let row::Model { team_id, home, alias, school_name, territory, first_seen_at, last_seen_at } = row;
    let team = Projection { team: team_id, home: home.parse()?, alias, school_name, territory };
    Ok(Member { team, first_seen_at: first_seen_at.0, last_seen_at: last_seen_at.0 })
}
