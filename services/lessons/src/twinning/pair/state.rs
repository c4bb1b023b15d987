//! Where a pair stands. Each state carries the facts that only a pair in that state has.

use jiff::Timestamp;
use platform::TenantId;
use serde::{Deserialize, Serialize};

use crate::twinning::project::Project;

/// Where a pair stands, with the facts that belong to it.
#[derive(Clone, Debug, PartialEq)]
pub enum PairState {
    /// At least one teacher has not accepted yet.
    Proposed,
    /// At least one country has not approved yet.
    Accepted,
    /// The project is not agreed yet. It holds the project that was proposed last, if one was.
    Approved(Option<ChosenProject>),
    /// The work has not begun.
    ProjectAgreed(ChosenProject),
    /// The classes work.
    Active(Work),
    /// The work rests.
    Suspended {
        /// What the classes work on.
        work: Work,
        /// Who suspended the pair.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// One class has left, the other goes on.
    OneSided {
        /// What the class works on.
        work: Work,
        /// Why the other class left. Empty for a class that its country moved to another track.
        reason: String,
    },
    /// Both have delivered.
    Completed(Work),
    /// Ended before the work began: somebody did not want it, or one class can come no more. It holds the project that was proposed last.
    Declined(Option<ChosenProject>),
    /// Ended before both had accepted: one class was taken by another pair, or looks for a twin no more.
    Lapsed,
    /// Ended before both had delivered.
    Dissolved {
        /// What the classes worked on.
        work: Work,
        /// Why.
        reason: String,
    },
    /// One class has left, and the other has found a new twin.
    Repaired {
        /// What the classes worked on.
        work: Work,
        /// Why the class left.
        reason: String,
    },
}

/// The name of a state, as rows and lists have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairStage {
    /// [`PairState::Proposed`].
    Proposed,
    /// [`PairState::Accepted`].
    Accepted,
    /// [`PairState::Approved`].
    Approved,
    /// [`PairState::ProjectAgreed`].
    ProjectAgreed,
    /// [`PairState::Active`].
    Active,
    /// [`PairState::Suspended`].
    Suspended,
    /// [`PairState::OneSided`].
    OneSided,
    /// [`PairState::Completed`].
    Completed,
    /// [`PairState::Declined`].
    Declined,
    /// [`PairState::Lapsed`].
    Lapsed,
    /// [`PairState::Dissolved`].
    Dissolved,
    /// [`PairState::Repaired`].
    Repaired,
}

/// The project of a pair, as it was when it was proposed or agreed (I17).
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenProject {
    /// The project.
    pub(crate) project: Project,
    /// When it was read from the programme's list.
    pub(crate) at: Timestamp,
}

/// The work of a pair that has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// What the classes look at.
    pub(crate) chosen: ChosenProject,
    /// When the joint output of the last lesson was delivered.
    pub(crate) delivered_at: Option<Timestamp>,
}

/// Who does something with a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The teacher of the class of a country.
    Teacher(TenantId),
    /// The central team of a country.
    Country(TenantId),
    /// The programme's secretariat.
    Secretariat,
}

impl PairStage {
    /// Whether the classes are bound to each other: each can be in one such pair at a time (I13). A class that goes on alone is free.
    pub(crate) fn engages(self) -> bool {
        matches!(self, Self::Accepted | Self::Approved | Self::ProjectAgreed | Self::Active | Self::Suspended)
    }

    /// The name as the API has it, without the name of its enum: `PROJECT_AGREED`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Accepted => "ACCEPTED",
            Self::Approved => "APPROVED",
            Self::ProjectAgreed => "PROJECT_AGREED",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::OneSided => "ONE_SIDED",
            Self::Completed => "COMPLETED",
            Self::Declined => "DECLINED",
            Self::Lapsed => "LAPSED",
            Self::Dissolved => "DISSOLVED",
            Self::Repaired => "REPAIRED",
        }
    }
}

impl PairState {
    /// Its name.
    pub(crate) fn stage(&self) -> PairStage {
        match self {
            Self::Proposed => PairStage::Proposed,
            Self::Accepted => PairStage::Accepted,
            Self::Approved(_) => PairStage::Approved,
            Self::ProjectAgreed(_) => PairStage::ProjectAgreed,
            Self::Active(_) => PairStage::Active,
            Self::Suspended { .. } => PairStage::Suspended,
            Self::OneSided { .. } => PairStage::OneSided,
            Self::Completed(_) => PairStage::Completed,
            Self::Declined(_) => PairStage::Declined,
            Self::Lapsed => PairStage::Lapsed,
            Self::Dissolved { .. } => PairStage::Dissolved,
            Self::Repaired { .. } => PairStage::Repaired,
        }
    }

    /// The project that was proposed last, or agreed.
    pub(crate) fn chosen(&self) -> Option<&ChosenProject> {
        match self {
            Self::Approved(chosen) | Self::Declined(chosen) => chosen.as_ref(),
            Self::ProjectAgreed(chosen) => Some(chosen),
            _ => self.work().map(|work| &work.chosen),
        }
    }

    /// The work, once it has begun.
    pub(crate) fn work(&self) -> Option<&Work> {
        match self {
            Self::Active(work)
            | Self::Completed(work)
            | Self::Suspended { work, .. }
            | Self::OneSided { work, .. }
            | Self::Dissolved { work, .. }
            | Self::Repaired { work, .. } => Some(work),
            _ => None,
        }
    }

    /// The work, while a class can deliver.
    pub(super) fn going_on(&mut self) -> Option<&mut Work> {
        match self {
            Self::Active(work) | Self::OneSided { work, .. } => Some(work),
            _ => None,
        }
    }

    /// Why it stands there. Empty where nobody had to say why.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Suspended { reason, .. }
            | Self::OneSided { reason, .. }
            | Self::Dissolved { reason, .. }
            | Self::Repaired { reason, .. } => reason,
            _ => "",
        }
    }

    /// Who suspended the pair, while it rests.
    pub(crate) fn suspended_by(&self) -> Option<&Actor> {
        match self {
            Self::Suspended { by, .. } => Some(by),
            _ => None,
        }
    }
}
