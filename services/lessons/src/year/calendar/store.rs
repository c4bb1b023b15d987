//! Calendars and extensions as rows.

use std::{
    collections::{BTreeSet, HashMap},
    iter,
};

use platform::{
    Error, Id, Reads, Result, Tx,
    store::{of_text, to_text},
};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, sea_query::Expr};

use super::{Course, Deadline, Extension, Item, Replan};
use crate::year::{
    edition::{self, Track},
    moment::Moment,
    team::Team,
    template::ItemKind,
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::year::{calendar::Item, edition::Track};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "calendar_item")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Item>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub track_id: Id<Track>,
        pub kind: String,
        pub title: String,
        pub lesson: Option<i32>,
        pub starts_at: At,
        pub ends_at: Option<At>,
        pub reason: String,
        pub revised_at: At,
        pub is_current: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod extension_row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::year::{calendar::Extension, edition::Track, team::Team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "extension")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Extension>,
        pub team_id: Id<Team>,
        pub track_id: Id<Track>,
        pub lesson: i32,
        pub deadline_at: At,
        pub reason: String,
        pub granted_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The current versions of the items of some tracks, in the order of their beginning.
pub(crate) async fn list(db: &impl Reads, tracks: impl Iterator<Item = Id<Track>>) -> Result<Vec<Item>> {
    let rows = row::Entity::find()
        .filter(row::Column::TrackId.is_in(tracks))
        .filter(row::Column::IsCurrent.eq(true))
        .order_by_asc(row::Column::StartsAt)
        .order_by_asc(row::Column::Id)
        .all(db.conn())
        .await?;
    rows.into_iter().map(|row| item_of(db, row)).collect()
}

/// Every version of an item, oldest first. Error: not found.
pub(crate) async fn versions(db: &impl Reads, id: Id<Item>) -> Result<Vec<Item>> {
    let query = row::Entity::find().filter(row::Column::Id.eq(id)).order_by_asc(row::Column::Version);
    let rows = query.all(db.conn()).await?;
    if rows.is_empty() {
        return Err(Error::not_found("calendar item"));
    }
    rows.into_iter().map(|row| item_of(db, row)).collect()
}

/// The current version of an item, which nobody else can change until the transaction ends. Error: not found.
pub(crate) async fn get_to_change(tx: &Tx, id: Id<Item>) -> Result<Item> {
    edition::store::lock_deadlines(tx, get(tx, id).await?.track).await?;
    // somebody may have changed it while this transaction waited
    get(tx, id).await
}

async fn get(db: &impl Reads, id: Id<Item>) -> Result<Item> {
    let query = row::Entity::find().filter(row::Column::Id.eq(id)).filter(row::Column::IsCurrent.eq(true));
    let row = query.one(db.conn()).await?.ok_or_else(|| Error::not_found("calendar item"))?;
    item_of(db, row)
}

/// The deadline of a team's lesson in the calendar, which nobody else can change until the transaction ends.
/// Error: `LESSON_UNKNOWN`.
pub(crate) async fn deadline_to_change(tx: &Tx, team: &Team, lesson: i32) -> Result<Item> {
    edition::store::find_track(tx, team.track).await?.check_lesson(lesson)?;
    edition::store::lock_deadlines(tx, team.track).await?;
    deadline_item(tx, team.track, lesson).await
}

/// The deadline of a lesson in the calendar of a track.
pub(crate) async fn deadline_item(db: &impl Reads, track: Id<Track>, lesson: i32) -> Result<Item> {
    let row = row::Entity::find()
        .filter(row::Column::TrackId.eq(track))
        .filter(row::Column::Kind.eq(to_text(&ItemKind::ReportDeadline)?))
        .filter(row::Column::Lesson.eq(lesson))
        .filter(row::Column::IsCurrent.eq(true))
        .one(db.conn())
        .await?;
    let row = row.ok_or_else(|| Error::internal(format!("track {track} has no deadline for lesson {lesson}")))?;
    item_of(db, row)
}

/// The deadline of a lesson that holds for a team by the calendar of its track and its newest extension.
pub(crate) async fn deadline(db: &impl Reads, track: Id<Track>, team: Id<Team>, lesson: i32) -> Result<Deadline> {
    let item = deadline_item(db, track, lesson).await?;
    let newest = extension_row::Entity::find()
        .filter(extension_row::Column::TeamId.eq(team))
        .filter(extension_row::Column::Lesson.eq(lesson))
        .order_by_desc(extension_row::Column::GrantedAt)
        .order_by_desc(extension_row::Column::Id)
        .one(db.conn())
        .await?;
    let extension = newest.map(|row| extension_of(db, row));
    Ok(Deadline::new(&item, extension.as_ref()))
}

/// The newest extension of each team of a track that has one for a lesson.
pub(crate) async fn extensions(db: &impl Reads, track: Id<Track>, lesson: i32) -> Result<HashMap<Id<Team>, Extension>> {
    let rows = extension_row::Entity::find()
        .filter(extension_row::Column::TrackId.eq(track))
        .filter(extension_row::Column::Lesson.eq(lesson))
        .order_by_asc(extension_row::Column::GrantedAt)
        .order_by_asc(extension_row::Column::Id)
        .all(db.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (row.team_id, extension_of(db, row))).collect())
}

/// What a team still has to do in its track, of which it has `delivered` some lessons.
pub(crate) async fn course(db: &impl Reads, team: &Team, delivered: BTreeSet<i32>) -> Result<Course> {
    let extensions = extension_row::Entity::find()
        .filter(extension_row::Column::TeamId.eq(team.id))
        .order_by_asc(extension_row::Column::GrantedAt)
        .order_by_asc(extension_row::Column::Id)
        .all(db.conn())
        .await?;
    Ok(Course {
        items: list(db, iter::once(team.track)).await?,
        extensions: extensions.into_iter().map(|row| (row.lesson, extension_of(db, row))).collect(),
        delivered,
    })
}

/// Adds the extensions of a team's new deadlines.
pub(crate) async fn add_replan(tx: &Tx, replan: &Replan) -> Result<()> {
    for extension in &replan.extensions {
        add_extension(tx, extension).await?;
    }
    Ok(())
}

/// Adds the items of a new edition.
pub(crate) async fn add(tx: &Tx, items: &[Item]) -> Result<()> {
    let rows: Vec<_> = items.iter().map(active).collect::<Result<_>>()?;
    row::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Adds the next version of an item, which holds from now on.
pub(crate) async fn add_version(tx: &Tx, item: &Item) -> Result<()> {
    row::Entity::update_many()
        .col_expr(row::Column::IsCurrent, Expr::value(false))
        .filter(row::Column::Id.eq(item.id))
        .filter(row::Column::IsCurrent.eq(true))
        .exec(tx.conn())
        .await?;
    row::Entity::insert(active(item)?).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Adds an extension.
pub(crate) async fn add_extension(tx: &Tx, extension: &Extension) -> Result<()> {
    let row = extension_row::Model {
        id: extension.id,
        team_id: extension.team,
        track_id: extension.track,
        lesson: extension.lesson,
        deadline_at: extension.deadline.at().into(),
        reason: extension.reason.clone(),
        granted_at: extension.granted_at.into(),
    };
    extension_row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

fn active(item: &Item) -> Result<row::ActiveModel> {
    let row = row::Model {
        id: item.id,
        version: item.version,
        track_id: item.track,
        kind: to_text(&item.kind)?,
        title: item.title.clone(),
        lesson: item.lesson,
        starts_at: item.starts.at().into(),
        ends_at: item.ends.as_ref().map(|ends| ends.at().into()),
        reason: item.reason.clone(),
        revised_at: item.revised_at.into(),
        is_current: true,
    };
    Ok(row.into_active_model())
}

fn item_of(db: &impl Reads, row: row::Model) -> Result<Item> {
    let zone = db.ctx().tenant().zone();
    Ok(Item {
        id: row.id,
        version: row.version,
        track: row.track_id,
        kind: of_text(&row.kind)?,
        title: row.title,
        lesson: row.lesson,
        starts: Moment::new(row.starts_at.0, zone),
        ends: row.ends_at.map(|ends| Moment::new(ends.0, zone)),
        reason: row.reason,
        revised_at: row.revised_at.0,
    })
}

fn extension_of(db: &impl Reads, row: extension_row::Model) -> Extension {
    Extension {
        id: row.id,
        team: row.team_id,
        track: row.track_id,
        lesson: row.lesson,
        deadline: Moment::new(row.deadline_at.0, db.ctx().tenant().zone()),
        reason: row.reason,
        granted_at: row.granted_at.0,
    }
}
