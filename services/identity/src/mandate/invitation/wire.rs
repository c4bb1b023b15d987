//! Invitations as messages.

use jiff::Timestamp;
use platform::{Ctx, Result, wire};
use proto::identity::v1 as pb;

use super::{Invitation, State};
use crate::{
    account::{Form, Login, Person},
    mandate::{Deed, Post, wire::bound},
};

impl Invitation {
    /// The invitation as it is at an instant.
    pub(super) fn shown(self, now: Timestamp) -> pb::Invitation {
        let state = pb::InvitationState::from_str_name(&format!("INVITATION_STATE_{}", self.word(now)));
        let (mut expires_at, mut ended_at, mut account, mut revoked_by) = (None, None, None, None);
        match self.state {
            State::Pending { until } => expires_at = Some(until),
            State::Accepted { at, account: whose } => (ended_at, account) = (Some(at), Some(whose)),
            State::Revoked(Deed { at, by }) => (ended_at, revoked_by) = (Some(at), by),
        }
        let text = |id: Option<platform::Id<_>>| id.map(|id| id.to_string()).unwrap_or_default();
        pb::Invitation {
            id: self.id.to_string(),
            email: self.login.map(|login| login.to_string()).unwrap_or_default(),
            role: self.post.role.into(),
            territory: self.post.bound.area,
            edition_id: self.post.bound.period.map(|edition| edition.to_string()).unwrap_or_default(),
            locale: self.locale,
            state: state.unwrap_or_default().into(),
            invited_at: Some(wire::timestamp(self.invited.at)),
            invited_by: text(self.invited.by),
            expires_at: expires_at.map(wire::timestamp),
            ended_at: ended_at.map(wire::timestamp),
            account_id: text(account),
            revoked_by: text(revoked_by),
        }
    }
}

impl TryFrom<&pb::CreateInvitationRequest> for Post {
    type Error = platform::Error;

    fn try_from(req: &pb::CreateInvitationRequest) -> Result<Self> {
        Ok(Self { role: req.role(), bound: bound(&req.territory, &req.edition_id)? })
    }
}

/// What an invitation is to, for who has its code. Error: as of [`Invitation::open`].
pub(super) fn told(ctx: &Ctx, invitation: &Invitation, has_account: bool) -> Result<pb::ReadInvitationResponse> {
    let (login, until) = invitation.open(ctx.now())?;
    let Post { role, bound } = invitation.post.clone();
    Ok(pb::ReadInvitationResponse {
        email: login.to_string(),
        role: role.into(),
        territory: bound.area,
        edition_id: bound.period.map(|edition| edition.to_string()).unwrap_or_default(),
        programme_name: ctx.tenant().name().to_owned(),
        expires_at: Some(wire::timestamp(until)),
        has_account,
    })
}

/// The data of a new account of somebody who accepts. Letters are in the language they choose, or else in that of the invitation.
pub(super) fn form(login: &Login, invited_in: &str, req: pb::AcceptInvitationRequest) -> Form {
    let locale = if req.locale.is_empty() { invited_in.to_owned() } else { req.locale };
    Form {
        login: login.clone(),
        password: req.password,
        person: Person {
            given_name: req.given_name.trim().to_owned(),
            surname: req.surname.trim().to_owned(),
            subject_area: String::new(),
            locale,
        },
    }
}
