//! Pages of the pairs that a reader may see.

use platform::{
    Page, PageRequest, Reads, Result,
    listing::{Fields, Key},
    store::to_text,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};

use super::{Filter, own, row, side_row, with_sides};
use crate::twinning::pair::Pair;

/// What pairs are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    let states = [
        "proposed",
        "accepted",
        "approved",
        "project_agreed",
        "active",
        "suspended",
        "one_sided",
        "completed",
        "declined",
        "dissolved",
        "repaired",
        "lapsed",
    ];
    Fields::new(C::Id, Order::Desc)
        .id("id", C::Id)
        .id("track_id", C::TrackId)
        .words("proposed_by", C::ProposedBy, "PROPOSED_BY", ["teacher", "secretariat", "matcher"])
        .words("state", C::State, "PAIR_STATE", states)
        .time("state_since", C::StateSince)
        .time("project_at", C::ProjectAt)
        .id("previous_pair_id", C::PreviousPairId)
        .time("created_at", C::CreatedAt)
        .time("delivered_at", C::DeliveredAt)
}

/// One page of the pairs the caller may see, newest first where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, filter: &Filter, page: PageRequest<Key>) -> Result<Page<Pair>> {
    let Page { items, next } = fields().page(db, shown(db, filter)?, page).await?;
    Ok(Page { items: with_sides(db, items).await?, next })
}

/// The pairs the caller may see, in no order.
fn shown(db: &impl Reads, filter: &Filter) -> Result<Select<row::Entity>> {
    let state = filter.state.as_ref().map(to_text).transpose()?;
    let home = (!filter.home.is_empty()).then(|| side_row::Column::Home.eq(filter.home.as_str()));
    let acts_for_class = db.ctx().member().is_ok_and(|member| member.acts_for.is_some());
    Ok(row::Entity::find()
        .apply_if(own(db), |query, own| query.filter(if acts_for_class { in_few(own) } else { in_many(own) }))
        .apply_if(home, |query, home| query.filter(in_many(Condition::all().add(home))))
        .apply_if(state, |query, state| query.filter(row::Column::State.eq(state)))
        .apply_if(filter.track, |query, track| query.filter(row::Column::TrackId.eq(track))))
}

/// The condition for pairs with a side for which `condition` holds, where few sides meet it: the database looks those up.
fn in_few(condition: Condition) -> SimpleExpr {
    let sides = side_row::Entity::find().select_only().column(side_row::Column::PairId).filter(condition);
    row::Column::Id.in_subquery(sides.into_query())
}

/// The condition for pairs with a side for which `condition` holds, where many sides meet it: the database checks pair after pair until the
/// page is full.
fn in_many(condition: Condition) -> SimpleExpr {
    let of_pair = Expr::col((side_row::Entity, side_row::Column::PairId)).equals((row::Entity, row::Column::Id));
    let sides = side_row::Entity::find().select_only().column(side_row::Column::PairId).filter(of_pair);
    Expr::exists(sides.filter(condition).into_query())
}

#[cfg(test)]
mod tests {
    use platform::Id;
    use sea_orm::{ConnectionTrait, Statement};

    use super::*;
    use crate::{testing::twins::Twins, twinning::pair::PairStage};

    /// The query of the first page, or of the one after a pair.
    fn newest_first(db: &impl Reads, filter: &Filter, after: Option<Id<Pair>>) -> Select<row::Entity> {
        let token = PageRequest::walk(50, "").unwrap().followed_by(after.map(Key::from), vec![()]).next;
        fields().select(shown(db, filter).unwrap(), &PageRequest::walk(50, &token).unwrap()).unwrap()
    }

    /// The query plan of SQLite.
    async fn plan(db: &impl Reads, query: Select<row::Entity>) -> Vec<String> {
        let backend = db.conn().get_database_backend();
        let Statement { sql, values, .. } = query.build(backend);
        let explain = Statement { sql: format!("EXPLAIN QUERY PLAN {sql}"), values, db_backend: backend };
        let steps = db.conn().query_all_raw(explain).await.unwrap();
        steps.iter().map(|step| step.try_get("", "detail").unwrap()).collect()
    }

    #[tokio::test]
    async fn every_way_to_list_pairs_goes_by_an_index_and_sorts_nothing() {
        let twins = Twins::at_work().await;
        let home = || "hr".to_owned();
        let (state, track) = (Some(PairStage::Active), Some(twins.pair.track()));
        let filters = [
            Filter::default(),
            Filter { state, ..Filter::default() },
            Filter { home: home(), ..Filter::default() },
            Filter { track, ..Filter::default() },
            Filter { state, track, ..Filter::default() },
            Filter { state, home: home(), track },
        ];
        let central = twins.ground.country(&twins.side(0).home);
        for reader in [twins.secretariat(), central, twins.teacher(0), twins.team(1)] {
            let db = twins.store.read(&reader).await.unwrap();
            for filter in &filters {
                for after in [None, Some(twins.pair.id())] {
                    let steps = plan(&db, newest_first(&db, filter, after)).await;
                    let reads = steps.iter().filter(|step| step.contains("pair"));
                    let bare = reads.filter(|step| !step.contains("INDEX")).count();
                    let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
                    assert!(bare == 0 && !sorted, "{filter:?}: {steps:#?}");
                }
            }
            let filter = Filter { state, track, ..Filter::default() };
            if reader.home().is_none() {
                let steps = plan(&db, newest_first(&db, &filter, None)).await;
                assert!(steps[0].contains("pair_track_state (track_id=? AND state=?)"), "{steps:#?}");
            }
        }
    }

    #[tokio::test]
    async fn each_reader_finds_its_own_pairs_by_country_and_class() {
        let twins = Twins::at_work().await;
        let find = async |reader: platform::Ctx, home: &str| {
            let db = twins.store.read(&reader).await.unwrap();
            let filter = Filter { home: home.to_owned(), ..Filter::default() };
            newest_first(&db, &filter, None).all(db.conn()).await.unwrap().len()
        };
        let stranger = twins.ground.side("hr", "HR033");
        let stranger = || twins.ground.twin(proto::options::v1::Role::TwinTeacher, &stranger);
        let central = |of: usize| twins.ground.country(&twins.side(of).home);
        assert_eq!([find(twins.secretariat(), "").await, find(twins.secretariat(), "si").await], [1, 0]);
        assert_eq!([find(central(0), "it").await, find(central(1), "si").await], [1, 0]);
        assert_eq!([find(twins.team(0), "").await, find(stranger(), "").await], [1, 0]);
    }
}
