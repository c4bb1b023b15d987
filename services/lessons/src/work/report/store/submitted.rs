//! What was submitted and what was given back, as rows: nothing of it is ever overwritten.

use std::collections::BTreeMap;

use platform::{Reads, Result, Tx, store::of_text};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde::Deserialize;

use crate::{
    work::{
        answer::Values,
        report::{LastSubmission, Reopening, Submission},
    },
    year::team::Seat,
};

pub(super) mod submission {
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

pub(super) mod reopening {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        work::report::Reopening,
        year::team::{Space, Team},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "reopening")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Reopening>,
        pub team_id: Id<Team>,
        pub pair_id: Id<Space>,
        pub lesson: i32,
        pub reason: String,
        pub reopened_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What the contents of a submission are read for.
#[derive(Deserialize)]
struct Sent {
    values: Values,
}

/// Adds what was submitted.
pub(super) async fn add(tx: &Tx, submitted: &Submission) -> Result<()> {
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

/// Adds why something was given back.
pub(super) async fn add_reopening(tx: &Tx, reopening: &Reopening) -> Result<()> {
    let row = reopening::Model {
        id: reopening.id,
        team_id: reopening.seat.team,
        pair_id: reopening.seat.space_id(),
        lesson: reopening.lesson,
        reason: reopening.reason.clone(),
        reopened_at: reopening.at.into(),
    };
    reopening::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// What a class submitted last for a lesson. What it has written since, in a report that was given back, is not in it.
pub(crate) async fn last(db: &impl Reads, seat: Seat, lesson: i32) -> Result<Option<LastSubmission>> {
    let newest = submission::Entity::find()
        .filter(submission::Column::TeamId.eq(seat.team))
        .filter(submission::Column::PairId.eq(seat.space_id()))
        .filter(submission::Column::Lesson.eq(lesson))
        .order_by_desc(submission::Column::ReceivedAt)
        .order_by_desc(submission::Column::Id);
    newest.one(db.conn()).await?.map(last_submission).transpose()
}

/// What a class submitted last for each lesson.
pub(super) async fn each_last(db: &impl Reads, seat: Seat) -> Result<Vec<LastSubmission>> {
    let rows = submission::Entity::find()
        .filter(submission::Column::TeamId.eq(seat.team))
        .filter(submission::Column::PairId.eq(seat.space_id()))
        .order_by_asc(submission::Column::ReceivedAt)
        .order_by_asc(submission::Column::Id)
        .all(db.conn())
        .await?;
    let last: BTreeMap<_, _> = rows.into_iter().map(|row| (row.lesson, row)).collect();
    last.into_values().map(last_submission).collect()
}

fn last_submission(row: submission::Model) -> Result<LastSubmission> {
    let Sent { values } = of_text(&row.contents)?;
    let received_at = row.received_at.0;
    Ok(LastSubmission { form_version: row.form_version, values, digest: row.digest, received_at })
}

/// Deletes all submissions and reopenings of a class in a space.
pub(super) async fn take_away(tx: &Tx, seat: Seat) -> Result<()> {
    submission::Entity::delete_many()
        .filter(submission::Column::TeamId.eq(seat.team))
        .filter(submission::Column::PairId.eq(seat.space_id()))
        .exec(tx.conn())
        .await?;
    reopening::Entity::delete_many()
        .filter(reopening::Column::TeamId.eq(seat.team))
        .filter(reopening::Column::PairId.eq(seat.space_id()))
        .exec(tx.conn())
        .await?;
    Ok(())
}
