//! Editions as messages.

use jiff::Timestamp;
use platform::wire;
use proto::{identity::v1::SchoolLevel, lessons::v1 as pb};

use super::{Edition, EditionState, Lesson, NewEdition, Track};
use crate::year::template::{Level, ProjectRule, Template};

/// The fact that the call of an edition was opened.
pub(super) fn call_opened(edition: &Edition, at: Timestamp) -> pb::CallOpened {
    pb::CallOpened { edition_id: edition.id.to_string(), opened_at: Some(wire::timestamp(at)) }
}

impl From<pb::CreateEditionRequest> for NewEdition {
    fn from(request: pb::CreateEditionRequest) -> Self {
        let pb::CreateEditionRequest { template, code, label, shift_weeks, .. } = request;
        Self { template, code, label, shift_weeks }
    }
}

impl From<Edition> for pb::Edition {
    fn from(edition: Edition) -> Self {
        Self {
            id: edition.id.to_string(),
            code: edition.code,
            label: edition.label,
            template: edition.template,
            state: pb::EditionState::from(edition.state).into(),
            call_opens: Some((&edition.call.opens).into()),
            call_closes: Some((&edition.call.closes).into()),
            tracks: edition.tracks.into_iter().map(pb::Track::from).collect(),
            created_at: Some(wire::timestamp(edition.created_at)),
            etag: wire::etag(edition.version),
        }
    }
}

impl From<EditionState> for pb::EditionState {
    fn from(state: EditionState) -> Self {
        match state {
            EditionState::Draft => Self::Draft,
            EditionState::Open => Self::Open,
        }
    }
}

impl From<Track> for pb::Track {
    fn from(track: Track) -> Self {
        let rules = track.rules;
        Self {
            id: track.id.to_string(),
            code: rules.code,
            name: rules.name,
            infix: rules.infix,
            language: rules.language,
            levels: rules.levels.into_iter().map(|level| SchoolLevel::from(level).into()).collect(),
            max_team_size: rules.max_team_size.into(),
            max_teams_per_referent: rules.max_teams_per_referent.into(),
            authorisation_required: rules.authorisation_required,
            project_rule: pb::ProjectRule::from(rules.project_rule).into(),
            lessons: rules.lessons.into_iter().map(pb::Lesson::from).collect(),
            roles: rules.roles,
        }
    }
}

impl From<Lesson> for pb::Lesson {
    fn from(Lesson { number, title }: Lesson) -> Self {
        Self { number, title }
    }
}

impl From<Level> for SchoolLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::LowerSecondary => Self::LowerSecondary,
            Level::UpperSecondary => Self::UpperSecondary,
        }
    }
}

impl From<ProjectRule> for pb::ProjectRule {
    fn from(rule: ProjectRule) -> Self {
        match rule {
            ProjectRule::Any => Self::Any,
            ProjectRule::EuFunded => Self::EuFunded,
            ProjectRule::Interreg => Self::Interreg,
        }
    }
}

impl From<&Template> for pb::Template {
    fn from(template: &Template) -> Self {
        let tracks = template.tracks.iter().map(|track| track.code.clone()).collect();
        Self { code: template.code.clone(), label: template.label.clone(), tracks }
    }
}
