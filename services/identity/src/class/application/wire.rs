//! Applications as messages.

use platform::{Error, Id, Result, Violations, wire};
use proto::identity::v1 as pb;

use super::{Application, Draft, IntegrationMode, Reservation, State, TeamType};
use crate::{account::Account, school::School};

impl From<Application> for pb::Application {
    fn from(application: Application) -> Self {
        let draft = application.draft;
        let submitted_at = application.state.submitted().map(wire::timestamp);
        let state = pb::ApplicationState::from(&application.state).into();
        let mut message = Self {
            id: application.id.to_string(),
            track_id: application.track.to_string(),
            edition_id: application.edition.to_string(),
            school_id: draft.school.map(|school| school.to_string()).unwrap_or_default(),
            team_name: draft.team_name,
            team_type: draft.team_type.map_or(pb::TeamType::Unspecified, Into::into).into(),
            classes: draft.classes,
            team_size: draft.team_size,
            motivation: draft.motivation,
            integration_mode: draft.integration_mode.map_or(pb::IntegrationMode::Unspecified, Into::into).into(),
            file_ids: draft.files.iter().map(Id::to_string).collect(),
            state,
            referent_id: application.referent.to_string(),
            submitted_at,
            etag: wire::etag(application.version),
            ..Self::default()
        };
        match application.state {
            State::Admitted { at, team, reservation, .. } => {
                message.decided_at = Some(wire::timestamp(at));
                message.team_id = team.to_string();
                message.reservation = reservation.map(Into::into);
            }
            State::Refused { at, refusal, .. } => {
                message.decided_at = Some(wire::timestamp(at));
                message.refusal = refusal;
            }
            State::Draft | State::Submitted { .. } | State::Withdrawn { .. } => {}
        }
        message
    }
}

impl Application {
    /// Whom somebody has to vouch for before it is admitted, and for a class of which school.
    pub(super) fn asked_of(&self) -> (Id<Account>, Option<Id<School>>) {
        (self.referent, self.draft.school)
    }

    /// An application as it is shown, marked where its referent is among the `unconfirmed`.
    pub(super) fn marked(self, unconfirmed: &[(Id<Account>, Option<Id<School>>)]) -> pb::Application {
        pb::Application { referent_unconfirmed: unconfirmed.contains(&self.asked_of()), ..self.into() }
    }
}

impl From<&State> for pb::ApplicationState {
    fn from(state: &State) -> Self {
        match state {
            State::Draft => Self::Draft,
            State::Submitted { .. } => Self::Submitted,
            State::Admitted { reservation: None, .. } => Self::Admitted,
            State::Admitted { .. } => Self::AdmittedWithReservation,
            State::Refused { .. } => Self::Refused,
            State::Withdrawn { .. } => Self::Withdrawn,
        }
    }
}

impl From<Reservation> for pb::Reservation {
    fn from(reservation: Reservation) -> Self {
        Self { documents: reservation.documents, due_on: Some(wire::date(reservation.due_on)) }
    }
}

impl TryFrom<pb::Reservation> for Reservation {
    type Error = Error;

    fn try_from(reservation: pb::Reservation) -> Result<Self> {
        let mut violations = Violations::new();
        let day = reservation.due_on.unwrap_or_default();
        let due_on = violations.keep("reservation.due_on", wire::to_date(&day));
        violations.done()?;
        Ok(Self { documents: reservation.documents, due_on: due_on.unwrap_or_default() })
    }
}

impl TryFrom<pb::Application> for Draft {
    type Error = Error;

    fn try_from(application: pb::Application) -> Result<Self> {
        Ok(Self {
            school: wire::optional(&application.school_id)?,
            team_name: application.team_name.trim().to_owned(),
            team_type: team_type(application.team_type()),
            team_size: application.team_size,
            integration_mode: integration_mode(application.integration_mode()),
            files: application.file_ids.iter().map(|id| id.parse()).collect::<Result<_>>()?,
            classes: application.classes,
            motivation: application.motivation,
        })
    }
}

impl Application {
    /// The draft with the changes a request asks for. Error: `ETAG_STALE`, and a violation for each path of the mask that cannot be
    /// changed.
    pub(super) fn asked(&self, request: pb::UpdateApplicationRequest) -> Result<Draft> {
        let changes = wire::changes(&request, &pb::Application::from(self.clone()))?;
        let wanted = Draft::try_from(request.application.unwrap_or_default())?;
        let mut draft = self.draft.clone();
        for path in changes {
            match path.as_str() {
                "school_id" => draft.school = wanted.school,
                "team_name" => draft.team_name.clone_from(&wanted.team_name),
                "team_type" => draft.team_type = wanted.team_type,
                "classes" => draft.classes.clone_from(&wanted.classes),
                "team_size" => draft.team_size = wanted.team_size,
                "motivation" => draft.motivation.clone_from(&wanted.motivation),
                "integration_mode" => draft.integration_mode = wanted.integration_mode,
                _ => draft.files.clone_from(&wanted.files),
            }
        }
        Ok(draft)
    }
}

impl From<TeamType> for pb::TeamType {
    fn from(team_type: TeamType) -> Self {
        match team_type {
            TeamType::WholeClass => Self::WholeClass,
            TeamType::GroupInClass => Self::GroupInClass,
            TeamType::MixedClasses => Self::MixedClasses,
        }
    }
}

fn team_type(team_type: pb::TeamType) -> Option<TeamType> {
    match team_type {
        pb::TeamType::Unspecified => None,
        pb::TeamType::WholeClass => Some(TeamType::WholeClass),
        pb::TeamType::GroupInClass => Some(TeamType::GroupInClass),
        pb::TeamType::MixedClasses => Some(TeamType::MixedClasses),
    }
}

impl From<IntegrationMode> for pb::IntegrationMode {
    fn from(mode: IntegrationMode) -> Self {
        match mode {
            IntegrationMode::Ordinary => Self::Ordinary,
            IntegrationMode::Extracurricular => Self::Extracurricular,
            IntegrationMode::WorkPath => Self::WorkPath,
        }
    }
}

fn integration_mode(mode: pb::IntegrationMode) -> Option<IntegrationMode> {
    match mode {
        pb::IntegrationMode::Unspecified => None,
        pb::IntegrationMode::Ordinary => Some(IntegrationMode::Ordinary),
        pb::IntegrationMode::Extracurricular => Some(IntegrationMode::Extracurricular),
        pb::IntegrationMode::WorkPath => Some(IntegrationMode::WorkPath),
    }
}
