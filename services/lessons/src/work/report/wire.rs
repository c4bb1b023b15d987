//! Reports as messages.

use platform::{Error, Result, wire};
use proto::lessons::v1 as pb;

use super::{Delivery, Draft, LoadedReport, ReportState, Verdict, matrix::Row};
use crate::work::answer::Values;

impl TryFrom<pb::SaveDraftRequest> for Draft {
    type Error = Error;

    fn try_from(request: pb::SaveDraftRequest) -> Result<Self> {
        let pb::SaveDraftRequest { values, cleared, etag, acting_role, .. } = request;
        Ok(Self { etag, values: Values::read(values)?, cleared, role: acting_role })
    }
}

impl From<LoadedReport> for pb::Report {
    fn from(LoadedReport { report, deadline, .. }: LoadedReport) -> Self {
        let judged = report.state.judged().cloned();
        let saved_at = report.saved.as_ref().map(|saved| wire::timestamp(saved.at));
        Self {
            team_id: report.seat.team.to_string(),
            lesson: report.lesson,
            form_version: report.form_version,
            state: pb::ReportState::from(&report.state).into(),
            values: report.values.into_iter().map(|(key, value)| (key, value.into())).collect(),
            saved_as: report.saved.map(|saved| saved.role).unwrap_or_default(),
            saved_at,
            verdict: judged.as_ref().map(|judged| (&judged.verdict).into()),
            digest: judged.map(|judged| judged.digest).unwrap_or_default(),
            deadline: Some((&deadline.moment).into()),
            // a report that was never saved has no etag
            etag: if report.version == 0 { String::new() } else { wire::etag(report.version) },
        }
    }
}

impl From<&ReportState> for pb::ReportState {
    fn from(state: &ReportState) -> Self {
        match state {
            ReportState::NotStarted => Self::NotStarted,
            ReportState::Draft => Self::Draft,
            ReportState::Submitted(_) => Self::Submitted,
            ReportState::Reopened(_) => Self::Reopened,
        }
    }
}

impl From<&Verdict> for pb::Verdict {
    fn from(verdict: &Verdict) -> Self {
        Self {
            received_at: Some(wire::timestamp(verdict.received_at)),
            deadline: Some((&verdict.deadline.moment).into()),
            rule_version: verdict.deadline.rule_version,
            extension_id: verdict.deadline.extension.map(|extension| extension.to_string()).unwrap_or_default(),
            on_time: verdict.on_time,
        }
    }
}

impl From<Delivery> for pb::Delivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            team_id: delivery.seat.team.to_string(),
            lesson: delivery.lesson,
            state: pb::ReportState::from(&delivery.state).into(),
            verdict: delivery.state.judged().map(|judged| (&judged.verdict).into()),
            credits: delivery.credits.iter().map(pb::Credit::from).collect(),
            position: String::new(),
        }
    }
}

impl From<Row> for pb::DeliveryRow {
    fn from(Row { team, deliveries }: Row) -> Self {
        Self {
            team_id: team.id.to_string(),
            team_code: team.code,
            team_name: team.name,
            school_name: team.school_name,
            territory: team.territory,
            track_id: team.track.to_string(),
            deliveries: deliveries.into_iter().map(pb::Delivery::from).collect(),
        }
    }
}
