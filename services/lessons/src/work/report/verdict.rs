//! Verdicts: whether a delivery was on time. A verdict keeps the deadline it was given under, and never becomes worse (I7).

use jiff::Timestamp;
use platform::Id;

use crate::{
    work::credit::Credit,
    year::{
        calendar::Deadline,
        edition::Edition,
        team::{Seat, Team},
    },
};

/// The verdict on a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The instant the first submission was received.
    pub received_at: Timestamp,
    /// The deadline it was compared with.
    pub deadline: Deadline,
    /// Whether it was received in time.
    pub on_time: bool,
}

/// The state of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum ReportState {
    /// Nothing was saved yet.
    NotStarted,
    /// Being written.
    Draft,
    /// Submitted; final for the team.
    Submitted(Judged),
    /// Given back by a coordinator; can be submitted again.
    Reopened(Judged),
}

/// The verdict and the digest of a submission.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The verdict on the first submission.
    pub verdict: Verdict,
    /// The digest of the last one.
    pub digest: String,
}

/// One cell of the delivery matrix: a report without what is written in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub(crate) seat: Seat,
    pub(crate) lesson: i32,
    pub(crate) version: i64,
    /// None for a cell that has credits and no report: only identity knows the edition of its team.
    pub(crate) edition: Option<Id<Edition>>,
    pub(crate) state: ReportState,
    /// What the team delivered for the lesson in programmes.
    pub(crate) credits: Vec<Credit>,
}

impl Verdict {
    /// The verdict on a submission that was received at an instant.
    pub fn new(received_at: Timestamp, deadline: Deadline) -> Self {
        Self { received_at, on_time: deadline.moment.includes(received_at), deadline }
    }

    /// The verdict under another deadline, where that makes a late delivery one in time. None otherwise: a verdict never becomes worse, and
    /// one that stays late keeps its deadline.
    #[must_use]
    pub fn improved(&self, deadline: &Deadline) -> Option<Self> {
        let again = Self::new(self.received_at, deadline.clone());
        (!self.on_time && again.on_time).then_some(again)
    }
}

impl ReportState {
    /// The verdict and the digest, after the report was submitted.
    pub fn judged(&self) -> Option<&Judged> {
        match self {
            Self::Submitted(judged) | Self::Reopened(judged) => Some(judged),
            Self::NotStarted | Self::Draft => None,
        }
    }
}

impl Delivery {
    /// The cell of a report that is not begun.
    pub(crate) fn none(team: &Team, lesson: i32) -> Self {
        Self { edition: Some(team.edition), ..Self::unknown(team.seat(), lesson) }
    }

    /// The cell of a report that is not begun, of a team whose edition is not known.
    pub(crate) fn unknown(seat: Seat, lesson: i32) -> Self {
        Self { seat, lesson, version: 0, edition: None, state: ReportState::NotStarted, credits: Vec::new() }
    }

    /// Judges it again under another deadline. Returns whether that changed the verdict.
    pub fn judge_again(&mut self, deadline: &Deadline) -> bool {
        let (ReportState::Submitted(judged) | ReportState::Reopened(judged)) = &mut self.state else { return false };
        let Some(improved) = judged.verdict.improved(deadline) else { return false };
        judged.verdict = improved;
        true
    }
}
