//! Sightings as rows.

use platform::{
    Error, Id, Page, PageRequest, Reads, Result, Tx,
    listing::{Fields, Key},
    store::{of_text, to_text},
};
use proto::options::v1::Role;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, Order, QueryFilter, QueryTrait, sea_query::OnConflict};

use super::{Sighting, What};
use crate::year::team::Team;

mod row {
    use platform::{Id, store::At};
    use sea_orm::entity::prelude::*;

    use crate::{twinning::sighting::Sighting, year::team::Team};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sighting")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Sighting>,
        pub team_id: Id<Team>,
        pub home: String,
        pub kind: String,
        pub viewer_home: String,
        pub viewer_role: String,
        pub day: String,
        pub seen_at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Adds the sightings that were not recorded yet on that day.
pub(crate) async fn add(tx: &Tx, sightings: Vec<Sighting>) -> Result<()> {
    use row::Column as C;
    let known = [C::TeamId, C::Kind, C::ViewerHome, C::ViewerRole, C::Day];
    let known = OnConflict::columns(known).do_nothing().to_owned();
    let rows = sightings.iter().map(active).collect::<Result<Vec<_>>>()?;
    row::Entity::insert_many(rows).on_conflict(known).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// What sightings are filtered and ordered by.
fn fields() -> Fields<row::Entity> {
    use row::Column as C;
    let kinds = ["offer", "export", "mirror", "output", "messages", "file", "consents", "pair"];
    Fields::new(C::Id, Order::Desc)
        .id("team_id", C::TeamId)
        .text("home", C::Home)
        .words("kind", C::Kind, "SIGHTING_KIND", kinds)
        .text("viewer_home", C::ViewerHome)
        .day("day", C::Day)
        .time("seen_at", C::SeenAt)
}

/// One page of the sightings the caller may see, newest first where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, team: Option<Id<Team>>, page: PageRequest<Key>) -> Result<Page<Sighting>> {
    let ctx = db.ctx();
    let own = (!ctx.has(Role::Coordinator)).then(|| ctx.home().map_or("", |home| home.as_str()));
    let shown = row::Entity::find()
        .apply_if(own, |query, home| query.filter(row::Column::Home.eq(home)))
        .apply_if(team, |query, team| query.filter(row::Column::TeamId.eq(team)));
    fields().page(db, shown, page).await?.try_map(sighting)
}

fn active(sighting: &Sighting) -> Result<row::ActiveModel> {
    let What { team, home, kind, viewer_home, viewer_role } = &sighting.what;
    Ok(row::ActiveModel {
        id: Set(sighting.id),
        team_id: Set(*team),
        home: Set(home.to_string()),
        kind: Set(to_text(kind)?),
        viewer_home: Set(viewer_home.to_string()),
        viewer_role: Set(viewer_role.as_str_name().to_owned()),
        day: Set(sighting.day.to_string()),
        seen_at: Set(sighting.seen_at.into()),
    })
}

fn sighting(row: row::Model) -> Result<Sighting> {
    let strange = || Error::internal("a row that names no country, or no role");
    let country = |name: &str| name.parse().map_err(|_| strange());
    Ok(Sighting {
        id: row.id,
        what: What {
            team: row.team_id,
            home: country(&row.home)?,
            kind: of_text(&row.kind)?,
            viewer_home: country(&row.viewer_home)?,
            viewer_role: Role::from_str_name(&row.viewer_role).ok_or_else(strange)?,
        },
        day: row.day.parse().map_err(Error::internal)?,
        seen_at: row.seen_at.0,
    })
}
