//! The words of the programme do not appear in `platform`: it is how every process lives, whatever the process is about.

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

/// The words of a text, in lower case and singular, each with its place: `TeamId` and `team_ids` are `team` and `id`.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        let goes_on = letter.is_ascii_lowercase() && before.is_ascii_alphabetic()
            || letter.is_ascii_uppercase() && before.is_ascii_uppercase();
        match words.last_mut() {
            Some((_, word)) if goes_on => word.push(letter),
            _ if letter.is_ascii_alphabetic() => words.push((at, letter.to_string())),
            _ => {}
        }
        before = letter;
    }
    words.into_iter().map(|(at, word)| (at, singular(&word.to_lowercase()))).collect()
}

fn singular(word: &str) -> String {
    let of_y = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    of_y.unwrap_or_else(|| word.strip_suffix('s').unwrap_or(word).to_owned())
}

/// Prose without examples: in backticks and fences stands what a service would write.
fn without_examples(prose: &str) -> String {
    let mut kept = String::with_capacity(prose.len());
    for (part, text) in prose.split("```").enumerate() {
        if part > 0 {
            kept.push_str("   ");
        }
        if part % 2 == 1 {
            kept.push_str(&blanked(text));
            continue;
        }
        for line in text.split_inclusive('\n') {
            for (part, text) in line.split('`').enumerate() {
                if part > 0 {
                    kept.push(' ');
                }
                kept.push_str(&if part % 2 == 1 { blanked(text) } else { text.to_owned() });
            }
        }
    }
    kept
}

/// Spaces of the same length in bytes; lines stay lines.
fn blanked(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

fn word_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.package == "platform") {
        let prose = without_examples(&source.prose);
        let named =
            source.words.iter().flat_map(|word| words(&word.text).into_iter().map(|(at, part)| (word.at + at, part)));
        for (at, word) in named.chain(words(&prose)) {
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
            "fn f() { let teams = 1; }",
            "// for teachers",
            "const MAX_TEAM: u8 = 1;",
            "//! Territories.",
            "// NUTS",
            "/* of a school */",
            "fn f() { info!(school = 1); }",
            "#[doc(alias = \"a\")] fn for_pupils() {}",
        ] {
            assert_eq!(faults(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn examples_texts_and_other_words_are_not() {
        for text in [
            "//! `Id<Team>` and `team_size`.",
            "//! ```ignore\n//! let team = 1;\n//! ```\n",
            "fn f() { let a = \"school\"; }",
            "/// `an example` of steam, `school`.\nfn f() {}",
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
