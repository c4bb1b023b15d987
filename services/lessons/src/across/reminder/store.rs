//! Reminders as rows.

use std::collections::HashMap;

use jiff::Timestamp;
use platform::{Error, Id, Reads, Result, Tx};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

use super::{Reminder, Sent};
use crate::twinning::pair::Pair;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::twinning::pair::Pair;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "reminder")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub pair_id: Id<Pair>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub home: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub since: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub step: i32,
        pub sent_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The reminders that were sent for some pairs, by pair.
pub(super) async fn sent(
    db: &impl Reads,
    pairs: impl Iterator<Item = Id<Pair>>,
) -> Result<HashMap<Id<Pair>, Vec<Sent>>> {
    let rows = row::Entity::find().filter(row::Column::PairId.is_in(pairs)).all(db.conn()).await?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let named = || Error::internal(format!("`{}` names no country", row.home));
        let home = if row.home.is_empty() { None } else { Some(row.home.parse().map_err(|_| named())?) };
        let since = Timestamp::from_microsecond(row.since).map_err(Error::internal)?;
        let sent = Sent { home, since, step: row.step, at: row.sent_at.0 };
        found.entry(row.pair_id).or_default().push(sent);
    }
    Ok(found)
}

/// Records that a reminder is sent now.
pub(super) async fn add(tx: &Tx, reminder: &Reminder) -> Result<()> {
    let row = row::Model {
        pair_id: reminder.pair,
        home: reminder.home.as_ref().map(ToString::to_string).unwrap_or_default(),
        since: reminder.since.as_microsecond(),
        step: reminder.step,
        sent_at: tx.ctx().now().into(),
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}
