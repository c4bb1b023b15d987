//! Reminders: who lets a pair wait is told so, after some days and a few times, and no more once they have acted. Whom that is
//! only their country knows: it is told the class, and writes the letters.

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

/// Somebody is to be reminded.
#[derive(Clone, Debug, PartialEq)]
struct Reminder {
    pair: Id<Pair>,
    /// The country of who must act. None for the secretariat.
    home: Option<TenantId>,
    /// The class whose teachers must act. None for a central team and the secretariat.
    team: Option<Id<Team>>,
    state: PairStage,
    since: Timestamp,
    /// The how-manieth of this wait.
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

/// Who of a pair is to be reminded now, after what was `sent`. Of steps that were missed while nobody looked one is made up for.
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
    // a class has the deadlines of its timeline
    pair.waiting_for().into_iter().filter(|waiting| waiting.role != Role::TwinTeam).filter_map(reminder).collect()
}

#[cfg(test)]
mod tests;
