//! Joint outputs in a transaction: loaded with all they are signed and judged by, and saved with their pair, which knows who has to sign.

use platform::{Error, Id, Reads, Result, Tx};

use super::{report::deadline, shelf};
use crate::{
    space::output::{Delivered, LoadedOutput, Output, store},
    twinning::pair::{self, Pair},
    work::{
        credit::{
            CreditKind,
            home::{self, Judgement},
        },
        file,
    },
    year::edition,
};

/// The joint output of a pair for a lesson. Error: not found, `PAIR_STATE` where the pair was dissolved, `LESSON_UNKNOWN`.
pub(crate) async fn load(db: &impl Reads, pair: Id<Pair>, lesson: i32) -> Result<LoadedOutput> {
    let pair = pair::store::get(db, pair).await?;
    pair.check_together(db.ctx())?;
    of_pair(db, pair, lesson).await
}

/// The joint output for a lesson of a pair that is held, to save or sign. Nobody else can change it or its deadline until the transaction
/// ends. Error: `LESSON_UNKNOWN`, `PAIR_STATE` where the work of the pair does not go on.
pub(crate) async fn load_to_write(tx: &Tx, pair: Pair, lesson: i32) -> Result<LoadedOutput> {
    pair.check_working()?;
    edition::store::hold_deadlines(tx, pair.track()).await?;
    of_pair(tx, pair, lesson).await
}

async fn of_pair(db: &impl Reads, pair: Pair, lesson: i32) -> Result<LoadedOutput> {
    let track = edition::store::find_track(db, pair.track()).await?;
    track.check_lesson(lesson)?;
    let output = store::find(db, pair.id(), lesson).await?.unwrap_or_else(|| Output::none(pair.id(), lesson));
    let (mut files, mut latest) = (Vec::new(), None);
    for place in pair.sides() {
        let of_class = deadline(db, pair.track(), pair.seat(place), lesson).await?;
        // nobody is late because the other class was given less time
        latest = Some(of_class.or_later(latest));
        if !place.has_left() {
            files.extend(file::store::of_lesson(db, pair.seat(place), lesson).await?);
        }
    }
    let deadline = latest.ok_or_else(|| Error::internal("a pair has no sides"))?;
    let files = shelf::of_files(db, &pair, files).await?;
    Ok(LoadedOutput { output, pair, files, deadline })
}

/// Saves a joint output. The pair learns who has signed the output of the last lesson, and when it was delivered.
pub(crate) async fn save(tx: &Tx, loaded: &mut LoadedOutput) -> Result<()> {
    let LoadedOutput { output, pair, .. } = loaded;
    store::save(tx, output).await?;
    let track = edition::store::find_track(tx, pair.track()).await?;
    if track.rules().lessons.iter().map(|lesson| lesson.number).max() != Some(output.lesson()) {
        return Ok(());
    }
    let is_signed = pair.sign(&output.signers());
    let is_delivered = output.is_delivered() && pair.deliver_together(tx.ctx());
    if is_signed || is_delivered {
        pair::store::save(tx, pair).await?;
    }
    Ok(())
}

/// Sends the news of a delivered joint output to the country of each class that has not left, once this transaction commits. Sends nothing
/// before it is delivered.
pub(crate) fn send_home(tx: &Tx, pair: &Pair, output: &Output) {
    let Some(Delivered { digest, verdict, .. }) = output.delivered() else { return };
    for side in pair.there() {
        let (team, lesson) = (side.team, output.lesson());
        home::send(tx, &side.home, &Judgement { team, lesson, kind: CreditKind::JointOutput, digest, verdict });
    }
}
