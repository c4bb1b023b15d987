//! Files as rows.

use platform::{Error, Id, Reads, Result, Tx};
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use super::File;
use crate::{
    pair::{self, Pair},
    team::{Seat, Team},
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{file::File, pair::Pair, team::Team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "file")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<File>,
        pub team_id: Id<Team>,
        pub pair_id: Id<Pair>,
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
    pair::store::working(tx, file.seat).await?;
    let row = row::Model {
        id: file.id,
        team_id: file.seat.team,
        pair_id: file.seat.pair_id(),
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
    let query = row::Entity::find().filter(of_seat(team.seat())).filter(row::Column::Lesson.eq(lesson));
    query.all(db.conn()).await?.into_iter().map(file).collect()
}

/// The pair a class has uploaded a file in. None for a file that is not there, and in a country.
pub(crate) async fn pair_of(db: &impl Reads, team: Id<Team>, id: Id<File>) -> Result<Option<Id<Pair>>> {
    let row = row::Entity::find_by_id(id).filter(row::Column::TeamId.eq(team)).one(db.conn()).await?;
    Ok(row.and_then(|row| Seat::of_row(row.team_id, row.pair_id).pair))
}

/// The ids of all a class has uploaded where it works.
pub(crate) async fn ids(db: &impl Reads, seat: Seat) -> Result<Vec<Id<File>>> {
    let ids = row::Entity::find().select_only().column(row::Column::Id).filter(of_seat(seat));
    Ok(ids.into_tuple().all(db.conn()).await?)
}

/// Takes away what a class has uploaded, which leaves with it. The bytes stay where they are: no row leads to them any more.
pub(crate) async fn take_away(tx: &Tx, seat: Seat) -> Result<()> {
    row::Entity::delete_many().filter(of_seat(seat)).exec(tx.conn()).await?;
    Ok(())
}

/// A file that one of the classes of a pair has uploaded. Error: not found.
pub(crate) async fn of_pair(db: &impl Reads, pair: &Pair, id: Id<File>) -> Result<File> {
    let query = row::Entity::find_by_id(id).filter(there(pair));
    query.one(db.conn()).await?.ok_or_else(|| Error::not_found("file")).and_then(file)
}

/// Whether it is one.
pub(crate) async fn is_of_pair(db: &impl Reads, pair: &Pair, id: Id<File>) -> Result<bool> {
    let query = row::Entity::find_by_id(id).filter(there(pair));
    Ok(query.one(db.conn()).await?.is_some())
}

/// What the classes that are there have brought: the rest has left with the other.
fn there(pair: &Pair) -> Condition {
    pair.seats().map(of_seat).fold(Condition::any(), Condition::add)
}

fn of_seat(seat: Seat) -> Condition {
    Condition::all().add(row::Column::TeamId.eq(seat.team)).add(row::Column::PairId.eq(seat.pair_id()))
}

fn file(row: row::Model) -> Result<File> {
    Ok(File {
        id: row.id,
        seat: Seat::of_row(row.team_id, row.pair_id),
        lesson: row.lesson,
        field: row.field,
        name: row.name,
        media_type: row.media_type,
        size: u64::try_from(row.size_bytes).map_err(Error::internal)?,
        digest: row.digest,
        created_at: row.created_at.0,
    })
}
