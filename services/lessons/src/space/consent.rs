//! Consents: a teacher states, for everybody of their school who is pictured in a file, that the file may be shown. A file is shown only
//! while the statements of both classes hold.

use jiff::{Timestamp, civil::Date};
use platform::{Ctx, Id, Result, TenantId, Violations, error::Shared};
use serde::{Deserialize, Serialize};

use crate::{reason::Reason, twinning::pair::Pair, work::file::File, year::team::Team};

pub mod api;
pub(crate) mod store;
mod wire;

/// A statement of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    id: Id<Consent>,
    pair: Id<Pair>,
    home: TenantId,
    team: Id<Team>,
    file: Id<File>,
    channel: Channel,
    expires_on: Date,
    registered_at: Timestamp,
    withdrawn_at: Option<Timestamp>,
}

/// What a teacher states.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// The file.
    pub file: Id<File>,
    /// Where it may be shown.
    pub channel: Channel,
    /// The last day on which it may be.
    pub expires_on: Date,
}

/// Where a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// To both classes.
    PairSpace,
    /// On the site of the programme.
    ProgrammeSite,
    /// In the press.
    Press,
    /// In social networks.
    Social,
}

/// Why the consent of a class is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingReason {
    /// Its teacher has stated nothing.
    Nothing,
    /// The statement has expired.
    Expired,
    /// The statement was withdrawn.
    Withdrawn,
    /// It has left.
    Left,
}

/// Whether a file can be shown in a channel, and which consents are missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    missing: Vec<(TenantId, MissingReason)>,
}

impl Consent {
    /// Registers a statement. `is_known` says whether the file is one of the pair's. Error: not found for callers who do not act for a
    /// class of the pair, `FILE_UNKNOWN`, and a violation where the last day is over.
    pub fn register(ctx: &Ctx, pair: &Pair, is_known: bool, statement: Statement) -> Result<Self> {
        let side = &pair.own(ctx)?.side;
        let mut violations = Violations::new();
        if !is_known {
            violations.add("file_id", Reason::FileUnknown, "Neither class of the pair has uploaded this file.");
        }
        if statement.expires_on < ctx.local().date() {
            violations.add(
                "expires_on",
                Shared::FieldsInvalid,
                "This day is over. Say until when the file may be shown.",
            );
        }
        violations.done()?;
        Ok(Self {
            id: ctx.new_id(),
            pair: pair.id(),
            home: side.home.clone(),
            team: side.team,
            file: statement.file,
            channel: statement.channel,
            expires_on: statement.expires_on,
            registered_at: ctx.now(),
            withdrawn_at: None,
        })
    }

    /// Withdraws the statement. An earlier withdrawal keeps its instant.
    pub fn withdraw(&mut self, ctx: &Ctx) {
        self.withdrawn_at.get_or_insert(ctx.now());
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The class that states it.
    pub fn team(&self) -> Id<Team> {
        self.team
    }

    /// Whether it was withdrawn, or replaced by a newer statement.
    fn is_withdrawn(&self) -> bool {
        self.withdrawn_at.is_some()
    }
}

impl Publication {
    /// The result of all statements about a file and a channel, oldest first: the newest one of each class counts. A withdrawal still
    /// counts when its class has left, because its people are still pictured in the file.
    pub fn new(ctx: &Ctx, pair: &Pair, stated: &[Consent]) -> Self {
        let today = ctx.local().date();
        let missing = pair.sides().iter().filter_map(|place| {
            let gap = match stated.iter().rfind(|consent| consent.team == place.side.team) {
                Some(consent) if consent.is_withdrawn() => MissingReason::Withdrawn,
                _ if place.has_left() => MissingReason::Left,
                Some(consent) if consent.expires_on < today => MissingReason::Expired,
                Some(_) => return None,
                None => MissingReason::Nothing,
            };
            Some((place.side.home.clone(), gap))
        });
        Self { missing: missing.collect() }
    }

    /// Whether it can be shown.
    pub fn is_granted(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether a class has withdrawn its statement.
    pub fn is_withdrawn(&self) -> bool {
        self.missing.iter().any(|(_, gap)| *gap == MissingReason::Withdrawn)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::testing::twins::Twins;

    fn statement(file: Id<File>) -> Statement {
        Statement { file, channel: Channel::Press, expires_on: date(2022, 12, 31) }
    }

    fn missing(twins: &Twins, stated: &[Consent]) -> Vec<(String, MissingReason)> {
        let publication = Publication::new(&twins.secretariat(), &twins.pair, stated);
        assert_eq!(publication.is_granted(), publication.missing.is_empty());
        publication.missing.into_iter().map(|(home, gap)| (home.to_string(), gap)).collect()
    }

    #[tokio::test]
    async fn a_file_is_shown_while_both_classes_say_so() {
        let mut twins = Twins::at_work().await;
        let file = twins.ground.ids.next();
        let mut stated = Vec::new();
        let (hr, it) = ("hr".to_owned(), "it".to_owned());
        assert_eq!(
            missing(&twins, &stated),
            [(hr.clone(), MissingReason::Nothing), (it.clone(), MissingReason::Nothing)]
        );
        for of in [0, 1] {
            stated.push(Consent::register(&twins.teacher(of), &twins.pair, true, statement(file)).unwrap());
        }
        assert_eq!(missing(&twins, &stated), []);
        stated[1].withdraw(&twins.teacher(1));
        assert_eq!(missing(&twins, &stated), [(it.clone(), MissingReason::Withdrawn)]);
        stated.push(Consent::register(&twins.teacher(1), &twins.pair, true, statement(file)).unwrap());
        assert_eq!(missing(&twins, &stated), [], "stated anew");

        twins.ground.at("2022-12-31T22:59:59Z");
        assert_eq!(missing(&twins, &stated), [], "the last hour of the last day");
        twins.ground.at("2022-12-31T23:00:00Z");
        assert_eq!(missing(&twins, &stated), [(hr.clone(), MissingReason::Expired), (it, MissingReason::Expired)]);
        twins.ground.at("2022-12-20T10:00:00Z");
        twins.leaves(0).await;
        assert_eq!(missing(&twins, &stated), [(hr, MissingReason::Left)]);
    }

    #[tokio::test]
    async fn a_withdrawal_counts_after_its_class_has_left() {
        let mut twins = Twins::at_work().await;
        let file = twins.ground.ids.next();
        let mut stated: Vec<_> =
            [0, 1].map(|of| Consent::register(&twins.teacher(of), &twins.pair, true, statement(file)).unwrap()).into();
        stated[1].withdraw(&twins.teacher(1));
        let anew = Consent::register(&twins.teacher(1), &twins.pair, true, statement(file)).unwrap();
        twins.leaves(1).await;
        let it = "it".to_owned();
        assert_eq!(missing(&twins, &stated), [(it.clone(), MissingReason::Withdrawn)]);
        stated.push(anew);
        assert_eq!(missing(&twins, &stated), [(it.clone(), MissingReason::Left)], "the newest counts");
        assert_eq!(missing(&twins, &stated[..1]), [(it, MissingReason::Left)]);
    }

    #[tokio::test]
    async fn everything_that_is_wrong_with_a_statement_is_named_at_once() {
        let twins = Twins::at_work().await;
        let over = Statement { expires_on: date(2022, 11, 30), ..statement(twins.ground.ids.next()) };
        let refused = Consent::register(&twins.teacher(0), &twins.pair, false, over).unwrap_err();
        let found: Vec<_> = refused.violations().iter().map(|one| (one.field.as_str(), one.reason)).collect();
        assert_eq!(found, [("file_id", "FILE_UNKNOWN"), ("expires_on", "FIELDS_INVALID")]);
        let stranger = twins.ground.side("it", "ITF14");
        let by_stranger = twins.ground.twin(proto::options::v1::Role::TwinTeacher, &stranger);
        let refused = Consent::register(&by_stranger, &twins.pair, true, statement(twins.ground.ids.next()));
        assert!(refused.is_err_and(|error| error.is(Shared::NotFound)));
    }
}
