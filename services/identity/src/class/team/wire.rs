//! Teams as messages.

use platform::{Ctx, Id, Result, wire};
use proto::{identity::v1 as pb, options::v1::Role};

use super::{Change, Credential, Handover, State, Team};
use crate::{account::Account, school::School};

impl Handover {
    /// The fact that a team was handed over.
    pub(crate) fn told(&self, ctx: &Ctx) -> pb::TeamHandedOver {
        let letter = || ctx.new_id::<pb::TeamHandedOver>().to_string();
        pb::TeamHandedOver {
            team_id: self.team.to_string(),
            former_account_id: self.from.to_string(),
            new_account_id: self.to.to_string(),
            handed_over_at: Some(wire::timestamp(self.at)),
            former_letter_id: letter(),
            new_letter_id: letter(),
        }
    }
}

impl Team {
    /// The fact that a teacher was added to it as support.
    pub(super) fn support_added(&self, ctx: &Ctx, teacher: Id<Account>) -> pb::SupportTeacherAdded {
        pb::SupportTeacherAdded {
            team_id: self.id.to_string(),
            referent_account_id: self.referent.to_string(),
            teacher_account_id: teacher.to_string(),
            added_at: Some(wire::timestamp(ctx.now())),
            letter_id: ctx.new_id::<pb::SupportTeacherAdded>().to_string(),
        }
    }
}

impl From<Team> for pb::Team {
    fn from(team: Team) -> Self {
        let (state, credential_expires_at) = match &team.state {
            State::Invited { until } => (pb::TeamState::Invited, Some(wire::timestamp(*until))),
            State::Active { .. } => (pb::TeamState::Active, None),
        };
        Self {
            id: team.id.to_string(),
            code: team.code.to_string(),
            name: team.name,
            edition_id: team.edition.to_string(),
            track_id: team.track.to_string(),
            school_id: team.school.id.to_string(),
            school_code: team.school.code,
            school_name: team.school.name,
            territory: team.school.territory,
            team_type: pb::TeamType::from(team.team_type).into(),
            size: team.size,
            referent_id: team.referent.to_string(),
            support_teacher_ids: team.supports.iter().map(Id::to_string).collect(),
            email: team.email.unwrap_or_default(),
            logo_file_id: team.logo.map(|file| file.to_string()).unwrap_or_default(),
            state: state.into(),
            admitted_at: Some(wire::timestamp(team.admitted_at)),
            reservation: team.reservation.map(Into::into),
            credential_expires_at,
            etag: wire::etag(team.version),
            // said where a team is asked for
            unconfirmed_teacher_ids: Vec::new(),
        }
    }
}

impl Team {
    /// Whom somebody has to vouch for: its referent, at its school, as a handover asks for, and those who support it.
    pub(super) fn asked_of(&self) -> impl Iterator<Item = (Id<Account>, Option<Id<School>>)> {
        let supports = self.supports.iter().map(|teacher| (*teacher, None));
        std::iter::once((self.referent, Some(self.school.id))).chain(supports)
    }

    /// The team as the caller is shown it, marked with those of its teachers that are among the `unconfirmed`. A machine learns nothing of its
    /// teachers.
    pub(super) fn told(self, ctx: &Ctx, unconfirmed: &[(Id<Account>, Option<Id<School>>)]) -> pb::Team {
        let marked = self.asked_of().filter(|asked| unconfirmed.contains(asked));
        let unconfirmed_teacher_ids = marked.map(|(teacher, _)| teacher.to_string()).collect();
        let told = pb::Team { unconfirmed_teacher_ids, ..self.shown_to(ctx).into() };
        if !ctx.has(Role::Integrator) {
            return told;
        }
        let (referent_id, none) = (String::new(), Vec::new());
        pb::Team { referent_id, support_teacher_ids: none.clone(), unconfirmed_teacher_ids: none, ..told }
    }

    /// What a request asks to change of this team. Error: `ETAG_STALE`, and a violation for each path of the mask that cannot be changed.
    pub(super) fn asked(&self, request: pb::UpdateTeamRequest) -> Result<Change> {
        let changes = wire::changes(&request, &pb::Team::from(self.clone()))?;
        let team = request.team.unwrap_or_default();
        let mut change = Change::default();
        for path in changes {
            match path.as_str() {
                "name" => change.name = Some(team.name.trim().to_owned()),
                "email" => change.email = Some(Some(team.email.clone()).filter(|email| !email.is_empty())),
                _ => change.logo = Some(wire::optional(&team.logo_file_id)?),
            }
        }
        Ok(change)
    }
}

impl From<&Credential> for pb::CredentialIssued {
    fn from(credential: &Credential) -> Self {
        Self { team_id: credential.team().to_string(), credential_id: credential.id().to_string() }
    }
}
