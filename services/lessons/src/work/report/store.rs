//! Reports as rows.

use std::collections::{BTreeSet, HashSet};

use platform::{
    Error, Id, Reads, Result, Tx,
    store::{At, of_text, to_text},
    wire,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, DerivePartialModel, EntityTrait, QueryFilter, QuerySelect, TryInsertResult,
};

use super::{
    Comparison, Delivery, Desk, Judged, Mirror, Reopening, Report, Saved, State, Submission, Verdict, mirror::is_shown,
};
use crate::{
    twinning::pair::{self, Pair, Place},
    work::file::{self, File},
    year::{
        calendar::{self, Deadline, Extension},
        edition::{self, Edition, Track},
        form::{self, Form},
        moment::Moment,
        team::{Seat, Team},
    },
};

mod sent;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        twinning::pair::Pair,
        year::{
            calendar::Extension,
            edition::{Edition, Track},
            team::Team,
        },
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "report")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: Id<Team>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub pair_id: Id<Pair>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub lesson: i32,
        pub version: i64,
        pub edition_id: Id<Edition>,
        pub track_id: Id<Track>,
        pub form_version: i32,
        pub state: String,
        pub contents: String,
        pub saved_as: String,
        pub saved_at: At,
        pub digest: Option<String>,
        pub received_at: Option<At>,
        pub deadline_at: Option<At>,
        pub rule_version: Option<i32>,
        pub extension_id: Option<Id<Extension>>,
        pub on_time: Option<bool>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A report without what is written in it: a matrix has thousands of them.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "row::Entity")]
struct Cell {
    team_id: Id<Team>,
    pair_id: Id<Pair>,
    lesson: i32,
    version: i64,
    edition_id: Id<Edition>,
    state: String,
    digest: Option<String>,
    received_at: Option<At>,
    deadline_at: Option<At>,
    rule_version: Option<i32>,
    extension_id: Option<Id<Extension>>,
    on_time: Option<bool>,
}

/// The words rows have for states. A report nobody has begun has no row.
const DRAFT: &str = "draft";
const SUBMITTED: &str = "submitted";
const REOPENED: &str = "reopened";

/// A team's report with all it is written and judged by. Error: `LESSON_UNKNOWN`.
pub(crate) async fn desk(db: &impl Reads, team: &Team, lesson: i32) -> Result<Desk> {
    let track = edition::store::track_of_team(db, team.track).await?;
    track.check_lesson(lesson)?;
    let (report, form) = match row::Entity::find_by_id(key(team.seat(), lesson)).one(db.conn()).await? {
        Some(row) => begun(db, team, report_of(db, row)?).await?,
        None => {
            let form = form_to_begin(db, team, lesson).await?;
            (Report::none(team, &form), form)
        }
    };
    let deadline = calendar::store::deadline(db, team, lesson).await?;
    Ok(Desk { report, form, track, deadline })
}

/// The form a report is begun in. Two mirror reports are compared field by field: the first that is begun decides for both.
async fn form_to_begin(db: &impl Reads, team: &Team, lesson: i32) -> Result<Form> {
    let begun = match pair::store::twin_of(db, team.seat()).await? {
        Some(twin) => row::Entity::find_by_id(key(twin, lesson)).one(db.conn()).await?,
        None => None,
    };
    match begun {
        Some(twin) => form::store::version(db, team.track, lesson, twin.form_version).await,
        None => form::store::newest(db, team.track, lesson).await,
    }
}

/// The same, to write in: in a programme, while the work of the pair goes on. Error: `LESSON_UNKNOWN`, `PAIR_STATE`.
pub(crate) async fn desk_to_write(tx: &Tx, team: &Team, lesson: i32) -> Result<Desk> {
    pair::store::working(tx, team.seat()).await?;
    desk(tx, team, lesson).await
}

/// A report with its form. What was delivered keeps the form it was delivered in; a draft goes along with a team that was moved to
/// another track, with all that is written in it.
async fn begun(db: &impl Reads, team: &Team, mut report: Report) -> Result<(Report, Form)> {
    let form = if report.track == team.track || report.state.judged().is_some() {
        form::store::version(db, report.track, report.lesson, report.form_version).await?
    } else {
        form::store::newest(db, team.track, report.lesson).await?
    };
    report.go_on_in(&form);
    Ok((report, form))
}

/// The same; its deadline stays as it is until the transaction ends.
pub(crate) async fn desk_to_judge(tx: &Tx, team: &Team, lesson: i32) -> Result<Desk> {
    pair::store::working(tx, team.seat()).await?;
    edition::store::keep_deadlines(tx, team.track).await?;
    desk(tx, team, lesson).await
}

/// What the classes of a pair submitted for a lesson, side by side. Error: `LESSON_UNKNOWN`.
pub(crate) async fn comparison(db: &impl Reads, pair: &Pair, lesson: i32) -> Result<Comparison> {
    edition::store::track_of_team(db, pair.track()).await?.check_lesson(lesson)?;
    let [one, other] = pair.sides();
    let sent = [mirror(db, pair, one, lesson).await?, mirror(db, pair, other, lesson).await?];
    let form = match sent.iter().flatten().map(|mirror| mirror.form_version).max() {
        Some(version) => form::store::version(db, pair.track(), lesson, version).await?,
        None => form::store::newest(db, pair.track(), lesson).await?,
    };
    let files = file::store::of_ids(db, pair, sent.iter().flatten().flat_map(Mirror::files)).await?;
    let files = file::store::shelf(db, pair, files).await?;
    Ok(Comparison::new(db.ctx(), pair, form, sent, files))
}

async fn mirror(db: &impl Reads, pair: &Pair, place: &Place, lesson: i32) -> Result<Option<Mirror>> {
    if is_shown(db.ctx(), pair, place) { sent::last(db, pair.seat(place), lesson).await } else { Ok(None) }
}

/// The files that stand in what the classes of a pair submitted last.
pub(crate) async fn submitted_files(db: &impl Reads, pair: &Pair) -> Result<BTreeSet<Id<File>>> {
    let mut files = BTreeSet::new();
    for seat in pair.seats() {
        files.extend(sent::each_last(db, seat).await?.iter().flat_map(Mirror::files));
    }
    Ok(files)
}

/// Takes away what a class wrote in a pair, which leaves with it.
pub(crate) async fn take_away(tx: &Tx, seat: Seat) -> Result<()> {
    sent::take_away(tx, seat).await?;
    row::Entity::delete_many().filter(of_seat(seat)).exec(tx.conn()).await?;
    Ok(())
}

/// Saves a report: a new one, or the next version of one that was read. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save(tx: &Tx, report: &mut Report) -> Result<()> {
    let before = report.version;
    report.version += 1;
    if before == 0 {
        let added =
            row::Entity::insert(active(report)?).on_conflict_do_nothing().exec_without_returning(tx.conn()).await?;
        return if matches!(added, TryInsertResult::Inserted(1)) { Ok(()) } else { Err(wire::stale(1)) };
    }
    let saved = row::Entity::update_many()
        .set(row::ActiveModel { team_id: NotSet, pair_id: NotSet, lesson: NotSet, ..active(report)? })
        .filter(of_seat(report.seat))
        .filter(row::Column::Lesson.eq(report.lesson))
        .filter(row::Column::Version.eq(before))
        .exec(tx.conn())
        .await?;
    tx.saved(saved, before)
}

/// Saves a report that was submitted, and what was submitted. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save_submitted(tx: &Tx, report: &mut Report, submitted: &Submission) -> Result<()> {
    save(tx, report).await?;
    sent::add(tx, submitted).await
}

/// Saves a report that was given back, and why. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save_reopened(tx: &Tx, report: &mut Report, reopening: &Reopening) -> Result<()> {
    save(tx, report).await?;
    sent::add_reopening(tx, reopening).await
}

/// The cells of some classes that were begun, in no order: one query, however many classes.
pub(crate) async fn deliveries(db: &impl Reads, seats: impl Iterator<Item = Seat>) -> Result<Vec<Delivery>> {
    let seats: HashSet<Seat> = seats.collect();
    let query = row::Entity::find().filter(row::Column::TeamId.is_in(seats.iter().map(|seat| seat.team)));
    let mut cells = query.into_partial_model::<Cell>().all(db.conn()).await?;
    // what a class wrote with another twin is no part of this
    cells.retain(|cell| seats.contains(&Seat::of_row(cell.team_id, cell.pair_id)));
    cells.into_iter().map(|cell| delivery_of(db, cell)).collect()
}

/// The lessons a class has delivered.
pub(crate) async fn delivered(db: &impl Reads, seat: Seat) -> Result<BTreeSet<i32>> {
    let lessons = row::Entity::find()
        .select_only()
        .column(row::Column::Lesson)
        .filter(of_seat(seat))
        .filter(row::Column::ReceivedAt.is_not_null());
    Ok(lessons.into_tuple().all(db.conn()).await?.into_iter().collect())
}

/// One cell, if it was begun.
pub(crate) async fn delivery(db: &impl Reads, seat: Seat, lesson: i32) -> Result<Option<Delivery>> {
    let cell = row::Entity::find_by_id(key(seat, lesson)).into_partial_model::<Cell>().one(db.conn()).await?;
    cell.map(|cell| delivery_of(db, cell)).transpose()
}

/// The late deliveries of a lesson, of one class, wherever it has moved since, or of all of a track. Nobody else can save them until the transaction ends.
pub(crate) async fn late(tx: &Tx, track: Id<Track>, lesson: i32, seat: Option<Seat>) -> Result<Vec<Delivery>> {
    let whose = seat.map_or_else(|| Condition::all().add(row::Column::TrackId.eq(track)), of_seat);
    let cells = row::Entity::find()
        .filter(whose)
        .filter(row::Column::Lesson.eq(lesson))
        .filter(row::Column::OnTime.eq(false))
        .lock_exclusive()
        .into_partial_model::<Cell>()
        .all(tx.conn())
        .await?;
    cells.into_iter().map(|cell| delivery_of(tx, cell)).collect()
}

/// Saves a verdict that has changed.
pub(crate) async fn save_verdict(tx: &Tx, delivery: &mut Delivery) -> Result<()> {
    let before = delivery.version;
    delivery.version += 1;
    let saved = row::Entity::update_many()
        .set(row::ActiveModel { version: Set(delivery.version), ..judgement(&delivery.state) })
        .filter(of_seat(delivery.seat))
        .filter(row::Column::Lesson.eq(delivery.lesson))
        .filter(row::Column::Version.eq(before))
        .exec(tx.conn())
        .await?;
    tx.saved(saved, before)
}

fn key(seat: Seat, lesson: i32) -> (Id<Team>, Id<Pair>, i32) {
    (seat.team, seat.pair_id(), lesson)
}

/// All a class wrote where it works.
fn of_seat(seat: Seat) -> Condition {
    Condition::all().add(row::Column::TeamId.eq(seat.team)).add(row::Column::PairId.eq(seat.pair_id()))
}

fn active(report: &Report) -> Result<row::ActiveModel> {
    let saved = report.saved.as_ref().ok_or_else(|| Error::internal("a report is kept once it was saved"))?;
    Ok(row::ActiveModel {
        team_id: Set(report.seat.team),
        pair_id: Set(report.seat.pair_id()),
        lesson: Set(report.lesson),
        version: Set(report.version),
        edition_id: Set(report.edition),
        track_id: Set(report.track),
        form_version: Set(report.form_version),
        contents: Set(to_text(&report.values)?),
        saved_as: Set(saved.role.clone()),
        saved_at: Set(saved.at.into()),
        ..judgement(&report.state)
    })
}

/// The columns a state is kept in.
fn judgement(state: &State) -> row::ActiveModel {
    let word = match state {
        State::NotStarted | State::Draft => DRAFT,
        State::Submitted(_) => SUBMITTED,
        State::Reopened(_) => REOPENED,
    };
    let judged = state.judged();
    let verdict = judged.map(|judged| &judged.verdict);
    row::ActiveModel {
        state: Set(word.to_owned()),
        digest: Set(judged.map(|judged| judged.digest.clone())),
        received_at: Set(verdict.map(|verdict| verdict.received_at.into())),
        deadline_at: Set(verdict.map(|verdict| verdict.deadline.moment.at().into())),
        rule_version: Set(verdict.map(|verdict| verdict.deadline.rule_version)),
        extension_id: Set(verdict.and_then(|verdict| verdict.deadline.extension)),
        on_time: Set(verdict.map(|verdict| verdict.on_time)),
        ..Default::default()
    }
}

fn report_of(db: &impl Reads, row: row::Model) -> Result<Report> {
    let cell = Cell {
        team_id: row.team_id,
        pair_id: row.pair_id,
        lesson: row.lesson,
        version: row.version,
        edition_id: row.edition_id,
        state: row.state,
        digest: row.digest,
        received_at: row.received_at,
        deadline_at: row.deadline_at,
        rule_version: row.rule_version,
        extension_id: row.extension_id,
        on_time: row.on_time,
    };
    let Delivery { seat, lesson, version, state, .. } = delivery_of(db, cell)?;
    Ok(Report {
        seat,
        lesson,
        version,
        edition: row.edition_id,
        track: row.track_id,
        form_version: row.form_version,
        state,
        values: of_text(&row.contents)?,
        saved: Some(Saved { role: row.saved_as, at: row.saved_at.0 }),
    })
}

fn delivery_of(db: &impl Reads, cell: Cell) -> Result<Delivery> {
    let broken =
        || Error::internal(format!("the verdict on lesson {} of team {} is not whole", cell.lesson, cell.team_id));
    let state = match cell.state.as_str() {
        DRAFT => State::Draft,
        SUBMITTED => State::Submitted(judged_of(db, &cell).ok_or_else(broken)?),
        REOPENED => State::Reopened(judged_of(db, &cell).ok_or_else(broken)?),
        _ => return Err(broken()),
    };
    Ok(Delivery {
        version: cell.version,
        edition: Some(cell.edition_id),
        state,
        ..Delivery::unknown(Seat::of_row(cell.team_id, cell.pair_id), cell.lesson)
    })
}

fn judged_of(db: &impl Reads, cell: &Cell) -> Option<Judged> {
    let deadline = Deadline {
        moment: Moment::new(cell.deadline_at?.0, db.ctx().tenant().zone()),
        rule_version: cell.rule_version?,
        extension: cell.extension_id,
    };
    let verdict = Verdict { received_at: cell.received_at?.0, deadline, on_time: cell.on_time? };
    Some(Judged { verdict, digest: cell.digest.clone()? })
}

#[cfg(test)]
mod tests;
