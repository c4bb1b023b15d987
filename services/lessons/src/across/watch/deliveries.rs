//! The cells of the delivery matrix as they change. A client that needs the whole matrix lists it.

use futures::{Stream, StreamExt, future};
use platform::{
    Ctx, Error, Id, Result, Snapshot, Watch,
    watch::{Seen, Shows},
};

use crate::{
    reason::{Reason, Refuse},
    twinning::pair,
    work::{
        credit,
        report::{Delivery, store},
    },
    year::edition::Edition,
};

/// The cells of the matrix, by a team and a lesson.
struct Matrix;

impl Shows for Matrix {
    type Shown = Delivery;

    async fn show(&self, db: &Snapshot, keys: &[String]) -> Result<Vec<Option<Delivery>>> {
        let mut asked = Vec::new();
        for key in keys {
            let (team, lesson) = key.split_once(' ').ok_or_else(|| Error::internal("no cell is called this"))?;
            asked.push((pair::store::seat_of(db, team.parse()?).await?, lesson.parse().map_err(Error::internal)?));
        }
        let cells = store::deliveries(db, asked.iter().map(|(seat, _)| *seat)).await?;
        let credits = credit::store::of_teams(db, asked.iter().map(|(seat, _)| seat.team)).await?;
        let shown = asked.into_iter().map(|(seat, lesson)| {
            let begun = cells.iter().find(|cell| cell.seat == seat && cell.lesson == lesson);
            let credits = credits.iter().filter(|credit| credit.team == seat.team && credit.lesson == lesson);
            let cell = begun.cloned().unwrap_or_else(|| Delivery::unknown(seat, lesson));
            Some(Delivery { credits: credits.cloned().collect(), ..cell })
        });
        Ok(shown.collect())
    }

    fn lagged(&self) -> Error {
        Reason::WatchLagged.error("That was too long ago. List the deliveries again, then watch again.")
    }
}

/// The changes of one edition of the caller's tenant, and those of which the edition is not known, after a position or from now on.
/// Error: `WATCH_LAGGED`.
pub(crate) async fn watch(
    watch: &Watch,
    ctx: &Ctx,
    edition: Id<Edition>,
    after: &str,
) -> Result<impl Stream<Item = Result<Seen<Delivery>>> + Send + use<>> {
    let changes = watch.changes(ctx, store::MATRIX.to_owned(), after, Matrix).await?;
    Ok(changes.filter(move |change| {
        let is_ours = |seen: &Seen<Delivery>| seen.what.edition.is_none_or(|of| of == edition);
        future::ready(change.as_ref().map_or(true, is_ours))
    }))
}
