//! Editions: one school year of the programme in one country, made from a template of the country's file. From then on it is
//! data of its own: a template that changes later does not change it.

use std::iter;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use platform::{Allowed, Ctx, Error, Id, Result, Violations, error::Shared};
use proto::options::v1::Role;
use serde::{Deserialize, Serialize};

use crate::{
    reason::{Reason, Refuse},
    year::{
        calendar::Item,
        form::Form,
        moment::{Moment, local::LocalTime},
        template::{ItemTemplate, Lessons, Level, ProjectRule, Template, TrackTemplate},
    },
};

pub mod api;
pub(crate) mod store;
mod wire;

/// A school year of the programme.
#[derive(Clone, Debug, PartialEq)]
pub struct Edition {
    id: Id<Edition>,
    version: i64,
    code: String,
    label: String,
    template: String,
    state: EditionState,
    call: Call,
    tracks: Vec<Track>,
    created_at: Timestamp,
}

/// The state of an edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditionState {
    /// Being prepared; only coordinators see it.
    Draft,
    /// Visible; its call opens and closes at its instants.
    Open,
}

/// The time in which applications are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// From this instant.
    pub opens: Moment,
    /// To the end of this second.
    pub closes: Moment,
}

/// A path through an edition, with its own language, levels, rules, calendar and forms.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    id: Id<Track>,
    edition: Id<Edition>,
    rules: Rules,
}

/// What applications and reports of a track are judged by, apart from its calendar and forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Its code: `upper_secondary`.
    pub code: String,
    /// The name people know.
    pub name: String,
    /// The part of a team's code between the edition and the number. May be empty.
    pub infix: String,
    /// The language of its materials and reports.
    pub language: String,
    /// The levels of school it admits (I1).
    pub levels: Vec<Level>,
    /// The most pupils of a team that is not a whole class (I3).
    pub max_team_size: u16,
    /// The most teams one teacher may be referent of. 0: no limit.
    pub max_teams_per_referent: u16,
    /// Whether an application needs the head teacher's authorisation attached.
    pub authorisation_required: bool,
    /// What projects it admits (I2).
    pub project_rule: ProjectRule,
    /// Its lessons, in their order.
    pub lessons: Vec<Lesson>,
    /// The roles pupils can act in.
    pub roles: Vec<String>,
}

/// A lesson of a track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// Its number, from 1.
    pub number: i32,
    /// Its title.
    pub title: String,
}

/// What a coordinator asks for. An empty code or label is the template's.
#[derive(Clone, Debug)]
pub struct NewEdition {
    /// The code of the template.
    pub template: String,
    /// The code of the edition.
    pub code: String,
    /// Its label.
    pub label: String,
    /// How many weeks later than in the template everything happens.
    pub shift_weeks: i32,
}

/// An edition with the forms and the calendar that are made together with it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The edition.
    pub edition: Edition,
    /// The form of every lesson of every track.
    pub forms: Vec<Form>,
    /// The calendar of every track.
    pub items: Vec<Item>,
}

impl Plan {
    /// Makes an edition from a template of the tenant's file; its call is not open yet. Error: `TEMPLATE_UNKNOWN`, naming those
    /// there are; `LOCAL_TIME_SKIPPED`, `LOCAL_TIME_TWICE` where clocks change at a date that was moved.
    pub fn new(ctx: &Ctx, wish: NewEdition) -> Result<Self> {
        let template = choose(ctx.tenant().section()?, &wish.template)?.shifted(wish.shift_weeks);
        let mut dates = Dates { zone: ctx.tenant().zone(), violations: Violations::new() };
        let call = Call { opens: dates.moment(template.call_opens), closes: dates.moment(template.call_closes) };
        let edition = Edition::new(ctx, &template, wish, call);
        let (mut forms, mut items) = (Vec::new(), Vec::new());
        for (track, template) in edition.tracks.iter().zip(&template.tracks) {
            forms.extend(template.lessons.iter().map(|lesson| Form::first(track.id, lesson)));
            items.extend(template.items.iter().map(|item| dates.item(ctx, track, item)));
        }
        dates.violations.done()?;
        Ok(Self { edition, forms, items })
    }
}

/// Turns the dates of a template into moments of a zone, and collects the violations.
struct Dates<'a> {
    zone: &'a TimeZone,
    violations: Violations,
}

impl Dates<'_> {
    fn moment(&mut self, time: DateTime) -> Moment {
        let moment = LocalTime::from(time).or_violation(self.zone, "shift_weeks", &mut self.violations);
        // nobody sees this value: a violation makes the whole plan fail
        moment.unwrap_or_else(|| Moment::new(Timestamp::UNIX_EPOCH, self.zone))
    }

    fn item(&mut self, ctx: &Ctx, track: &Track, template: &ItemTemplate) -> Item {
        let ends = template.ends.map(|ends| self.moment(ends));
        Item::first(ctx, track.id, template, self.moment(template.starts), ends)
    }
}

/// The template of this code. Error: `TEMPLATE_UNKNOWN`.
fn choose<'a>(templates: &'a Lessons, code: &str) -> Result<&'a Template> {
    let found = templates.template(code);
    let mut violations = Violations::new();
    if found.is_none() {
        let codes: Vec<_> = templates.templates().iter().map(|template| template.code.as_str()).collect();
        let has = if codes.is_empty() { "none at all".to_owned() } else { codes.join(", ") };
        let text = format!("The country's file has no template with this code. It has: {has}.");
        violations.add_with("template", Reason::TemplateUnknown, text, [("templates", &codes.join(",") as _)]);
    }
    violations.value(found)
}

impl Edition {
    fn new(ctx: &Ctx, template: &Template, wish: NewEdition, call: Call) -> Self {
        let id = ctx.new_id();
        let or = |text: String, other: &String| if text.is_empty() { other.clone() } else { text };
        Self {
            id,
            version: 0,
            code: or(wish.code, &template.code),
            label: or(wish.label, &template.label),
            template: template.code.clone(),
            state: EditionState::Draft,
            call,
            tracks: template
                .tracks
                .iter()
                .map(|track| Track { id: ctx.new_id(), edition: id, rules: track.into() })
                .collect(),
            created_at: ctx.now(),
        }
    }

    /// Error: `EDITION_EXISTS`, naming the edition, where one of the tenant has this code or teams whose codes begin like those
    /// of this one: `22-23-EN_0001` is a team of the track `EN` of `22-23`, and would be one of an edition `22-23-EN`.
    pub fn check_code(&self, others: &[Edition]) -> Result<()> {
        for other in others {
            let theirs = other.beginnings();
            if let Some(both) = self.beginnings().into_iter().find(|beginning| theirs.contains(beginning)) {
                let text = format!(
                    "The edition `{}` exists, and codes of teams of both would begin with `{both}`. Give the new one another code.",
                    other.code
                );
                return Err(Reason::EditionExists.error(text).with("code", &other.code));
            }
        }
        Ok(())
    }

    /// The texts that codes of its teams begin with, or could begin with, in capital letters: its own code counts also where every track
    /// has an infix.
    fn beginnings(&self) -> Vec<String> {
        let infixes = self.tracks.iter().map(|track| track.rules.infix.as_str()).filter(|infix| !infix.is_empty());
        let with_infix = infixes.map(|infix| format!("{}-{infix}", self.code));
        iter::once(self.code.clone()).chain(with_infix).map(|text| text.to_ascii_uppercase()).collect()
    }

    /// Whether the caller may know of it: a draft is for coordinators.
    pub fn is_visible_to(&self, ctx: &Ctx) -> bool {
        self.state == EditionState::Open || ctx.has(Role::Coordinator)
    }

    /// The proof that the caller may know of it. Error: not found.
    pub fn seen_by(&self, ctx: &Ctx) -> Result<Allowed> {
        Allowed::when(self.is_visible_to(ctx), || Error::not_found("edition"))
    }

    /// Opens its call. Error: `EDITION_STATE`, where it is open already.
    pub fn open_call(&mut self) -> Result<()> {
        if self.state != EditionState::Draft {
            return Err(Reason::EditionState.error("The call of this edition is open already.").with("state", "OPEN"));
        }
        self.state = EditionState::Open;
        Ok(())
    }

    /// Its id.
    pub fn id(&self) -> Id<Edition> {
        self.id
    }

    /// Its tracks, in the order of the template.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }
}

impl Track {
    /// Its id.
    pub fn id(&self) -> Id<Track> {
        self.id
    }

    /// The edition it belongs to.
    pub fn edition(&self) -> Id<Edition> {
        self.edition
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Adds a violation where the class says it writes in a role that pupils of the track cannot act in.
    pub fn check_role(&self, violations: &mut Violations, role: &str) {
        let roles = &self.rules.roles;
        if !role.is_empty() && !roles.iter().any(|known| known == role) {
            let text = format!("The track has no such role. It has: {}.", roles.join(", "));
            violations.add("acting_role", Shared::FieldsInvalid, text);
        }
    }

    /// Error: `LESSON_UNKNOWN`, naming the lessons there are.
    pub fn check_lesson(&self, number: i32) -> Result<()> {
        let mut violations = Violations::new();
        if self.rules.lessons.iter().all(|lesson| lesson.number != number) {
            let numbers: Vec<_> = self.rules.lessons.iter().map(|lesson| lesson.number.to_string()).collect();
            let text = format!("The track has no lesson {number}. It has: {}.", numbers.join(", "));
            violations.add("lesson", Reason::LessonUnknown, text);
        }
        violations.done()
    }
}

impl From<&TrackTemplate> for Rules {
    fn from(template: &TrackTemplate) -> Self {
        let template = template.clone();
        let lesson = |lesson: &crate::year::template::LessonTemplate| Lesson {
            number: lesson.number.into(),
            title: lesson.title.clone(),
        };
        Self {
            lessons: template.lessons.iter().map(lesson).collect(),
            code: template.code,
            name: template.name,
            infix: template.infix,
            language: template.language,
            levels: template.levels,
            max_team_size: template.max_team_size,
            max_teams_per_referent: template.max_teams_per_referent,
            authorisation_required: template.authorisation_required,
            project_rule: template.project_rule,
            roles: template.roles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ground, wish};

    #[test]
    fn an_edition_has_the_dates_tracks_and_forms_of_its_template() {
        let Plan { edition, forms, items } = Ground::new().plan();
        assert_eq!(
            (edition.code.as_str(), edition.label.as_str(), edition.state),
            ("22-23", "ASOC2223", EditionState::Draft)
        );
        assert_eq!(edition.call.closes.to_string(), "2022-10-24T18:00:00+02:00[Europe/Rome]");
        assert_eq!(edition.tracks.len(), 2);
        assert_eq!(forms.len(), 8);
        let deadlines: Vec<_> = items.iter().filter(|item| item.deadline_of().is_some()).map(Item::starts).collect();
        assert_eq!(deadlines[0].to_string(), "2022-12-20T23:59:59+01:00[Europe/Rome]");
        assert_eq!(deadlines[3].to_string(), "2023-04-27T23:59:59+02:00[Europe/Rome]");
    }

    #[test]
    fn moving_by_weeks_keeps_local_hours_and_weekdays_though_clocks_change() {
        for zone in ["Europe/Rome", "Europe/Athens"] {
            let ground = Ground::in_zone(zone);
            let (plan, later) = (ground.plan(), ground.plan_later(26));
            for (item, moved) in plan.items.iter().zip(&later.items) {
                let (before, after) = (item.starts().local(), moved.starts().local());
                assert_eq!((before.weekday(), before.time()), (after.weekday(), after.time()), "{zone}");
                assert_eq!(before.until((jiff::Unit::Day, after)).unwrap().get_days(), 26 * 7, "{zone}");
            }
            let offsets =
                |plan: &Plan| plan.items.iter().map(|item| item.starts().local().offset()).collect::<Vec<_>>();
            assert_ne!(offsets(&plan), offsets(&later), "{zone}: clocks changed in between");
        }
    }

    #[test]
    fn a_date_that_moves_into_the_night_when_clocks_change_is_refused() {
        let ground = Ground::opening("2022-10-02T02:30:00");
        for (weeks, reason) in [(25, "LOCAL_TIME_SKIPPED"), (4, "LOCAL_TIME_TWICE")] {
            let error = Plan::new(&ground.by(Role::Coordinator), wish(weeks)).unwrap_err();
            let found: Vec<_> = error.violations().iter().map(|one| (one.field.as_str(), one.reason)).collect();
            assert_eq!(found, [("shift_weeks", reason)]);
        }
    }

    #[test]
    fn a_template_that_is_not_there_is_answered_with_those_that_are() {
        let wish = NewEdition { template: "99-00".to_owned(), ..wish(0) };
        let error = Plan::new(&Ground::new().by(Role::Coordinator), wish).unwrap_err();
        assert_eq!(error.violations()[0].reason, "TEMPLATE_UNKNOWN");
        assert!(error.violations()[0].description.contains("22-23"));
    }

    #[test]
    fn codes_of_teams_of_two_editions_never_begin_alike() {
        let ground = Ground::new();
        let coded = |code: &str, infix: &str| {
            let mut edition = ground.plan().edition;
            edition.code = code.to_owned();
            edition.tracks[0].rules.infix = infix.to_owned();
            edition
        };
        let first = coded("22-23", "SM");
        assert_eq!(first.tracks[1].rules.infix, "EN");
        for (code, infix) in [("22-23", "X"), ("22-23-EN", "X"), ("22-23-sm", "X"), ("22", "23"), ("22", "23-en")] {
            let other = coded(code, infix);
            for (one, there) in [(&first, &other), (&other, &first)] {
                let error = one.check_code(std::slice::from_ref(there)).unwrap_err();
                assert!(error.is(Reason::EditionExists), "{code} {infix}");
                assert!(error.message().contains(&format!("`{}`", there.code)), "{}", error.message());
            }
        }
        let others = ["22-23-E", "22-23-ENG", "22-23EN", "22", "23-24", "22-23-pilot"].map(|code| coded(code, "SM"));
        first.check_code(&others).unwrap();
    }

    #[test]
    fn a_call_is_opened_once_and_a_draft_is_for_coordinators() {
        let ground = Ground::new();
        let mut edition = ground.plan().edition;
        assert!(
            edition.is_visible_to(&ground.by(Role::Coordinator)) && !edition.is_visible_to(&ground.by(Role::Teacher))
        );
        edition.open_call().unwrap();
        assert!(edition.is_visible_to(&ground.by(Role::Teacher)));
        assert!(edition.open_call().is_err_and(|error| error.is(Reason::EditionState)));
    }
}
