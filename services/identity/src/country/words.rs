//! Finds the programme's own words in an e-mail address or a team's name, where they are forbidden (I5): a jury must not recognise
//! a team by them, and a team must not appear to be the organisers.
//!
//! Case, accents, separators and substituted characters (`@` for a, `0` for o, ..) do not hide a word. Ordinary language must stay
//! possible: "squadra Socrate" does not contain ASOC. So a shorter word is only found in fewer places:
//!
//! - fewer than 4 letters: only as a whole token, apart from digits around it (`oc2122`, `O.C.`; not "roccia");
//! - 4 to 6 letters: anywhere inside one token; across tokens only where it ends at the end of a token or is split at least twice;
//! - 7 letters and more: anywhere.

use std::ops::Range;

use platform::{Violations, text::plain};
use serde::Deserialize;

use crate::reason::Reason;

/// A word with at least this many letters is also found inside a token.
const INSIDE: usize = 4;

/// A word with at least this many letters is found anywhere: ordinary language does not contain it by chance.
const ANYWHERE: usize = 7;

/// The forbidden words, prepared for the search.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<String>")]
pub struct Words(Vec<Word>);

#[derive(Clone, Debug)]
struct Word {
    text: String,
    letters: Vec<char>,
}

impl From<Vec<String>> for Words {
    fn from(words: Vec<String>) -> Self {
        let word = |text: String| Word { letters: Reading::of(&text).letters, text };
        Self(words.into_iter().map(word).collect())
    }
}

impl Words {
    /// The first forbidden word that the text contains, as the country's file spells it.
    pub fn find(&self, text: &str) -> Option<&str> {
        let reading = Reading::of(text);
        self.0.iter().find(|word| reading.holds(&word.letters)).map(|word| word.text.as_str())
    }

    /// Adds a violation at `field` for a name that holds one of the words (I5).
    pub(crate) fn refuse(&self, violations: &mut Violations, field: &str, name: &str) {
        refuse(violations, field, self.find(name));
    }

    /// Adds a violation at `field` for an e-mail address that holds one of the words (I5).
    pub(crate) fn refuse_email(&self, violations: &mut Violations, field: &str, email: &str) {
        refuse(violations, field, self.find_in_email(email));
    }

    /// The first forbidden word that an e-mail address contains. The parts before and after the `@` are searched separately,
    /// because that `@` does not stand for an a.
    pub fn find_in_email(&self, email: &str) -> Option<&str> {
        let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
        self.find(local).or_else(|| self.find(domain))
    }

    /// The words as the country's file spells them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|word| word.text.as_str())
    }

    /// What is wrong with the list itself. A word of one letter would forbid almost everything, an empty one nothing.
    pub(crate) fn faults(&self, key: &str) -> Vec<String> {
        let short = self.0.iter().filter(|word| word.letters.len() < 2);
        short.map(|word| format!("{key}: `{}` has fewer than two letters", word.text)).collect()
    }
}

fn refuse(violations: &mut Violations, field: &str, found: Option<&str>) {
    if let Some(word) = found {
        let text = format!("`{word}` is a word of the programme and cannot be part of it. Use a name of your own.");
        violations.add_with(field, Reason::WordForbidden, text, [("word", &word as _)]);
    }
}

/// The letter that a substituted character stands for.
pub(crate) fn unmasked(sign: char) -> char {
    match sign {
        '4' | '@' => 'a',
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '5' | '$' => 's',
        '7' => 't',
        _ => sign,
    }
}

/// A text as letters without separators, with the token that each letter belongs to.
struct Reading {
    letters: Vec<char>,
    /// Whether a letter was written as a letter and not as a substitute.
    written: Vec<bool>,
    /// The number of the token each letter belongs to.
    token: Vec<usize>,
}

impl Reading {
    fn of(text: &str) -> Self {
        let mut reading = Self { letters: Vec::new(), written: Vec::new(), token: Vec::new() };
        let mut token = 0;
        for sign in plain(text) {
            let letter = unmasked(sign);
            if letter.is_alphanumeric() {
                reading.letters.push(letter);
                reading.written.push(sign.is_alphabetic());
                reading.token.push(token);
            } else {
                token += 1;
            }
        }
        reading
    }

    fn holds(&self, word: &[char]) -> bool {
        match word.len() {
            0 => false,
            len if len < INSIDE => self.has_token(word),
            len => self.letters.windows(len).enumerate().any(|(at, seen)| seen == word && self.counts(at, at + len)),
        }
    }

    /// Whether the matched letters are one word, and not the end of one token and the beginning of the next.
    fn counts(&self, from: usize, to: usize) -> bool {
        let (first, last) = (self.token[from], self.token[to - 1]);
        let parts = self.token[from..to].chunk_by(|one, next| one == next).count();
        to - from >= ANYWHERE || first == last || parts > 2 || self.word_ends(to)
    }

    fn word_ends(&self, at: usize) -> bool {
        at == self.letters.len() || self.token[at] != self.token[at - 1] || !self.written[at]
    }

    /// Whether a token is the word, either exactly or without the digits and substitutes at its ends.
    fn has_token(&self, word: &[char]) -> bool {
        self.tokens().into_iter().any(|token| self.is_token(word, token.start, token.end))
    }

    /// The tokens. Single letters are joined: `O.C.` is one token.
    fn tokens(&self) -> Vec<Range<usize>> {
        let mut tokens: Vec<Range<usize>> = Vec::new();
        let mut alone = false;
        for token in self.token.chunk_by(|one, next| one == next) {
            let from = tokens.last().map_or(0, |before| before.end);
            let single = token.len() == 1;
            match tokens.last_mut() {
                Some(before) if single && alone => before.end += 1,
                _ => tokens.push(from..from + token.len()),
            }
            alone = single;
        }
        tokens
    }

    fn is_token(&self, word: &[char], from: usize, to: usize) -> bool {
        let ahead = self.written[from..to].iter().take_while(|written| !**written).count();
        let behind = self.written[from..to].iter().rev().take_while(|written| !**written).count();
        let is = |from: usize, to: usize| self.letters.get(from..to) == Some(word);
        is(from, to) || is(from + ahead, to) || is(from, to - behind) || is(from + ahead, to.saturating_sub(behind))
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use proptest::prelude::*;

    use super::*;

    fn words() -> Words {
        let list = ["asoc", "opencoesione", "open cohesion", "teamoc", "koine", "oc", "συνοχή"];
        Words::from(list.map(str::to_owned).to_vec())
    }

    #[test]
    fn a_word_is_found_whatever_it_wears() {
        let words = words();
        for text in [
            "teamASOC2122",
            "OpenCoesione",
            "TeamOC",
            "Team OC",
            "A.S.O.C.",
            "a-s-o-c",
            "4s0c",
            "@$oc",
            "ÀSÓC",
            "ASOC!",
            "a\u{200b}soc",
            "ＡＳＯＣ",
            "open_coesione",
            "0p3n.c03510n3",
            "teama-soc2122",
            "teamas-oc2122",
            "teamaso-c2122",
            "xa.s.ocx",
            "KOINÉ",
            "OC",
            "o.c",
            "0c",
            "team oc2122",
            "ΣΥΝΟΧΗ",
            "i nostri amici di Open   Coesione",
        ] {
            assert!(words.find(text).is_some(), "{text}");
        }
        assert_eq!(words.find("Squadra Ópen-Côhesion"), Some("open cohesion"), "as the file spells it");
    }

    #[test]
    fn natural_language_stays_possible() {
        let words = words();
        for text in [
            "scuola.roccia",
            "A.B.O.C.",
            "Squadra Socrate",
            "Luca Socci",
            "Caso Comune",
            "Il naso curioso",
            "Team Oceano",
            "Associazione",
            "Coesione sociale",
            "Occhio civico",
            "Rocca 2023",
            "Sentinelle d'Abruzzo",
            "a",
            "",
        ] {
            assert_eq!(words.find(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_read_in_its_two_halves() {
        let words = words();
        assert_eq!(words.find_in_email("team.asoc@scuola.it"), Some("asoc"));
        assert_eq!(words.find_in_email("squadra@opencoesione-amici.it"), Some("opencoesione"));
        assert_eq!(words.find_in_email("green.passengers@sociale.it"), None, "the @ is no a");
        assert_eq!(words.find_in_email("socrate.a@soc-b.it"), None);
    }

    #[test]
    fn a_word_of_one_letter_is_a_fault_of_the_list() {
        let faults = Words::from(vec!["a".to_owned(), "--".to_owned(), "oc".to_owned()]).faults("words.forbidden");
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].starts_with("words.forbidden: `a`"));
    }

    fn dressed(letter: char, case: bool, accent: Option<char>, leet: bool) -> String {
        let letter = match letter {
            'a' if leet => '@',
            'o' if leet => '0',
            'i' if leet => '1',
            'e' if leet => '3',
            's' if leet => '$',
            't' if leet => '7',
            _ if case => letter.to_ascii_uppercase(),
            _ => letter,
        };
        iter::once(letter).chain(accent.filter(|_| letter.is_alphabetic())).collect()
    }

    proptest! {
        #[test]
        fn separators_case_accents_and_leet_never_hide_a_word(
            word in prop::sample::select(vec!["asoc", "koine", "teamoc", "opencoesione"]),
            dress in prop::collection::vec(
                (any::<bool>(), prop::option::of(prop::sample::select(vec!['\u{300}', '\u{301}', '\u{308}'])), any::<bool>()), 12),
            gaps in prop::collection::vec("[ ._-]{0,2}", 12),
            before in "([a-z]{0,5}[ ._-])?",
            after in "([ ._0-9-][a-z]{0,5})?",
        ) {
            let mut text = before;
            for (at, letter) in word.chars().enumerate() {
                if at > 0 {
                    text.push_str(&gaps[at]);
                }
                let (case, accent, leet) = dress[at];
                text.push_str(&dressed(letter, case, accent, leet));
            }
            text.push_str(&after);
            prop_assert!(words().find(&text).is_some(), "{}", text);
        }

        #[test]
        fn a_long_word_is_found_even_glued_to_others(
            gaps in prop::collection::vec("[ ._-]{0,2}", 12), before in "[a-z]{0,5}", after in "[a-z]{0,5}",
        ) {
            let spread: String = "opencoesione".chars().zip(&gaps).map(|(letter, gap)| format!("{gap}{letter}")).collect();
            let text = format!("{before}{spread}{after}");
            prop_assert!(words().find(&text).is_some(), "{}", text);
        }
    }
}
