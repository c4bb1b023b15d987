//! Projects as rows.

use platform::{Error, Id, Reads, Result, store::of_text};
use sea_orm::EntityTrait;

use super::Project;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::project::Project;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "project")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Project>,
        pub keep_id: String,
        pub acronym: String,
        pub words: String,
        pub contents: String,
        pub imported_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The project. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Project>) -> Result<Project> {
    let row = row::Entity::find_by_id(id).one(db.conn()).await?;
    project(row.ok_or_else(|| Error::not_found("project"))?)
}

fn project(row: row::Model) -> Result<Project> {
    Ok(Project { id: row.id, facts: of_text(&row.contents)?, imported_at: row.imported_at.0 })
}
