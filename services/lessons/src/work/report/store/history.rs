//! Earlier submissions and reopenings as rows. They are never overwritten.

use std::collections::BTreeMap;

use platform::{Reads, Result, Tx, store::of_text};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde::Deserialize;

use super::submission;
use crate::{
    work::{
        answer::Values,
        report::{LastSubmission, Reopening},
    },
    year::team::Seat,
};

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

/// The part of a submission's contents that is read again.
#[derive(Deserialize)]
struct Sent {
    values: Values,
}

/// Adds a reopening.
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

/// The last submission of a class for a lesson. It does not have what the class wrote after the report was given back.
pub(crate) async fn last(db: &impl Reads, seat: Seat, lesson: i32) -> Result<Option<LastSubmission>> {
    let newest = submission::Entity::find()
        .filter(submission::Column::TeamId.eq(seat.team))
        .filter(submission::Column::PairId.eq(seat.space_id()))
        .filter(submission::Column::Lesson.eq(lesson))
        .order_by_desc(submission::Column::ReceivedAt)
        .order_by_desc(submission::Column::Id);
    newest.one(db.conn()).await?.map(last_submission).transpose()
}

/// The last submission of a class for each lesson.
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
