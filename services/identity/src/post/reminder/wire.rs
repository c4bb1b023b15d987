//! The reason why a pair waits, in the messages of lessons and of identity.

use proto::{
    identity::v1 as pb,
    lessons::v1::{PairState, ReminderDue},
};

use super::Wait;

impl Wait {
    /// The reason in a reminder from a programme. None for a state in which nobody is reminded.
    pub(crate) fn of(reminder: &ReminderDue) -> Option<Self> {
        match reminder.state() {
            PairState::Proposed => Some(Self::Proposed),
            PairState::Accepted => Some(Self::Accepted),
            PairState::Approved => Some(Self::Approved),
            PairState::ProjectAgreed => Some(Self::ProjectAgreed),
            PairState::OneSided => Some(Self::OneSided),
            PairState::Suspended => Some(Self::Suspended),
            PairState::Active if reminder.team_id.is_empty() => Some(Self::Delivered),
            PairState::Active => Some(Self::Unsigned),
            PairState::Unspecified
            | PairState::Completed
            | PairState::Declined
            | PairState::Lapsed
            | PairState::Dissolved
            | PairState::Repaired => None,
        }
    }

    /// The reason in identity's own message. None where it is unspecified.
    pub(crate) fn told(wait: pb::Wait) -> Option<Self> {
        match wait {
            pb::Wait::Unspecified => None,
            pb::Wait::Proposed => Some(Self::Proposed),
            pb::Wait::Accepted => Some(Self::Accepted),
            pb::Wait::Approved => Some(Self::Approved),
            pb::Wait::ProjectAgreed => Some(Self::ProjectAgreed),
            pb::Wait::OneSided => Some(Self::OneSided),
            pb::Wait::Suspended => Some(Self::Suspended),
            pb::Wait::Unsigned => Some(Self::Unsigned),
            pb::Wait::Delivered => Some(Self::Delivered),
        }
    }
}

impl From<Wait> for pb::Wait {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::Proposed => Self::Proposed,
            Wait::Accepted => Self::Accepted,
            Wait::Approved => Self::Approved,
            Wait::ProjectAgreed => Self::ProjectAgreed,
            Wait::OneSided => Self::OneSided,
            Wait::Suspended => Self::Suspended,
            Wait::Unsigned => Self::Unsigned,
            Wait::Delivered => Self::Delivered,
        }
    }
}
