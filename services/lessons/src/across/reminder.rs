//! Reminders: people who let a pair wait are reminded after some days, and a few times more, until they act. Only their country knows who
//! they are: it is told the class, and writes the letters.

use jiff::Timestamp;
use platform::{Id, TenantId};
use proto::options::v1::Role;

use crate::{
    twinning::pair::{Pair, PairStage, Waiting},
    year::{team::Team, template::Reminders},
};

pub(crate) mod round;
mod store;
mod wire;

/// The states in which a pair waits for an answer.
const WAITING: [PairStage; 7] = [
    PairStage::Proposed,
    PairStage::Accepted,
    PairStage::Approved,
    PairStage::ProjectAgreed,
    PairStage::Active,
    PairStage::OneSided,
    PairStage::Suspended,
];

/// A reminder that is due.
#[derive(Clone, Debug, PartialEq)]
struct Reminder {
    pair: Id<Pair>,
    /// The country of who must act. None for the secretariat.
    home: Option<TenantId>,
    /// The class whose teachers must act. None for a central team and the secretariat.
    team: Option<Id<Team>>,
    state: PairStage,
    since: Timestamp,
    /// The number of this reminder in its wait, from 1.
    step: i32,
}

/// A reminder that was sent.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    home: Option<TenantId>,
    since: Timestamp,
    step: i32,
    at: Timestamp,
}

/// The reminders of a pair that are due now, after those that were `sent`. Where several were missed, one is sent.
fn due(pair: &Pair, rules: Reminders, sent: &[Sent], now: Timestamp) -> Vec<Reminder> {
    if !WAITING.contains(&pair.stage()) {
        return Vec::new();
    }
    let reminder = |Waiting { home, role, since }: Waiting| {
        let of_wait = sent.iter().filter(|one| one.home == home && one.since == since);
        let last = of_wait.max_by_key(|one| one.step);
        let at = last.map_or(since + rules.first(), |last| last.at + rules.next());
        let step = last.map_or(0, |last| last.step) + 1;
        let place = pair.sides().iter().find(|place| home.as_ref() == Some(&place.side.home));
        let team = place.filter(|_| role == Role::TwinTeacher).map(|place| place.side.team);
        let reminder = Reminder { pair: pair.id(), home, team, state: pair.stage(), since, step };
        (at <= now && step <= rules.most()).then_some(reminder)
    };
    // classes that have reports to deliver are not reminded: they have the deadlines of their timeline
    pair.waiting_for().into_iter().filter(|waiting| waiting.role != Role::TwinTeam).filter_map(reminder).collect()
}

#[cfg(test)]
mod tests;
