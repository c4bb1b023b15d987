//! Memberships as rows of a programme.

use platform::{Id, Reads, Result};
use sea_orm::EntityTrait;

use super::Projection;
use crate::team::Team;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::team::Team;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "membership")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: Id<Team>,
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

/// What the programme knows of a team.
pub(crate) async fn find(db: &impl Reads, team: Id<Team>) -> Result<Option<Projection>> {
    row::Entity::find_by_id(team).one(db.conn()).await?.map(projection).transpose()
}

fn projection(row: row::Model) -> Result<Projection> {
    let row::Model { team_id, home, alias, school_name, territory, .. } = row;
    Ok(Projection { team: team_id, home: home.parse()?, alias, school_name, territory })
}
