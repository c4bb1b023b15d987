//! Projects as rows.

use std::collections::HashSet;

use platform::{
    Error, Id, Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
    store::{holding, of_text, to_text},
    text::fold,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QuerySelect, QueryTrait,
    sea_query::OnConflict,
};

use super::{Project, import::Import};

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::twinning::project::Project;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "project")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Project>,
        pub keep_number: String,
        pub acronym: String,
        pub words: String,
        pub contents: String,
        pub imported_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod place_row {
    use platform::Id;
    use sea_orm::entity::prelude::*;

    use crate::twinning::project::Project;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "project_place")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub project_id: Id<Project>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub country: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub territory: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows written by one statement: both databases take at most 32,766 values in it.
const BATCH: usize = 1_000;

/// What a list of projects is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only those that hold each of these words. May be empty.
    pub(crate) query: String,
    /// Only those with a partner in each of these countries.
    pub(crate) countries: Vec<String>,
    /// Only those with a partner in this territory. May be empty.
    pub(crate) territory: String,
}

/// The project. Error: not found.
pub(crate) async fn get(db: &impl Reads, id: Id<Project>) -> Result<Project> {
    let row = row::Entity::find_by_id(id).one(db.conn()).await?;
    project(row.ok_or_else(|| Error::not_found("project"))?)
}

/// The ids among these that belong to projects of the programme.
pub(crate) async fn known(db: &impl Reads, ids: &[Id<Project>]) -> Result<HashSet<Id<Project>>> {
    let known = row::Entity::find().select_only().column(row::Column::Id).filter(row::Column::Id.is_in(ids.to_vec()));
    Ok(known.into_tuple().all(db.conn()).await?.into_iter().collect())
}

/// Every project, for an import.
pub(crate) async fn all(db: &impl Reads) -> Result<Vec<Project>> {
    row::Entity::find().all(db.conn()).await?.into_iter().map(project).collect()
}

/// What projects are filtered and ordered by. The column of the acronym holds it folded, so no caller is shown it.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    Fields::new(C::Id, Order::Asc)
        .usually(C::Acronym, Order::Asc)
        .id("id", C::Id)
        .text("keep_id", C::KeepNumber)
        .time("imported_at", C::ImportedAt)
}

/// One page of projects, in the order of their acronyms where nothing else is asked, and the number of them on all pages.
pub(crate) async fn list(db: &impl Reads, filter: &Filter, page: PageRequest<Key>) -> Result<(Page<Project>, i32)> {
    let mut found = row::Entity::find();
    for word in fold(&filter.query).split_whitespace() {
        found = found.filter(row::Column::Words.like(holding(word)));
    }
    for country in &filter.countries {
        found = found.filter(placed(Condition::all().add(place_row::Column::Country.eq(country))));
    }
    if !filter.territory.is_empty() {
        found = found.filter(placed(Condition::all().add(place_row::Column::Territory.starts_with(&filter.territory))));
    }
    let (page, total) = fields().page_and_total(db, found, page).await?;
    Ok((page.try_map(project)?, total))
}

/// The condition for projects with a partner for which another condition holds.
fn placed(condition: Condition) -> Condition {
    let places = place_row::Entity::find().select_only().column(place_row::Column::ProjectId).filter(condition);
    Condition::all().add(row::Column::Id.in_subquery(places.into_query()))
}

/// Writes what an import changes. `step` is told between batches how many of how many projects are written. Error: its own.
pub(crate) async fn save(tx: &Tx, import: &Import, step: impl Fn(usize, usize) -> Result<()>) -> Result<()> {
    let changed: Vec<&Project> = import.changed.iter().map(|(project, _)| project).collect();
    for batch in changed.chunks(BATCH) {
        let ids = batch.iter().map(|project| project.id);
        place_row::Entity::delete_many().filter(place_row::Column::ProjectId.is_in(ids)).exec(tx.conn()).await?;
    }
    let saved: Vec<&Project> = import.added.iter().chain(changed).collect();
    step(0, saved.len())?;
    for (number, batch) in saved.chunks(BATCH).enumerate() {
        let rows = batch.iter().map(|project| active(project)).collect::<Result<Vec<_>>>()?;
        row::Entity::insert_many(rows).on_conflict(replace()).exec_without_returning(tx.conn()).await?;
        let places: Vec<_> = batch.iter().copied().flat_map(places).collect();
        for places in places.chunks(BATCH) {
            place_row::Entity::insert_many(places.to_vec()).exec_without_returning(tx.conn()).await?;
        }
        step(number * BATCH + batch.len(), saved.len())?;
    }
    Ok(())
}

/// Replaces the columns of a project that exists.
fn replace() -> OnConflict {
    use row::Column as C;
    OnConflict::column(C::Id).update_columns([C::Acronym, C::Words, C::Contents, C::ImportedAt]).to_owned()
}

fn active(project: &Project) -> Result<row::ActiveModel> {
    Ok(row::ActiveModel {
        id: Set(project.id),
        keep_number: Set(project.facts.keep_id.clone()),
        acronym: Set(project.order()),
        words: Set(project.words()),
        contents: Set(to_text(&project.facts)?),
        imported_at: Set(project.imported_at.into()),
    })
}

fn places(project: &Project) -> impl Iterator<Item = place_row::ActiveModel> {
    project.places().into_iter().map(|(country, territory)| place_row::ActiveModel {
        project_id: Set(project.id),
        country: Set(country.to_owned()),
        territory: Set(territory.to_owned()),
    })
}

fn project(row: row::Model) -> Result<Project> {
    Ok(Project { id: row.id, facts: of_text(&row.contents)?, imported_at: row.imported_at.0 })
}

#[cfg(test)]
mod tests {
    use platform::Store;
    use proto::options::v1::Role;

    use super::*;
    use crate::{
        testing::Ground,
        twinning::project::sheet::tests::{HEADER, sheet},
    };

    const LINES: &str = "1,SEA,Clean ports,2014TC16RFCB042,closed,,,1000,0,,A port,lead,IT,ITF14,Ortona,600\n\
                         1,SEA,Clean ports,2014TC16RFCB042,closed,,,1000,0,,A town,partner,HR,HR033,Zadar,\n\
                         2,Žuta,Tihi krovovi,2014TC16RFCB042,ongoing,,,,,,A region,lead,HR,HR036,,\n\
                         3,sea,Another sea,2014TC16RFCB042,ongoing,,,,,,A region,lead,IT,ITH35,,\n";

    async fn import(ground: &Ground, store: &Store, lines: &str) -> Import {
        let ctx = ground.by(Role::Coordinator);
        let tx = store.change(&ctx).await.unwrap();
        let import = Import::plan(&ctx, all(&tx).await.unwrap(), sheet(&format!("{HEADER}{lines}")));
        save(&tx, &import, |_, _| Ok(())).await.unwrap();
        tx.commit().await.unwrap();
        import
    }

    async fn listed(ground: &Ground, store: &Store, filter: &Filter) -> Vec<String> {
        let db = store.read(&ground.by(Role::Coordinator)).await.unwrap();
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = PageRequest::walk(2, &token).unwrap();
            let (page, _) = list(&db, filter, page).await.unwrap();
            found.extend(page.items.into_iter().map(|project| project.facts.keep_id));
            token = page.next;
            if token.is_empty() {
                break found;
            }
        }
    }

    #[tokio::test]
    async fn imported_projects_are_found_by_words_countries_and_territory() {
        let ground = Ground::programme();
        let (store, _folder) = ground.store();
        import(&ground, &store, LINES).await;
        let all = listed(&ground, &store, &Filter::default()).await;
        assert_eq!(all, ["1", "3", "2"], "by acronym, whatever its case; of two alike the older");
        for (query, countries, territory, expected) in [
            ("zuta", vec![], "", vec!["2"]),
            ("SEA another", vec![], "", vec!["3"]),
            ("%", vec![], "", vec![]),
            ("", vec!["it", "hr"], "", vec!["1"]),
            ("", vec!["hr"], "", vec!["1", "2"]),
            ("", vec![], "HR03", vec!["1", "2"]),
            ("", vec!["it"], "HR033", vec!["1"]),
        ] {
            let countries = countries.into_iter().map(str::to_owned).collect();
            let filter = Filter { query: query.to_owned(), countries, territory: territory.to_owned() };
            assert_eq!(listed(&ground, &store, &filter).await, expected, "{filter:?}");
        }
    }

    #[tokio::test]
    async fn a_project_that_is_imported_again_keeps_its_id_and_gets_the_new_columns() {
        let ground = Ground::programme();
        let (store, _folder) = ground.store();
        let first = import(&ground, &store, LINES).await;
        ground.at("2022-12-05T09:00:00Z");
        let again = import(&ground, &store, &LINES.replace("HR033,Zadar", "HR034,Knin")).await;
        assert_eq!((again.unchanged, again.changed.len(), again.added.len()), (2, 1, 0));
        let db = store.read(&ground.by(Role::Coordinator)).await.unwrap();
        let project = get(&db, first.added[0].id()).await.unwrap();
        assert_eq!((&project, project.facts.partners[1].town.as_str()), (&again.changed[0].0, "Knin"));
        let filter = |territory: &str| Filter { territory: territory.to_owned(), ..Filter::default() };
        assert_eq!(listed(&ground, &store, &filter("HR034")).await, ["1"]);
        assert!(listed(&ground, &store, &filter("HR033")).await.is_empty());
        let gone = import(&ground, &store, LINES.lines().last().unwrap()).await;
        assert_eq!((gone.missing, gone.unchanged), (vec!["1".to_owned(), "2".to_owned()], 1));
        assert_eq!(listed(&ground, &store, &Filter::default()).await.len(), 3, "they stay");
    }
}
