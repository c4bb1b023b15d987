//! Pairs as rows.

use std::collections::HashMap;

use platform::{
    Error, Id, Locks, Reads, Result, Tx,
    ctx::Visible,
    store::{is_duplicate, to_text},
    tenant::Kind,
};
use proto::options::v1::Role;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use super::{Pair, PairSide, PairStage};
use crate::{
    reason::{Reason, Refuse},
    year::{
        edition::Track,
        team::{Seat, Team},
    },
};

mod classes;
mod columns;
mod list;
mod met;
mod waiting;

pub(crate) use classes::{classes, entered};
pub(crate) use list::list;
pub(crate) use met::{bound, met, proposed};
pub(crate) use waiting::{find_to_change, waiting};

use columns::{active, pair, place, side_active};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{twinning::pair::Pair, year::edition::Track};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "pair")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Pair>,
        pub version: i64,
        pub track_id: Id<Track>,
        pub proposed_by: String,
        pub matched: String,
        pub state: String,
        pub state_since: At,
        pub reason: String,
        pub project: String,
        pub project_at: Option<At>,
        pub suspended_by: String,
        pub delivered_at: Option<At>,
        pub previous_pair_id: Option<Id<Pair>>,
        pub created_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod side_row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        twinning::{offer::Offer, pair::Pair},
        year::team::Team,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "pair_side")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub pair_id: Id<Pair>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i32,
        pub home: String,
        pub team_id: Id<Team>,
        pub team_name: String,
        pub school_name: String,
        pub territory: String,
        pub offer_id: Id<Offer>,
        pub accepted_at: Option<At>,
        pub approved_at: Option<At>,
        pub partner: String,
        pub agreed_at: Option<At>,
        pub delivered_at: Option<At>,
        pub has_signed: bool,
        pub left_at: Option<At>,
        pub is_engaged: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What a list of pairs is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only those in this state.
    pub(crate) state: Option<PairStage>,
    /// Only those with a class of this country. May be empty.
    pub(crate) home: String,
    /// Only those of this track.
    pub(crate) track: Option<Id<Track>>,
}

/// The pair, if the caller may see it. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Pair>) -> Result<Pair> {
    find(db, id).await?.visible("pair", |pair| pair.is_visible_to(db.ctx()))
}

/// The pair, whoever asks.
pub(crate) async fn find(db: &impl Reads, id: Id<Pair>) -> Result<Option<Pair>> {
    let row = row::Entity::find_by_id(id).one(db.conn()).await?;
    Ok(with_sides(db, row.into_iter().collect()).await?.pop())
}

/// The pair, if the caller may see it, which nobody else can change until the transaction ends. Error: not found.
pub(crate) async fn get_to_change(tx: &impl Locks, id: Id<Pair>) -> Result<Pair> {
    row::Entity::find_by_id(id).lock_exclusive().one(tx.conn()).await?;
    get(tx, id).await
}

/// The pair a class works in, or worked in last, whoever asks. A class that has lost its twin goes on in the old pair until the new one
/// begins.
pub(crate) async fn of_team(db: &impl Reads, team: Id<Team>) -> Result<Option<Pair>> {
    let row = works_in(team)?.one(db.conn()).await?;
    Ok(with_sides(db, row.into_iter().collect()).await?.pop())
}

/// The pairs of a class whose work has begun and which it has not left, the one it works in first.
fn works_in(team: Id<Team>) -> Result<Select<row::Entity>> {
    let pairs = row::Entity::find()
        .filter(row::Column::Id.in_subquery(there(team).into_query()))
        .filter(row::Column::State.is_in(begun()?))
        .order_by_desc(row::Column::StateSince)
        .order_by_desc(row::Column::Id);
    Ok(pairs)
}

/// The pair a class works in, as [`of_team`] finds it, which nobody else can change until the transaction ends.
pub(crate) async fn of_team_to_change(tx: &impl Locks, team: Id<Team>) -> Result<Option<Pair>> {
    let row = works_in(team)?.lock_exclusive().one(tx.conn()).await?;
    // the sides are read once the pair is locked: the class may have left while this waited
    Ok(with_sides(tx, row.into_iter().collect()).await?.pop())
}

/// Checks that a class can write in a space, and holds its pair: until the transaction ends nobody else writes there and nobody leaves. A
/// class of a country is in no space. Error: not found, `PAIR_STATE`.
pub(crate) async fn check_working(tx: &Tx, seat: Seat) -> Result<()> {
    let Some(space) = seat.space else { return Ok(()) };
    let pair = get_to_change(tx, Pair::of_space(space)).await?;
    pair.check_working()?;
    // the class may have left while this waited
    pair.side_of(seat.team).map(|_| ()).ok_or_else(|| Error::not_found("team"))
}

/// Some pairs by their ids, whoever asks: one query for all.
pub(crate) async fn some(db: &impl Reads, ids: &[Id<Pair>]) -> Result<Vec<Pair>> {
    let rows = row::Entity::find().filter(row::Column::Id.is_in(ids.iter().copied())).all(db.conn()).await?;
    with_sides(db, rows).await
}

/// The seat of a class now, whoever asks.
pub(crate) async fn seat_of(db: &impl Reads, team: Id<Team>) -> Result<Seat> {
    let pair = match db.ctx().tenant().kind() {
        Kind::Country => None,
        Kind::Programme => of_team(db, team).await?,
    };
    Ok(Seat { team, space: pair.map(|pair| pair.space()) })
}

/// The pairs a class has not left.
fn there(team: Id<Team>) -> Select<side_row::Entity> {
    side_row::Entity::find()
        .select_only()
        .column(side_row::Column::PairId)
        .filter(side_row::Column::TeamId.eq(team))
        .filter(side_row::Column::LeftAt.is_null())
}

/// The words of the states in which the work has begun.
fn begun() -> Result<Vec<String>> {
    let states = [
        PairStage::Active,
        PairStage::Suspended,
        PairStage::OneSided,
        PairStage::Completed,
        PairStage::Dissolved,
        PairStage::Repaired,
    ];
    states.iter().map(to_text).collect()
}

/// The pairs of a track that are at work or rest, whoever asks.
pub(crate) async fn at_work(db: &impl Reads, track: Id<Track>) -> Result<Vec<Pair>> {
    let states = [PairStage::Active, PairStage::Suspended, PairStage::OneSided];
    let states = states.iter().map(to_text).collect::<Result<Vec<_>>>()?;
    let rows = row::Entity::find()
        .filter(row::Column::TrackId.eq(track))
        .filter(row::Column::State.is_in(states))
        .order_by_asc(row::Column::Id)
        .all(db.conn())
        .await?;
    with_sides(db, rows).await
}

/// The pairs in which a class goes on alone, whoever asks, oldest first.
pub(crate) async fn alone(db: &impl Reads, team: Id<Team>) -> Result<Vec<Pair>> {
    standing(db, team, PairStage::OneSided).await
}

/// The pairs that are proposed to a class, whoever asks, oldest first.
pub(crate) async fn proposed_to(db: &impl Reads, team: Id<Team>) -> Result<Vec<Pair>> {
    standing(db, team, PairStage::Proposed).await
}

async fn standing(db: &impl Reads, team: Id<Team>, state: PairStage) -> Result<Vec<Pair>> {
    let rows = row::Entity::find()
        .filter(row::Column::Id.in_subquery(there(team).into_query()))
        .filter(row::Column::State.eq(to_text(&state)?))
        .order_by_asc(row::Column::Id)
        .all(db.conn())
        .await?;
    with_sides(db, rows).await
}

/// The condition for sides by which the caller may see a pair, the same rule as [`Pair::is_visible_to`]. None for the secretariat, which
/// sees all.
fn own(db: &impl Reads) -> Option<Condition> {
    let ctx = db.ctx();
    if ctx.has(Role::Coordinator) {
        return None;
    }
    let there = Condition::all().add(side_row::Column::LeftAt.is_null());
    let member = ctx.member().ok();
    Some(match member.and_then(|member| member.acts_for) {
        Some(team) => there.add(side_row::Column::TeamId.eq(Id::<Team>::from(team))),
        None => there.add(side_row::Column::Home.eq(ctx.home().map_or("", |home| home.as_str()))),
    })
}

async fn with_sides(db: &impl Reads, rows: Vec<row::Model>) -> Result<Vec<Pair>> {
    let sides = side_row::Entity::find()
        .filter(side_row::Column::PairId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(side_row::Column::Position)
        .all(db.conn())
        .await?;
    let mut places: HashMap<Id<Pair>, Vec<PairSide>> = HashMap::new();
    for side in sides {
        places.entry(side.pair_id).or_default().push(place(side)?);
    }
    rows.into_iter().map(|row| pair(places.remove(&row.id).unwrap_or_default(), row)).collect()
}

/// Adds a pair.
pub(crate) async fn add(tx: &Tx, pair: &mut Pair) -> Result<()> {
    pair.version = 1;
    row::Entity::insert(active(pair)?).exec_without_returning(tx.conn()).await?;
    let sides = [0, 1].map(|position| side_active(pair, position));
    side_row::Entity::insert_many(sides).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Saves the next version of a pair. Error: `ETAG_STALE` where somebody saved it in between; `OFFER_CLOSED` where one of the classes
/// is engaged in another pair (I13).
pub(crate) async fn save(tx: &Tx, pair: &mut Pair) -> Result<()> {
    pair.version += 1;
    tx.save(active(pair)?).await?;
    for position in [0, 1] {
        let saved = side_row::Entity::update(side_active(pair, position)).exec(tx.conn()).await;
        saved.map_err(|fault| if is_duplicate(&fault) { engaged() } else { fault.into() })?;
    }
    Ok(())
}

/// The error for a class that is in another pair, or whose twin would be. It does not say in which pair.
pub(crate) fn engaged() -> Error {
    Reason::OfferClosed.error("One of the classes is in another pair already: a class is in one at a time.")
}
