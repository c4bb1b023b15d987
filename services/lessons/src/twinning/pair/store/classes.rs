//! The classes of pairs, as a programme lists its teams, and the pairs it judges.

use std::collections::HashMap;

use platform::{Id, Page, PageRequest, Reads, Result, store::to_text};
use proto::options::v1::Role;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use super::{begun, own, row, side_row, with_sides};
use crate::{
    twinning::{
        pair::{Pair, PairStage},
        side::Side,
    },
    year::{edition::Track, team::Team},
};

/// One page of the classes of some tracks whose work has begun, in the order of their ids, each with its pair: of the caller's own
/// country, or for the secretariat and its machines of all.
pub(crate) async fn classes(
    db: &impl Reads,
    tracks: &[Id<Track>],
    territory: &str,
    page: PageRequest<Id<Team>>,
) -> Result<Page<(Side, Pair)>> {
    let pairs = row::Entity::find()
        .filter(row::Column::TrackId.is_in(tracks.iter().copied()))
        .filter(row::Column::State.is_in(begun()?));
    let is_machine = db.ctx().has(Role::Integrator);
    let sides = side_row::Entity::find()
        .filter(side_row::Column::LeftAt.is_null())
        .filter(side_row::Column::PairId.in_subquery(ids(pairs.clone()).into_query()))
        .apply_if(own(db).filter(|_| !is_machine), |query, own| query.filter(own))
        .apply_if((!territory.is_empty()).then_some(territory), |query, within| {
            query.filter(side_row::Column::Territory.starts_with(within))
        });
    let teams = sides
        .clone()
        .select_only()
        .column(side_row::Column::TeamId)
        .distinct()
        .apply_if(page.after().copied(), |query, after| query.filter(side_row::Column::TeamId.gt(after)))
        .order_by_asc(side_row::Column::TeamId)
        .limit(page.limit());
    let page = page.page(teams.into_tuple::<Id<Team>>().all(db.conn()).await?, |team| *team);
    let sides = sides.filter(side_row::Column::TeamId.is_in(page.items.clone()));
    let sides = sides.all(db.conn()).await?;
    let pairs = pairs
        .filter(row::Column::Id.is_in(sides.iter().map(|side| side.pair_id)))
        .order_by_asc(row::Column::StateSince)
        .order_by_asc(row::Column::Id)
        .all(db.conn())
        .await?;
    // of a class that was in two pairs, the one it works in: as `of_team` has it
    let pairs = with_sides(db, pairs).await?;
    let mut found: HashMap<Id<Team>, (Side, Pair)> = HashMap::new();
    for pair in pairs {
        for place in pair.sides().iter().filter(|place| !place.has_left()) {
            found.insert(place.side.team, (place.side.clone(), pair.clone()));
        }
    }
    let classes = page.items.iter().filter_map(|team| found.remove(team)).collect();
    Ok(Page { items: classes, next: page.next })
}

/// One page of the pairs that are judged, oldest first: those at work, those of which one class goes on alone, and completed ones.
pub(crate) async fn entered(db: &impl Reads, tracks: &[Id<Track>], page: PageRequest<Id<Pair>>) -> Result<Page<Pair>> {
    let states = [PairStage::Active, PairStage::Suspended, PairStage::OneSided, PairStage::Completed];
    let rows = row::Entity::find()
        .filter(row::Column::TrackId.is_in(tracks.iter().copied()))
        .filter(row::Column::State.is_in(states.iter().map(to_text).collect::<Result<Vec<_>>>()?))
        .apply_if(page.after().copied(), |query, after| query.filter(row::Column::Id.gt(after)))
        .order_by_asc(row::Column::Id)
        .limit(page.limit())
        .all(db.conn())
        .await?;
    let pairs = with_sides(db, rows).await?;
    Ok(page.page(pairs, |pair| pair.id))
}

fn ids(pairs: Select<row::Entity>) -> Select<row::Entity> {
    pairs.select_only().column(row::Column::Id)
}
