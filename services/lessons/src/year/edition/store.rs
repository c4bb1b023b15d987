//! Editions and tracks as rows.

use platform::{
    Error, Id, Page, PageRequest, Reads, Result, Tx, batch,
    ctx::Visible,
    listing::{Fields, Key},
    store::{is_duplicate, of_text, to_text},
};
use proto::options::v1::Role;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use super::{Call, Edition, EditionState, Plan, Track};
use crate::{
    reason::{Reason, Refuse},
    year::{calendar, form, moment::Moment},
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::year::edition::Edition;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "edition")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Edition>,
        pub version: i64,
        pub code: String,
        pub label: String,
        pub template: String,
        pub state: String,
        pub call_opens_at: At,
        pub call_closes_at: At,
        pub created_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod track_row {
    use platform::Id;
    use sea_orm::entity::prelude::*;

    use crate::year::edition::{Edition, Track};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "track")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Track>,
        pub edition_id: Id<Edition>,
        pub position: i32,
        pub code: String,
        pub rules: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "super::row::Entity", from = "Column::EditionId", to = "super::row::Column::Id")]
        Edition,
    }
    impl Related<super::row::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Edition.def()
        }
    }
    impl ActiveModelBehavior for ActiveModel {}
}

/// The edition, if the caller may see it. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Edition>) -> Result<Edition> {
    let row = row::Entity::find_by_id(id).one(db.conn()).await?;
    let edition = with_tracks(db, row.into_iter().collect()).await?.pop();
    edition.visible("edition", |edition| edition.is_visible_to(db.ctx()))
}

/// These editions, in this order, if the caller may see them all. Error: not found, with the ids of those that the caller may not see.
pub(crate) async fn get_all(db: &impl Reads, ids: &[Id<Edition>]) -> Result<Vec<Edition>> {
    let rows = row::Entity::find().filter(row::Column::Id.is_in(ids.to_vec())).all(db.conn()).await?;
    let mut editions = with_tracks(db, rows).await?;
    editions.retain(|edition| edition.is_visible_to(db.ctx()));
    batch::all("edition", ids, &editions, |edition| edition.id)
}

/// The track and its edition without tracks, if the caller may see them: one query, because every application asks for it.
/// Error: not found.
pub(crate) async fn track(db: &impl Reads, id: Id<Track>) -> Result<(Track, Edition)> {
    let found = track_row::Entity::find_by_id(id).find_also_related(row::Entity).one(db.conn()).await?;
    let Some((track, Some(edition))) = found else { return Err(Error::not_found("track")) };
    let edition = edition_of(db, edition, Vec::new())?;
    let edition = Some(edition).visible("track", |edition| edition.is_visible_to(db.ctx()))?;
    Ok((track_of(track)?, edition))
}

/// The track, whoever asks: for a caller who may see a class of it. Error: not found.
pub(crate) async fn find_track(db: &impl Reads, id: Id<Track>) -> Result<Track> {
    let row = track_row::Entity::find_by_id(id).one(db.conn()).await?;
    row.map_or_else(|| Err(Error::not_found("track")), track_of)
}

/// The track, whose deadlines nobody can change until the transaction ends. Many transactions can hold them at once. Error: not found.
pub(crate) async fn hold_deadlines(tx: &Tx, id: Id<Track>) -> Result<Track> {
    let row = track_row::Entity::find_by_id(id).lock_shared().one(tx.conn()).await?;
    row.map_or_else(|| Err(Error::not_found("track")), track_of)
}

/// Waits until no transaction holds the deadlines of a track, and lets no other hold or change them until this one ends. So no verdict is
/// given by a deadline that changes in the same instant.
pub(crate) async fn lock_deadlines(tx: &Tx, id: Id<Track>) -> Result<()> {
    track_row::Entity::find_by_id(id).lock_exclusive().one(tx.conn()).await?;
    Ok(())
}

/// Every edition of the tenant, also those the caller may not see. There is about one for a school year.
pub(crate) async fn all(db: &impl Reads) -> Result<Vec<Edition>> {
    with_tracks(db, row::Entity::find().order_by_asc(row::Column::Id).all(db.conn()).await?).await
}

/// What editions are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Desc)
        .id("id", C::Id)
        .text("code", C::Code)
        .text("label", C::Label)
        .text("template", C::Template)
        .words("state", C::State, "EDITION_STATE", ["draft", "open"])
        .time("created_at", C::CreatedAt)
}

/// One page of the editions the caller may see, newest first where nothing else is asked, and the number of them on all pages.
pub(crate) async fn list(db: &impl Reads, page: PageRequest<Key>) -> Result<(Page<Edition>, i32)> {
    let open = to_text(&EditionState::Open)?;
    let shown = row::Entity::find().apply_if((!db.ctx().has(Role::Coordinator)).then_some(open), |query, open| {
        query.filter(row::Column::State.eq(open))
    });
    let (Page { items, next }, total) = fields().page_and_total(db, shown, page).await?;
    Ok((Page { items: with_tracks(db, items).await?, next }, total))
}

async fn with_tracks(db: &impl Reads, rows: Vec<row::Model>) -> Result<Vec<Edition>> {
    let tracks = track_row::Entity::find()
        .filter(track_row::Column::EditionId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(track_row::Column::Position)
        .all(db.conn())
        .await?;
    let tracks: Vec<Track> = tracks.into_iter().map(track_of).collect::<Result<_>>()?;
    rows.into_iter()
        .map(|row| {
            let tracks = tracks.iter().filter(|track| track.edition == row.id).cloned().collect();
            edition_of(db, row, tracks)
        })
        .collect()
}

/// Adds an edition with its tracks, forms and calendar. Error: `EDITION_EXISTS`.
pub(crate) async fn add(tx: &Tx, plan: &mut Plan) -> Result<()> {
    let edition = &mut plan.edition;
    edition.version = 1;
    let added = row::Entity::insert(active(edition)?).exec_without_returning(tx.conn()).await;
    added.map_err(|fault| if is_duplicate(&fault) { exists(edition) } else { fault.into() })?;
    let tracks: Vec<_> =
        edition.tracks.iter().zip(0..).map(|(track, at)| track_active(track, at)).collect::<Result<_>>()?;
    track_row::Entity::insert_many(tracks).exec_without_returning(tx.conn()).await?;
    form::store::add(tx, &plan.forms).await?;
    calendar::store::add(tx, &plan.items).await
}

fn exists(edition: &Edition) -> Error {
    let text = format!("There is an edition `{}` already. Give the new one another code.", edition.code);
    Reason::EditionExists.error(text).with("code", &edition.code)
}

/// Saves the next version of an edition. Error: `ETAG_STALE` where somebody saved it in between.
pub(crate) async fn save(tx: &Tx, edition: &mut Edition) -> Result<()> {
    edition.version += 1;
    tx.save(active(edition)?).await
}

fn active(edition: &Edition) -> Result<row::ActiveModel> {
    Ok(row::ActiveModel {
        id: Set(edition.id),
        version: Set(edition.version),
        code: Set(edition.code.clone()),
        label: Set(edition.label.clone()),
        template: Set(edition.template.clone()),
        state: Set(to_text(&edition.state)?),
        call_opens_at: Set(edition.call.opens.at().into()),
        call_closes_at: Set(edition.call.closes.at().into()),
        created_at: Set(edition.created_at.into()),
    })
}

fn track_active(track: &Track, position: i32) -> Result<track_row::ActiveModel> {
    let row = track_row::Model {
        id: track.id,
        edition_id: track.edition,
        position,
        code: track.rules.code.clone(),
        rules: to_text(&track.rules)?,
    };
    Ok(row.into_active_model())
}

fn edition_of(db: &impl Reads, row: row::Model, tracks: Vec<Track>) -> Result<Edition> {
    let zone = db.ctx().tenant().zone();
    Ok(Edition {
        id: row.id,
        version: row.version,
        code: row.code,
        label: row.label,
        template: row.template,
        state: of_text(&row.state)?,
        call: Call { opens: Moment::new(row.call_opens_at.0, zone), closes: Moment::new(row.call_closes_at.0, zone) },
        tracks,
        created_at: row.created_at.0,
    })
}

fn track_of(row: track_row::Model) -> Result<Track> {
    Ok(Track { id: row.id, edition: row.edition_id, rules: of_text(&row.rules)? })
}
