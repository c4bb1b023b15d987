//! The language of a caller, and what is said in it: for each reason one sentence that says what is wrong and what to do.
//!
//! A refusal has two texts. The message of its status is for developers, in English, and may be about this one call. The sentence
//! of its reason is for the person who calls; it stands in a Fluent catalogue beside the reason, `proto/koine/<service>/v1/reasons/`,
//! and travels as `google.rpc.LocalizedMessage`. Machine words stay as they are.
//!
//! A caller names languages by `accept-language`. One who names none is taken for a program and is given the English message alone, as
//! AIP-193 has it. Where no catalogue has a language that the caller names, a service answers in the first language of the tenant, as
//! letters do; the gateway, which does not know the tenant before it has read the request, answers in English.

use http::HeaderValue;
use proto::{CATALOGUES, Declared};

use crate::error::Shared;

mod catalogue;
mod speaker;

pub use catalogue::sentence;
pub(crate) use speaker::Wordings;
pub use speaker::{Speaker, ending};

/// A language that every reason has its sentence in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Language(&'static str);

/// The most languages of one caller that are looked at.
const MOST: usize = 16;

impl Language {
    /// English, which developers are spoken to in.
    pub const ENGLISH: Self = Self("en");

    /// The languages there are.
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUES
            .iter()
            .filter(|catalogue| catalogue.domain == Shared::DOMAIN)
            .map(|catalogue| Self(catalogue.language))
    }

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        self.0
    }

    /// The language of a tag, or of the longest beginning of the tag that is one (RFC 4647, lookup): `hr` for `hr-HR`.
    pub fn of(tag: &str) -> Option<Self> {
        prefixes(tag).find_map(|tag| Self::all().find(|language| language.0.eq_ignore_ascii_case(tag)))
    }

    /// The language that is answered in where a caller sends this as `accept-language`: the one it likes best of those there are; of
    /// `otherwise`, where there is none of those it names. None, where it names no language, or nothing in it can be read.
    pub fn asked(accept: &HeaderValue, otherwise: impl FnOnce() -> Self) -> Option<Self> {
        let text = accept.to_str().ok()?;
        let mut ranges: Vec<_> = text.split(',').take(MOST).filter_map(range).collect();
        ranges.sort_by(|one, other| other.1.total_cmp(&one.1));
        let is_refused =
            |language: &Self| ranges.iter().any(|(tag, weight)| *weight <= 0.0 && Self::of(tag) == Some(*language));
        let mut named = ranges.iter().filter(|(_, weight)| *weight > 0.0).peekable();
        named.peek()?;
        let liked = named.find_map(|(tag, _)| Self::of(tag).filter(|language| !is_refused(language)));
        Some(liked.unwrap_or_else(otherwise))
    }
}

/// A tag and its shorter forms: `sr-Latn-RS`, `sr-Latn`, `sr`.
pub fn prefixes(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| tag.rsplit_once('-').map(|(rest, _)| rest))
}

/// One language of a list and how much it is liked: `en;q=0.5`. None for what names no language, or is not written as RFC 9110 has it.
fn range(part: &str) -> Option<(&str, f32)> {
    let mut parts = part.split(';').map(str::trim);
    let tag = parts.next()?;
    let subtag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !tag.split('-').all(subtag) {
        return None;
    }
    let weight = match parts.next() {
        None => 1.0,
        Some(weight) => weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="))?.parse().ok()?,
    };
    (0.0..=1.0).contains(&weight).then_some((tag, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &str) -> Option<&'static str> {
        Language::asked(&HeaderValue::from_str(accept).unwrap(), || Language("sl")).map(Language::tag)
    }

    #[test]
    fn the_language_a_caller_likes_best_of_those_there_are_is_spoken() {
        assert_eq!(asked("hr,en;q=0.5"), Some("hr"));
        assert_eq!(asked("en;q=0.2, de;q=0.9, el-GR;q=0.8"), Some("el"));
        assert_eq!(asked("HR-hr"), Some("hr"));
        assert_eq!(asked("es ; q=0.3 , ca-valencia;Q=0.4"), Some("ca"));
        assert_eq!(asked("fr;q=1.0,*;q=0.8,it;q=0.1"), Some("it"));
    }

    #[test]
    fn a_language_that_is_not_there_falls_back_and_one_that_is_refused_is_not_spoken() {
        assert_eq!(asked("de"), Some("sl"));
        assert_eq!(asked("pt-BR,*;q=0.1"), Some("sl"));
        assert_eq!(asked("en;q=0,de"), Some("sl"));
        assert_eq!(asked("hr;q=0,hr-HR;q=0.9,it;q=0.1"), Some("it"));
    }

    #[test]
    fn who_names_no_language_asks_for_none() {
        for nothing in
            ["", "*", "*;q=0.5", ",,", "en;q=", "en;q=2", "en;q=NaN", "en;level=1", "e n", "čakavski", "it;q=0"]
        {
            assert_eq!(asked(nothing), None, "{nothing}");
        }
        assert_eq!(asked("hr;q=x,it"), Some("it"), "what cannot be read is passed over");
        let long = "de,".repeat(100_000);
        assert_eq!(asked(&format!("{long}it")), Some("sl"), "and a list is not read for ever");
    }
}
