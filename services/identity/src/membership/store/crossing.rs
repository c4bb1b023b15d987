//! The number of visits to each programme, counted in the home country.

use platform::{
    Error, Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
    store::{At, of_text, to_text},
};
use sea_orm::{
    ActiveModelTrait, EntityTrait, IntoActiveModel, Order,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use serde::{Deserialize, Serialize};

use super::super::{Crossing, Passage, Visit};
use crate::account::TeamId;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{account::TeamId, membership::Crossing};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "crossing")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Crossing>,
        pub day: String,
        pub programme: String,
        pub role: String,
        pub team_id: Option<TeamId>,
        pub team_code: String,
        pub count: i32,
        pub first_at: At,
        pub last_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The kind of a visit, as stored in a row.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum As {
    Coordinator,
    Teacher,
    Team,
}

/// Adds one visit to the count of the day.
pub(crate) async fn count(tx: &Tx, passage: Passage) -> Result<()> {
    let now: At = tx.ctx().now().into();
    let row = row::Model {
        id: tx.ctx().new_id(),
        day: tx.ctx().local().date().to_string(),
        programme: passage.programme.to_string(),
        role: to_text(&As::from(passage.visit))?,
        team_id: passage.visit.team(),
        team_code: passage.team_code,
        count: 1,
        first_at: now,
        last_at: now,
    };
    let same = [row::Column::Day, row::Column::Programme, row::Column::Role, row::Column::TeamCode];
    let one_more = Expr::col((row::Entity, row::Column::Count)).add(1);
    let again =
        OnConflict::columns(same).value(row::Column::Count, one_more).update_column(row::Column::LastAt).to_owned();
    row::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(again)
        .exec_without_returning(tx.conn())
        .await?;
    Ok(())
}

/// What crossings are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Desc)
        .text("programme", C::Programme)
        .id("team_id", C::TeamId)
        .text("team_code", C::TeamCode)
        .day("day", C::Day)
        .number("count", C::Count)
        .time("first_at", C::FirstAt)
        .time("last_at", C::LastAt)
}

/// One page of the counts, newest first where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, page: PageRequest<Key>) -> Result<Page<Crossing>> {
    fields().page(db, row::Entity::find(), page).await?.try_map(crossing)
}

fn crossing(row: row::Model) -> Result<Crossing> {
    let passage = Passage {
        programme: row.programme.parse()?,
        visit: of_text::<As>(&row.role)?.visit(row.team_id)?,
        team_code: row.team_code,
    };
    Ok(Crossing {
        id: row.id,
        passage,
        day: row.day.parse().map_err(Error::internal)?,
        count: row.count,
        first_at: row.first_at.0,
        last_at: row.last_at.0,
    })
}

impl From<Visit> for As {
    fn from(visit: Visit) -> Self {
        match visit {
            Visit::Coordinator => Self::Coordinator,
            Visit::Teacher(_) => Self::Teacher,
            Visit::Team(_) => Self::Team,
        }
    }
}

impl As {
    fn visit(self, team: Option<TeamId>) -> Result<Visit> {
        match (self, team) {
            (Self::Coordinator, _) => Ok(Visit::Coordinator),
            (Self::Teacher, Some(team)) => Ok(Visit::Teacher(team)),
            (Self::Team, Some(team)) => Ok(Visit::Team(team)),
            (Self::Teacher | Self::Team, None) => Err(Error::internal("a crossing of a team names none")),
        }
    }
}
