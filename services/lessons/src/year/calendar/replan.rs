//! New deadlines for a team that came late into its track. Each lesson gets as many days as the track gives it: from one deadline to the
//! next, and the first from its webinar to its deadline. Where that leads beyond the end of the calendar, every lesson gets the fewest days
//! that the country's file allows, and the days that are left are shared out in proportion.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use jiff::{SignedDuration, civil::Date};
use platform::{Ctx, Result};

use super::{Deadline, Extension, Item};
use crate::year::{
    moment::Moment,
    team::Team,
    template::{ItemKind, Lessons},
};

/// The calendar of a track as one team meets it: what it has delivered, and what is still due.
#[derive(Clone, Debug)]
pub struct Course {
    /// The calendar of the track.
    pub(super) items: Vec<Item>,
    /// The team's newest extensions, by lesson.
    pub(super) extensions: HashMap<i32, Extension>,
    /// The lessons it has delivered.
    pub(super) delivered: BTreeSet<i32>,
}

/// The new deadlines of a team.
#[derive(Clone, Debug, PartialEq)]
pub struct Replan {
    /// One for each lesson that gets more time, in the order of the lessons.
    pub extensions: Vec<Extension>,
    /// Whether one of them is due after the last item of the calendar, because there were too few days before it.
    pub after_last_item: bool,
}

/// A lesson the team has not delivered.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    lesson: i32,
    /// How many days the track gives it.
    pace: i64,
    /// The deadline that holds for the team.
    deadline: Moment,
}

/// Lists the ids of the extensions.
impl fmt::Display for Replan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.extensions.iter().map(|extension| format!("extension {}", extension.id)).collect();
        f.write_str(&ids.join(", "))
    }
}

impl Course {
    /// Extends the deadline of every lesson that is not delivered and for which too few days are left from now on.
    pub fn replan(&self, ctx: &Ctx, team: &Team, reason: &str) -> Result<Replan> {
        let extension = |(lesson, deadline)| Extension {
            id: ctx.new_id(),
            team: team.id,
            track: team.track,
            lesson,
            deadline,
            reason: reason.to_owned(),
            granted_at: ctx.now(),
        };
        let extensions: Vec<_> = self.later(ctx)?.into_iter().map(extension).collect();
        let last = self.last();
        let after_last_item = extensions.iter().any(|extension| last.is_none_or(|last| extension.deadline > *last));
        Ok(Replan { extensions, after_last_item })
    }

    /// The lessons for which a team that begins now has too few days, each with its new deadline.
    fn later(&self, ctx: &Ctx) -> Result<Vec<(i32, Moment)>> {
        let lessons: &Lessons = ctx.tenant().section()?;
        let (today, steps) = (ctx.local().date(), self.steps());
        let room = self.last().zip(steps.last()).map_or(0, |(last, step)| days(today, last_day(last, &step.deadline)));
        let paces: Vec<i64> = steps.iter().map(|step| step.pace).collect();
        let mut later = Vec::new();
        for (step, days) in steps.iter().zip(spread(&paces, lessons.replan_least_days().into(), room)) {
            let deadline = step.deadline.on(today.saturating_add(SignedDuration::from_hours(24 * days)))?;
            if deadline > step.deadline {
                later.push((step.lesson, deadline));
            }
        }
        Ok(later)
    }

    fn last(&self) -> Option<&Moment> {
        self.items.iter().map(Item::starts).max_by_key(|moment| moment.at())
    }

    /// The lessons that are not delivered, in their order.
    fn steps(&self) -> Vec<Step> {
        let mut due: Vec<_> = self.items.iter().filter_map(|item| Some((item.deadline_of()?, item))).collect();
        due.sort_by_key(|(lesson, _)| *lesson);
        let mut before = due.first().and_then(|(lesson, _)| self.opening(*lesson));
        let mut steps = Vec::new();
        for (lesson, item) in due {
            let (day, deadline) = (item.starts.local().date(), Deadline::new(item, self.extensions.get(&lesson)));
            let pace = before.map_or(0, |before| days(before, day));
            before = Some(day);
            if !self.delivered.contains(&lesson) {
                steps.push(Step { lesson, pace, deadline: deadline.moment });
            }
        }
        steps
    }

    /// The day of a lesson's webinar; where it has none, that of the first item of the calendar.
    fn opening(&self, lesson: i32) -> Option<Date> {
        let webinar = self.items.iter().find(|item| item.kind == ItemKind::Webinar && item.lesson == Some(lesson));
        let first = self.items.iter().min_by_key(|item| item.starts.at());
        webinar.or(first).map(|item| item.starts.local().date())
    }
}

/// The deadlines of lessons for a class that begins a track now, where the calendar leaves fewer days for one of them than the file allows.
/// Empty where it leaves enough days: then the calendar holds.
pub(crate) fn late_start(ctx: &Ctx, items: &[Item]) -> Result<HashMap<i32, Moment>> {
    let course = Course { items: items.to_vec(), extensions: HashMap::new(), delivered: BTreeSet::new() };
    let least = i64::from(ctx.tenant().section::<Lessons>()?.replan_least_days());
    let today = ctx.local().date();
    let is_late = course.steps().iter().any(|step| days(today, step.deadline.local().date()) < least);
    Ok(if is_late { course.later(ctx)?.into_iter().collect() } else { HashMap::new() })
}

/// The last day on which a deadline, at its local hour, is not after a moment.
fn last_day(last: &Moment, deadline: &Moment) -> Date {
    let day = last.local().date();
    let is_before = deadline.local().time() <= last.local().time();
    if is_before { day } else { day.saturating_sub(SignedDuration::from_hours(24)) }
}

/// The number of days from one date to another.
fn days(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

/// After how many days from today each lesson is due. Each gets the days of its pace, at least `least`. Where the sum is more than `room`,
/// the days beyond `least` are cut in proportion.
fn spread(paces: &[i64], least: i64, room: i64) -> Vec<i64> {
    let beyond = |pace: &i64| (pace - least).max(0);
    let wanted: i64 = paces.iter().map(beyond).sum();
    let needed: i64 = paces.iter().map(|_| least).sum();
    let spare = (room - needed).clamp(0, wanted);
    let (mut due, mut more) = (0, 0);
    let next = |pace: &i64| {
        due += least;
        more += beyond(pace);
        due + (more * spare).checked_div(wanted).unwrap_or(0)
    };
    paces.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proto::options::v1::Role;

    use super::*;
    use crate::{
        testing::Ground,
        year::{
            calendar::{Grant, Revision},
            template::ItemTemplate,
        },
    };

    const MOVED: &str = "2023-03-10T11:00:00Z";

    /// The English track of 2022-23, its lessons up to one delivered, and a team of it.
    fn course(ground: &Ground, delivered: i32) -> (Course, Team) {
        let plan = ground.plan();
        let track = plan.edition.tracks()[1].id();
        let mut items: Vec<_> = plan.items.iter().filter(|item| item.track() == track).cloned().collect();
        let (title, starts) = ("Awards".to_owned(), "2023-05-25T10:00:00".parse().unwrap());
        let awards = ItemTemplate { kind: ItemKind::AwardEvent, title, lesson: None, starts, ends: None };
        let starts = Moment::new("2023-05-25T08:00:00Z".parse().unwrap(), ground.tenant.zone());
        items.push(Item::first(&ground.by(Role::Coordinator), track, &awards, starts, None));
        let team = Team { track, ..ground.team(&plan) };
        (Course { items, extensions: HashMap::new(), delivered: (1..=delivered).collect() }, team)
    }

    fn replan(ground: &Ground, course: &Course, team: &Team) -> Replan {
        course.replan(&ground.by(Role::Coordinator), team, "its twin was lost").unwrap()
    }

    fn due(replan: &Replan) -> Vec<(i32, String)> {
        replan.extensions.iter().map(|one| (one.lesson, one.deadline.local().datetime().to_string())).collect()
    }

    fn expected(due: &[(i32, &str)]) -> Vec<(i32, String)> {
        due.iter().map(|(lesson, day)| (*lesson, format!("{day}T23:59:59"))).collect()
    }

    #[test]
    fn a_team_that_comes_in_march_can_still_meet_every_deadline_of_the_year() {
        let ground = Ground::new();
        let (course, team) = course(&ground, 0);
        let replan = replan(ground.at(MOVED), &course, &team);
        let days = [(1, "2023-03-26"), (2, "2023-04-17"), (3, "2023-05-06"), (4, "2023-05-24")];
        assert_eq!(due(&replan), expected(&days), "the awards are on 25 May");
        assert!(!replan.after_last_item);
        for extension in &replan.extensions {
            assert_eq!((extension.team, extension.track), (team.id, team.track));
            assert_eq!(extension.reason, "its twin was lost");
        }
        assert_eq!(replan.extensions[0].deadline.to_string(), "2023-03-26T23:59:59+02:00[Europe/Rome]");
    }

    #[test]
    fn delivered_lessons_keep_their_dates_and_leave_more_time_for_the_rest() {
        let ground = Ground::new();
        let (course, team) = course(&ground, 2);
        let replan = replan(ground.at(MOVED), &course, &team);
        assert_eq!(due(&replan), expected(&[(3, "2023-04-18"), (4, "2023-05-24")]));
        let (course, team) = self::course(&ground, 4);
        assert_eq!(self::replan(&ground, &course, &team).extensions, []);
    }

    #[test]
    fn a_lesson_has_as_many_days_as_the_track_gives_it_where_there_is_room() {
        let ground = Ground::new();
        let (course, team) = course(&ground, 0);
        let replan = replan(ground.at("2022-11-28T11:00:00Z"), &course, &team);
        let days = [(1, "2022-12-31"), (2, "2023-02-18"), (3, "2023-04-01"), (4, "2023-05-08")];
        assert_eq!(due(&replan), expected(&days), "33, 49, 42 and 37 days");
    }

    #[test]
    fn a_team_in_time_gets_no_new_dates_and_a_later_deadline_is_kept() {
        let ground = Ground::new();
        let (mut course, team) = course(&ground, 0);
        assert_eq!(replan(ground.at("2022-11-17T11:00:00Z"), &course, &team).extensions, []);
        let ctx = ground.at(MOVED).by(Role::Coordinator);
        let item = course.items.iter().find(|item| item.deadline_of() == Some(3)).unwrap().clone();
        let grant = Grant { deadline: "2023-05-15T12:00:00".parse().unwrap(), reason: "flood".to_owned() };
        course.extensions.insert(3, Extension::grant(&ctx, &team, 3, &item, grant).unwrap());
        let lessons: Vec<_> = replan(&ground, &course, &team).extensions.iter().map(|one| one.lesson).collect();
        assert_eq!(lessons, [1, 2, 4]);
    }

    #[test]
    fn where_no_time_is_left_every_lesson_has_a_week_and_the_answer_says_so() {
        let ground = Ground::new();
        let (course, team) = course(&ground, 2);
        let replan = replan(ground.at("2023-05-20T11:00:00Z"), &course, &team);
        assert_eq!(due(&replan), expected(&[(3, "2023-05-27"), (4, "2023-06-03")]));
        assert!(replan.after_last_item);
    }

    #[test]
    fn a_calendar_that_ends_earlier_or_at_its_last_deadline_is_kept_too() {
        let ground = Ground::new();
        let (mut course, team) = course(&ground, 0);
        course.items.retain(|item| item.deadline_of().is_some());
        let ctx = ground.by(Role::Coordinator);
        let starts = "2023-05-12T18:00:00".parse().unwrap();
        let last = course.items.iter_mut().find(|item| item.deadline_of() == Some(4)).unwrap();
        *last = last.revise(&ctx, Revision { starts, ends: None, reason: "strike".to_owned() }).unwrap();
        let replan = replan(ground.at(MOVED), &course, &team);
        assert!(!replan.after_last_item);
        let days: Vec<_> = replan.extensions.iter().map(|one| one.deadline.local().date()).collect();
        assert!(days.is_sorted() && days.len() == 3, "lesson 4 stays on the last day: {days:?}");
        assert!(days[0] >= date(2023, 3, 17), "{days:?}");
    }

    #[test]
    fn a_pair_that_begins_late_gets_the_days_of_the_track_and_others_its_calendar() {
        let ground = Ground::new();
        let (course, _) = course(&ground, 0);
        let due = |at: &str| {
            let due = late_start(&ground.at(at).by(Role::Coordinator), &course.items).unwrap();
            let mut due: Vec<_> = due.into_iter().map(|(lesson, at)| (lesson, at.local().date().to_string())).collect();
            due.sort();
            due
        };
        assert_eq!(due("2022-12-13T11:00:00Z"), [], "a week before the first deadline");
        let days = [(1, "2023-01-16"), (2, "2023-03-06"), (3, "2023-04-17"), (4, "2023-05-24")];
        assert_eq!(due("2022-12-14T11:00:00Z"), days.map(|(lesson, day)| (lesson, day.to_owned())));
        assert_eq!(due(MOVED)[0], (1, "2023-03-26".to_owned()));
    }

    #[test]
    fn time_is_shared_by_the_paces_and_nobody_gets_less_than_the_least() {
        assert_eq!(spread(&[33, 49, 42, 37], 7, 161), [33, 82, 124, 161]);
        assert_eq!(spread(&[33, 49, 42, 37], 7, 400), [33, 82, 124, 161]);
        assert_eq!(spread(&[33, 49, 42, 37], 7, 28), [7, 14, 21, 28]);
        assert_eq!(spread(&[33, 49, 42, 37], 7, -5), [7, 14, 21, 28]);
        assert_eq!(spread(&[0, 3], 7, 100), [7, 14]);
        assert_eq!(spread(&[], 7, 100), [0; 0]);
        for room in 28..=161 {
            let due = spread(&[33, 49, 42, 37], 7, room);
            assert_eq!(due.last(), Some(&room));
            assert!(due.windows(2).all(|pair| pair[1] - pair[0] >= 7), "{due:?}");
        }
    }
}
