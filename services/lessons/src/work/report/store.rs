//! Reports as rows.

use std::collections::{BTreeSet, HashSet};

use platform::{
    Error, Id, Reads, Result, Tx,
    store::{At, of_text, to_text},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DerivePartialModel, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect,
};

use super::{Delivery, Judged, LastSubmission, Reopening, Report, ReportState, Saved, Submission, Verdict};
use crate::{
    work::file::File,
    year::{
        calendar::{Deadline, Extension},
        edition::{Edition, Track},
        moment::Moment,
        team::{Seat, Space, Team},
    },
};

mod history;

pub(crate) use history::last;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::year::{
        calendar::Extension,
        edition::{Edition, Track},
        team::{Space, Team},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "report")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub team_id: Id<Team>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub pair_id: Id<Space>,
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

mod submission {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        work::report::Submission,
        year::team::{Space, Team},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "submission")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Submission>,
        pub team_id: Id<Team>,
        pub pair_id: Id<Space>,
        pub lesson: i32,
        pub form_version: i32,
        pub contents: String,
        pub digest: String,
        pub received_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The columns of a report without its contents, because a matrix has thousands of reports.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "row::Entity")]
struct Cell {
    team_id: Id<Team>,
    pair_id: Id<Space>,
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

/// What the matrix is watched under. A key is a team and a lesson, parted by a space.
pub(crate) const MATRIX: &str = "deliveries";

/// The words for states in rows. A report that is not begun has no row.
const DRAFT: &str = "draft";
const SUBMITTED: &str = "submitted";
const REOPENED: &str = "reopened";

/// The report of a class for a lesson. None where it has not begun one.
pub(crate) async fn find(db: &impl Reads, seat: Seat, lesson: i32) -> Result<Option<Report>> {
    let row = row::Entity::find_by_id(key(seat, lesson)).one(db.conn()).await?;
    row.map(|row| report_of(db, row)).transpose()
}

/// The files in the last submissions of some classes, for all lessons.
pub(crate) async fn submitted_files(db: &impl Reads, seats: impl Iterator<Item = Seat>) -> Result<BTreeSet<Id<File>>> {
    let mut files = BTreeSet::new();
    for seat in seats {
        files.extend(history::each_last(db, seat).await?.iter().flat_map(LastSubmission::files));
    }
    Ok(files)
}

/// Deletes what a class wrote in a space, for a class that leaves it.
pub(crate) async fn take_away(tx: &Tx, seat: Seat) -> Result<()> {
    history::take_away(tx, seat).await?;
    row::Entity::delete_many().filter(of_seat(seat)).exec(tx.conn()).await?;
    Ok(())
}

/// Saves a report: a new one, or the next version of one that was read. Who watches the matrix is told. Error: `ETAG_STALE` where
/// somebody saved it in between.
pub(crate) async fn save(tx: &Tx, report: &mut Report) -> Result<()> {
    changed(tx, report.seat.team, report.lesson);
    report.version += 1;
    tx.save(active(report)?).await
}

/// Saves a report that was submitted, and what was submitted. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save_submitted(tx: &Tx, report: &mut Report, submitted: &Submission) -> Result<()> {
    save(tx, report).await?;
    add_submission(tx, submitted).await
}

async fn add_submission(tx: &Tx, submitted: &Submission) -> Result<()> {
    let row = submission::Model {
        id: submitted.id,
        team_id: submitted.seat.team,
        pair_id: submitted.seat.space_id(),
        lesson: submitted.lesson,
        form_version: submitted.form_version,
        contents: submitted.contents.clone(),
        digest: submitted.digest.clone(),
        received_at: submitted.received_at.into(),
    };
    submission::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Saves a report that was given back, and why. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save_reopened(tx: &Tx, report: &mut Report, reopening: &Reopening) -> Result<()> {
    save(tx, report).await?;
    history::add_reopening(tx, reopening).await
}

/// The reports that some classes have begun, in any order: one query for all classes.
pub(crate) async fn deliveries(db: &impl Reads, seats: impl Iterator<Item = Seat>) -> Result<Vec<Delivery>> {
    let seats: HashSet<Seat> = seats.collect();
    let query = row::Entity::find().filter(row::Column::TeamId.is_in(seats.iter().map(|seat| seat.team)));
    let mut cells = query.into_partial_model::<Cell>().all(db.conn()).await?;
    // leave out what a class wrote with another twin
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

/// The late deliveries of a lesson: those of one class, also where it has moved to another track since, or all of a track. Nobody else can
/// save them until the transaction ends.
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

/// Saves a verdict that has changed. Who watches the matrix is told.
pub(crate) async fn save_verdict(tx: &Tx, delivery: &mut Delivery) -> Result<()> {
    changed(tx, delivery.seat.team, delivery.lesson);
    delivery.version += 1;
    let (team_id, pair_id, lesson) = key(delivery.seat, delivery.lesson);
    tx.save(row::ActiveModel {
        team_id: Set(team_id),
        pair_id: Set(pair_id),
        lesson: Set(lesson),
        version: Set(delivery.version),
        ..judgement(&delivery.state)
    })
    .await
}

/// Tells who watches the delivery matrix that a cell of it has changed, once this transaction commits.
pub(crate) fn changed(tx: &Tx, team: Id<Team>, lesson: i32) {
    tx.tell_watchers(MATRIX, format_args!("{team} {lesson}"));
}

fn key(seat: Seat, lesson: i32) -> (Id<Team>, Id<Space>, i32) {
    (seat.team, seat.space_id(), lesson)
}

/// The rows of a class in the space it works in.
fn of_seat(seat: Seat) -> Condition {
    Condition::all().add(row::Column::TeamId.eq(seat.team)).add(row::Column::PairId.eq(seat.space_id()))
}

fn active(report: &Report) -> Result<row::ActiveModel> {
    let saved = report.saved.as_ref().ok_or_else(|| Error::internal("a report is kept once it was saved"))?;
    Ok(row::ActiveModel {
        team_id: Set(report.seat.team),
        pair_id: Set(report.seat.space_id()),
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

/// The columns of a state.
fn judgement(state: &ReportState) -> row::ActiveModel {
    let word = match state {
        ReportState::NotStarted | ReportState::Draft => DRAFT,
        ReportState::Submitted(_) => SUBMITTED,
        ReportState::Reopened(_) => REOPENED,
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
        DRAFT => ReportState::Draft,
        SUBMITTED => ReportState::Submitted(judged_of(db, &cell).ok_or_else(broken)?),
        REOPENED => ReportState::Reopened(judged_of(db, &cell).ok_or_else(broken)?),
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
