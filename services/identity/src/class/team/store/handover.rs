//! Handovers as rows.

use platform::{Reads, Result, Tx};
use sea_orm::{EntityTrait, IntoActiveModel};

use crate::class::team::Handover;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::{Account, TeamId},
        class::team::Handover,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "team_handover")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Handover>,
        pub team_id: TeamId,
        pub from_id: Id<Account>,
        pub to_id: Id<Account>,
        pub reason: String,
        pub handed_over_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Inserts a handover. The former referent is not told again what they were told about the team.
pub(crate) async fn add(tx: &Tx, handover: &Handover) -> Result<()> {
    let row = row::Model {
        id: handover.id,
        team_id: handover.team,
        from_id: handover.from,
        to_id: handover.to,
        reason: handover.reason.clone(),
        handed_over_at: handover.at.into(),
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    tx.forget_answers(handover.from).await
}
