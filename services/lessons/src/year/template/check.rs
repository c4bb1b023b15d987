//! Checks complete templates for contradictions, before an edition is made from them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ItemKind, Template, TrackTemplate,
    form::{Field, FormTemplate},
};

/// What is wrong with the templates.
pub(super) fn faults(templates: &[Template]) -> Vec<String> {
    let mut faults = Faults::default();
    faults.twice("lessons.templates", templates.iter().map(|template| template.code.as_str()));
    for template in templates {
        faults.at(format!("lessons.templates.{}", template.code));
        faults.template(template);
    }
    faults.found
}

#[derive(Default)]
struct Faults {
    key: String,
    found: Vec<String>,
}

impl Faults {
    fn at(&mut self, key: String) {
        self.key = key;
    }

    fn add(&mut self, at: &str, text: impl AsRef<str>) {
        let fault = format!("{}.{at}: {}", self.key, text.as_ref());
        // tracks share lessons and forms, so one mistake is found several times
        if !self.found.contains(&fault) {
            self.found.push(fault);
        }
    }

    fn twice<'a>(&mut self, key: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        let again: Vec<_> = names.filter(|name| !seen.insert(*name)).collect();
        self.found.extend(again.into_iter().map(|name| format!("{key}: `{name}` stands there twice")));
    }

    fn template(&mut self, template: &Template) {
        if !is_code(&template.code, 20) {
            self.add("code", "letters, digits and hyphens, at most 20: it begins the codes of teams");
        }
        if template.call_opens >= template.call_closes {
            self.add("call", "it closes before it opens");
        }
        if template.tracks.is_empty() {
            self.add("tracks", "at least one track");
        }
        let key = self.key.clone();
        self.twice(&format!("{key}.tracks"), template.tracks.iter().map(|track| track.code.as_str()));
        let mut infixes = BTreeMap::new();
        for track in &template.tracks {
            self.at(format!("{key}.tracks.{}", track.code));
            if let Some(other) = infixes.insert(track.infix.to_ascii_uppercase(), track.code.as_str()) {
                self.add(
                    "infix",
                    format!("`{}` is that of `{other}` too; codes of their teams could not differ", track.infix),
                );
            }
            self.track(track);
            for lesson in &track.lessons {
                self.at(format!("{key}.tracks.{}.lessons.{}", track.code, lesson.number));
                self.form(&lesson.form, &track.roles);
            }
        }
    }

    fn track(&mut self, track: &TrackTemplate) {
        if !is_key(&track.code) {
            self.add("code", "lower-case letters, digits and `_`");
        }
        if !(track.infix.is_empty() || is_code(&track.infix, 8)) {
            self.add("infix", "letters, digits and hyphens, at most 8");
        }
        if track.levels.is_empty() {
            self.add("levels", "at least one level of school");
        }
        if track.max_team_size == 0 {
            self.add("max_team_size", "at least 1");
        }
        let numbers: Vec<_> = track.lessons.iter().map(|lesson| lesson.number).collect();
        if numbers.is_empty() || !numbers.iter().copied().eq(1..=u16::try_from(numbers.len()).unwrap_or(u16::MAX)) {
            self.add("lessons", "they are numbered 1, 2, 3 .. without a gap, and there is at least one");
        }
        self.calendar(track);
    }

    fn calendar(&mut self, track: &TrackTemplate) {
        for (one, next) in track.lessons.iter().zip(track.lessons.iter().skip(1)) {
            if track.deadline(one.number) >= track.deadline(next.number) && track.deadline(next.number).is_some() {
                self.add(&format!("lessons.{}.deadline", next.number), "it is not after the lesson before");
            }
        }
        for item in &track.items {
            if item.ends.is_some_and(|ends| ends <= item.starts) {
                self.add("items", format!("`{}` ends before it begins", item.title));
            }
            let Some(number) = item.lesson else { continue };
            if track.lessons.iter().all(|lesson| lesson.number != number) {
                self.add("items", format!("`{}` belongs to lesson {number}, which the track has not", item.title));
            }
            if item.kind == ItemKind::Webinar && track.deadline(number).is_some_and(|deadline| item.starts > deadline) {
                self.add(&format!("lessons.{number}.webinar"), "it is after the deadline of its lesson");
            }
        }
    }

    fn form(&mut self, form: &FormTemplate, roles: &[String]) {
        if form.fields.is_empty() {
            self.add("form", "it has no field");
        }
        for field in &form.fields {
            self.field(field, roles);
        }
    }

    fn field(&mut self, field: &Field, roles: &[String]) {
        let kind = field.kind;
        let limits = [
            (field.max_chars > 0 && !kind.is_text(), "max_chars", "only text has characters to limit"),
            (field.max_words > 0 && !kind.is_text(), "max_words", "only text has words to limit"),
            (
                field.max_items > 0 && !kind.is_file() && !kind.is_choice(),
                "max_items",
                "only files and choices are counted",
            ),
            (field.max_bytes > 0 && !kind.is_file(), "max_bytes", "only files have bytes to limit"),
            (!field.hosts.is_empty() && !kind.is_link(), "hosts", "only links lead to a host"),
            (field.choices.len() < 2 && kind.is_choice(), "choices", "at least two to choose from"),
            (!field.choices.is_empty() && !kind.is_choice(), "choices", "only `choice` and `choices` have them"),
            (!is_key(&field.key), "key", "lower-case letters, digits and `_`"),
            (
                field.hosts.iter().any(|host| !is_host(host)),
                "hosts",
                "names of hosts alone, such as `opencoesione.gov.it`",
            ),
        ];
        for (_, at, text) in limits.into_iter().filter(|(wrong, ..)| *wrong) {
            self.add(&format!("{}.{at}", field.key), text);
        }
        for role in field.roles.iter().filter(|role| !roles.contains(role)) {
            self.add(&format!("{}.roles", field.key), format!("`{role}` is not one of the track's roles"));
        }
    }
}

fn is_code(text: &str, most: usize) -> bool {
    let alphanumeric = |sign: char| sign.is_ascii_alphanumeric();
    text.len() <= most && text.starts_with(alphanumeric) && text.chars().all(|sign| alphanumeric(sign) || sign == '-')
}

fn is_key(text: &str) -> bool {
    let inner = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.chars().all(inner)
}

fn is_host(text: &str) -> bool {
    let inner = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-' || sign == '.';
    text.contains('.') && text.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use crate::year::template::Lessons;

    const GOOD: &str = "
        [[templates]]
        code = 'x'
        label = 'X'
        school_year = '2022-2023'
        call = { opens = 2022-09-15T10:00:00, closes = 2022-10-24T18:00:00 }
        lessons = [
            { number = 1, title = 'a', form = 'f', webinar = 2022-11-17T15:00:00, deadline = 2022-12-20 },
            { number = 2, title = 'b', form = 'f', deadline = 2023-02-07 },
        ]
        items = [{ kind = 'chat_day', title = 'c', starts = 2023-02-23T15:00:00, ends = 2023-02-23T18:00:00 }]
        tracks = [
            { code = 'one', name = 'One', language = 'en', levels = ['upper_secondary'], roles = ['blogger'] },
            { code = 'two', name = 'Two', language = 'en', levels = ['upper_secondary'], roles = ['blogger'], infix = 'T' },
        ]
        forms.f.fields = [{ key = 'k', label = 'K', kind = 'line', max_words = 5, roles = ['blogger'] }]
    ";

    fn faults(text: &str) -> Vec<String> {
        toml::from_str::<Lessons>(text).unwrap().faults
    }

    /// Each change of the good file makes the fault.
    fn each_is_named<const N: usize>(cases: [(&str, &str, &str); N]) {
        assert_eq!(faults(GOOD), Vec::<String>::new());
        for (good, wrong, fault) in cases {
            assert!(GOOD.contains(good), "{good}");
            let found = faults(&GOOD.replace(good, wrong));
            let fault = format!("lessons.templates.x{fault}");
            assert!(found.iter().any(|one| one.starts_with(&fault)), "{fault}\n{found:#?}");
        }
    }

    #[test]
    fn a_calendar_that_contradicts_itself_is_named_with_its_key() {
        each_is_named([
            ("code = 'x'", "code = 'x y'", " y.code: letters, digits"),
            ("2022-10-24T18", "2022-09-14T18", ".call: it closes before it opens"),
            ("number = 2", "number = 3", ".tracks.one.lessons: they are numbered 1, 2, 3"),
            ("deadline = 2023-02-07", "deadline = 2022-12-20", ".tracks.one.lessons.2.deadline: it is not after"),
            ("webinar = 2022-11-17", "webinar = 2022-12-21", ".tracks.one.lessons.1.webinar: it is after"),
            ("ends = 2023-02-23", "ends = 2023-02-22", ".tracks.one.items: `c` ends before it begins"),
            ("title = 'c',", "title = 'c', lesson = 7,", ".tracks.one.items: `c` belongs to lesson 7"),
        ]);
    }

    #[test]
    fn tracks_that_contradict_each_other_are_named_with_their_key() {
        each_is_named([
            ("infix = 'T'", "infix = ''", ".tracks.two.infix: `` is that of `one` too"),
            (
                "infix = 'T'",
                "infix = 'T' }, { code = 'three', name = 'Three', language = 'en', levels = ['upper_secondary'], roles = ['blogger'], infix = 't'",
                ".tracks.three.infix: `t` is that of `two` too",
            ),
            ("infix = 'T'", "infix = 'T_'", ".tracks.two.infix: letters, digits"),
            ("infix = 'T'", "infix = 'T', max_team_size = 0", ".tracks.two.max_team_size: at least 1"),
            ("code = 'two'", "code = 'one'", ".tracks: `one` stands there twice"),
            ("code = 'two'", "code = 'Two'", ".tracks.Two.code: lower-case letters"),
        ]);
    }

    #[test]
    fn a_field_that_contradicts_itself_is_named_with_its_key() {
        const FIELD: &str = "kind = 'line', max_words = 5, roles = ['blogger']";
        each_is_named([
            ("roles = ['blogger'] }]", "roles = ['bloger'] }]", ".tracks.one.lessons.1.k.roles: `bloger`"),
            ("key = 'k'", "key = 'K k'", ".tracks.one.lessons.1.K k.key: lower-case"),
            (FIELD, "kind = 'image', max_words = 5", ".tracks.one.lessons.1.k.max_words: only text"),
            (FIELD, "kind = 'image', max_chars = 5", ".tracks.one.lessons.1.k.max_chars: only text"),
            (FIELD, "kind = 'line', max_items = 5", ".tracks.one.lessons.1.k.max_items: only files"),
            (FIELD, "kind = 'line', max_bytes = 5", ".tracks.one.lessons.1.k.max_bytes: only files"),
            (FIELD, "kind = 'line', hosts = ['a.eu']", ".tracks.one.lessons.1.k.hosts: only links"),
            (FIELD, "kind = 'url', hosts = ['https://a.eu']", ".tracks.one.lessons.1.k.hosts: names of hosts"),
            (FIELD, "kind = 'choice', choices = ['one']", ".tracks.one.lessons.1.k.choices: at least two"),
            (FIELD, "kind = 'date', choices = ['a', 'b']", ".tracks.one.lessons.1.k.choices: only `choice`"),
        ]);
    }

    #[test]
    fn a_template_needs_tracks_lessons_levels_and_fields() {
        let text = GOOD.replace("levels = ['upper_secondary'], roles = ['blogger'] }", "levels = [] }");
        assert!(faults(&text).iter().any(|one| one.contains("tracks.one.levels: at least one")));
        let text = GOOD.replace(
            "forms.f.fields = [{ key = 'k', label = 'K', kind = 'line', max_words = 5, roles = ['blogger'] }]",
            "forms.f.fields = []",
        );
        assert!(faults(&text).iter().any(|one| one.ends_with("lessons.1.form: it has no field")));
        let text = "[[templates]]\ncode = 'x'\nlabel = 'X'\nschool_year = 'y'\n\
                    call = { opens = 2022-09-15T10:00:00, closes = 2022-10-24T18:00:00 }\n";
        assert_eq!(faults(text), ["lessons.templates.x.tracks: at least one track"]);
        let text = format!(
            "{text}tracks = [{{ code = 'one', name = 'One', language = 'en', levels = ['upper_secondary'] }}]\n"
        );
        assert!(faults(&text)[0].starts_with("lessons.templates.x.tracks.one.lessons: they are numbered"));
    }

    #[test]
    fn two_templates_of_one_code_are_a_fault() {
        assert!(faults(&format!("{GOOD}{GOOD}")).iter().any(|one| one == "lessons.templates: `x` stands there twice"));
    }
}
