//! What the matcher must know of pairs: who has met, and who waits for an answer.

use std::collections::{HashMap, HashSet};

use platform::{Id, Reads, Result, store::to_text};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::{row, side_row};
use crate::{
    edition::Track,
    offer::{
        Offer,
        couples::{self, Met},
    },
    pair::{Pair, State},
    team::Team,
};

/// The classes that were ever in one pair of this track, whatever became of it, unless it was taken from them.
pub(crate) async fn met(db: &impl Reads, track: Id<Track>) -> Result<Met> {
    let pairs = row::Entity::find()
        .select_only()
        .column(row::Column::Id)
        .filter(row::Column::TrackId.eq(track))
        .filter(row::Column::State.ne(to_text(&State::Lapsed)?));
    let sides = side_row::Entity::find()
        .select_only()
        .columns([side_row::Column::PairId, side_row::Column::TeamId])
        .filter(side_row::Column::PairId.in_subquery(pairs.into_query()));
    let mut first: HashMap<Id<Pair>, Id<Team>> = HashMap::new();
    let sides = sides.into_tuple::<(Id<Pair>, Id<Team>)>().all(db.conn()).await?;
    let both = sides.into_iter().filter_map(|(pair, team)| Some(couples::met(first.insert(pair, team)?, team)));
    Ok(both.collect())
}

/// The offers of this track that stand in a proposal.
pub(crate) async fn proposed(db: &impl Reads, track: Id<Track>) -> Result<HashSet<Id<Offer>>> {
    let pairs = row::Entity::find()
        .select_only()
        .column(row::Column::Id)
        .filter(row::Column::TrackId.eq(track))
        .filter(row::Column::State.eq(to_text(&State::Proposed)?));
    let sides = side_row::Entity::find()
        .select_only()
        .column(side_row::Column::OfferId)
        .filter(side_row::Column::PairId.in_subquery(pairs.into_query()));
    Ok(sides.into_tuple::<Id<Offer>>().all(db.conn()).await?.into_iter().collect())
}
