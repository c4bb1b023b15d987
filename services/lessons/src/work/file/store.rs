//! Files as rows.

use std::collections::HashSet;

use platform::{Error, Id, Reads, Result, Tx};
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use super::File;
use crate::year::team::{Seat, Space, Team};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        work::file::File,
        year::team::{Space, Team},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "file")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<File>,
        pub team_id: Id<Team>,
        pub pair_id: Id<Space>,
        pub lesson: i32,
        pub field: String,
        pub name: String,
        pub media_type: String,
        pub size_bytes: i64,
        pub digest: String,
        pub created_at: At,
        pub place: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Adds a file, whose bytes were kept before this transaction began.
pub(crate) async fn add(tx: &Tx, file: &File) -> Result<()> {
    let row = row::Model {
        id: file.id,
        team_id: file.seat.team,
        pair_id: file.seat.space_id(),
        lesson: file.lesson,
        field: file.field.clone(),
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size_bytes: i64::try_from(file.size).map_err(Error::internal)?,
        digest: file.digest.clone(),
        created_at: file.created_at.into(),
        place: file.place.clone(),
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
pub(crate) async fn of_lesson(db: &impl Reads, seat: Seat, lesson: i32) -> Result<Vec<File>> {
    let query = row::Entity::find().filter(of_seat(seat)).filter(row::Column::Lesson.eq(lesson));
    query.all(db.conn()).await?.into_iter().map(file).collect()
}

/// The space a class has uploaded a file in. None for a file that is not there, and in a country.
pub(crate) async fn space_of(db: &impl Reads, team: Id<Team>, id: Id<File>) -> Result<Option<Id<Space>>> {
    let row = row::Entity::find_by_id(id).filter(row::Column::TeamId.eq(team)).one(db.conn()).await?;
    Ok(row.and_then(|row| Seat::of_row(row.team_id, row.pair_id).space))
}

/// The ids of all files of a class in the space it works in.
pub(crate) async fn ids(db: &impl Reads, seat: Seat) -> Result<Vec<Id<File>>> {
    let ids = row::Entity::find().select_only().column(row::Column::Id).filter(of_seat(seat));
    Ok(ids.into_tuple().all(db.conn()).await?)
}

/// Deletes the files of a class that leaves. Returns the places of their bytes, which are removed when the fact is handled that names
/// them.
pub(crate) async fn take_away(tx: &Tx, seat: Seat) -> Result<Vec<String>> {
    let places = row::Entity::find().select_only().column(row::Column::Place).distinct().filter(of_seat(seat));
    let places = places.into_tuple().all(tx.conn()).await?;
    row::Entity::delete_many().filter(of_seat(seat)).exec(tx.conn()).await?;
    Ok(places)
}

/// Returns the places that no file has. No file will have one of them later, because a new file has a new place.
pub(crate) async fn free(db: &impl Reads, places: Vec<String>) -> Result<Vec<String>> {
    let taken = row::Entity::find().select_only().column(row::Column::Place).filter(row::Column::Place.is_in(&places));
    let taken: HashSet<String> = taken.into_tuple().all(db.conn()).await?.into_iter().collect();
    Ok(places.into_iter().filter(|place| !taken.contains(place)).collect())
}

/// Some files of classes where they work, by their ids. Files that are not there any more are left out.
pub(crate) async fn of_ids(
    db: &impl Reads,
    seats: impl Iterator<Item = Seat>,
    ids: impl IntoIterator<Item = Id<File>>,
) -> Result<Vec<File>> {
    let query = row::Entity::find().filter(row::Column::Id.is_in(ids)).filter(of_any(seats));
    query.all(db.conn()).await?.into_iter().map(file).collect()
}

/// Every file of some classes where they work.
pub(crate) async fn of_seats(db: &impl Reads, seats: impl Iterator<Item = Seat>) -> Result<Vec<File>> {
    let query = row::Entity::find().filter(of_any(seats));
    query.all(db.conn()).await?.into_iter().map(file).collect()
}

/// Whether one of some classes has uploaded a file where it works.
pub(crate) async fn is_of_any(db: &impl Reads, seats: impl Iterator<Item = Seat>, id: Id<File>) -> Result<bool> {
    let query = row::Entity::find_by_id(id).filter(of_any(seats));
    Ok(query.one(db.conn()).await?.is_some())
}

fn of_any(seats: impl Iterator<Item = Seat>) -> Condition {
    seats.map(of_seat).fold(Condition::any(), Condition::add)
}

fn of_seat(seat: Seat) -> Condition {
    Condition::all().add(row::Column::TeamId.eq(seat.team)).add(row::Column::PairId.eq(seat.space_id()))
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
        place: row.place,
        created_at: row.created_at.0,
    })
}
