//! What a form lets its reader choose among: their own roles, systems and sessions.

use platform::{Error, wire};
use proto::{
    identity::v1::{
        self as pb, integrator_service_client::IntegratorServiceClient, mandate_service_client::MandateServiceClient,
        session_service_client::SessionServiceClient,
    },
    options::v1::Role,
};
use tonic::Status;

use crate::{deed::Deed, visit::Visit};

/// The value that stands for all other sessions.
pub(crate) const ALL_OTHERS: &str = "all";

/// One thing to choose.
pub(crate) struct Choice {
    /// What the form sends.
    pub(crate) value: String,
    /// What the reader is shown.
    pub(crate) words: String,
}

/// What a form lets its reader choose among. None, where it asks for no choice. Error: the refusal of the API.
pub(crate) async fn of(visit: &Visit, deed: Deed) -> Result<Option<Vec<Choice>>, Status> {
    Ok(Some(match deed {
        Deed::SwitchMandate => mandates(visit).await?,
        Deed::MakeToken => integrators(visit).await?,
        Deed::EndSessions => sessions(visit).await?,
        _ => return Ok(None),
    }))
}

async fn mandates(visit: &Visit) -> Result<Vec<Choice>, Status> {
    let mut client = MandateServiceClient::new(visit.identity.clone());
    let own = client.list_own_mandates(visit.request(pb::ListOwnMandatesRequest {})).await?.into_inner();
    let choice = |mandate: pb::Mandate| {
        let role = visit.words.say(&role_word(mandate.role()));
        let bound = Some(mandate.territory).filter(|territory| !territory.is_empty());
        let words = bound.map_or_else(|| role.clone(), |territory| format!("{role} ({territory})"));
        Choice { value: mandate.id, words }
    };
    Ok(own.mandates.into_iter().map(choice).collect())
}

/// The name of what a role is called: `role-network-referent`.
pub(crate) fn role_word(role: Role) -> String {
    role.as_str_name().to_lowercase().replace('_', "-")
}

async fn integrators(visit: &Visit) -> Result<Vec<Choice>, Status> {
    let mut client = IntegratorServiceClient::new(visit.identity.clone());
    let own = client.list_integrators(visit.request(pb::ListIntegratorsRequest::default())).await?.into_inner();
    let choice = |system: pb::Integrator| {
        let words = format!("{} ({})", system.name, system.scopes.join(", "));
        Choice { value: system.id, words }
    };
    Ok(own.integrators.into_iter().map(choice).collect())
}

async fn sessions(visit: &Visit) -> Result<Vec<Choice>, Status> {
    let mut client = SessionServiceClient::new(visit.identity.clone());
    let own = client.list_sessions(visit.request(pb::ListSessionsRequest {})).await?.into_inner();
    let others: Vec<_> = own.sessions.into_iter().filter(|session| !session.is_current).collect();
    let mut choices = Vec::new();
    if !others.is_empty() {
        choices.push(Choice { value: ALL_OTHERS.to_owned(), words: visit.words.say("sessions-all") });
    }
    for session in others {
        let begun = when(visit, session.created_at.as_ref())?;
        let used = when(visit, session.last_used_at.as_ref())?;
        let words = visit.words.say_with("sessions-one", &[("begun", &begun), ("used", &used)]);
        choices.push(Choice { value: session.id, words });
    }
    Ok(choices)
}

/// An instant as a clock and a calendar of the tenant show it: `2022-11-18 15:04 CET`.
fn when(visit: &Visit, at: Option<&prost_types::Timestamp>) -> Result<String, Status> {
    let at = wire::instant(at.unwrap_or(&prost_types::Timestamp::default()))?;
    let there = at.in_tz(&visit.tenant.zone).map_err(Error::internal)?;
    Ok(there.strftime("%Y-%m-%d %H:%M %Z").to_string())
}
