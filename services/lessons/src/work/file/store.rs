//! Files as rows.

use platform::{Error, Id, Reads, Result, Tx, ctx::Visible};
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use super::{File, shelf::Shelf};
use crate::{
    space::{
        consent::{self, Channel},
        output,
    },
    twinning::{
        pair::{self, Pair},
        side::Side,
    },
    work::report,
    year::team::{Seat, Team},
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{twinning::pair::Pair, work::file::File, year::team::Team};

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

/// Adds a file, whose bytes are kept before this transaction ends: in a programme, while the work of the pair goes on. Error: `PAIR_STATE`.
pub(crate) async fn add(tx: &Tx, file: &File) -> Result<()> {
    pair::store::working(tx, file.seat).await?;
    // equal bytes may be about to be removed: what refers to them is seen there, or they are kept anew here
    tx.hold(&file.digest).await?;
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

/// Takes away what a class has uploaded, which leaves with it. The digests of the bytes, which stay where they are until the fact is
/// handled that says so.
pub(crate) async fn take_away(tx: &Tx, seat: Seat) -> Result<Vec<String>> {
    let digests = row::Entity::find().select_only().column(row::Column::Digest).distinct().filter(of_seat(seat));
    let digests = digests.into_tuple().all(tx.conn()).await?;
    row::Entity::delete_many().filter(of_seat(seat)).exec(tx.conn()).await?;
    Ok(digests)
}

/// Whether no file has these bytes. None will, until the transaction ends.
pub(crate) async fn is_free(tx: &Tx, digest: &str) -> Result<bool> {
    tx.hold(digest).await?;
    Ok(row::Entity::find().filter(row::Column::Digest.eq(digest)).one(tx.conn()).await?.is_none())
}

/// Some files of a pair by their ids. What is not there any more is left out.
pub(crate) async fn of_ids(db: &impl Reads, pair: &Pair, ids: impl IntoIterator<Item = Id<File>>) -> Result<Vec<File>> {
    let query = row::Entity::find().filter(row::Column::Id.is_in(ids)).filter(there(pair));
    query.all(db.conn()).await?.into_iter().map(file).collect()
}

/// Every file of a pair the caller may know of.
pub(crate) async fn space(db: &impl Reads, pair: &Pair) -> Result<Shelf> {
    let rows = row::Entity::find().filter(there(pair)).all(db.conn()).await?;
    known(db, pair, rows.into_iter().map(file).collect::<Result<_>>()?).await
}

/// A file of a class of a programme whose bytes the caller may read, and whose it is. Error: not found.
pub(crate) async fn readable(db: &impl Reads, team: Id<Team>, id: Id<File>) -> Result<(File, Side)> {
    let pair = match pair_of(db, team, id).await? {
        Some(pair) => pair::store::find(db, pair).await?,
        None => None,
    };
    let pair = pair.visible("file", |pair| pair.seen_by(db.ctx()))?;
    readable_in(db, &pair, team, id).await
}

/// The same for a class of this pair, which the caller may know of. Error: not found.
pub(crate) async fn readable_in(db: &impl Reads, pair: &Pair, team: Id<Team>, id: Id<File>) -> Result<(File, Side)> {
    let place = pair.place_of(team).ok_or_else(|| Error::not_found("file"))?;
    let shelf = known(db, pair, vec![get(db, team, id).await?]).await?;
    let file = shelf.shown(id).ok_or_else(|| Error::not_found("file"))?;
    Ok((file.clone(), place.side.clone()))
}

/// Those of these files of a pair that the caller may know of: of their own class all, of the other one those in joint outputs and in
/// what it submitted.
async fn known(db: &impl Reads, pair: &Pair, mut files: Vec<File>) -> Result<Shelf> {
    let is_own = |file: &File| pair.place_of(file.team()).is_some_and(|place| place.is_open_to(db.ctx()));
    if !files.iter().all(is_own) {
        let mut shared = output::store::files(db, pair).await?;
        shared.extend(report::store::submitted_files(db, pair).await?);
        files.retain(|file| is_own(file) || shared.contains(&file.id));
    }
    shelf(db, pair, files).await
}

/// Files of a pair that are the caller's own, or stand in what its classes show each other, each as the caller may see it.
pub(crate) async fn shelf(db: &impl Reads, pair: &Pair, files: Vec<File>) -> Result<Shelf> {
    let files = consent::store::publications(db, pair, files, Channel::PairSpace).await?;
    Ok(Shelf::new(db.ctx(), pair, files))
}

/// A file of a pair that the caller may know of. Error: not found.
pub(crate) async fn of_pair(db: &impl Reads, pair: &Pair, id: Id<File>) -> Result<File> {
    let shelf = known(db, pair, of_ids(db, pair, [id]).await?).await?;
    shelf.file(id).cloned().ok_or_else(|| Error::not_found("file"))
}

/// Whether one of the classes of a pair has uploaded a file.
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
