//! Engagements as rows of a country.

use platform::{Error, Id, Reads, Result, Tx};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict};

use super::Engagement;
use crate::year::team::Team;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{twinning::pair::Pair, year::team::Team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "engagement")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: Id<Team>,
        pub programme: String,
        pub pair_id: Id<Pair>,
        pub since: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Takes the one engagement that a class can have. Returns false where another programme has it. Of two pairs of one programme the later
/// one gets it: the index of that programme has made sure that the earlier pair is over, and the news of that may still be on its way.
pub(crate) async fn take(tx: &Tx, engagement: &Engagement) -> Result<bool> {
    let row = row::Model {
        team_id: engagement.team,
        programme: engagement.programme.to_string(),
        pair_id: engagement.pair,
        since: tx.ctx().now().into(),
    };
    let mut own = OnConflict::column(row::Column::TeamId);
    own.update_columns([row::Column::PairId, row::Column::Since])
        .action_and_where(row::Column::Programme.eq(row.programme.as_str()));
    let taken = row::Entity::insert(row.into_active_model()).on_conflict(own);
    Ok(taken.exec_without_returning(tx.conn()).await? == 1)
}

/// Gives back an engagement if this pair holds it, so that late news of an earlier pair does not release a class that is bound again.
/// Returns whether it did.
pub(crate) async fn give_back(tx: &Tx, engagement: &Engagement) -> Result<bool> {
    let gone = row::Entity::delete_many()
        .filter(row::Column::TeamId.eq(engagement.team))
        .filter(row::Column::Programme.eq(engagement.programme.as_str()))
        .filter(row::Column::PairId.eq(engagement.pair))
        .exec(tx.conn())
        .await?;
    Ok(gone.rows_affected > 0)
}

/// The engagement of a class of this country. None where it is not bound.
pub(crate) async fn of_team(db: &impl Reads, team: Id<Team>) -> Result<Option<Engagement>> {
    let row = row::Entity::find_by_id(team).one(db.conn()).await?;
    row.map(|row| engagement(db, row)).transpose()
}

fn engagement(db: &impl Reads, row: row::Model) -> Result<Engagement> {
    Ok(Engagement {
        home: db.ctx().tenant().id().clone(),
        team: row.team_id,
        programme: row
            .programme
            .parse()
            .map_err(|_| Error::internal("an engagement names a programme that is none"))?,
        pair: row.pair_id,
    })
}
