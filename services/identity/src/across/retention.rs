//! For how long what is kept of people is kept. Each rule is said here once, as data: what it deletes, for how many days that is kept, and
//! what these are counted from. [`store`] finds what is due, for the hourly task that deletes it ([`round`]) and for who asks what it would
//! delete, so that the two cannot differ.
//!
//! An account that nobody signs in to ends as its owner would end it, by leaving and erasure; its owner is told before, by one letter.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Id, Result};
use uuid::Uuid;

use crate::{
    account::{Account, TeamId},
    country::{Country, Retention},
};

pub mod api;
pub(crate) mod round;
pub(crate) mod store;

/// What a rule deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// What waits for a code.
    Waiting,
    /// Applications that were never submitted, and files that nothing names.
    Drafts,
    /// Documents of applications.
    Documents,
    /// Accounts.
    Accounts,
    /// Addresses of who was invited.
    Invited,
}

/// A rule.
pub(crate) struct Rule {
    /// Its key in the table `[identity.retention]`.
    pub(crate) key: &'static str,
    days: fn(&Retention) -> u16,
    subject: Subject,
    deletes: &'static str,
    counted_from: &'static str,
}

/// Every rule, in the order in which they are carried out: with an account goes what other rules would find.
pub(crate) static RULES: [Rule; 5] = [
    Rule {
        key: "unverified_accounts",
        days: |days| days.unverified_accounts,
        subject: Subject::Waiting,
        deletes: "registrations, and what else waits for a mailed code, of whoever asked for it",
        counted_from: "when it was asked for; a change of address that can be taken back stays until it cannot",
    },
    Rule {
        key: "abandoned_drafts",
        days: |days| days.abandoned_drafts,
        subject: Subject::Drafts,
        deletes: "applications that were never submitted, and files that no application and no team names, with their bytes, of teachers",
        counted_from: "the last change of an application, and the upload of a file",
    },
    Rule {
        key: "authorisation_files",
        days: |days| days.authorisation_files,
        subject: Subject::Documents,
        deletes: "the documents of applications that were submitted, with their bytes, of teachers and head teachers",
        counted_from: "the end of the last calendar of the edition",
    },
    Rule {
        key: "ended_invitations",
        days: |days| days.ended_invitations,
        subject: Subject::Invited,
        deletes: "the addresses of people who were invited",
        counted_from: "when the invitation was accepted or withdrawn, or expired",
    },
    Rule {
        key: "inactive_accounts",
        days: |days| days.inactive_accounts,
        subject: Subject::Accounts,
        deletes: "accounts of people that nobody signs in to: their owners leave and are erased, after a letter",
        counted_from: "the last sign-in or the last use of a machine token; of who has left, when they did",
    },
];

impl Rule {
    /// For how long something is kept in this country.
    pub(crate) fn kept(&self, country: &Country) -> SignedDuration {
        days((self.days)(country.retention()))
    }
}

fn days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

/// What goes by a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// What goes, by the names of the tables.
    pub(crate) due: Vec<(&'static str, Vec<Uuid>)>,
    /// The accounts that would go, and why they cannot yet.
    pub(crate) kept: Vec<(Id<Account>, Obstacle)>,
    /// The accounts whose owners are to be told now.
    pub(crate) warned: Vec<Id<Account>>,
}

/// Why an account cannot end yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Its owner is the referent of a class at work.
    TeamAtWork,
    /// Nobody else of the central team can sign in.
    LastCoordinator,
    /// The central team has locked it.
    Locked,
}

/// The times after which an account ends that nobody signs in to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How long it is kept.
    pub(crate) kept: SignedDuration,
    /// How long before that its owner is told.
    pub(crate) notice: SignedDuration,
}

impl Patience {
    /// That of the tenant.
    pub(crate) fn of(ctx: &Ctx) -> Result<Self> {
        let retention = ctx.tenant().section::<Country>()?.retention();
        Ok(Self { kept: days(retention.inactive_accounts), notice: days(retention.inactive_warning) })
    }

    /// Who was seen at this instant or later is looked at by no rule. Error: internal, where there is no such instant.
    pub(crate) fn recent(&self, at: Timestamp) -> Result<Timestamp> {
        at.checked_sub(self.kept - self.notice).map_err(Error::internal)
    }
}

/// An account that nobody has signed in to for some time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Idle {
    /// The account.
    pub(crate) account: Account,
    /// When somebody was last seen there.
    pub(crate) since: Timestamp,
    /// When its owner was told, if they were.
    pub(crate) warned: Option<Timestamp>,
    /// The teams whose referent its owner is, each with the end of its calendar, where that is known.
    pub(crate) teams: Vec<(TeamId, Option<Timestamp>)>,
}

/// What is to be done with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing yet.
    Waits,
    /// Its owner is to be told.
    Warn,
    /// It ends.
    Ends,
    /// It would, and cannot yet.
    Kept(Obstacle),
}

impl Idle {
    /// The teams that need no referent any more at an instant.
    pub(crate) fn over(&self, at: Timestamp) -> Vec<TeamId> {
        let over = self.teams.iter().filter(|(_, ends)| ends.is_some_and(|ends| ends < at));
        over.map(|(team, _)| *team).collect()
    }

    /// When it ends, as far as is known at `now`, unless somebody signs in: not before its owner had the time that the letter gives.
    pub(crate) fn ends(&self, patience: Patience, now: Timestamp) -> Timestamp {
        let ends = self.since + patience.kept;
        if self.account.is_left() {
            return ends;
        }
        let warned = self.warned().unwrap_or_else(|| now.max(self.since + patience.kept - patience.notice));
        ends.max(warned + patience.notice)
    }

    /// Whether its owner was told, and can still sign in and has not.
    pub(crate) fn is_warned(&self) -> bool {
        self.account.is_living() && self.warned().is_some()
    }

    /// When its owner was told. A letter from before somebody signed in counts for nothing.
    fn warned(&self) -> Option<Timestamp> {
        self.warned.filter(|warned| *warned > self.since)
    }

    /// What is to be done at `at`, which is `now` or later. `coordinators` are those who can sign in then.
    pub(crate) fn judge(
        &self,
        patience: Patience,
        now: Timestamp,
        at: Timestamp,
        coordinators: &[Id<Account>],
    ) -> Verdict {
        let obstacle = self.obstacle(at, coordinators);
        if at <= self.since + patience.kept - patience.notice {
            return Verdict::Waits;
        }
        match obstacle {
            Some(obstacle) if at > self.since + patience.kept => Verdict::Kept(obstacle),
            // nobody is told of an end that does not come
            Some(_) => Verdict::Waits,
            None if at > self.ends(patience, now) => Verdict::Ends,
            None if self.warned().is_none() && !self.account.is_left() => Verdict::Warn,
            None => Verdict::Waits,
        }
    }

    fn obstacle(&self, at: Timestamp, coordinators: &[Id<Account>]) -> Option<Obstacle> {
        if self.account.is_left() {
            None
        } else if self.account.is_locked() {
            Some(Obstacle::Locked)
        } else if self.over(at).len() < self.teams.len() {
            Some(Obstacle::TeamAtWork)
        } else {
            (coordinators == [self.account.id()]).then_some(Obstacle::LastCoordinator)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
