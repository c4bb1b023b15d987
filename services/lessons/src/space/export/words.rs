//! The words of the pages, by language: `data/export.toml`.

use std::{collections::BTreeMap, sync::LazyLock};

static LANGUAGES: LazyLock<BTreeMap<String, BTreeMap<String, String>>> = LazyLock::new(|| {
    // the tests below read the same file: a broken one does not get here
    toml::from_str(include_str!("../../../data/export.toml")).unwrap_or_default()
});

/// The words of one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    tag: &'static str,
    words: &'static BTreeMap<String, String>,
}

/// The words of a language, whatever its region.
pub(super) fn find(tag: &str) -> Option<Words> {
    let (tag, words) = LANGUAGES.get_key_value(tag.split('-').next().unwrap_or(tag))?;
    Some(Words { tag, words })
}

impl Words {
    /// The tag of the language.
    pub(super) fn tag(&self) -> &'static str {
        self.tag
    }

    /// The word of this key. What is no key is itself the word.
    pub(super) fn say<'a>(&self, key: &'a str) -> &'a str {
        self.words.get(key).map_or(key, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_of_our_countries_has_every_word() {
        assert!(LANGUAGES.keys().eq(["el", "en", "es", "hr", "it", "sl"]));
        let english = &LANGUAGES["en"];
        for (tag, words) in LANGUAGES.iter() {
            assert!(words.keys().eq(english.keys()), "{tag}");
            assert!(words.values().all(|word| !word.trim().is_empty()), "{tag}");
        }
    }

    #[test]
    fn a_language_with_a_region_uses_the_words_of_the_language() {
        assert_eq!(find("es-ES").map(|words| words.say("pair")), Some("El hermanamiento"));
        assert!(find("xx").is_none());
    }
}
