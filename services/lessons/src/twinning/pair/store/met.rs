//! What the matcher and others ask about pairs: which classes have met, which offers wait for an answer, which class is bound.

use std::collections::{HashMap, HashSet};

use platform::{Id, Reads, Result, store::to_text};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::{row, side_row};
use crate::{
    twinning::{
        offer::{
            Offer,
            couples::{self, Met},
        },
        pair::{Pair, PairStage, ProposedBy},
    },
    year::{edition::Track, team::Team},
};

/// The classes that were in one pair of this track, whatever its state, except pairs that lapsed.
pub(crate) async fn met(db: &impl Reads, track: Id<Track>) -> Result<Met> {
    let pairs = row::Entity::find()
        .select_only()
        .column(row::Column::Id)
        .filter(row::Column::TrackId.eq(track))
        .filter(row::Column::State.ne(to_text(&PairStage::Lapsed)?));
    let sides = side_row::Entity::find()
        .select_only()
        .columns([side_row::Column::PairId, side_row::Column::TeamId])
        .filter(side_row::Column::PairId.in_subquery(pairs.into_query()));
    let mut first: HashMap<Id<Pair>, Id<Team>> = HashMap::new();
    let sides = sides.into_tuple::<(Id<Pair>, Id<Team>)>().all(db.conn()).await?;
    let both = sides.into_iter().filter_map(|(pair, team)| Some(couples::met(first.insert(pair, team)?, team)));
    Ok(both.collect())
}

/// The offers of this track that wait for an answer: those that the secretariat or the matcher has proposed, and those whose class has
/// accepted. A proposal by the teacher of another class does not count before this class accepts, because otherwise one class could keep
/// all others waiting.
pub(crate) async fn proposed(db: &impl Reads, track: Id<Track>) -> Result<HashSet<Id<Offer>>> {
    let pairs = row::Entity::find()
        .select_only()
        .column(row::Column::Id)
        .filter(row::Column::TrackId.eq(track))
        .filter(row::Column::State.eq(to_text(&PairStage::Proposed)?));
    let above = pairs.clone().filter(row::Column::ProposedBy.ne(to_text(&ProposedBy::Teacher)?));
    let waits = Condition::any()
        .add(side_row::Column::AcceptedAt.is_not_null())
        .add(side_row::Column::PairId.in_subquery(above.into_query()));
    let sides = side_row::Entity::find()
        .select_only()
        .column(side_row::Column::OfferId)
        .filter(side_row::Column::PairId.in_subquery(pairs.into_query()))
        .filter(waits);
    Ok(sides.into_tuple::<Id<Offer>>().all(db.conn()).await?.into_iter().collect())
}

/// The pair a class is bound in. None where it is not bound. The index of the table allows only one.
pub(crate) async fn bound(db: &impl Reads, team: Id<Team>) -> Result<Option<Id<Pair>>> {
    let side = side_row::Entity::find()
        .filter(side_row::Column::TeamId.eq(team))
        .filter(side_row::Column::IsEngaged.eq(true))
        .one(db.conn())
        .await?;
    Ok(side.map(|side| side.pair_id))
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::{
        testing::twins::{Twins, offered},
        twinning::pair::store,
    };

    #[tokio::test]
    async fn a_proposal_of_a_teacher_does_not_keep_the_matcher_from_a_class_that_has_not_accepted() {
        let twins = Twins::at_work().await;
        let track = twins.plan.edition.tracks()[0].id();
        let sides = [("hr", "HR033"), ("it", "ITF14")].map(|(home, territory)| twins.ground.side(home, territory));
        let teacher = twins.ground.twin(Role::TwinTeacher, &sides[0]);
        let offers = sides.map(|side| offered(&teacher, track, side));
        let ids = offers.each_ref().map(Offer::id);
        let tx = twins.store.change(&twins.secretariat()).await.unwrap();
        for (by, waits) in [(&teacher, &ids[..1]), (&twins.secretariat(), &ids[..])] {
            let mut pair = Pair::propose(by, [&offers[0], &offers[1]]).unwrap();
            store::add(&tx, &mut pair).await.unwrap();
            assert_eq!(proposed(&tx, track).await.unwrap(), waits.iter().copied().collect::<HashSet<_>>());
        }
        assert_eq!(proposed(&tx, twins.ground.ids.next()).await.unwrap(), HashSet::new());
    }
}
