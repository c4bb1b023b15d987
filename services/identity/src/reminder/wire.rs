//! What a pair waits at, as programmes say it.

use proto::lessons::v1::PairState;

use super::Wait;

impl Wait {
    /// What a pair in this state waits at. None for one that waits for nobody to be reminded.
    pub(crate) fn of(state: PairState) -> Option<Self> {
        match state {
            PairState::Proposed => Some(Self::Proposed),
            PairState::Accepted => Some(Self::Accepted),
            PairState::Approved => Some(Self::Approved),
            PairState::ProjectAgreed => Some(Self::ProjectAgreed),
            PairState::OneSided => Some(Self::OneSided),
            PairState::Suspended => Some(Self::Suspended),
            PairState::Unspecified
            | PairState::Active
            | PairState::Completed
            | PairState::Declined
            | PairState::Dissolved
            | PairState::Repaired => None,
        }
    }
}
