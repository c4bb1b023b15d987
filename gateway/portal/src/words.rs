//! The words of the pages: one Fluent catalogue for each language, in `words/`. A test says that each has every message.

use std::{collections::HashMap, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use platform::Language;

type Bundle = FluentBundle<FluentResource>;

/// The catalogues, by the BCP 47 tag of their language.
const CATALOGUES: [(&str, &str); 7] = [
    ("ca", include_str!("../words/ca.ftl")),
    ("el", include_str!("../words/el.ftl")),
    ("en", include_str!("../words/en.ftl")),
    ("es", include_str!("../words/es.ftl")),
    ("hr", include_str!("../words/hr.ftl")),
    ("it", include_str!("../words/it.ftl")),
    ("sl", include_str!("../words/sl.ftl")),
];

static BUNDLES: LazyLock<HashMap<&str, Bundle>> =
    LazyLock::new(|| CATALOGUES.into_iter().filter_map(|(tag, text)| Some((tag, bundle(tag, text)?))).collect());

fn bundle(tag: &str, text: &str) -> Option<Bundle> {
    let mut bundle = Bundle::new_concurrent(vec![tag.parse().ok()?]);
    // the marks around what is inserted are for texts that run in two directions
    bundle.set_use_isolating(false);
    bundle.add_resource(FluentResource::try_new(text.to_owned()).ok()?).ok()?;
    Some(bundle)
}

/// The words of one language.
#[derive(Clone, Copy)]
pub(crate) struct Words(Language);

impl Words {
    /// The words of a language.
    pub(crate) fn of(language: Language) -> Self {
        Self(language)
    }

    /// The language.
    pub(crate) fn language(self) -> Language {
        self.0
    }

    /// A message: `errors`, or an attribute of one: `form-sign-in.lead`.
    pub(crate) fn say(self, name: &str) -> String {
        self.find(name, &[]).unwrap_or_default()
    }

    /// A message with what is inserted into it.
    pub(crate) fn say_with(self, name: &str, values: &[(&'static str, &str)]) -> String {
        self.find(name, values).unwrap_or_default()
    }

    /// A message that not every page or field has.
    pub(crate) fn find(self, name: &str, values: &[(&'static str, &str)]) -> Option<String> {
        let (id, attribute) = name.split_once('.').map_or((name, None), |(id, attribute)| (id, Some(attribute)));
        let bundle = BUNDLES.get(self.0.tag())?;
        let message = bundle.get_message(id)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let values: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, *value)).collect();
        Some(bundle.format_pattern(pattern, Some(&values), &mut Vec::new()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{DONE, FORMS};

    #[test]
    fn every_language_of_the_api_has_a_catalogue_that_can_be_read() {
        assert_eq!(BUNDLES.len(), CATALOGUES.len());
        assert!(Language::all().all(|language| BUNDLES.contains_key(language.tag())));
        assert_eq!(Language::all().count(), CATALOGUES.len());
    }

    #[test]
    fn every_form_field_and_deed_has_its_words_in_every_language() {
        for words in Language::all().map(Words::of) {
            let forms = FORMS.iter().flat_map(|form| {
                let fields = form.fields.iter().filter(|field| !field.is_hidden());
                let fields = fields.map(|field| format!("field-{}", field.name));
                let page = ["", ".lead", ".button"].map(|part| format!("form-{}{part}", form.path));
                fields.chain(page)
            });
            for name in forms.chain(DONE.map(|done| format!("done-{done}"))) {
                assert!(!words.say(&name).is_empty(), "{}: {name}", words.language().tag());
            }
        }
    }

    #[test]
    fn a_value_is_inserted() {
        let words = Words::of(Language::of("hr").unwrap());
        assert!(words.say_with("title-of-faults", &[("title", "Prijava")]).contains("Prijava"));
    }
}
