//! The table `[lessons]` as files write it, where almost everything may be left out, and how one draft completes another.

use std::{collections::BTreeMap, num::NonZeroU16};

use serde::Deserialize;

use super::{
    ItemKind, Level, Moderation, ProjectRule, Reminders,
    form::FieldKind,
    holiday::Holiday,
    local::{Hour, Local},
    words::ByLanguage,
};

/// The whole table; also the shape of the built-in templates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Lessons {
    pub(super) language: Option<String>,
    pub(super) sources: Option<Vec<String>>,
    pub(super) replan_least_days: Option<NonZeroU16>,
    pub(super) words: ByLanguage,
    pub(super) templates: Vec<Template>,
    pub(super) holidays: Vec<Holiday>,
    pub(super) moderation: Option<Moderation>,
    pub(super) reminders: Option<Reminders>,
}

/// `[[lessons.templates]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    pub(super) code: String,
    pub(super) extends: Option<String>,
    pub(super) label: Option<String>,
    pub(super) school_year: Option<String>,
    pub(super) call: Option<Call>,
    pub(super) deadline_hour: Option<Hour>,
    pub(super) webinar_minutes: Option<u16>,
    #[serde(default)]
    pub(super) lessons: Vec<Lesson>,
    #[serde(default)]
    pub(super) items: Vec<Item>,
    #[serde(default)]
    pub(super) tracks: Vec<Track>,
    #[serde(default)]
    pub(super) forms: BTreeMap<String, Form>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) opens: Local,
    pub(super) closes: Local,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lesson {
    pub(super) number: u16,
    pub(super) title: Option<String>,
    pub(super) form: Option<String>,
    pub(super) webinar: Option<Local>,
    pub(super) deadline: Option<Local>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    pub(super) kind: ItemKind,
    pub(super) title: String,
    pub(super) lesson: Option<u16>,
    pub(super) starts: Local,
    pub(super) ends: Option<Local>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Track {
    pub(super) code: String,
    pub(super) like: Option<String>,
    pub(super) name: Option<String>,
    pub(super) infix: Option<String>,
    pub(super) language: Option<String>,
    pub(super) levels: Option<Vec<Level>>,
    pub(super) max_team_size: Option<u16>,
    pub(super) max_teams_per_referent: Option<u16>,
    pub(super) authorisation_required: Option<bool>,
    pub(super) project_rule: Option<ProjectRule>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) sources: Option<Vec<String>>,
    #[serde(default)]
    pub(super) lessons: Vec<Lesson>,
    pub(super) items: Option<Vec<Item>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Form {
    pub(super) like: Option<String>,
    pub(super) without: Vec<String>,
    pub(super) fields: Vec<Field>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) kind: Option<FieldKind>,
    pub(super) label: Option<String>,
    pub(super) help: Option<String>,
    pub(super) required: Option<bool>,
    pub(super) max_chars: Option<u16>,
    pub(super) spaces_count: Option<bool>,
    pub(super) max_words: Option<u16>,
    pub(super) choices: Option<Vec<String>>,
    pub(super) max_items: Option<u16>,
    pub(super) max_bytes: Option<u32>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) evaluated: Option<bool>,
    pub(super) hosts: Option<Vec<String>>,
}

/// A draft that can be completed by another one. What it says itself is kept.
pub(super) trait Over {
    /// This draft, with the values of `base` where it has none.
    fn over(self, base: Self) -> Self;
}

impl Over for Template {
    /// The lessons and the tracks are those the template names, when it names any: so a template can have fewer than its base.
    fn over(self, base: Self) -> Self {
        let lessons = chosen(&self.lessons, &base.lessons, |lesson| lesson.number);
        let tracks = chosen(&self.tracks, &base.tracks, |track| track.code.clone());
        Self {
            code: self.code,
            extends: self.extends,
            label: self.label.or(base.label),
            school_year: self.school_year.or(base.school_year),
            call: self.call.or(base.call),
            deadline_hour: self.deadline_hour.or(base.deadline_hour),
            webinar_minutes: self.webinar_minutes.or(base.webinar_minutes),
            lessons,
            items: if self.items.is_empty() { base.items } else { self.items },
            tracks,
            forms: forms(self.forms, base.forms),
        }
    }
}

impl Over for Lesson {
    fn over(self, base: Self) -> Self {
        Self {
            number: self.number,
            title: self.title.or(base.title),
            form: self.form.or(base.form),
            webinar: self.webinar.or(base.webinar),
            deadline: self.deadline.or(base.deadline),
        }
    }
}

impl Over for Track {
    fn over(self, base: Self) -> Self {
        Self {
            code: self.code,
            like: self.like.or(base.like),
            name: self.name.or(base.name),
            infix: self.infix.or(base.infix),
            language: self.language.or(base.language),
            levels: self.levels.or(base.levels),
            max_team_size: self.max_team_size.or(base.max_team_size),
            max_teams_per_referent: self.max_teams_per_referent.or(base.max_teams_per_referent),
            authorisation_required: self.authorisation_required.or(base.authorisation_required),
            project_rule: self.project_rule.or(base.project_rule),
            roles: self.roles.or(base.roles),
            sources: self.sources.or(base.sources),
            lessons: together(self.lessons, base.lessons, |lesson| lesson.number),
            items: self.items.or(base.items),
        }
    }
}

impl Over for Form {
    fn over(self, base: Self) -> Self {
        let without: Vec<_> = self.without.into_iter().chain(base.without).collect();
        let fields = together(self.fields, base.fields, |field| field.key.clone());
        Self { like: self.like.or(base.like), without, fields }
    }
}

impl Over for Field {
    fn over(self, base: Self) -> Self {
        Self {
            key: self.key,
            kind: self.kind.or(base.kind),
            label: self.label.or(base.label),
            help: self.help.or(base.help),
            required: self.required.or(base.required),
            max_chars: self.max_chars.or(base.max_chars),
            spaces_count: self.spaces_count.or(base.spaces_count),
            max_words: self.max_words.or(base.max_words),
            choices: self.choices.or(base.choices),
            max_items: self.max_items.or(base.max_items),
            max_bytes: self.max_bytes.or(base.max_bytes),
            roles: self.roles.or(base.roles),
            evaluated: self.evaluated.or(base.evaluated),
            hosts: self.hosts.or(base.hosts),
        }
    }
}

/// The entries of `own`, each completed by the entry of the same name in the base; all entries of the base where `own` is empty.
fn chosen<T: Over + Clone, K: PartialEq>(own: &[T], base: &[T], key: impl Fn(&T) -> K) -> Vec<T> {
    if own.is_empty() {
        return base.to_vec();
    }
    let completed = |one: &T| match base.iter().find(|other| key(other) == key(one)) {
        Some(other) => one.clone().over(other.clone()),
        None => one.clone(),
    };
    own.iter().map(completed).collect()
}

/// The entries of the base in their order, each completing the entry of the same name in `own`; then the entries that only `own` has.
pub(super) fn together<T: Over, K: PartialEq>(own: Vec<T>, base: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut all: Vec<T> = base;
    for one in own {
        match all.iter().position(|other| key(other) == key(&one)) {
            Some(at) => {
                let other = all.remove(at);
                all.insert(at, one.over(other));
            }
            None => all.push(one),
        }
    }
    all
}

fn forms(own: BTreeMap<String, Form>, mut base: BTreeMap<String, Form>) -> BTreeMap<String, Form> {
    for (name, form) in own {
        let form = match base.remove(&name) {
            Some(other) => form.over(other),
            None => form,
        };
        base.insert(name, form);
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        toml::from_str(&format!("code = 'x'\n{text}")).unwrap()
    }

    #[test]
    fn a_template_has_the_lessons_and_tracks_it_names_completed_by_its_base() {
        let base = template(
            "lessons = [{ number = 1, title = 'design', form = 'd' }, { number = 2, title = 'tell', form = 't' }]\n\
             tracks = [{ code = 'a', infix = 'A' }, { code = 'b' }]",
        );
        let own =
            template("lessons = [{ number = 1, form = 'own', deadline = 2022-12-20 }]\ntracks = [{ code = 'a' }]");
        let both = own.over(base.clone());
        assert_eq!(both.lessons.len(), 1);
        assert_eq!((both.lessons[0].title.as_deref(), both.lessons[0].form.as_deref()), (Some("design"), Some("own")));
        assert_eq!(both.tracks.iter().map(|track| track.infix.as_deref()).collect::<Vec<_>>(), [Some("A")]);
        let all = template("").over(base);
        assert_eq!((all.lessons.len(), all.tracks.len()), (2, 2));
    }

    #[test]
    fn a_form_keeps_the_order_of_its_base_and_appends_what_is_new() {
        let base = template("forms.f.fields = [{ key = 'one', kind = 'line' }, { key = 'two', kind = 'url' }]");
        let own = template("forms.f.fields = [{ key = 'new', kind = 'date' }, { key = 'two', required = true }]");
        let both = own.over(base);
        let fields = &both.forms["f"].fields;
        assert_eq!(fields.iter().map(|field| field.key.as_str()).collect::<Vec<_>>(), ["one", "two", "new"]);
        assert_eq!((fields[1].kind, fields[1].required), (Some(FieldKind::Url), Some(true)));
    }
}
