//! Pages of the teams that a reader may see.

use platform::{
    Ctx, Id, Page, PageRequest, Reads, Result,
    listing::{Fields, Key},
};
use proto::options::v1::Role;
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryTrait, sea_query::IntoCondition};

use super::{row, visible_to, with_supports};
use crate::class::{
    team::Team,
    track::{Edition, Track},
};

/// The filter of a list of teams.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) edition: Option<Id<Edition>>,
    pub(crate) track: Option<Id<Track>>,
    pub(crate) territory: String,
}

/// What teams are filtered and ordered by. A machine is not shown the teachers, and finds no team by them.
fn fields(ctx: &Ctx) -> Fields<row::Entity> {
    use row::Column as C;
    let fields = Fields::new(C::Code, Order::Asc)
        .id("id", C::Id)
        .text("code", C::Code)
        .text("name", C::Name)
        .id("edition_id", C::EditionId)
        .id("track_id", C::TrackId)
        .id("school_id", C::SchoolId)
        .text("school_code", C::SchoolCode)
        .text("school_name", C::SchoolName)
        .text("territory", C::Territory)
        .words("team_type", C::TeamType, "TEAM_TYPE", ["whole_class", "group_in_class", "mixed_classes"])
        .number("size", C::Size)
        .cases(
            "state",
            [
                ("TEAM_STATE_INVITED", C::ActivatedAt.is_null().into_condition()),
                ("TEAM_STATE_ACTIVE", C::ActivatedAt.is_not_null().into_condition()),
            ],
        )
        .time("admitted_at", C::AdmittedAt);
    if ctx.has(Role::Integrator) { fields } else { fields.id("referent_id", C::ReferentId) }
}

/// One page of the teams the caller may see, in the order of their codes where nothing else is asked.
pub(crate) async fn list(db: &impl Reads, filter: Filter, page: PageRequest<Key>) -> Result<Page<Team>> {
    let shown = row::Entity::find()
        .filter(visible_to(db.ctx())?)
        .apply_if(filter.edition, |query, edition| query.filter(row::Column::EditionId.eq(edition)))
        .apply_if(filter.track, |query, track| query.filter(row::Column::TrackId.eq(track)))
        .filter(row::Column::Territory.starts_with(&filter.territory));
    let Page { items, next } = fields(db.ctx()).page(db, shown, page).await?;
    Ok(Page { items: with_supports(db, items).await?, next })
}
