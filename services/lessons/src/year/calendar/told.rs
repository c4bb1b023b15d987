//! When calendars end, as identity was last told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use platform::{Id, Reads, Result, Tx, store::At};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::year::edition::Track;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::year::edition::Track;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "track_end_told")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub track_id: Id<Track>,
        pub ends_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What was told, by track.
pub(crate) async fn all(db: &impl Reads) -> Result<BTreeMap<Id<Track>, Timestamp>> {
    let rows = row::Entity::find().all(db.conn()).await?;
    Ok(rows.into_iter().map(|row| (row.track_id, row.ends_at.0)).collect())
}

/// Notes what is told now of some tracks.
pub(crate) async fn set(tx: &Tx, ends: &BTreeMap<Id<Track>, Timestamp>) -> Result<()> {
    let before = row::Entity::delete_many().filter(row::Column::TrackId.is_in(ends.keys().copied()));
    before.exec(tx.conn()).await?;
    let rows = ends.iter().map(|(track, at)| row::Model { track_id: *track, ends_at: At(*at) }.into_active_model());
    row::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    Ok(())
}
