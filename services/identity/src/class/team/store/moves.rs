//! Moves as rows.

use platform::{Reads, Result, Tx};
use sea_orm::{EntityTrait, IntoActiveModel};

use crate::class::team::{Move, Team};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::TeamId,
        class::{team::Move, track::Track},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "team_move")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Move>,
        pub team_id: TeamId,
        pub from_id: Id<Track>,
        pub to_id: Id<Track>,
        pub reason: String,
        pub moved_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Saves a team that was moved, and inserts the move. Error: `ETAG_STALE`, where the team was saved in between.
pub(crate) async fn save(tx: &Tx, team: &mut Team, moved: &Move) -> Result<()> {
    super::save(tx, team).await?;
    let row = row::Model {
        id: moved.id,
        team_id: moved.team,
        from_id: moved.from,
        to_id: moved.to,
        reason: moved.reason.clone(),
        moved_at: moved.at.into(),
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}
