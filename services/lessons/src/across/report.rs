//! Reports in a transaction: loaded with all they are written and judged by, and submitted. In a programme a report belongs to a pair,
//! which is loaded once and held until the transaction ends.

use platform::{Id, Reads, Result, Tx, wire};
use proto::lessons::v1 as pb;

use super::classes::Class;
use crate::{
    space::timeline,
    twinning::pair::{self, Pair},
    work::{
        credit::home::send_report,
        file,
        report::{self, LoadedReport, Report, store, subject},
    },
    year::{
        calendar::{self, Deadline},
        edition::{self, Track},
        form::{self, Form},
        team::{Seat, Team},
    },
};

/// A class's report for a lesson. Error: `LESSON_UNKNOWN`.
pub(crate) async fn load(db: &impl Reads, class: &Class, lesson: i32) -> Result<LoadedReport> {
    let track = edition::store::find_track(db, class.team.track).await?;
    load_of_track(db, class, track, lesson).await
}

/// The report for a lesson of a class that is held, to write in. Error: `PAIR_STATE`, `LESSON_UNKNOWN`.
pub(crate) async fn load_to_write(tx: &Tx, class: &Class, lesson: i32) -> Result<LoadedReport> {
    class.check_working()?;
    load(tx, class, lesson).await
}

/// Submits the report for a lesson of a class that is held, as it was read with `etag`, and tells who must know: watchers, and in a
/// programme the country of the class and its pair. Error: as [`load_to_write`] and [`LoadedReport::submit`].
pub(crate) async fn submit(tx: &Tx, mut class: Class, lesson: i32, etag: &str) -> Result<LoadedReport> {
    class.check_working()?;
    let track = edition::store::hold_deadlines(tx, class.team.track).await?;
    let mut loaded = load_of_track(tx, &class, track, lesson).await?;
    let files = file::store::of_lesson(tx, class.team.seat(), lesson).await?;
    let submission = loaded.submit(tx.ctx(), etag, &files)?;
    store::save_submitted(tx, &mut loaded.report, &submission).await?;
    let (edition, team) = (class.team.edition, class.team.id);
    tx.emit(&pb::ReportSubmitted {
        team_id: team.to_string(),
        edition_id: edition.to_string(),
        lesson,
        submitted_at: Some(wire::timestamp(tx.ctx().now())),
    });
    tx.note("submit report", subject(class.team.id, lesson), format!("digest {}", submission.digest()));
    if let Some(pair) = &mut class.pair {
        deliver(tx, pair, &class.team, &loaded).await?;
    }
    Ok(loaded)
}

/// Records the first submission of a report where it counts: in the country of the class, and in its pair, which knows when a class has
/// delivered all lessons. A report that is submitted again after it was reopened counts for nothing more.
async fn deliver(tx: &Tx, pair: &mut Pair, team: &Team, loaded: &LoadedReport) -> Result<()> {
    let LoadedReport { report, track, .. } = loaded;
    let Some(judged) = report.state().judged().filter(|judged| judged.verdict.received_at == tx.ctx().now()) else {
        return Ok(());
    };
    if let Some(side) = pair.side_of(team.id) {
        send_report(tx, &side.side.home, team.id, report.lesson(), judged);
    }
    let delivered = report::store::delivered(tx, team.seat()).await?;
    let has_all = track.rules().lessons.iter().all(|lesson| delivered.contains(&lesson.number));
    if has_all && pair.deliver(tx.ctx(), team.id) {
        pair::store::save(tx, pair).await?;
    }
    Ok(())
}

async fn load_of_track(db: &impl Reads, class: &Class, track: Track, lesson: i32) -> Result<LoadedReport> {
    track.check_lesson(lesson)?;
    let team = &class.team;
    let (report, form) = match store::find(db, team.seat(), lesson).await? {
        Some(report) => with_form(db, team, report).await?,
        None => {
            let form = form_to_begin(db, class, lesson).await?;
            (Report::none(team, &form), form)
        }
    };
    let deadline = deadline(db, team.track, team.seat(), lesson).await?;
    Ok(LoadedReport { report, form, track, deadline })
}

/// A report with its form. What was delivered keeps the form it was delivered in. A draft goes along with a team that was moved to another
/// track, with all that is written in it.
async fn with_form(db: &impl Reads, team: &Team, mut report: Report) -> Result<(Report, Form)> {
    let (track, lesson) = (report.track(), report.lesson());
    let form = if track == team.track || report.state().judged().is_some() {
        form::store::version(db, track, lesson, report.form_version()).await?
    } else {
        form::store::newest(db, team.track, lesson).await?
    };
    report.go_on_in(&form);
    Ok((report, form))
}

/// The form a report is begun in. Two mirror reports are compared field by field, so the first that is begun decides for both.
async fn form_to_begin(db: &impl Reads, class: &Class, lesson: i32) -> Result<Form> {
    let Class { team, pair } = class;
    let twin = pair.as_ref().and_then(|pair| pair.seats().find(|seat| seat.team != team.id));
    let begun = match twin {
        Some(twin) => store::find(db, twin, lesson).await?,
        None => None,
    };
    match begun {
        Some(twin) => form::store::version(db, team.track, lesson, twin.form_version()).await,
        None => form::store::newest(db, team.track, lesson).await,
    }
}

/// The deadline that holds for a class: that of the calendar or of its extension, and in a programme that of its pair's timeline where it
/// gives more time.
pub(crate) async fn deadline(db: &impl Reads, track: Id<Track>, seat: Seat, lesson: i32) -> Result<Deadline> {
    let own = calendar::store::deadline(db, track, seat.team, lesson).await?;
    let of_pair = match seat.space {
        Some(space) => timeline::store::deadlines(db, [space].into_iter(), lesson).await?.remove(&space),
        None => None,
    };
    Ok(own.or_later(of_pair))
}
