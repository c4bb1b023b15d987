//! Finds contact data in texts. Classes write to each other in the programme's space, where teachers can read along, and must not be led
//! out of it.

use std::sync::LazyLock;

use regex::Regex;

use platform::Violations;

use crate::reason::Reason;

/// The patterns of contact data, each with its name.
static WAYS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let ways = [
        (
            "address",
            r"(?i)[a-z0-9._%+-]+\s*(?:@|\(at\)|\[at\])\s*[a-z0-9-]+(?:\s*(?:\.|\(dot\)|\[dot\])\s*[a-z0-9-]+)+",
        ),
        (
            "social network",
            r"(?i)\b(?:instagram|facebook|tiktok|snapchat|whatsapp|telegram|discord|signal|wa\.me|t\.me)\b\s*(?:\.com)?\s*[:/@]|(?:^|[\s(])@[a-z0-9_.]{3,}",
        ),
        ("telephone number", r"(?:\+|\b00)?\(?\d(?:[ ./()-]{0,2}\d){7,14}\b"),
    ];
    // a pattern that does not compile finds nothing; the tests below use each of them
    ways.into_iter().filter_map(|(name, pattern)| Some((name, Regex::new(pattern).ok()?))).collect()
});

/// Adds a violation where a text holds an address, a telephone number or a name in a social network.
pub fn check(violations: &mut Violations, field: &str, text: &str) {
    let Some(name) = find(text) else { return };
    let says = format!("This holds a {name}. Classes write to each other here and nowhere else; leave it out.");
    violations.add_with(field, Reason::ContactData, says, [("found", &name as _)]);
}

fn find(text: &str) -> Option<&'static str> {
    WAYS.iter().find(|(_, way)| way.find_iter(text).any(|found| !is_date(found.as_str()))).map(|(name, _)| *name)
}

/// `2023-02-24 15:00` has as many digits as a telephone number.
fn is_date(text: &str) -> bool {
    static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\(?(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4})\b|^\d{4}\s?-\s?\d{4}$").ok()
    });
    DATE.as_ref().is_some_and(|date| date.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_contact_data_is_found() {
        for (text, name) in [
            ("Write to ana.b@school.example!", "address"),
            ("ana (at) school (dot) hr", "address"),
            ("my number is +385 91 234 5678", "telephone number"),
            ("call 0039-333-1234567", "telephone number"),
            ("instagram: green_passengers", "social network"),
            ("find us @green_passengers", "social network"),
            ("https://wa.me/385912345", "social network"),
        ] {
            assert_eq!(find(text), Some(name), "{text}");
        }
    }

    #[test]
    fn dates_sums_and_codes_are_no_contact_data() {
        for text in [
            "We visited the port of Ancona on 2023-02-24 at 15:00.",
            "The project cost 1.234.567,89 euro, of which 85 % from the Union.",
            "School year 2022-2023, programme 2014TC16RFCB042.",
            "The signal was weak; we looked at the facebook page of the town.",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
