//! Completes drafts: a template by the one it extends, a track or a form by the one it is like, labels by the words of the track's
//! language.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::{SignedDuration, civil::Time};

use super::{
    ItemKind, ItemTemplate, LessonTemplate, ProjectRule, Template, TrackTemplate,
    draft::{self, Over, together},
    form::{Field, FieldKind, FormTemplate},
    words::{Known, Reader},
};

/// The built-in templates. They are read like a tenant's, so that a broken one is a fault of every file that extends it and not
/// a panic; a test reads them.
static BUILT_IN: LazyLock<Result<draft::Lessons, String>> =
    LazyLock::new(|| toml::from_str(include_str!("../base.toml")).map_err(|error| format!("base.toml: {error}")));

/// The most characters of an edition's code and label, which its wire form has too.
const LABEL: usize = 40;

/// The complete templates, and the faults of those that cannot be completed.
pub(super) fn templates(lessons: draft::Lessons) -> (Vec<Template>, Vec<String>) {
    let empty = draft::Lessons::default();
    let (built_in, mut faults) = match &*BUILT_IN {
        Ok(built_in) => (built_in, Vec::new()),
        Err(fault) => (&empty, vec![fault.clone()]),
    };
    let mut known = Known::built_in(&built_in.words);
    let mut templates = Vec::new();
    for draft in &lessons.templates {
        let mut resolver = Resolver { file: &lessons, built_in, key: String::new(), faults: &mut faults };
        let (extended, models) = resolver.extended(draft);
        known_of(&extended, &mut known);
        templates.extend(resolver.template(extended, models));
    }
    if lessons.templates.is_empty() {
        faults.push("lessons.templates: at least one template, for an edition to be made from".to_owned());
    }
    faults.extend(lessons.words.iter().flat_map(|(language, words)| words.strangers(language, &known)));
    (templates, faults)
}

/// The keys that words can be given for.
fn known_of(template: &draft::Template, known: &mut Known) {
    let lessons = template.lessons.iter().chain(template.tracks.iter().flat_map(|track| &track.lessons));
    known.lessons.extend(lessons.filter_map(|lesson| lesson.title.clone()));
    let items = template.items.iter().chain(template.tracks.iter().flat_map(|track| track.items.iter().flatten()));
    known.items.extend(items.map(|item| item.title.clone()));
    for field in template.forms.values().flat_map(|form| &form.fields) {
        known.fields.insert(field.key.clone());
        known.choices.extend(field.choices.iter().flatten().cloned());
    }
}

struct Resolver<'a> {
    file: &'a draft::Lessons,
    built_in: &'a draft::Lessons,
    /// The place in the file that is being completed, for faults.
    key: String,
    faults: &'a mut Vec<String>,
}

/// What every track of a template shares.
struct Shared<'a> {
    /// The tracks of the base: a track can be like one that the template itself leaves out.
    models: &'a [draft::Track],
    lessons: Vec<draft::Lesson>,
    items: Vec<draft::Item>,
    forms: BTreeMap<String, draft::Form>,
    deadline_hour: Time,
    webinar: SignedDuration,
}

impl<'a> Resolver<'a> {
    fn fault(&mut self, at: &str, text: impl AsRef<str>) {
        let dot = if at.is_empty() { "" } else { "." };
        let fault = format!("{}{dot}{at}: {}", self.key, text.as_ref());
        // a form that several lessons use is looked at several times
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// The value. Adds a fault that says what to write, where there is none.
    fn needed<T>(&mut self, at: &str, value: Option<T>, write: &str) -> Option<T> {
        if value.is_none() {
            self.fault(at, format!("is missing; {write}"));
        }
        value
    }

    /// The template, completed by the one it extends, and the tracks of that one.
    fn extended(&mut self, draft: &draft::Template) -> (draft::Template, &'a [draft::Track]) {
        self.key = format!("lessons.templates.{}", draft.code);
        let Some(name) = &draft.extends else { return (draft.clone(), &[]) };
        let built_in = &self.built_in.templates;
        if let Some(base) = built_in.iter().find(|base| base.code == *name) {
            return (draft.clone().over(base.clone()), &base.tracks);
        }
        let names: Vec<_> = built_in.iter().map(|base| base.code.as_str()).collect();
        self.fault("extends", format!("`{name}` is not one of the built-in templates: {}", names.join(", ")));
        (draft.clone(), &[])
    }

    fn template(&mut self, draft: draft::Template, models: &[draft::Track]) -> Option<Template> {
        let call = self.needed("call", draft.call, "`call = { opens = .., closes = .. }`");
        let moments = call.and_then(|call| call.opens.moment().zip(call.closes.moment()));
        if call.is_some() {
            self.needed("call", moments, "write both with their hour, such as 2022-10-24T18:00:00");
        }
        let label = self.needed("label", draft.label, "the name people know the edition by");
        let school_year = self.needed("school_year", draft.school_year, "such as \"2022-2023\"");
        for text in
            [Some(&draft.code), label.as_ref()].into_iter().flatten().filter(|text| text.chars().count() > LABEL)
        {
            self.fault("", format!("`{text}` is longer than {LABEL} characters"));
        }
        let shared = Shared {
            models,
            lessons: draft.lessons,
            items: draft.items,
            forms: draft.forms,
            deadline_hour: draft.deadline_hour.map_or(Time::constant(23, 59, 59, 0), |hour| hour.0),
            webinar: SignedDuration::from_mins(draft.webinar_minutes.unwrap_or(90).into()),
        };
        let tracks = self.tracks(&draft.tracks, &shared);
        let (call_opens, call_closes) = moments?;
        Some(Template { code: draft.code, label: label?, school_year: school_year?, call_opens, call_closes, tracks })
    }

    fn tracks(&mut self, drafts: &[draft::Track], shared: &Shared<'_>) -> Vec<TrackTemplate> {
        let key = self.key.clone();
        let mut tracks = Vec::new();
        for draft in drafts {
            self.key = format!("{key}.tracks.{}", draft.code);
            let like = self.like(draft, &[drafts, shared.models], &mut vec![draft.code.clone()]);
            tracks.extend(self.track(like, shared));
        }
        self.key = key;
        tracks
    }

    /// The track, completed by the one it is like.
    fn like(&mut self, draft: &draft::Track, all: &[&[draft::Track]], seen: &mut Vec<String>) -> draft::Track {
        let Some(name) = &draft.like else { return draft.clone() };
        match all.iter().copied().flatten().find(|track| track.code == *name) {
            _ if seen.contains(name) => self.fault("like", format!("`{name}` is like this track itself, in a circle")),
            None => self.fault("like", format!("there is no track `{name}` in this template")),
            Some(other) => {
                seen.push(name.clone());
                let other = self.like(other, all, seen);
                return draft.clone().over(other);
            }
        }
        draft.clone()
    }

    fn track(&mut self, draft: draft::Track, shared: &Shared<'_>) -> Option<TrackTemplate> {
        let language = draft.language.clone().or_else(|| self.file.language.clone());
        let language = self.needed("language", language, "say it here, or for the whole file in `[lessons]`");
        let name = self.needed("name", draft.name.clone(), "the name people know the track by");
        let levels = self.needed("levels", draft.levels.clone(), "such as [\"upper_secondary\"]");
        let (file, built_in) = (self.file, self.built_in);
        let words = Reader::new(language.as_deref().unwrap_or("en"), &file.words, &built_in.words);
        let mut items = self.items(draft.items.as_ref().unwrap_or(&shared.items), &words, shared);
        let mut lessons = Vec::new();
        for lesson in self.lessons(&draft, shared) {
            items.extend(self.lesson_items(&lesson, &words, shared));
            lessons.extend(self.lesson(lesson, &draft, &words, shared));
        }
        items.sort_by_key(|item| (item.starts, item.lesson));
        Some(TrackTemplate {
            code: draft.code,
            name: name?,
            infix: draft.infix.unwrap_or_default(),
            language: language?,
            levels: levels?,
            max_team_size: draft.max_team_size.unwrap_or(25),
            max_teams_per_referent: draft.max_teams_per_referent.unwrap_or(0),
            authorisation_required: draft.authorisation_required.unwrap_or(true),
            project_rule: draft.project_rule.unwrap_or(ProjectRule::Any),
            roles: draft.roles.unwrap_or_default(),
            lessons,
            items,
        })
    }

    /// The template's lessons, each as the track changes it.
    fn lessons(&mut self, track: &draft::Track, shared: &Shared<'_>) -> Vec<draft::Lesson> {
        let own = track.lessons.iter().filter(|own| shared.lessons.iter().any(|lesson| lesson.number == own.number));
        together(own.cloned().collect(), shared.lessons.clone(), |lesson| lesson.number)
    }

    fn lesson(
        &mut self,
        draft: draft::Lesson,
        track: &draft::Track,
        words: &Reader<'_>,
        shared: &Shared<'_>,
    ) -> Option<LessonTemplate> {
        let number = draft.number;
        let title = self.needed(&format!("lessons.{number}.title"), draft.title, "such as \"Progettare\"");
        let form = self.needed(&format!("lessons.{number}.form"), draft.form, "the name of one of `forms`")?;
        let fields = self.fields(&form, shared, &mut Vec::new());
        let fields = fields.into_iter().filter_map(|field| self.field(&form, field, track, words)).collect();
        Some(LessonTemplate { number, title: words.lesson(&title?), form: FormTemplate { fields } })
    }

    fn lesson_items(&mut self, draft: &draft::Lesson, words: &Reader<'_>, shared: &Shared<'_>) -> Vec<ItemTemplate> {
        let number = draft.number;
        let title = words.lesson(draft.title.as_deref().unwrap_or_default());
        let called = |key: &str| words.item(key).replace("{number}", &number.to_string()).replace("{title}", &title);
        let key = format!("lessons.{number}");
        let deadline =
            self.needed(&format!("{key}.deadline"), draft.deadline, "the last day of the report, such as 2022-12-20");
        let mut items: Vec<_> = deadline
            .map(|deadline| ItemTemplate {
                kind: ItemKind::ReportDeadline,
                title: called("report_deadline"),
                lesson: Some(number),
                starts: deadline.at(shared.deadline_hour),
                ends: None,
            })
            .into_iter()
            .collect();
        if let Some(webinar) = draft.webinar {
            let starts =
                self.needed(&format!("{key}.webinar"), webinar.moment(), "the hour, such as 2022-11-17T15:00:00");
            items.extend(starts.map(|starts| ItemTemplate {
                kind: ItemKind::Webinar,
                title: called("lesson_webinar"),
                lesson: Some(number),
                starts,
                ends: Some(starts.saturating_add(shared.webinar)),
            }));
        }
        items
    }

    fn items(&mut self, drafts: &[draft::Item], words: &Reader<'_>, shared: &Shared<'_>) -> Vec<ItemTemplate> {
        let mut items = Vec::new();
        for draft in drafts {
            let key = format!("items.{}", draft.title);
            let starts =
                self.needed(&format!("{key}.starts"), draft.starts.moment(), "the hour, such as 2022-11-10T15:00:00");
            let ends = draft.ends.map(|ends| self.needed(&format!("{key}.ends"), ends.moment(), "the hour"));
            let Some(starts) = starts else { continue };
            let usual = || (draft.kind == ItemKind::Webinar).then(|| starts.saturating_add(shared.webinar));
            let (title, lesson) = (words.item(&draft.title), draft.lesson);
            items.push(ItemTemplate { kind: draft.kind, title, lesson, starts, ends: ends.unwrap_or_else(usual) });
        }
        items
    }

    /// The fields of a form, with those of the forms it is like.
    fn fields(&mut self, name: &str, shared: &Shared<'_>, seen: &mut Vec<String>) -> Vec<draft::Field> {
        if seen.iter().any(|one| one == name) {
            self.fault("lessons", format!("the form `{name}` is like itself, in a circle"));
            return Vec::new();
        }
        seen.push(name.to_owned());
        let Some(form) = shared.forms.get(name) else {
            self.fault("lessons", format!("there is no form `{name}` in `forms` of the template"));
            return Vec::new();
        };
        let base = form.like.as_ref().map_or_else(Vec::new, |like| self.fields(like, shared, seen));
        let mut fields = together(form.fields.clone(), base, |field| field.key.clone());
        fields.retain(|field| !form.without.contains(&field.key));
        fields
    }

    fn field(&mut self, form: &str, draft: draft::Field, track: &draft::Track, words: &Reader<'_>) -> Option<Field> {
        let key = format!("forms.{form}.fields.{}", draft.key);
        let said = words.field(&draft.key);
        let label = draft.label.or_else(|| said.map(|said| said.label.clone()));
        let label =
            self.needed(&format!("{key}.label"), label, "write it here, or in `[lessons.words.<language>.fields]`");
        let kind = self.needed(&format!("{key}.kind"), draft.kind, "such as \"rich_text\"")?;
        let hosts = draft.hosts.or_else(|| (kind == FieldKind::Project).then(|| self.sources(track)).flatten());
        Some(Field {
            label: label?,
            help: draft.help.or_else(|| said.map(|said| said.help.clone())).unwrap_or_default(),
            kind,
            required: draft.required.unwrap_or(false),
            max_chars: draft.max_chars.unwrap_or(0),
            spaces_count: draft.spaces_count.unwrap_or(true),
            max_words: draft.max_words.unwrap_or(0),
            choices: draft.choices.unwrap_or_default().iter().map(|choice| words.choice(choice)).collect(),
            max_items: draft.max_items.unwrap_or(0),
            max_bytes: draft.max_bytes.unwrap_or(0),
            roles: draft.roles.unwrap_or_default(),
            evaluated: draft.evaluated.unwrap_or(true),
            hosts: hosts.unwrap_or_default(),
            key: draft.key,
        })
    }

    /// Where the projects of a track are published.
    fn sources(&self, track: &draft::Track) -> Option<Vec<String>> {
        track.sources.clone().or_else(|| self.file.sources.clone())
    }
}
