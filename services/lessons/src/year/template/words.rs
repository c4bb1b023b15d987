//! Words people read, by language: `[lessons.words.it]`. Forms and calendars carry keys; a language gives each its text.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The words of one language.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Words {
    pub(super) lessons: BTreeMap<String, String>,
    pub(super) items: BTreeMap<String, String>,
    pub(super) fields: BTreeMap<String, FieldWords>,
    pub(super) choices: BTreeMap<String, String>,
}

/// The words of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldWords {
    pub(super) label: String,
    #[serde(default)]
    pub(super) help: String,
}

/// The words of all languages.
pub(super) type ByLanguage = BTreeMap<String, Words>;

/// The languages to look in for one track, the nearest first: its own, its own without a region (`pt` for `pt-PT`), English;
/// of each, the tenant's words before the built-in ones.
pub(super) struct Reader<'a>(Vec<&'a Words>);

impl<'a> Reader<'a> {
    pub(super) fn new(language: &str, tenant: &'a ByLanguage, built_in: &'a ByLanguage) -> Self {
        let primary = language.split('-').next().unwrap_or(language);
        let tongues = BTreeSet::from([(0, language), (1, primary), (2, "en")]);
        let tables = tongues.into_iter().flat_map(|(_, tongue)| [tenant.get(tongue), built_in.get(tongue)]);
        Self(tables.flatten().collect())
    }

    /// The title of a lesson. What is no key is itself the title.
    pub(super) fn lesson(&self, key: &str) -> String {
        self.find(|words| words.lessons.get(key)).cloned().unwrap_or_else(|| key.to_owned())
    }

    /// The title of a calendar item. What is no key is itself the title.
    pub(super) fn item(&self, key: &str) -> String {
        self.find(|words| words.items.get(key)).cloned().unwrap_or_else(|| key.to_owned())
    }

    /// A choice. What is no key is itself the choice.
    pub(super) fn choice(&self, key: &str) -> String {
        self.find(|words| words.choices.get(key)).cloned().unwrap_or_else(|| key.to_owned())
    }

    /// Label and help of a field.
    pub(super) fn field(&self, key: &str) -> Option<&'a FieldWords> {
        self.find(|words| words.fields.get(key))
    }

    fn find<T: ?Sized>(&self, pick: impl Fn(&'a Words) -> Option<&'a T>) -> Option<&'a T> {
        self.0.iter().copied().find_map(pick)
    }
}

impl Words {
    /// The keys that name nothing. They are taken for spelling mistakes, because nobody would ever see their labels.
    pub(super) fn strangers(&self, language: &str, known: &Known) -> Vec<String> {
        let tables = [
            ("lessons", self.lessons.keys().collect::<Vec<_>>(), &known.lessons),
            ("items", self.items.keys().collect(), &known.items),
            ("fields", self.fields.keys().collect(), &known.fields),
            ("choices", self.choices.keys().collect(), &known.choices),
        ];
        let mut faults = Vec::new();
        for (table, keys, known) in tables {
            let strange = keys.into_iter().filter(|key| !known.contains(*key));
            faults.extend(strange.map(|key| format!("lessons.words.{language}.{table}.{key}: nothing has this key")));
        }
        faults
    }
}

/// Every key that a form, a lesson or an item has.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) lessons: BTreeSet<String>,
    pub(super) items: BTreeSet<String>,
    pub(super) fields: BTreeSet<String>,
    pub(super) choices: BTreeSet<String>,
}

impl Known {
    /// The keys that words are built in for.
    pub(super) fn built_in(words: &ByLanguage) -> Self {
        let mut known = Self::default();
        for words in words.values() {
            known.lessons.extend(words.lessons.keys().cloned());
            known.items.extend(words.items.keys().cloned());
            known.fields.extend(words.fields.keys().cloned());
            known.choices.extend(words.choices.keys().cloned());
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> ByLanguage {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_nearest_language_speaks_first() {
        let built_in = words("en.lessons = { design = 'Design', tell = 'Tell' }\npt.lessons = { tell = 'built in' }");
        let tenant = words("pt.lessons = { tell = 'Contar' }\npt-PT.lessons = {}\nen.lessons = { design = 'Plan' }");
        let reader = Reader::new("pt-PT", &tenant, &built_in);
        assert_eq!(reader.lesson("tell"), "Contar");
        assert_eq!(reader.lesson("design"), "Plan");
        assert_eq!(reader.lesson("Explorar o território"), "Explorar o território");
        assert_eq!(reader.field("research_title"), None);
    }

    #[test]
    fn words_for_an_unknown_key_are_named() {
        let known = Known::built_in(&words("en.fields = { image = { label = 'Image' } }"));
        let tenant = words("it.fields = { image = { label = 'Immagine' }, imago = { label = 'x' } }");
        assert_eq!(tenant["it"].strangers("it", &known), ["lessons.words.it.fields.imago: nothing has this key"]);
    }
}
