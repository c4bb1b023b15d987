//! The calendar of a track. Nothing is overwritten: a change is a new version with a reason, and the newest one holds.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use platform::{Ctx, Id, Result, Violations, error::Shared};

use crate::{
    reason::Reason,
    year::{
        edition::Track,
        moment::{Moment, local::LocalTime},
        team::Team,
        template::{ItemKind, ItemTemplate},
    },
};

pub mod api;
mod replan;
pub(crate) mod store;
pub(crate) mod told;
mod wire;

pub(crate) use replan::late_start;
pub use replan::{Course, Replan};

/// One item of a calendar, in one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    id: Id<Item>,
    version: i32,
    track: Id<Track>,
    kind: ItemKind,
    title: String,
    lesson: Option<i32>,
    starts: Moment,
    ends: Option<Moment>,
    reason: String,
    revised_at: Timestamp,
}

/// New dates for an item. Without an end it lasts as long as before.
#[derive(Clone, Debug)]
pub struct Revision {
    /// When it begins; of a deadline, the deadline itself.
    pub starts: LocalTime,
    /// When it ends.
    pub ends: Option<LocalTime>,
    /// Why.
    pub reason: String,
}

/// A later deadline for one team and one lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    id: Id<Extension>,
    team: Id<Team>,
    track: Id<Track>,
    lesson: i32,
    deadline: Moment,
    reason: String,
    granted_at: Timestamp,
}

/// A later deadline, as a coordinator asks for it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The team's new deadline.
    pub deadline: LocalTime,
    /// Why.
    pub reason: String,
}

/// The deadline that holds for one team and one lesson, with the rule it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Deadline {
    /// Inclusive to the end of its second.
    pub moment: Moment,
    /// The version of the calendar item.
    pub rule_version: i32,
    /// The extension that moved the deadline. None where the calendar's holds.
    pub extension: Option<Id<Extension>>,
}

impl Item {
    /// The first version of an item, as a template has it.
    pub(crate) fn first(
        ctx: &Ctx,
        track: Id<Track>,
        template: &ItemTemplate,
        starts: Moment,
        ends: Option<Moment>,
    ) -> Self {
        Self {
            id: ctx.new_id(),
            version: 1,
            track,
            kind: template.kind,
            title: template.title.clone(),
            lesson: template.lesson.map(i32::from),
            starts,
            ends,
            reason: String::new(),
            revised_at: ctx.now(),
        }
    }

    /// The next version. Error: `LOCAL_TIME_SKIPPED`, `LOCAL_TIME_TWICE`, `DATES_REVERSED`.
    pub fn revise(&self, ctx: &Ctx, revision: Revision) -> Result<Self> {
        let zone = ctx.tenant().zone();
        let mut violations = Violations::new();
        let starts = revision.starts.or_violation(zone, "starts_local", &mut violations);
        let ends = self.next_end(revision.ends, starts.as_ref(), zone, &mut violations);
        Ok(Self {
            version: self.version + 1,
            starts: violations.value(starts)?,
            ends,
            reason: revision.reason,
            revised_at: ctx.now(),
            ..self.clone()
        })
    }

    fn next_end(
        &self,
        asked: Option<LocalTime>,
        starts: Option<&Moment>,
        zone: &TimeZone,
        violations: &mut Violations,
    ) -> Option<Moment> {
        let Some(asked) = asked else {
            let lasts = self.lasts()?;
            return starts.map(|starts| Moment::new(starts.at() + lasts, zone));
        };
        if self.kind == ItemKind::ReportDeadline {
            violations.add("ends_local", Shared::FieldsInvalid, "A deadline has no end. Leave this empty.");
        }
        let ends = asked.or_violation(zone, "ends_local", violations)?;
        if starts.is_some_and(|starts| ends <= *starts) {
            violations.add("ends_local", Reason::DatesReversed, "The end must come after the beginning.");
        }
        Some(ends)
    }

    fn lasts(&self) -> Option<SignedDuration> {
        self.ends.as_ref().map(|ends| ends.at().duration_since(self.starts.at()))
    }

    /// Its id.
    pub fn id(&self) -> Id<Item> {
        self.id
    }

    /// The version, from 1.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// The track.
    pub fn track(&self) -> Id<Track> {
        self.track
    }

    /// When it begins; of a deadline, the deadline itself.
    pub fn starts(&self) -> &Moment {
        &self.starts
    }

    /// When it ends: an item without an end when it begins.
    pub fn ends(&self) -> Timestamp {
        self.ends.as_ref().unwrap_or(&self.starts).at()
    }

    /// Why this version was made. Empty for the first.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The lesson whose deadline it is. None for everything else.
    pub fn deadline_of(&self) -> Option<i32> {
        self.lesson.filter(|_| self.kind == ItemKind::ReportDeadline)
    }
}

impl Extension {
    /// Grants a team a later deadline. Error: `EXTENSION_EARLY`, `LOCAL_TIME_SKIPPED`, `LOCAL_TIME_TWICE`.
    pub fn grant(ctx: &Ctx, team: &Team, lesson: i32, item: &Item, grant: Grant) -> Result<Self> {
        let mut violations = Violations::new();
        let deadline = grant.deadline.or_violation(ctx.tenant().zone(), "deadline_local", &mut violations);
        if deadline.as_ref().is_some_and(|deadline| *deadline <= item.starts) {
            let text = format!("Without an extension the deadline is {}. Choose a later one.", item.starts);
            violations.add("deadline_local", Reason::ExtensionEarly, text);
        }
        Ok(Self {
            id: ctx.new_id(),
            team: team.id,
            track: team.track,
            lesson,
            deadline: violations.value(deadline)?,
            reason: grant.reason,
            granted_at: ctx.now(),
        })
    }

    /// Its id.
    pub fn id(&self) -> Id<Extension> {
        self.id
    }

    /// The team.
    pub fn team(&self) -> Id<Team> {
        self.team
    }
}

impl Deadline {
    /// The deadline of a team: that of its newest extension, or of the calendar where that has moved past the extension since. So a team
    /// that was given more time never has less than all others.
    pub fn new(item: &Item, extension: Option<&Extension>) -> Self {
        let calendar = Self { moment: item.starts.clone(), rule_version: item.version, extension: None };
        match extension {
            Some(extension) if extension.deadline >= item.starts => {
                Self { moment: extension.deadline.clone(), extension: Some(extension.id), ..calendar }
            }
            Some(_) | None => calendar,
        }
    }

    /// This deadline, or another one where that is later.
    #[must_use]
    pub fn or_later(self, other: Option<Self>) -> Self {
        other.filter(|other| other.moment > self.moment).unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::testing::Ground;

    fn revision(starts: &str, ends: Option<&str>) -> Revision {
        let ends = ends.map(|ends| ends.parse().unwrap());
        Revision { starts: starts.parse().unwrap(), ends, reason: "strike".to_owned() }
    }

    fn grant(deadline: &str) -> Grant {
        Grant { deadline: deadline.parse().unwrap(), reason: "flood".to_owned() }
    }

    fn items(ground: &Ground) -> (Item, Item) {
        let items = ground.plan().items;
        let find = |kind| items.iter().find(|item| item.kind == kind).unwrap().clone();
        (find(ItemKind::ReportDeadline), find(ItemKind::Webinar))
    }

    #[test]
    fn a_revision_is_a_new_version_with_its_reason_and_lasts_as_long_as_before() {
        let ground = Ground::new();
        let (deadline, webinar) = items(&ground);
        let ctx = ground.by(Role::Coordinator);
        let moved = deadline.revise(&ctx, revision("2022-12-22T23:59:59", None)).unwrap();
        assert_eq!((moved.id, moved.version, moved.reason.as_str()), (deadline.id, 2, "strike"));
        assert_eq!((moved.starts.to_string().as_str(), &moved.ends), ("2022-12-22T23:59:59+01:00[Europe/Rome]", &None));
        let moved = webinar.revise(&ctx, revision("2022-11-18T17:00:00", None)).unwrap();
        assert_eq!(moved.ends.unwrap().to_string(), "2022-11-18T18:30:00+01:00[Europe/Rome]");
    }

    #[test]
    fn dates_that_cannot_be_are_all_named_at_once() {
        let ground = Ground::new();
        let (deadline, webinar) = items(&ground);
        let ctx = ground.by(Role::Coordinator);
        let reasons = |item: &Item, starts, ends| {
            let error = item.revise(&ctx, revision(starts, Some(ends))).unwrap_err();
            error.violations().iter().map(|one| (one.field.clone(), one.reason)).collect::<Vec<_>>()
        };
        let (starts, ends) = ("starts_local".to_owned(), "ends_local".to_owned());
        assert_eq!(reasons(&webinar, "2022-11-18T17:00:00", "2022-11-18T17:00:00"), [(ends.clone(), "DATES_REVERSED")]);
        assert_eq!(
            reasons(&deadline, "2022-12-22T10:00:00", "2022-12-22T11:00:00"),
            [(ends.clone(), "FIELDS_INVALID")]
        );
        assert_eq!(
            reasons(&webinar, "2023-03-26T02:30:00", "2022-10-30T02:30:00"),
            [(starts, "LOCAL_TIME_SKIPPED"), (ends, "LOCAL_TIME_TWICE")]
        );
    }

    #[test]
    fn an_extension_gives_more_time_than_the_calendar_and_not_less() {
        let ground = Ground::new();
        let (item, _) = items(&ground);
        let (ctx, team) = (ground.by(Role::Coordinator), ground.team(&ground.plan()));
        for early in ["2022-12-20T23:59:59", "2022-12-19T12:00:00"] {
            let error = Extension::grant(&ctx, &team, 1, &item, grant(early)).unwrap_err();
            assert_eq!(error.violations()[0].reason, "EXTENSION_EARLY", "{early}");
        }
        let extension = Extension::grant(&ctx, &team, 1, &item, grant("2022-12-23T23:59:59")).unwrap();
        let deadline = Deadline::new(&item, Some(&extension));
        assert_eq!((deadline.moment, deadline.extension), (extension.deadline.clone(), Some(extension.id)));
        // everybody else gets even more time: so does this team
        let moved = item.revise(&ctx, revision("2023-01-10T23:59:59", None)).unwrap();
        let deadline = Deadline::new(&moved, Some(&extension));
        assert_eq!((deadline.moment, deadline.rule_version, deadline.extension), (moved.starts, 2, None));
    }
}
