//! Forms as rows.

use platform::{
    Error, Id, Reads, Result, Tx,
    store::{of_text, to_text},
};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use super::Form;
use crate::year::edition::Track;

mod row {
    use platform::Id;
    use sea_orm::entity::prelude::*;

    use crate::year::edition::Track;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "form")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub track_id: Id<Track>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub lesson: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub fields: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The newest version of a lesson's form, which a new report is begun with.
pub(crate) async fn newest(db: &impl Reads, track: Id<Track>, lesson: i32) -> Result<Form> {
    let query = row::Entity::find()
        .filter(row::Column::TrackId.eq(track))
        .filter(row::Column::Lesson.eq(lesson))
        .order_by_desc(row::Column::Version);
    form(query.one(db.conn()).await?, track, lesson)
}

/// The version of a lesson's form a report was begun with.
pub(crate) async fn version(db: &impl Reads, track: Id<Track>, lesson: i32, version: i32) -> Result<Form> {
    form(row::Entity::find_by_id((track, lesson, version)).one(db.conn()).await?, track, lesson)
}

/// Adds the forms of a new edition.
pub(crate) async fn add(tx: &Tx, forms: &[Form]) -> Result<()> {
    let rows = forms.iter().map(|form| {
        let row = row::Model {
            track_id: form.track,
            lesson: form.lesson,
            version: form.version,
            fields: to_text(&form.fields)?,
        };
        Ok(row.into_active_model())
    });
    let rows: Vec<_> = rows.collect::<Result<_>>()?;
    row::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    Ok(())
}

fn form(row: Option<row::Model>, track: Id<Track>, lesson: i32) -> Result<Form> {
    let row = row.ok_or_else(|| Error::internal(format!("track {track} has no form for lesson {lesson}")))?;
    Ok(Form { track: row.track_id, lesson: row.lesson, version: row.version, fields: of_text(&row.fields)? })
}
