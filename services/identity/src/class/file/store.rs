//! Files as rows.

use std::collections::HashSet;

use jiff::Timestamp;
use platform::{
    Error, Id, Reads, Result, Tx, Violations,
    store::{At, of_text, to_text},
};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{File, Purpose};
use crate::{account::Account, reason::Reason};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{account::Account, class::file::File};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "file")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<File>,
        pub owner_id: Id<Account>,
        pub purpose: String,
        pub name: String,
        pub media_type: String,
        pub size_bytes: i64,
        pub digest: String,
        pub created_at: At,
        pub place: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Inserts a file.
pub(crate) async fn add(tx: &Tx, file: &File) -> Result<()> {
    let row = row::Model {
        id: file.id,
        owner_id: file.owner,
        purpose: to_text(&file.purpose)?,
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size_bytes: i64::try_from(file.size).map_err(Error::internal)?,
        digest: file.digest.clone(),
        created_at: file.created_at.into(),
        place: file.place.clone(),
    };
    row::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The file, without a check of the caller.
pub(crate) async fn find(db: &impl Reads, id: Id<File>) -> Result<Option<File>> {
    row::Entity::find_by_id(id).one(db.conn()).await?.map(file).transpose()
}

/// The files with these ids that exist, in no particular order.
pub(crate) async fn find_all(db: &impl Reads, ids: &[Id<File>]) -> Result<Vec<File>> {
    let rows = row::Entity::find().filter(row::Column::Id.is_in(ids.iter().copied())).all(db.conn()).await?;
    rows.into_iter().map(file).collect()
}

/// Removes the files that somebody uploaded, but for some, whose names are emptied. Returns the places of those that were removed.
pub(crate) async fn forget(tx: &Tx, owner: Id<Account>, kept: &[Id<File>]) -> Result<Vec<String>> {
    let of_owner = row::Column::OwnerId.eq(owner);
    row::Entity::update_many()
        .col_expr(row::Column::Name, Expr::value(""))
        .filter(of_owner.clone())
        .filter(row::Column::Id.is_in(kept.iter().copied()))
        .exec(tx.conn())
        .await?;
    let others = of_owner.and(row::Column::Id.is_not_in(kept.iter().copied()));
    let places = row::Entity::find().select_only().column(row::Column::Place).filter(others.clone());
    let places = places.into_tuple().all(tx.conn()).await?;
    row::Entity::delete_many().filter(others).exec(tx.conn()).await?;
    Ok(places)
}

/// The files that were uploaded before an instant.
pub(crate) async fn uploaded_before(db: &impl Reads, instant: Timestamp) -> Result<Vec<Id<File>>> {
    let old = row::Entity::find().select_only().column(row::Column::Id);
    Ok(old.filter(row::Column::CreatedAt.lt(At(instant))).into_tuple().all(db.conn()).await?)
}

/// Removes files. Returns their places.
pub(crate) async fn remove(tx: &Tx, ids: impl Iterator<Item = Id<File>>) -> Result<Vec<String>> {
    let these = row::Column::Id.is_in(ids);
    let places = row::Entity::find().select_only().column(row::Column::Place).filter(these.clone());
    let places = places.into_tuple().all(tx.conn()).await?;
    row::Entity::delete_many().filter(these).exec(tx.conn()).await?;
    Ok(places)
}

/// Those of some places that no file has.
pub(crate) async fn free(db: &impl Reads, places: Vec<String>) -> Result<Vec<String>> {
    let taken = row::Entity::find().select_only().column(row::Column::Place).filter(row::Column::Place.is_in(&places));
    let taken: HashSet<String> = taken.into_tuple().all(db.conn()).await?.into_iter().collect();
    Ok(places.into_iter().filter(|place| !taken.contains(place)).collect())
}

/// Error: a violation, where the new logo of a team is not a picture that the caller uploaded as a logo.
pub(crate) async fn check_logo(db: &impl Reads, logo: Option<Id<File>>) -> Result<()> {
    let Some(logo) = logo else { return Ok(()) };
    let mut violations = Violations::new();
    if !find(db, logo).await?.is_some_and(|file| file.purpose == Purpose::Logo && file.is_of(db.ctx())) {
        violations.add("team.logo_file_id", Reason::FileUnknown, "Upload the picture first, with the purpose LOGO.");
    }
    violations.done()
}

fn file(row: row::Model) -> Result<File> {
    Ok(File {
        id: row.id,
        owner: row.owner_id,
        purpose: of_text(&row.purpose)?,
        name: row.name,
        media_type: row.media_type,
        size: u64::try_from(row.size_bytes).map_err(Error::internal)?,
        digest: row.digest,
        place: row.place,
        created_at: row.created_at.0,
    })
}
