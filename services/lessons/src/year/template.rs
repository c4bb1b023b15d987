//! What an edition is made from: the table `[lessons]` of a tenant's file, resolved into complete [`Template`]s.
//!
//! A file says little. A template may extend one that is built in (`base.toml`), a track may be like another track, a form like
//! another form, and labels come from a table of words per language. [`draft`] is what the file says, [`resolve`] fills it in,
//! [`check`] looks at the result as a whole. Times are local (civil) here; only an edition has instants.

use std::num::NonZeroU16;

use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};
use platform::tenant::{Head, Kind, Section};
use serde::{Deserialize, Deserializer, Serialize};

mod check;
mod draft;
pub mod form;
mod holiday;
mod local;
mod reminders;
mod resolve;
mod words;

use form::FormTemplate;
pub use holiday::Holiday;
pub use reminders::Reminders;

/// The table `[lessons]` of a tenant's file.
#[derive(Clone, Debug)]
pub struct Lessons {
    templates: Vec<Template>,
    holidays: Vec<Holiday>,
    moderation: Option<Moderation>,
    reminders: Option<Reminders>,
    replan_least_days: u16,
    faults: Vec<String>,
}

impl Lessons {
    /// The templates, in the order of their codes.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// The fewest days a lesson is given, where a team gets new deadlines and little time is left. A week, unless the file says
    /// otherwise [D].
    pub fn replan_least_days(&self) -> u16 {
        self.replan_least_days
    }

    /// The template of this code.
    pub fn template(&self, code: &str) -> Option<&Template> {
        self.templates.iter().find(|template| template.code == code)
    }

    /// The days a country's schools are closed.
    pub fn holidays(&self) -> &[Holiday] {
        &self.holidays
    }

    /// When teachers look at what the classes of a programme write to each other.
    pub fn moderation(&self) -> Moderation {
        self.moderation.unwrap_or(Moderation::Before)
    }

    /// How often people are reminded who let a pair of a programme wait.
    pub fn reminders(&self) -> Reminders {
        self.reminders.unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Lessons {
    /// Reads the table. What is wrong beyond its shape is kept as faults, so that all faults of a file are named at once.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut draft = draft::Lessons::deserialize(deserializer)?;
        let (holidays, moderation, reminders) =
            (std::mem::take(&mut draft.holidays), draft.moderation, draft.reminders);
        let replan_least_days = draft.replan_least_days.map_or(7, NonZeroU16::get);
        let (mut templates, mut faults) = resolve::templates(draft);
        templates.sort_by(|one, other| one.code.cmp(&other.code));
        faults.extend(check::faults(&templates));
        faults.extend(holiday::faults(&holidays));
        Ok(Self { templates, holidays, moderation, reminders, replan_least_days, faults })
    }
}

impl Section for Lessons {
    const NAME: &'static str = "lessons";

    fn faults(&self, head: &Head) -> Vec<String> {
        let mut faults = self.faults.clone();
        if head.kind == Kind::Programme && !self.holidays.is_empty() {
            faults.push("lessons.holidays: schools are of countries; write them into the files of those".to_owned());
        }
        if head.kind == Kind::Country && self.moderation.is_some() {
            faults.push("lessons.moderation: it is of programmes, where classes write to each other".to_owned());
        }
        if head.kind == Kind::Country && self.reminders.is_some() {
            faults.push("lessons.reminders: they are of programmes, where pairs wait for somebody".to_owned());
        }
        if let Ok(zone) = TimeZone::get(&head.zone) {
            faults.extend(self.templates.iter().flat_map(|template| template.misplaced(&zone)));
        }
        faults
    }
}

/// What an edition can be made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its code, which is also the edition's when that is given none: `22-23`.
    pub code: String,
    /// The label of an edition made from it: `ASOC2223`.
    pub label: String,
    /// The school year: `2022-2023`.
    pub school_year: String,
    /// From when applications are taken.
    pub call_opens: DateTime,
    /// Until when applications are taken, inclusive to the second.
    pub call_closes: DateTime,
    /// Its tracks, in their order.
    pub tracks: Vec<TrackTemplate>,
}

/// A path through an edition, with its own language, levels, rules, calendar and forms.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackTemplate {
    /// Its code: `upper_secondary`.
    pub code: String,
    /// The name people know: `ASOC Scuole superiori`.
    pub name: String,
    /// What a team's code carries between edition and number: `EN`. May be empty.
    pub infix: String,
    /// The language of its materials and reports, a BCP 47 tag.
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
    /// The roles pupils can act in: `storyteller`.
    pub roles: Vec<String>,
    /// Its lessons, numbered from 1.
    pub lessons: Vec<LessonTemplate>,
    /// Its calendar, in the order of the beginnings.
    pub items: Vec<ItemTemplate>,
}

/// A lesson of a track.
#[derive(Clone, Debug, PartialEq)]
pub struct LessonTemplate {
    /// Its number, from 1.
    pub number: u16,
    /// Its title: `Progettare`.
    pub title: String,
    /// What a team fills in for it.
    pub form: FormTemplate,
}

/// An item of a calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemTemplate {
    /// What it is.
    pub kind: ItemKind,
    /// What people call it.
    pub title: String,
    /// The lesson it belongs to.
    pub lesson: Option<u16>,
    /// When it begins; of a deadline, the deadline itself, inclusive to the second.
    pub starts: DateTime,
    /// When it ends. None for a deadline.
    pub ends: Option<DateTime>,
}

/// The stage a school teaches at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Lower secondary.
    LowerSecondary,
    /// Upper secondary.
    UpperSecondary,
}

/// What projects a track admits (I2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectRule {
    /// Any publicly funded project.
    Any,
    /// Only projects with an EU fund.
    EuFunded,
    /// Only Interreg projects.
    Interreg,
}

/// When teachers look at what their class writes to its twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moderation {
    /// Before the twin sees it.
    Before,
    /// After it was sent.
    After,
}

/// What stands in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A webinar for teachers.
    Webinar,
    /// The deadline of a lesson's report.
    ReportDeadline,
    /// A day of live conversation with the central team.
    ChatDay,
    /// Rankings are published.
    RankingPublication,
    /// The final event.
    AwardEvent,
}

impl Template {
    /// This template with every date moved by whole weeks. Weekdays and local hours stay as they are.
    #[must_use]
    pub fn shifted(&self, weeks: i32) -> Self {
        let span = SignedDuration::from_hours(i64::from(weeks) * 7 * 24);
        let mut shifted = self.clone();
        shifted.call_opens = self.call_opens.saturating_add(span);
        shifted.call_closes = self.call_closes.saturating_add(span);
        for item in shifted.tracks.iter_mut().flat_map(|track| &mut track.items) {
            item.starts = item.starts.saturating_add(span);
            item.ends = item.ends.map(|ends| ends.saturating_add(span));
        }
        shifted
    }

    /// The local times that do not exist or exist twice because clocks change in that night. A deadline must not be one of them.
    pub fn misplaced(&self, zone: &TimeZone) -> Vec<String> {
        let key = format!("lessons.templates.{}", self.code);
        let mut times =
            vec![(format!("{key}.call.opens"), self.call_opens), (format!("{key}.call.closes"), self.call_closes)];
        for track in &self.tracks {
            for item in &track.items {
                let key = format!("{key}.tracks.{}: {}", track.code, item.title);
                times.extend(item.ends.map(|ends| (key.clone(), ends)));
                times.push((key, item.starts));
            }
        }
        let doubtful = times.into_iter().filter(|(_, time)| zone.to_ambiguous_timestamp(*time).is_ambiguous());
        doubtful.map(|(key, time)| format!("{key}: clocks change at {time}, choose another hour")).collect()
    }
}

impl TrackTemplate {
    /// The deadline of a lesson.
    pub fn deadline(&self, lesson: u16) -> Option<DateTime> {
        let due = |item: &&ItemTemplate| item.kind == ItemKind::ReportDeadline && item.lesson == Some(lesson);
        self.items.iter().find(due).map(|item| item.starts)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{DateTime, date};
    use platform::tenant::{SectionKind, Tenant, parse};
    use serde::de::IgnoredAny;

    use super::{form::FieldKind, *};

    /// The table of another service, which these tests do not look at.
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Identity(IgnoredAny);

    impl Section for Identity {
        const NAME: &'static str = "identity";

        fn faults(&self, _: &Head) -> Vec<String> {
            Vec::new()
        }
    }

    const ALL: [&str; 10] = ["it", "hr", "es", "gr", "si", "it-hr", "it-si", "gr-it", "si-hr", "euro-med"];

    fn file(name: &str) -> Tenant {
        let path = format!("{}/../koine/tenants/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        let kinds = [SectionKind::of::<Lessons>(), SectionKind::of::<Identity>()];
        parse(&name.parse().unwrap(), &text, &kinds).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"))
    }

    fn template(name: &str, code: &str) -> Template {
        file(name).section::<Lessons>().unwrap().template(code).unwrap().clone()
    }

    fn track<'a>(template: &'a Template, code: &str) -> &'a TrackTemplate {
        template.tracks.iter().find(|track| track.code == code).unwrap()
    }

    fn field<'a>(track: &'a TrackTemplate, lesson: usize, key: &str) -> &'a form::Field {
        track.lessons[lesson - 1].form.fields.iter().find(|field| field.key == key).unwrap()
    }

    #[test]
    fn new_deadlines_leave_a_week_unless_the_file_says_otherwise() {
        let days = |text: &str| toml::from_str::<Lessons>(text).map(|lessons| lessons.replan_least_days());
        assert_eq!(days(""), Ok(7));
        assert_eq!(days("replan_least_days = 10"), Ok(10));
        assert!(days("replan_least_days = 0").is_err());
    }

    /// The smallest country that could be added: everything else is built in.
    const SIXTH: &str = "
        language = 'pt'
        sources = ['kohesio.ec.europa.eu']
        [[templates]]
        code = '22-23'
        extends = 'four-lessons'
        label = 'Escola da Coesão'
        school_year = '2022-2023'
        call = { opens = 2022-09-15T10:00:00, closes = 2022-10-24T18:00:00 }
        lessons = [
            { number = 1, webinar = 2022-11-17T15:00:00, deadline = 2022-12-20 },
            { number = 2, webinar = 2022-12-15T15:00:00, deadline = 2023-02-07T18:00:00 },
            { number = 3, deadline = 2023-03-21 },
            { number = 4, deadline = 2023-04-27 },
        ]
        tracks = [{ code = 'upper_secondary', name = 'Ensino secundário' }]
        [words.pt.lessons]
        design = 'Projetar'
    ";

    fn faults_of(text: &str) -> Vec<String> {
        let lessons: Lessons = toml::from_str(text).unwrap();
        let zone = "Europe/Lisbon".to_owned();
        let head = Head {
            kind: platform::tenant::Kind::Country,
            name: "x".to_owned(),
            locales: Vec::new(),
            zone,
            countries: Vec::new(),
            cci: Vec::new(),
            reply_to: None,
        };
        lessons.faults(&head)
    }

    #[test]
    fn the_files_of_all_tenants_are_without_fault_and_every_template_is_complete() {
        for name in ALL {
            let tenant = file(name);
            let lessons = tenant.section::<Lessons>().unwrap();
            assert!(lessons.template("22-23").is_some(), "{name}");
            for track in lessons.templates().iter().flat_map(|template| &template.tracks) {
                for lesson in &track.lessons {
                    assert!(track.deadline(lesson.number).is_some(), "{name} {} {}", track.code, lesson.number);
                    assert!(!lesson.form.fields.is_empty(), "{name} {} {}", track.code, lesson.number);
                }
                let project = field(track, 1, "project");
                assert!(project.kind == FieldKind::Project && !project.hosts.is_empty(), "{name} {}", track.code);
            }
        }
    }

    #[test]
    fn italy_has_the_calendar_of_the_seed() {
        let template = template("it", "22-23");
        assert_eq!(template.label, "ASOC2223");
        assert_eq!(template.call_closes, date(2022, 10, 24).at(18, 0, 0, 0));
        let due =
            |code: &str| (1..=4).map(|lesson| track(&template, code).deadline(lesson).unwrap()).collect::<Vec<_>>();
        let last = |year, month, day| date(year, month, day).at(23, 59, 59, 0);
        let seed: [DateTime; 4] = [last(2022, 12, 20), last(2023, 2, 7), last(2023, 3, 21), last(2023, 4, 27)];
        for code in ["upper_secondary", "lower_secondary", "english"] {
            assert_eq!(due(code), seed, "{code}");
        }
        assert_eq!(due("etc")[0], last(2023, 2, 24), "ETC keeps its own calendar");
        let items = &track(&template, "upper_secondary").items;
        let told: Vec<_> = items.iter().map(|item| (item.kind, item.starts.date(), item.lesson)).collect();
        let expected = [
            (ItemKind::Webinar, date(2022, 11, 10), None),
            (ItemKind::Webinar, date(2022, 11, 17), Some(1)),
            (ItemKind::Webinar, date(2022, 12, 15), Some(2)),
            (ItemKind::ReportDeadline, date(2022, 12, 20), Some(1)),
            (ItemKind::ReportDeadline, date(2023, 2, 7), Some(2)),
            (ItemKind::Webinar, date(2023, 2, 9), Some(3)),
            (ItemKind::ChatDay, date(2023, 2, 23), None),
            (ItemKind::ReportDeadline, date(2023, 3, 21), Some(3)),
            (ItemKind::Webinar, date(2023, 3, 23), Some(4)),
            (ItemKind::ReportDeadline, date(2023, 4, 27), Some(4)),
            (ItemKind::RankingPublication, date(2023, 5, 9), None),
            (ItemKind::AwardEvent, date(2023, 5, 25), None),
        ];
        assert_eq!(told, expected);
        assert_eq!(items[1].title, "Webinar della lezione 1: Progettare");
        assert_eq!(items[1].ends, Some(date(2022, 11, 17).at(16, 30, 0, 0)), "ninety minutes");
        assert_eq!(items[3].ends, None);
    }

    #[test]
    fn italy_asks_in_lesson_one_for_what_the_programme_asks() {
        let template = template("it", "22-23");
        let story = |code: &str| {
            let story = field(track(&template, code), 1, "research_story");
            (story.kind, story.max_chars, story.spaces_count)
        };
        assert_eq!(story("upper_secondary"), (FieldKind::RichText, 8000, true));
        assert_eq!(story("english"), (FieldKind::RichText, 5000, false));
        assert_eq!(story("etc"), (FieldKind::RichText, 2000, false));
        let upper = track(&template, "upper_secondary");
        assert_eq!(field(upper, 1, "research_title").max_words, 5);
        assert_eq!(field(upper, 1, "research_description").max_chars, 280);
        assert_eq!(field(upper, 1, "project_code").label, "CUP");
        assert_eq!(field(upper, 1, "theme").choices[0], "Ricerca e innovazione");
        assert_eq!(field(track(&template, "etc"), 1, "presentation_video").kind, FieldKind::Video);
        assert_eq!(
            field(track(&template, "etc"), 1, "theme").choices[0],
            "Research and innovation",
            "an English track"
        );
    }

    #[test]
    fn tracks_differ_in_the_rules_of_the_programme() {
        let template = template("it", "22-23");
        let told: Vec<_> = template
            .tracks
            .iter()
            .map(|track| (track.infix.as_str(), track.language.as_str(), track.levels.as_slice(), track.project_rule))
            .collect();
        let (lower, upper) = ([Level::LowerSecondary], [Level::UpperSecondary]);
        let expected: [(&str, &str, &[Level], ProjectRule); 4] = [
            ("", "it", &upper, ProjectRule::Any),
            ("SM", "it", &lower, ProjectRule::Any),
            ("EN", "en", &upper, ProjectRule::EuFunded),
            ("ETC", "en", &upper, ProjectRule::Interreg),
        ];
        assert_eq!(told, expected);
        assert!(template.tracks.iter().all(|track| track.max_team_size == 25 && track.authorisation_required));
        assert!(template.tracks.iter().all(|track| track.roles.contains(&"storyteller".to_owned())));
    }

    #[test]
    fn the_number_of_lessons_is_data() {
        let template = template("it", "24-25");
        for track in &template.tracks {
            let last = track.lessons.last().unwrap();
            assert_eq!(track.lessons.len(), 3, "{}", track.code);
            assert!(last.form.fields.iter().any(|field| field.key == "creative_work"), "{}", track.code);
        }
        let titles: Vec<_> = track(&template, "upper_secondary").lessons.iter().map(|one| one.title.as_str()).collect();
        assert_eq!(titles, ["Progettare", "Monitorare", "Raccontare"]);
        assert!(field(track(&template, "upper_secondary"), 2, "infographic").required);
        assert!(
            field(track(&template, "lower_secondary"), 2, "infographic_image").required,
            "a static one for the younger"
        );
    }

    #[test]
    fn every_country_speaks_its_own_language() {
        for (name, language, title) in [
            ("it", "it", "Raccontare"),
            ("hr", "hr", "Ispričati"),
            ("es", "es", "Contar"),
            ("gr", "el", "Αφηγούμαστε"),
            ("si", "sl", "Pripovedovati"),
        ] {
            let template = template(name, "22-23");
            let codes: Vec<_> = template.tracks.iter().map(|track| track.code.as_str()).collect();
            assert_eq!(codes, ["upper_secondary", "lower_secondary", "english", "etc"], "{name}");
            let english = track(&template, "english");
            for code in ["upper_secondary", "lower_secondary"] {
                let own = track(&template, code);
                assert_eq!((own.language.as_str(), own.lessons[3].title.as_str()), (language, title), "{name}");
                for lesson in &own.lessons {
                    for field in &lesson.form.fields {
                        let other = english
                            .lessons
                            .iter()
                            .flat_map(|lesson| &lesson.form.fields)
                            .find(|one| one.key == field.key);
                        let same = other.is_some_and(|other| other.label == field.label && other.label != "Canvas");
                        // "Pitch" is Italian by now
                        assert!(!same || field.label == "Pitch", "{name} {}: `{}` is English", field.key, field.label);
                    }
                }
                for item in &own.items {
                    assert!(
                        english.items.iter().all(|other| other.title != item.title),
                        "{name}: `{}` is English",
                        item.title
                    );
                }
            }
        }
    }

    #[test]
    fn a_sixth_country_needs_few_lines() {
        assert_eq!(faults_of(SIXTH), Vec::<String>::new());
        let lessons: Lessons = toml::from_str(SIXTH).unwrap();
        let track = &lessons.templates()[0].tracks[0];
        assert_eq!(track.lessons[0].title, "Projetar");
        assert_eq!(track.lessons[1].title, "Analyse", "English where it has no words of its own");
        assert_eq!(track.deadline(2), Some(date(2023, 2, 7).at(18, 0, 0, 0)), "the hour it gives");
        assert_eq!(field(track, 1, "project").hosts, ["kohesio.ec.europa.eu"]);
    }

    #[test]
    fn dates_move_by_whole_weeks_and_keep_weekday_and_hour() {
        let template = template("it", "22-23");
        let moved = template.shifted(52);
        assert_eq!(moved.call_closes, date(2023, 10, 23).at(18, 0, 0, 0));
        for (before, after) in template.tracks.iter().zip(&moved.tracks) {
            for (before, after) in before.items.iter().zip(&after.items) {
                assert_eq!(
                    (before.starts.weekday(), before.starts.time()),
                    (after.starts.weekday(), after.starts.time())
                );
                assert_ne!(before.starts, after.starts);
            }
        }
        assert_eq!(moved.shifted(-52), template);
        assert_eq!(template.shifted(0), template);
    }

    #[test]
    fn an_hour_that_clocks_skip_or_repeat_is_a_fault() {
        // Lisbon goes forward on 26 March 2023 at 1:00 and back on 30 October 2022 at 2:00
        let text = SIXTH.replace("deadline = 2023-03-21", "deadline = 2023-03-26T01:30:00");
        let faults = faults_of(&text.replace("closes = 2022-10-24T18:00:00", "closes = 2022-10-30T01:30:00"));
        assert_eq!(faults.len(), 2, "{faults:#?}");
        assert!(
            faults[0].starts_with("lessons.templates.22-23.call.closes: clocks change at 2022-10-30T01:30:00"),
            "{faults:#?}"
        );
        assert!(faults[1].contains("clocks change at 2023-03-26T01:30:00"), "{faults:#?}");
    }

    #[test]
    fn only_countries_have_holidays_and_only_programmes_moderate() {
        let text = SIXTH.replace("[[templates]]", "holidays = [{ name = 'Natal', from = 2022-12-19 }]\n[[templates]]");
        assert_eq!(faults_of(&text), Vec::<String>::new());
        assert_eq!(toml::from_str::<Lessons>(&text).unwrap().holidays()[0].until, date(2022, 12, 19));
        assert!(
            faults_of(&text.replace("holidays = [{", "moderation = 'after'\nholidays = [{"))[0]
                .contains("of programmes")
        );
        assert_eq!(toml::from_str::<Lessons>(&text).unwrap().moderation(), Moderation::Before, "unless it is said");
    }

    #[test]
    fn only_programmes_have_reminders_which_come_every_week_by_default() {
        let written =
            |table: &str| SIXTH.replace("[[templates]]", &format!("reminders = {{ {table} }}\n[[templates]]"));
        let read = |text: &str| toml::from_str::<Lessons>(text).unwrap().reminders();
        assert!(faults_of(&written("at_most = 1"))[0].contains("of programmes"), "this file is a country's");
        assert_eq!((read(SIXTH).first().as_hours(), read(SIXTH).next().as_hours(), read(SIXTH).most()), (168, 168, 3));
        let said = read(&written("first_after_days = 3, then_every_days = 5, at_most = 0"));
        assert_eq!((said.first().as_hours(), said.next().as_hours(), said.most()), (72, 120, 0));
        for wrong in ["first_after_days = 0", "then_every_days = -1", "at_most = 'often'", "often = true"] {
            assert!(toml::from_str::<Lessons>(&written(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_country_names_the_holidays_of_the_school_year() {
        for name in ["it", "hr", "es", "gr", "si"] {
            let tenant = file(name);
            let holidays = tenant.section::<Lessons>().unwrap().holidays();
            let closed = |day| holidays.iter().any(|holiday| holiday.closes("", day));
            assert!(holidays.len() >= 8 && closed(date(2022, 12, 29)) && closed(date(2023, 4, 10)), "{name}");
            assert!(closed(date(2023, 8, 1)) && !closed(date(2023, 3, 15)), "{name}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = toml::from_str::<Lessons>(&SIXTH.replace("label =", "lable =")).unwrap_err();
        assert!(error.to_string().contains("lable"), "{error}");
    }

    #[test]
    fn every_missing_key_is_named_at_once() {
        let text = "
            words = { pt = { fields = { imago = { label = 'x' } } } }
            [[templates]]
            code = 'a'
            extends = 'five-lessons'
            call = { opens = 2022-09-15, closes = 2022-10-24T18:00:00 }
            lessons = [{ number = 1, form = 'none', webinar = 2022-11-17 }, { number = 2, title = 't', form = 'round' }]
            tracks = [{ code = 'one', like = 'two' }, { code = 'two', like = 'one' }, { code = 'three', like = 'zero' }]
            forms.round = { like = 'round' }
            forms.bare = { fields = [{ key = 'x' }] }
            [[templates]]
            code = 'b'
            lessons = [{ number = 1, title = 't', form = 'bare', deadline = 2022-12-20 }]
            tracks = [{ code = 'one', name = 'One', language = 'pt', levels = ['upper_secondary'] }]
            forms.bare = { fields = [{ key = 'x' }] }
        ";
        let faults = faults_of(text);
        for key in [
            "lessons.templates.a.extends: `five-lessons` is not one of the built-in templates: four-lessons",
            "lessons.templates.a.call: is missing; write both with their hour",
            "lessons.templates.a.label: is missing",
            "lessons.templates.a.school_year: is missing",
            "lessons.templates.a.tracks.one.like: `one` is like this track itself",
            "lessons.templates.a.tracks.three.like: there is no track `zero`",
            "lessons.templates.a.tracks.one.language: is missing",
            "lessons.templates.a.tracks.one.name: is missing",
            "lessons.templates.a.tracks.one.levels: is missing",
            "lessons.templates.a.tracks.one.lessons.1.title: is missing",
            "lessons.templates.a.tracks.one.lessons.1.deadline: is missing",
            "lessons.templates.a.tracks.one.lessons.1.webinar: is missing; the hour",
            "lessons.templates.a.tracks.one.lessons: there is no form `none`",
            "lessons.templates.a.tracks.one.lessons: the form `round` is like itself",
            "lessons.templates.b.call: is missing",
            "lessons.templates.b.tracks.one.forms.bare.fields.x.label: is missing",
            "lessons.templates.b.tracks.one.forms.bare.fields.x.kind: is missing",
            "lessons.words.pt.fields.imago: nothing has this key",
        ] {
            assert!(faults.iter().any(|fault| fault.starts_with(key)), "{key}\n{faults:#?}");
        }
        assert!(faults_of("")[0].starts_with("lessons.templates: at least one template"));
    }
}
