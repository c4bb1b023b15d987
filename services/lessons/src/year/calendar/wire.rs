//! Calendars as messages.

use platform::{Error, Result, wire};
use proto::lessons::v1 as pb;

use super::{Extension, Grant, Item, Replan, Revision};
use crate::year::template::ItemKind;

impl TryFrom<pb::ReviseCalendarItemRequest> for Revision {
    type Error = Error;

    fn try_from(request: pb::ReviseCalendarItemRequest) -> Result<Self> {
        let ends = wire::optional(&request.ends_local)?;
        Ok(Self { starts: request.starts_local.parse()?, ends, reason: request.reason })
    }
}

impl TryFrom<pb::GrantExtensionRequest> for Grant {
    type Error = Error;

    fn try_from(request: pb::GrantExtensionRequest) -> Result<Self> {
        Ok(Self { deadline: request.deadline_local.parse()?, reason: request.reason })
    }
}

impl From<Replan> for pb::ReplanTeamResponse {
    fn from(replan: Replan) -> Self {
        Self {
            extensions: replan.extensions.into_iter().map(Into::into).collect(),
            after_last_item: replan.after_last_item,
        }
    }
}

impl From<Item> for pb::CalendarItem {
    fn from(item: Item) -> Self {
        Self {
            id: item.id.to_string(),
            track_id: item.track.to_string(),
            kind: pb::CalendarItemKind::from(item.kind).into(),
            title: item.title,
            lesson: item.lesson.unwrap_or_default(),
            starts: Some((&item.starts).into()),
            ends: item.ends.as_ref().map(Into::into),
            version: item.version,
            reason: item.reason,
            revised_at: Some(wire::timestamp(item.revised_at)),
        }
    }
}

impl From<ItemKind> for pb::CalendarItemKind {
    fn from(kind: ItemKind) -> Self {
        match kind {
            ItemKind::Webinar => Self::Webinar,
            ItemKind::ReportDeadline => Self::ReportDeadline,
            ItemKind::ChatDay => Self::ChatDay,
            ItemKind::RankingPublication => Self::RankingPublication,
            ItemKind::AwardEvent => Self::AwardEvent,
        }
    }
}

impl From<Extension> for pb::Extension {
    fn from(extension: Extension) -> Self {
        Self {
            id: extension.id.to_string(),
            team_id: extension.team.to_string(),
            lesson: extension.lesson,
            deadline: Some((&extension.deadline).into()),
            reason: extension.reason,
            granted_at: Some(wire::timestamp(extension.granted_at)),
        }
    }
}
