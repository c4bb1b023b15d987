//! Offers as rows.

use platform::{
    Error, Id, Locks, Page, PageRequest, Reads, Result, Tx,
    ctx::Visible,
    listing::{Fields, Key},
    store::{is_duplicate, of_text, to_text},
};
use proto::options::v1::Role;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{Offer, OfferDetails, OfferState};
use crate::{
    reason::{Reason, Refuse},
    twinning::{
        pair::{self, Pair},
        side::Side,
    },
    year::{edition::Track, team::Team},
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        twinning::{offer::Offer, pair::Pair},
        year::{edition::Track, team::Team},
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "offer")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Offer>,
        pub version: i64,
        pub track_id: Id<Track>,
        pub home: String,
        pub team_id: Id<Team>,
        pub team_name: String,
        pub school_name: String,
        pub territory: String,
        pub languages: String,
        pub themes: String,
        pub class_size: i32,
        pub available_from: String,
        pub available_until: String,
        pub project_ids: String,
        pub note: String,
        pub state: String,
        pub lost_pair_id: Option<Id<Pair>>,
        pub published_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// What a list of offers is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only those in this state. None: open ones.
    pub(crate) state: Option<OfferState>,
    /// Only those of this country. May be empty.
    pub(crate) home: String,
    /// Only those in this territory. May be empty.
    pub(crate) territory: String,
    /// Only those of this track.
    pub(crate) track: Option<Id<Track>>,
}

/// The offer, if the caller may know of it. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Offer>) -> Result<Offer> {
    let row = row::Entity::find_by_id(id).one(db.conn()).await?;
    row.map(offer).transpose()?.visible("offer", |offer| offer.is_visible_to(db.ctx()))
}

/// Two offers, whoever asks, which nobody else can take or withdraw until the transaction ends. They are locked in the order of their
/// countries' names, in the same order as an acceptance does it, so that neither transaction waits for the other. Error: not found.
pub(crate) async fn hold_both(tx: &impl Locks, ids: [Id<Offer>; 2]) -> Result<[Offer; 2]> {
    let both = row::Entity::find()
        .filter(row::Column::Id.is_in(ids))
        .order_by_asc(row::Column::Home)
        .order_by_asc(row::Column::Id)
        .lock_exclusive();
    both.all(tx.conn()).await?;
    Ok([of_place(tx, ids[0]).await?, of_place(tx, ids[1]).await?])
}

/// The offers of a class that are not withdrawn, whoever asks. Nobody else can change them until the transaction ends.
pub(crate) async fn to_withdraw(tx: &Tx, team: Id<Team>) -> Result<Vec<Offer>> {
    let standing = row::Entity::find()
        .filter(row::Column::TeamId.eq(team))
        .filter(row::Column::State.ne(to_text(&OfferState::Withdrawn)?))
        .order_by_asc(row::Column::Id)
        .lock_exclusive();
    standing.all(tx.conn()).await?.into_iter().map(offer).collect()
}

/// The offer, whoever asks: that of one side of a pair. Error: not found.
pub(crate) async fn of_place(db: &impl Reads, id: Id<Offer>) -> Result<Offer> {
    let row = row::Entity::find_by_id(id).one(db.conn()).await?;
    row.map(offer).transpose()?.ok_or_else(|| Error::not_found("offer"))
}

/// What offers are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Asc)
        .id("id", C::Id)
        .id("track_id", C::TrackId)
        .id("side.team_id", C::TeamId)
        .text("side.home", C::Home)
        .text("side.territory", C::Territory)
        .number("class_size", C::ClassSize)
        .day("available_from", C::AvailableFrom)
        .day("available_until", C::AvailableUntil)
        .time("published_at", C::PublishedAt)
}

/// One page of the offers the caller may see, oldest first where nothing else is asked. Others are left out by the query, because a page
/// token would give them away.
pub(crate) async fn list(db: &impl Reads, filter: &Filter, page: PageRequest<Key>) -> Result<Page<Offer>> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let shown = row::Entity::find()
        .apply_if(own(db)?, |query, own| query.filter(own))
        .filter(row::Column::State.eq(to_text(&filter.state.unwrap_or(OfferState::Open))?))
        .apply_if(some(&filter.home), |query, home| query.filter(row::Column::Home.eq(home)))
        .apply_if(some(&filter.territory), |query, within| query.filter(row::Column::Territory.starts_with(within)))
        .apply_if(filter.track, |query, track| query.filter(row::Column::TrackId.eq(track)));
    fields().page(db, shown, page).await?.try_map(offer)
}

/// The condition for offers the caller may see, the same rule as [`Offer::is_visible_to`]. None for the secretariat, which sees all.
fn own(db: &impl Reads) -> Result<Option<Condition>> {
    let ctx = db.ctx();
    if ctx.has(Role::Coordinator) {
        return Ok(None);
    }
    let seen = Condition::any().add(row::Column::State.eq(to_text(&OfferState::Open)?));
    let member = ctx.member().ok();
    Ok(Some(match member.and_then(|member| member.acts_for) {
        Some(team) => seen.add(row::Column::TeamId.eq(Id::<Team>::from(team))),
        None => seen.add(row::Column::Home.eq(ctx.home().map_or("", |home| home.as_str()))),
    }))
}

/// Every open offer of a track: a programme has some dozens.
pub(crate) async fn open(db: &impl Reads, track: Id<Track>) -> Result<Vec<Offer>> {
    let open = row::Entity::find()
        .filter(row::Column::State.eq(to_text(&OfferState::Open)?))
        .filter(row::Column::TrackId.eq(track))
        .order_by_asc(row::Column::Id);
    open.all(db.conn()).await?.into_iter().map(offer).collect()
}

/// The open offers of a track whose classes are in no open proposal that counts: the input of the matcher. Nobody else can take or withdraw
/// them until the transaction ends; they are locked in the order of [`hold_both`].
pub(crate) async fn free(tx: &Tx, track: Id<Track>) -> Result<Vec<Offer>> {
    let open = row::Entity::find()
        .filter(row::Column::State.eq(to_text(&OfferState::Open)?))
        .filter(row::Column::TrackId.eq(track))
        .order_by_asc(row::Column::Home)
        .order_by_asc(row::Column::Id)
        .lock_exclusive();
    let mut offers = open.all(tx.conn()).await?.into_iter().map(offer).collect::<Result<Vec<_>>>()?;
    let proposed = pair::store::proposed(tx, track).await?;
    offers.retain(|offer| !proposed.contains(&offer.id));
    offers.sort_by_key(|offer| offer.id);
    Ok(offers)
}

/// Adds an offer. It is marked as having lost its twin where the class goes on alone in a pair. Error: `OFFER_EXISTS`.
pub(crate) async fn add(tx: &Tx, offer: &mut Offer) -> Result<()> {
    offer.version = 1;
    offer.lost = pair::store::alone(tx, offer.side.team).await?.last().map(Pair::id);
    let added = row::Entity::insert(active(offer)?).exec_without_returning(tx.conn()).await;
    added.map(drop).map_err(|fault| if is_duplicate(&fault) { exists() } else { fault.into() })
}

fn exists() -> Error {
    Reason::OfferExists.error(
        "The class has an offer in this track already, or is in a pair. Change the offer, or leave the pair first.",
    )
}

/// Saves the next version of an offer. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save(tx: &Tx, offer: &mut Offer) -> Result<()> {
    offer.version += 1;
    tx.save(active(offer)?).await
}

fn active(offer: &Offer) -> Result<row::ActiveModel> {
    let Offer { side, wish, .. } = offer;
    Ok(row::ActiveModel {
        id: Set(offer.id),
        version: Set(offer.version),
        track_id: Set(offer.track),
        home: Set(side.home.to_string()),
        team_id: Set(side.team),
        team_name: Set(side.team_name.clone()),
        school_name: Set(side.school_name.clone()),
        territory: Set(side.territory.clone()),
        languages: Set(to_text(&wish.languages)?),
        themes: Set(to_text(&wish.themes)?),
        class_size: Set(wish.class_size),
        available_from: Set(wish.from.to_string()),
        available_until: Set(wish.until.to_string()),
        project_ids: Set(to_text(&wish.projects)?),
        note: Set(wish.note.clone()),
        state: Set(to_text(&offer.state)?),
        lost_pair_id: Set(offer.lost),
        published_at: Set(offer.published_at.into()),
    })
}

fn offer(row: row::Model) -> Result<Offer> {
    Ok(Offer {
        id: row.id,
        version: row.version,
        track: row.track_id,
        side: Side::of_row(&row.home, row.team_id, row.team_name, row.school_name, row.territory)?,
        wish: OfferDetails {
            languages: of_text(&row.languages)?,
            themes: of_text(&row.themes)?,
            class_size: row.class_size,
            from: row.available_from.parse().map_err(Error::internal)?,
            until: row.available_until.parse().map_err(Error::internal)?,
            projects: of_text(&row.project_ids)?,
            note: row.note,
        },
        state: of_text(&row.state)?,
        lost: row.lost_pair_id,
        published_at: row.published_at.0,
    })
}
