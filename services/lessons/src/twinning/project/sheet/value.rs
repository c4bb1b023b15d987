//! Reads single values of a sheet.

use std::{collections::HashMap, sync::LazyLock};

use jiff::civil::Date;
use platform::text::fold;

use crate::twinning::project::Budget;

/// The codes of countries by each of their names, in folded letters.
static COUNTRIES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let lines = include_str!("../../../../data/countries.csv").lines().filter(|line| !line.starts_with('#'));
    let named = lines.filter_map(|line| line.split_once(';'));
    named.flat_map(|(code, names)| names.split('|').map(move |name| (fold(name), code))).collect()
});

/// The country of this code or name, as tenants are named: `EL`, `Greece` and `Greece (ΕΛΛΑΔΑ)` are `gr`.
pub(super) fn country(text: &str) -> Option<&'static str> {
    let name = text.split('(').next().unwrap_or_default();
    COUNTRIES.get(fold(name).trim()).copied()
}

/// Reads a sum in euro. An empty text is an unpublished sum, which is not zero. The sum stays a decimal text and never becomes a float
/// (F14).
pub(super) fn budget(text: &str) -> Option<Budget> {
    if text.is_empty() {
        return Some(Budget::Unpublished);
    }
    let (whole, cents) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let (digits, cents) = (|text: &str| text.bytes().all(|byte| byte.is_ascii_digit()), cents.trim_end_matches('0'));
    if whole.is_empty() || whole.len() > 15 || cents.len() > 2 || !digits(whole) || !digits(cents) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    if whole.is_empty() && cents.is_empty() {
        return Some(Budget::PublishedZero);
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(Budget::Published(format!("{whole}.{cents:0<2}")))
}

/// Reads a date. None where the text is empty. Error where it is no date.
pub(super) fn date(text: &str) -> Result<Option<Date>, ()> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(drop) }
}

/// Whether it is a NUTS code of any level, or nothing.
pub(super) fn is_territory(text: &str) -> bool {
    let (country, rest) = text.split_at_checked(2).unwrap_or((text, ""));
    text.is_empty()
        || text.len() <= 5
            && country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sum_is_published_published_as_zero_or_not_published() {
        let published = |text: &str| Some(Budget::Published(text.to_owned()));
        assert_eq!(budget(""), Some(Budget::Unpublished));
        for zero in ["0", "0.00", "0,0", "000"] {
            assert_eq!(budget(zero), Some(Budget::PublishedZero), "{zero}");
        }
        assert_eq!(budget("1234567.89"), published("1234567.89"));
        assert_eq!(budget("1234567,8"), published("1234567.80"));
        assert_eq!(budget("0.10"), published("0.10"));
        assert_eq!(budget("007.5000"), published("7.50"));
        assert_eq!(budget("999999999999999.99"), published("999999999999999.99"), "more than a float can tell");
        for none in ["1.234", "1.234,56", "1 234", "-1", "n/a", "1e6", ".5", "€ 5", "1234567890123456"] {
            assert_eq!(budget(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_sum_is_read_to_the_cent(cents in 1_u64..100_000_000_000_000_000) {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            prop_assert_eq!(budget(&text), Some(Budget::Published(text)));
        }
    }

    #[test]
    fn a_country_is_known_by_its_codes_and_names() {
        for text in ["EL", "gr", "GR", "Greece", "GREECE", "Greece (ΕΛΛΑΔΑ)", "Ελλάδα"] {
            assert_eq!(country(text), Some("gr"), "{text}");
        }
        assert_eq!(country("Croatia"), Some("hr"));
        assert_eq!(country("Bosnia and Herzegovina"), Some("ba"));
        assert_eq!(country("Türkiye"), country("Turkey"));
        assert_eq!((country("Atlantis"), country("")), (None, None));
    }

    #[test]
    fn a_territory_has_the_form_of_nuts() {
        for text in ["", "IT", "ITF", "ITF1", "ITF14", "EL541"] {
            assert!(is_territory(text), "{text}");
        }
        for text in ["I", "itf14", "ITF141", "1TF14", "Chieti", "è", "aè"] {
            assert!(!is_territory(text), "{text}");
        }
    }

    #[test]
    fn a_day_is_a_day_of_the_calendar() {
        assert_eq!(date(""), Ok(None));
        assert_eq!(date("2019-01-31"), Ok(Some(jiff::civil::date(2019, 1, 31))));
        for none in ["2019-02-30", "31/01/2019", "43466", "soon"] {
            assert_eq!(date(none), Err(()), "{none}");
        }
    }
}
