//! Timelines as rows.

use std::collections::HashMap;

use platform::{
    Id, Reads, Result, Tx,
    store::{of_text, to_text},
};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use super::{Point, Timeline};
use crate::{
    twinning::pair::Pair,
    year::{calendar::Deadline, moment::Moment, team::Space},
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::twinning::pair::Pair;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "timeline")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub pair_id: Id<Pair>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub lesson: i32,
        pub deadline_at: At,
        pub planned_at: At,
        pub rule_version: i32,
        pub moved_across: String,
        pub reason: String,
        pub made_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The current timeline of a pair. None before the pair has started.
pub(crate) async fn newest(db: &impl Reads, pair: Id<Pair>) -> Result<Option<Timeline>> {
    let mut rows = row::Entity::find()
        .filter(row::Column::PairId.eq(pair))
        .order_by_desc(row::Column::Version)
        .order_by_asc(row::Column::Lesson)
        .all(db.conn())
        .await?;
    let Some(first) = rows.first().cloned() else { return Ok(None) };
    rows.retain(|row| row.version == first.version);
    let points = rows.into_iter().map(|row| point(db, row)).collect::<Result<_>>()?;
    Ok(Some(Timeline { pair, version: first.version, points, reason: first.reason, made_at: first.made_at.0 }))
}

/// The deadline of a lesson that holds in each of some spaces: one query, however many spaces. A space whose pair has not started has none.
pub(crate) async fn deadlines(
    db: &impl Reads,
    spaces: impl Iterator<Item = Id<Space>>,
    lesson: i32,
) -> Result<HashMap<Id<Space>, Deadline>> {
    let rows = row::Entity::find()
        .filter(row::Column::PairId.is_in(spaces))
        .filter(row::Column::Lesson.eq(lesson))
        .order_by_asc(row::Column::Version)
        .all(db.conn())
        .await?;
    rows.into_iter().map(|row| Ok((row.pair_id.uuid().into(), point(db, row)?.deadline()))).collect()
}

/// Adds a version, which holds from now on.
pub(crate) async fn add(tx: &Tx, timeline: &Timeline) -> Result<()> {
    let rows = timeline.points.iter().map(|point| active(timeline, point)).collect::<Result<Vec<_>>>()?;
    row::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    Ok(())
}

fn active(timeline: &Timeline, point: &Point) -> Result<row::ActiveModel> {
    let row = row::Model {
        pair_id: timeline.pair,
        version: timeline.version,
        lesson: point.lesson,
        deadline_at: point.deadline.at().into(),
        planned_at: point.planned.at().into(),
        rule_version: point.rule_version,
        moved_across: to_text(&point.moved_across)?,
        reason: timeline.reason.clone(),
        made_at: timeline.made_at.into(),
    };
    Ok(row.into_active_model())
}

fn point(db: &impl Reads, row: row::Model) -> Result<Point> {
    let zone = db.ctx().tenant().zone();
    Ok(Point {
        lesson: row.lesson,
        deadline: Moment::new(row.deadline_at.0, zone),
        planned: Moment::new(row.planned_at.0, zone),
        rule_version: row.rule_version,
        moved_across: of_text(&row.moved_across)?,
    })
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::{space::timeline::Home, testing::twins::Twins, year::calendar::Revision};

    #[tokio::test]
    async fn the_newest_version_holds_and_the_others_stay() {
        let twins = Twins::at_work().await;
        let ctx = twins.ground.by(Role::Coordinator);
        let homes: [Home; 0] = [];
        let track = twins.pair.track();
        let mut items: Vec<_> = twins.plan.items.iter().filter(|item| item.track() == track).cloned().collect();
        let first = Timeline::plan(&ctx, twins.pair.id(), &items, &homes).unwrap();

        let tx = twins.store.change(&ctx).await.unwrap();
        assert_eq!(newest(&tx, twins.pair.id()).await.unwrap(), None);
        let due = async |tx: &Tx| {
            let space = twins.pair.space();
            deadlines(tx, [space].into_iter(), 1).await.unwrap().remove(&space)
        };
        assert_eq!(due(&tx).await, None);
        add(&tx, &first).await.unwrap();
        let revision = Revision { starts: "2022-12-22T23:59:59".parse().unwrap(), ends: None, reason: "x".to_owned() };
        let one = items.iter_mut().find(|item| item.deadline_of() == Some(1)).unwrap();
        *one = one.revise(&ctx, revision).unwrap();
        let next = first.replan(&ctx, &items, &homes, "strike".to_owned()).unwrap().unwrap();
        add(&tx, &next).await.unwrap();
        assert_eq!(newest(&tx, twins.pair.id()).await.unwrap(), Some(next));
        let due = due(&tx).await.unwrap();
        assert_eq!((due.moment.to_string().as_str(), due.rule_version), ("2022-12-22T23:59:59+01:00[Europe/Rome]", 2));
        let versions = row::Entity::find().all(tx.conn()).await.unwrap().len();
        assert_eq!(versions, 8, "both, each of four lessons");
    }
}
