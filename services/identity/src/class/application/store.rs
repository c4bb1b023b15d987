//! Applications as rows.

use jiff::Timestamp;
use platform::{
    Error, Id, Page, PageRequest, Reads, Result, Tx,
    ctx::Visible,
    listing::{Fields, Key},
    store::{At, of_text, to_text},
};
use proto::options::v1::Role;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, IntoActiveModel, Order, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, SimpleExpr},
};

use super::{Application, Draft};
use crate::{
    account::Account,
    class::{
        file::File,
        track::{Edition, Track},
    },
};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{
        account::Account,
        class::{application::Application, track},
        school::School,
    };

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "application")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Application>,
        pub version: i64,
        pub edition_id: Id<track::Edition>,
        pub track_id: Id<track::Track>,
        pub referent_id: Id<Account>,
        pub school_id: Option<Id<School>>,
        pub team_name: String,
        pub team_type: Option<String>,
        pub classes: String,
        pub team_size: i32,
        pub motivation: String,
        pub integration_mode: Option<String>,
        pub file_ids: String,
        pub state: String,
        pub facts: String,
        pub submitted_at: Option<At>,
        pub created_at: At,
        pub changed_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The filter of a list of applications.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) edition: Option<Id<Edition>>,
    pub(crate) state: Option<&'static str>,
}

/// The states that count towards the teams a referent may have.
const COUNTED: [&str; 3] = ["submitted", "admitted", "admitted_with_reservation"];

/// The states of an application that became a team.
const FOUNDED: [&str; 2] = ["admitted", "admitted_with_reservation"];

/// The application, if the caller may see it. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Application>) -> Result<Application> {
    find(db, id).await?.visible("application", |application| application.is_visible_to(db.ctx()))
}

/// The application, without a check of the caller.
pub(crate) async fn find(db: &impl Reads, id: Id<Application>) -> Result<Option<Application>> {
    row::Entity::find_by_id(id).one(db.conn()).await?.map(application).transpose()
}

/// What applications are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    let states = ["draft", "submitted", "admitted", "admitted_with_reservation", "refused", "withdrawn"];
    Fields::new(C::Id, Order::Asc)
        .id("id", C::Id)
        .id("edition_id", C::EditionId)
        .id("track_id", C::TrackId)
        .id("school_id", C::SchoolId)
        .id("referent_id", C::ReferentId)
        .text("team_name", C::TeamName)
        .words("team_type", C::TeamType, "TEAM_TYPE", ["whole_class", "group_in_class", "mixed_classes"])
        .number("team_size", C::TeamSize)
        .words("state", C::State, "APPLICATION_STATE", states)
        .time("submitted_at", C::SubmittedAt)
}

/// One page, oldest first where nothing else is asked. A teacher gets their own applications; the central team gets all that were
/// submitted.
pub(crate) async fn list(db: &impl Reads, filter: Filter, page: PageRequest<Key>) -> Result<Page<Application>> {
    let mut query = row::Entity::find();
    query = if db.ctx().has(Role::Coordinator) {
        query.filter(was_submitted())
    } else {
        query.filter(row::Column::ReferentId.eq(db.ctx().account::<Account>()?))
    };
    let shown = query
        .apply_if(filter.edition, |query, edition| query.filter(row::Column::EditionId.eq(edition)))
        .apply_if(filter.state, |query, state| query.filter(row::Column::State.eq(state)));
    fields().page(db, shown, page).await?.try_map(application)
}

/// The number of other applications of its referent that are submitted or admitted in its edition.
pub(crate) async fn others(db: &impl Reads, application: &Application) -> Result<u32> {
    let others = row::Entity::find()
        .filter(row::Column::ReferentId.eq(application.referent))
        .filter(row::Column::EditionId.eq(application.edition))
        .filter(row::Column::State.is_in(COUNTED))
        .filter(row::Column::Id.ne(application.id))
        .count(db.conn())
        .await?;
    u32::try_from(others).map_err(Error::internal)
}

/// The number of teams that were founded in a track, including those that were moved since. The next team gets the next number.
pub(crate) async fn founded(db: &impl Reads, track: Id<Track>) -> Result<u32> {
    let founded = row::Entity::find()
        .filter(row::Column::TrackId.eq(track))
        .filter(row::Column::State.is_in(FOUNDED))
        .count(db.conn())
        .await?;
    u32::try_from(founded).map_err(Error::internal)
}

/// The applications that the central team may see. A draft that was withdrawn was never submitted.
fn was_submitted() -> SimpleExpr {
    row::Column::SubmittedAt.is_not_null()
}

/// Whether the uploader of a file has attached it to an application that was submitted. (Somebody else's draft may name the file
/// too.) `file_ids` is a list of quoted ids of equal length, so searching for the quoted id finds exactly this id. A teacher has
/// few applications, so few rows are read.
pub(crate) async fn has_file(db: &impl Reads, file: &File) -> Result<bool> {
    let attached = row::Entity::find()
        .filter(row::Column::ReferentId.eq(file.owner()))
        .filter(was_submitted())
        .filter(row::Column::FileIds.contains(format!("\"{}\"", file.id())))
        .count(db.conn())
        .await?;
    Ok(attached > 0)
}

/// Removes the applications of a referent that became no team: nobody but the referent was concerned. Returns how many.
pub(crate) async fn forget_unfounded(tx: &Tx, referent: Id<Account>) -> Result<u64> {
    let theirs = row::Entity::delete_many().filter(row::Column::ReferentId.eq(referent));
    Ok(theirs.filter(row::Column::State.is_not_in(FOUNDED)).exec(tx.conn()).await?.rows_affected)
}

/// The files that the applications of a referent name.
pub(crate) async fn files_of(db: &impl Reads, referent: Id<Account>) -> Result<Vec<Id<File>>> {
    let query = row::Entity::find().filter(row::Column::ReferentId.eq(referent));
    let all = query.all(db.conn()).await?.into_iter().map(application).collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().flat_map(|one| one.draft.files).collect())
}

/// An application that names files, as far as it matters for how long they are kept.
pub(crate) struct Naming {
    /// The application.
    pub(crate) id: Id<Application>,
    /// Its edition.
    pub(crate) edition: Id<Edition>,
    /// Whether it was submitted.
    pub(crate) is_submitted: bool,
    /// The files.
    pub(crate) files: Vec<Id<File>>,
}

/// Every application that names files.
pub(crate) async fn namings(db: &impl Reads) -> Result<Vec<Naming>> {
    use row::Column as C;
    let query = row::Entity::find().select_only().columns([C::Id, C::EditionId, C::SubmittedAt, C::FileIds]);
    let rows = query.filter(C::FileIds.ne("[]")).into_tuple::<(_, _, Option<At>, String)>().all(db.conn()).await?;
    let naming = |(id, edition, submitted, files): (_, _, Option<At>, String)| {
        Ok(Naming { id, edition, is_submitted: submitted.is_some(), files: of_text(&files)? })
    };
    rows.into_iter().map(naming).collect()
}

/// Whether there is one of which it is not known when it was last changed.
pub(crate) async fn is_uncounted(db: &impl Reads) -> Result<bool> {
    Ok(row::Entity::find().filter(unknown()).count(db.conn()).await? > 0)
}

/// Of those of which it is not known, says that they were changed now.
pub(crate) async fn count_from_now(tx: &Tx) -> Result<()> {
    let counted = row::Entity::update_many().col_expr(row::Column::ChangedAt, Expr::value(At(tx.ctx().now())));
    counted.filter(unknown()).exec(tx.conn()).await?;
    Ok(())
}

fn unknown() -> SimpleExpr {
    row::Column::ChangedAt.eq(At(Timestamp::UNIX_EPOCH))
}

/// Inserts a new application, or saves the next version of one that was read. Error: `ETAG_STALE`, where it was saved in between.
pub(crate) async fn save(tx: &Tx, application: &mut Application) -> Result<()> {
    application.version += 1;
    tx.save(active(application, At(tx.ctx().now()))?).await
}

fn active(application: &Application, changed_at: At) -> Result<row::ActiveModel> {
    let draft = application.draft.clone();
    let row = row::Model {
        id: application.id,
        version: application.version,
        edition_id: application.edition,
        track_id: application.track,
        referent_id: application.referent,
        school_id: draft.school,
        team_name: draft.team_name,
        team_type: draft.team_type.as_ref().map(to_text).transpose()?,
        classes: to_text(&draft.classes)?,
        team_size: draft.team_size,
        motivation: draft.motivation,
        integration_mode: draft.integration_mode.as_ref().map(to_text).transpose()?,
        file_ids: to_text(&draft.files)?,
        state: application.state.name().to_owned(),
        facts: to_text(&application.state)?,
        submitted_at: application.state.submitted().map(At::from),
        created_at: application.created_at.into(),
        changed_at,
    };
    // an update writes every column, so every column is set
    let id = row.id;
    let mut row = sea_orm::ActiveModelTrait::reset_all(row.into_active_model());
    row.id = Set(id);
    Ok(row)
}

fn application(row: row::Model) -> Result<Application> {
    Ok(Application {
        id: row.id,
        version: row.version,
        edition: row.edition_id,
        track: row.track_id,
        referent: row.referent_id,
        draft: Draft {
            school: row.school_id,
            team_name: row.team_name,
            team_type: row.team_type.as_deref().map(of_text).transpose()?,
            classes: of_text(&row.classes)?,
            team_size: row.team_size,
            motivation: row.motivation,
            integration_mode: row.integration_mode.as_deref().map(of_text).transpose()?,
            files: of_text(&row.file_ids)?,
        },
        state: of_text(&row.facts)?,
        created_at: row.created_at.0,
    })
}
