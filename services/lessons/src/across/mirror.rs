//! Mirror reports, read from what the classes of a pair submitted.

use platform::{Reads, Result};

use super::shelf;
use crate::{
    space::mirror::{Comparison, is_shown},
    twinning::pair::{Pair, PairSide},
    work::{
        file,
        report::{self, LastSubmission},
    },
    year::{edition, form},
};

/// What the classes of a pair submitted for a lesson, side by side. Error: `LESSON_UNKNOWN`.
pub(crate) async fn comparison(db: &impl Reads, pair: &Pair, lesson: i32) -> Result<Comparison> {
    edition::store::find_track(db, pair.track()).await?.check_lesson(lesson)?;
    let [one, other] = pair.sides();
    let sent = [submission(db, pair, one, lesson).await?, submission(db, pair, other, lesson).await?];
    let form = match sent.iter().flatten().map(|submission| submission.form_version).max() {
        Some(version) => form::store::version(db, pair.track(), lesson, version).await?,
        None => form::store::newest(db, pair.track(), lesson).await?,
    };
    let ids = sent.iter().flatten().flat_map(LastSubmission::files);
    let files = file::store::of_ids(db, pair.seats(), ids).await?;
    let files = shelf::of_files(db, pair, files).await?;
    Ok(Comparison::new(db.ctx(), pair, form, sent, files))
}

async fn submission(db: &impl Reads, pair: &Pair, place: &PairSide, lesson: i32) -> Result<Option<LastSubmission>> {
    if is_shown(db.ctx(), pair, place) { report::store::last(db, pair.seat(place), lesson).await } else { Ok(None) }
}

#[cfg(test)]
mod tests;
