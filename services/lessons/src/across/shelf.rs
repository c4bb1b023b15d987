//! Which files of a pair a caller may know of and read. All that shows files asks here: joint outputs, mirror reports, the export, the
//! bytes themselves. So they cannot differ.

use platform::{Error, Id, Reads, Result, ctx::Visible};

use crate::{
    space::{
        consent::{self, Channel},
        output,
        shelf::Shelf,
    },
    twinning::{
        pair::{self, Pair},
        side::Side,
    },
    work::{
        file::{self, File},
        report,
    },
    year::team::Team,
};

/// Every file of a pair the caller may know of.
pub(crate) async fn of_pair(db: &impl Reads, pair: &Pair) -> Result<Shelf> {
    let files = file::store::of_seats(db, pair.seats()).await?;
    known(db, pair, files).await
}

/// Files of a pair that are the caller's own, or stand in what its classes show each other, each as the caller may see it.
pub(crate) async fn of_files(db: &impl Reads, pair: &Pair, files: Vec<File>) -> Result<Shelf> {
    let files = consent::store::publications(db, pair, files, Channel::PairSpace).await?;
    Ok(Shelf::new(db.ctx(), pair, files))
}

/// A file of a pair that the caller may know of. Error: not found.
pub(crate) async fn find(db: &impl Reads, pair: &Pair, id: Id<File>) -> Result<File> {
    let shelf = known(db, pair, file::store::of_ids(db, pair.seats(), [id]).await?).await?;
    shelf.file(id).cloned().ok_or_else(|| Error::not_found("file"))
}

/// A file of a class of a programme whose bytes the caller may read, and the class. Error: not found.
pub(crate) async fn readable(db: &impl Reads, team: Id<Team>, id: Id<File>) -> Result<(File, Side)> {
    let pair = match file::store::space_of(db, team, id).await? {
        Some(space) => pair::store::find(db, Pair::of_space(space)).await?,
        None => None,
    };
    let pair = pair.visible("file", |pair| pair.is_visible_to(db.ctx()))?;
    readable_in(db, &pair, team, id).await
}

/// A file of a class of this pair, which the caller may know of, whose bytes the caller may read. Error: not found.
pub(crate) async fn readable_in(db: &impl Reads, pair: &Pair, team: Id<Team>, id: Id<File>) -> Result<(File, Side)> {
    let place = pair.side_of(team).ok_or_else(|| Error::not_found("file"))?;
    let shelf = known(db, pair, vec![file::store::get(db, team, id).await?]).await?;
    let file = shelf.shown(id).ok_or_else(|| Error::not_found("file"))?;
    Ok((file.clone(), place.side.clone()))
}

/// Those of these files of a pair that the caller may know of: all of their own class; of the other class those in joint outputs and in
/// what it submitted.
async fn known(db: &impl Reads, pair: &Pair, mut files: Vec<File>) -> Result<Shelf> {
    let is_own = |file: &File| pair.side_of(file.team()).is_some_and(|place| place.is_open_to(db.ctx()));
    if !files.iter().all(is_own) {
        let mut shared = output::store::files(db, pair.id()).await?;
        shared.extend(report::store::submitted_files(db, pair.seats()).await?);
        files.retain(|file| is_own(file) || shared.contains(&file.id()));
    }
    of_files(db, pair, files).await
}
