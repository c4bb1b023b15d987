//! Schools as rows.

use platform::{
    Error, Id, Page, PageRequest, Reads, Result, Tx, Violations,
    listing::{Fields, Key},
    store::{holding, of_text, to_text},
    text::fold,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, IntoActiveModel, Order, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{Import, School};
use crate::{reason::Reason, school::register::SchoolRecord};

mod row {
    use platform::Id;
    use sea_orm::entity::prelude::*;

    use crate::school::School;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "school")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<School>,
        pub code: String,
        pub institute_code: String,
        pub name: String,
        pub institute_name: String,
        pub level: String,
        pub kind: String,
        pub municipality: String,
        pub municipality_code: String,
        pub territory: String,
        pub address: String,
        pub email: String,
        pub words: String,
        pub is_open: bool,
        pub domain: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The number of rows per statement. Both databases accept at most 32,766 values in one statement.
const BATCH: usize = 1_000;

/// The school. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<School>) -> Result<School> {
    find(db, id).await?.ok_or_else(|| Error::not_found("school"))
}

/// The school, if there is one.
pub(crate) async fn find(db: &impl Reads, id: Id<School>) -> Result<Option<School>> {
    row::Entity::find_by_id(id).one(db.conn()).await?.map(school).transpose()
}

/// Error: a violation at `field`, where an id is given that no school has.
pub(crate) async fn check(db: &impl Reads, field: &str, id: Option<Id<School>>) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let mut violations = Violations::new();
    if find(db, id).await?.is_none() {
        let text = "There is no such school in the register. Look it up in the list of schools.";
        violations.add(field, Reason::SchoolUnknown, text);
    }
    violations.done()
}

/// Every school, to compare with a register.
pub(crate) async fn all(db: &impl Reads) -> Result<Vec<School>> {
    row::Entity::find().all(db.conn()).await?.into_iter().map(school).collect()
}

/// What schools are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Code, Order::Asc)
        .id("id", C::Id)
        .text("code", C::Code)
        .text("institute_code", C::InstituteCode)
        .text("name", C::Name)
        .text("institute_name", C::InstituteName)
        .words("level", C::Level, "SCHOOL_LEVEL", ["lower_secondary", "upper_secondary", "other"])
        .text("kind", C::Kind)
        .text("municipality", C::Municipality)
        .text("territory", C::Territory)
        .flag("open", C::IsOpen)
}

/// One page of the schools whose text contains every word of `query`, in the order of their codes where nothing else is asked.
pub(crate) async fn list(
    db: &impl Reads,
    query: &str,
    territory: &str,
    page: PageRequest<Key>,
) -> Result<Page<School>> {
    let mut found = row::Entity::find().filter(row::Column::Territory.starts_with(territory));
    for word in fold(query).split_whitespace() {
        found = found.filter(row::Column::Words.like(holding(word)));
    }
    fields().page(db, found, page).await?.try_map(school)
}

/// Saves the changes of an import.
pub(crate) async fn save(tx: &Tx, import: &Import) -> Result<()> {
    let rows: Vec<_> = import.created.iter().chain(&import.updated).map(active).collect::<Result<_>>()?;
    for batch in rows.chunks(BATCH) {
        row::Entity::insert_many(batch.to_vec()).on_conflict(replace()).exec_without_returning(tx.conn()).await?;
    }
    for batch in import.closed.chunks(BATCH) {
        row::Entity::update_many()
            .col_expr(row::Column::IsOpen, Expr::value(false))
            .filter(row::Column::Id.is_in(batch.iter().copied()))
            .exec(tx.conn())
            .await?;
    }
    Ok(())
}

/// What happens to a school that is stored already: its data are replaced.
fn replace() -> OnConflict {
    use row::Column as C;
    let columns = [
        C::Code,
        C::InstituteCode,
        C::Name,
        C::InstituteName,
        C::Level,
        C::Kind,
        C::Municipality,
        C::MunicipalityCode,
        C::Territory,
        C::Address,
        C::Email,
        C::Words,
        C::IsOpen,
        C::Domain,
    ];
    OnConflict::column(C::Id).update_columns(columns).to_owned()
}

fn active(school: &School) -> Result<row::ActiveModel> {
    let words = school.words();
    let record = school.record.clone();
    let row = row::Model {
        id: school.id,
        code: record.code,
        institute_code: record.institute_code,
        name: record.name,
        institute_name: record.institute_name,
        level: to_text(&record.level)?,
        kind: record.kind,
        municipality: record.municipality,
        municipality_code: record.municipality_code,
        territory: record.territory,
        address: record.address,
        email: record.email,
        words,
        is_open: school.is_open,
        domain: record.domain,
    };
    let mut row = row.into_active_model();
    row.id = Set(school.id);
    Ok(row)
}

fn school(row: row::Model) -> Result<School> {
    Ok(School {
        id: row.id,
        is_open: row.is_open,
        record: SchoolRecord {
            code: row.code,
            institute_code: row.institute_code,
            name: row.name,
            institute_name: row.institute_name,
            level: of_text(&row.level)?,
            kind: row.kind,
            municipality: row.municipality,
            municipality_code: row.municipality_code,
            territory: row.territory,
            address: row.address,
            email: row.email,
            domain: row.domain,
        },
    })
}
