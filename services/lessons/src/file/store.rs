//! Files as rows.

use platform::{Error, Id, Reads, Result, Tx};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use super::File;
use crate::{
    pair::{self, Pair},
    team::Team,
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{file::File, team::Team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "file")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<File>,
        pub team_id: Id<Team>,
        pub lesson: i32,
        pub field: String,
        pub name: String,
        pub media_type: String,
        pub size_bytes: i64,
        pub digest: String,
        pub created_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Adds a file: in a programme, while the work of the pair goes on. Error: `PAIR_STATE`.
pub(crate) async fn add(tx: &Tx, file: &File) -> Result<()> {
    pair::store::working(tx, file.team).await?;
    let row = row::Model {
        id: file.id,
        team_id: file.team,
        lesson: file.lesson,
        field: file.field.clone(),
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size_bytes: i64::try_from(file.size).map_err(Error::internal)?,
        digest: file.digest.clone(),
        created_at: file.created_at.into(),
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// One file of a team. Error: not found.
pub(crate) async fn get(db: &impl Reads, team: Id<Team>, id: Id<File>) -> Result<File> {
    let query = row::Entity::find_by_id(id).filter(row::Column::TeamId.eq(team));
    query.one(db.conn()).await?.ok_or_else(|| Error::not_found("file")).and_then(file)
}

/// The files a team has uploaded for a lesson.
pub(crate) async fn of_lesson(db: &impl Reads, team: &Team, lesson: i32) -> Result<Vec<File>> {
    let query = row::Entity::find().filter(row::Column::TeamId.eq(team.id)).filter(row::Column::Lesson.eq(lesson));
    query.all(db.conn()).await?.into_iter().map(file).collect()
}

/// The ids of all a team has uploaded.
pub(crate) async fn of_team(db: &impl Reads, team: Id<Team>) -> Result<Vec<Id<File>>> {
    let ids = row::Entity::find().select_only().column(row::Column::Id).filter(row::Column::TeamId.eq(team));
    Ok(ids.into_tuple().all(db.conn()).await?)
}

/// Takes away what a class has uploaded, which leaves with it. The bytes stay where they are: no row leads to them any more.
pub(crate) async fn take_away(tx: &Tx, team: Id<Team>) -> Result<()> {
    row::Entity::delete_many().filter(row::Column::TeamId.eq(team)).exec(tx.conn()).await?;
    Ok(())
}

/// A file that one of the classes of a pair has uploaded. Error: not found.
pub(crate) async fn of_pair(db: &impl Reads, pair: &Pair, id: Id<File>) -> Result<File> {
    let query = row::Entity::find_by_id(id).filter(row::Column::TeamId.is_in(teams(pair)));
    query.one(db.conn()).await?.ok_or_else(|| Error::not_found("file")).and_then(file)
}

/// Whether it is one.
pub(crate) async fn is_of_pair(db: &impl Reads, pair: &Pair, id: Id<File>) -> Result<bool> {
    let query = row::Entity::find_by_id(id).filter(row::Column::TeamId.is_in(teams(pair)));
    Ok(query.one(db.conn()).await?.is_some())
}

/// The classes that are there: what the other brought has left with it.
fn teams(pair: &Pair) -> impl Iterator<Item = Id<Team>> {
    pair.sides().iter().filter(|place| !place.has_left()).map(|place| place.side.team)
}

fn file(row: row::Model) -> Result<File> {
    Ok(File {
        id: row.id,
        team: row.team_id,
        lesson: row.lesson,
        field: row.field,
        name: row.name,
        media_type: row.media_type,
        size: u64::try_from(row.size_bytes).map_err(Error::internal)?,
        digest: row.digest,
        created_at: row.created_at.0,
    })
}
