//! The words of the programme do not appear in `platform`: it is how every process lives, whatever the process is about.

use std::sync::LazyLock;

use regex::Regex;

use crate::source::{Source, holds, sources};

/// Words that mean the programme and nothing else. Not among them are those that are also everyday words of programs: report,
/// track, call, form, class, award, certificate.
const WORDS: [&str; 22] = [
    "asoc",
    "ballot",
    "coordinator",
    "edition",
    "interreg",
    "jury",
    "juror",
    "lesson",
    "monithon",
    "nuts",
    "opencoesione",
    "pupil",
    "referent",
    "school",
    "student",
    "teacher",
    "teaching",
    "team",
    "territory",
    "territorial",
    "twinning",
    "webinar",
];

/// The words of a text, in lower case and singular: `TeamId` and `team_ids` are `team` and `id`.
fn words(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Z]?[a-z]+|[A-Z]+").expect("a pattern"));
    WORD.find_iter(text).map(|word| {
        let lower = word.as_str().to_lowercase();
        let singular = lower.strip_suffix("ies").map(|stem| format!("{stem}y"));
        (word.start(), singular.unwrap_or_else(|| lower.strip_suffix('s').unwrap_or(&lower).to_owned()))
    })
}

/// Prose without examples: in backticks and fences stands what a service would write.
fn without_examples(prose: &str) -> String {
    static EXAMPLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)```.*?```|`[^`\n]*`").expect("a pattern"));
    EXAMPLE.replace_all(prose, |found: &regex::Captures<'_>| " ".repeat(found[0].len())).into_owned()
}

fn word_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.package == "platform") {
        let prose = without_examples(&source.prose);
        for (at, word) in words(&source.code).chain(words(&prose)) {
            // `nuts` loses its s like any other word
            if WORDS.iter().any(|banned| *banned == word || banned.strip_suffix('s') == Some(&word)) {
                let place = source.place(at);
                faults.push(format!("{place}: `{word}` is a word of the programme. Say what it is to every process, or move it to a service"));
            }
        }
    }
    faults
}

#[test]
fn platform_has_no_word_of_the_programme() {
    assert!(sources().iter().any(|source| source.package == "platform"), "platform is not where it was");
    holds("Platform knows nothing of schools:", &word_faults(sources()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        word_faults(&[Source::new("platform", "services/platform/src/ctx.rs", text.to_owned())])
    }

    #[test]
    fn a_word_of_the_programme_is_named_in_every_spelling() {
        for text in [
            "fn of_school() {}",
            "struct TeamId;",
            "let teams = 1;",
            "// for teachers",
            "const MAX_TEAM: u8 = 1;",
            "//! Territories.",
            "// NUTS",
        ] {
            assert_eq!(faults(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn examples_texts_and_other_words_are_not() {
        for text in [
            "/// `Id<Team>` and `team_size`.",
            "//! ```ignore\n//! let team = 1;\n//! ```\n",
            "let a = \"school\";",
            "// steam, report, tracker",
        ] {
            assert!(faults(text).is_empty(), "{text}: {:?}", faults(text));
        }
        assert!(
            word_faults(&[Source::new("identity", "services/identity/src/team.rs", "struct Team;".to_owned())])
                .is_empty()
        );
    }
}
