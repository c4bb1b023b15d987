//! Credits as rows.

use platform::{
    Error, Id, Reads, Result, Tx,
    store::{of_text, to_text},
};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, sea_query::Expr};

use super::Credit;
use crate::year::team::Team;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::year::team::Team;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "credit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: Id<Team>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub lesson: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub programme: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        pub received_at: At,
        pub on_time: bool,
        pub digest: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Keeps a credit. One that exists stays as it is, except that a late one may become one in time (I7).
pub(crate) async fn keep(tx: &Tx, credit: &Credit) -> Result<()> {
    let row = row::Model {
        team_id: credit.team,
        lesson: credit.lesson,
        programme: credit.programme.to_string(),
        kind: to_text(&credit.kind)?,
        received_at: credit.received_at.into(),
        on_time: credit.on_time,
        digest: credit.digest.clone(),
    };
    let key = (row.team_id, row.lesson, row.programme.clone(), row.kind.clone());
    row::Entity::insert(row.into_active_model()).on_conflict_do_nothing().exec_without_returning(tx.conn()).await?;
    if credit.on_time {
        let improved = row::Entity::update_many().col_expr(row::Column::OnTime, Expr::value(true));
        improved
            .filter(row::Column::TeamId.eq(key.0))
            .filter(row::Column::Lesson.eq(key.1))
            .filter(row::Column::Programme.eq(key.2))
            .filter(row::Column::Kind.eq(key.3))
            // only the same delivery, judged again: a later delivery with another twin improves nothing
            .filter(row::Column::ReceivedAt.eq(platform::store::At(credit.received_at)))
            .filter(row::Column::OnTime.eq(false))
            .exec(tx.conn())
            .await?;
    }
    Ok(())
}

/// The credits of some teams: one query, however many teams.
pub(crate) async fn of_teams(db: &impl Reads, teams: impl Iterator<Item = Id<Team>>) -> Result<Vec<Credit>> {
    let rows = row::Entity::find()
        .filter(row::Column::TeamId.is_in(teams))
        .order_by_asc(row::Column::Programme)
        .order_by_asc(row::Column::Kind)
        .all(db.conn())
        .await?;
    rows.into_iter().map(credit).collect()
}

fn credit(row: row::Model) -> Result<Credit> {
    Ok(Credit {
        programme: row.programme.parse().map_err(|_| Error::internal("a credit names a programme that is none"))?,
        team: row.team_id,
        lesson: row.lesson,
        kind: of_text(&row.kind)?,
        received_at: row.received_at.0,
        on_time: row.on_time,
        digest: row.digest,
    })
}
