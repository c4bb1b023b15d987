//! What a pair waits at, as programmes say it.

use proto::lessons::v1::{PairState, ReminderDue};

use super::Wait;

impl Wait {
    /// What a pair waits at, for a class or for others. None for one that waits for nobody to be reminded.
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
}
