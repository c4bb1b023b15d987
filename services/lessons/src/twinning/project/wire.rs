//! Projects as messages.

use platform::wire;
use proto::lessons::v1 as pb;

use super::{Budget, Partner, Project, import::Import, store::Filter};

/// How many projects the report of an import names of each kind.
const NAMED: usize = 200;

impl From<Project> for pb::Project {
    fn from(project: Project) -> Self {
        let facts = project.facts;
        Self {
            id: project.id.to_string(),
            keep_id: facts.keep_id,
            acronym: facts.acronym,
            name: facts.name,
            programme_cci: facts.programme_cci,
            status: facts.status,
            starts_on: facts.starts_on,
            ends_on: facts.ends_on,
            total: Some(facts.total.into()),
            union_share: Some(facts.union_share.into()),
            themes: facts.themes,
            partners: facts.partners.into_iter().map(pb::ProjectPartner::from).collect(),
            imported_at: Some(wire::timestamp(project.imported_at)),
        }
    }
}

impl From<Partner> for pb::ProjectPartner {
    fn from(partner: Partner) -> Self {
        let Partner { id, name, is_lead, country, territory, town, share } = partner;
        Self { id, name, is_lead, country, territory, town, share: Some(share.into()) }
    }
}

impl From<Budget> for pb::Budget {
    fn from(budget: Budget) -> Self {
        let (state, euro) = match budget {
            Budget::Published(euro) => (pb::BudgetState::Published, euro),
            Budget::PublishedZero => (pb::BudgetState::PublishedZero, "0.00".to_owned()),
            Budget::Unpublished => (pb::BudgetState::Unpublished, String::new()),
        };
        Self { state: state.into(), euro }
    }
}

impl From<pb::ListProjectsRequest> for Filter {
    fn from(request: pb::ListProjectsRequest) -> Self {
        Self { query: request.query, countries: request.countries, territory: request.territory }
    }
}

impl From<Import> for pb::ImportProjectsResponse {
    fn from(import: Import) -> Self {
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let (changed, missing) = (count(import.changed.len()), count(import.missing.len()));
        let difference = |(project, columns): (Project, _)| pb::ProjectDifference {
            keep_id: project.facts.keep_id,
            acronym: project.facts.acronym,
            columns,
        };
        Self {
            lines: count(import.lines),
            added: count(import.added.len()),
            unchanged: count(import.unchanged),
            differences: import.changed.into_iter().take(NAMED).map(difference).collect(),
            changed,
            missing_keep_ids: import.missing.into_iter().take(NAMED).collect(),
            missing,
        }
    }
}
