//! The statistical regions of Europe, as listed by Eurostat in NUTS 2024. Schools, programmes and rankings refer to them.
//!
//! Eurostat changes the classification every few years, so each territory carries the version its code belongs to.

use std::sync::LazyLock;

/// The version of the classification that is built in.
pub const VERSION: &str = "2024";

static TERRITORIES: LazyLock<Vec<Territory>> = LazyLock::new(|| {
    let mut all: Vec<_> = include_str!("../../data/territories.csv").lines().filter_map(line).collect();
    // sorted here, because `within` needs the order and the order of the file is not guaranteed
    all.sort_unstable_by_key(|territory| territory.code);
    all
});

/// A statistical region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Territory {
    /// The NUTS code, for example `ITF4` or `ITF47`.
    pub code: &'static str,
    /// The NUTS level, 1 to 3: the number of characters of the code after the two letters of the country.
    pub level: u8,
    /// The name in the language of the country.
    pub name: &'static str,
    /// The version of the classification the code belongs to.
    pub version: &'static str,
}

fn line(text: &'static str) -> Option<Territory> {
    let mut cells = text.splitn(3, ';');
    let (code, level, name) = (cells.next()?, cells.next()?.parse().ok()?, cells.next()?);
    Some(Territory { code, level, name, version: VERSION })
}

/// Every territory, in the order of the codes.
pub fn all() -> &'static [Territory] {
    &TERRITORIES
}

/// The territory with this code, if there is one.
pub fn find(code: &str) -> Option<&'static Territory> {
    all().binary_search_by_key(&code, |territory| territory.code).ok().map(|at| &all()[at])
}

/// The territories whose codes begin with `prefix`, in the order of the codes. The two letters of a country are a prefix too.
pub fn within(prefix: &str) -> &'static [Territory] {
    let from = all().partition_point(|territory| territory.code < prefix);
    let len = all()[from..].partition_point(|territory| territory.code.starts_with(prefix));
    &all()[from..from + len]
}

/// The territories whose codes begin with one of the prefixes and come after the code `after`, each once, in the order of the
/// codes. The iterator is lazy: a page takes as many as it needs.
pub fn after<'a>(prefixes: &'a [String], after: &'a str) -> impl Iterator<Item = &'static Territory> + 'a {
    let from = all().partition_point(|territory| territory.code <= after);
    all()[from..].iter().filter(|territory| prefixes.iter().any(|prefix| territory.code.starts_with(prefix.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_file_is_a_territory_of_the_level_its_code_says() {
        let lines = include_str!("../../data/territories.csv").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(all().len(), lines);
        assert_eq!(lines, 1582);
        assert!(all().is_sorted_by_key(|territory| territory.code));
        for territory in all() {
            assert_eq!(usize::from(territory.level) + 2, territory.code.len(), "{territory:?}");
            assert!(!territory.name.is_empty() && territory.name.trim() == territory.name, "{territory:?}");
        }
    }

    #[test]
    fn a_code_is_found_and_a_strange_one_is_not() {
        assert_eq!(find("ITF14").map(|territory| (territory.name, territory.level)), Some(("Chieti", 3)));
        assert_eq!(find("EL30").map(|territory| territory.name), Some("Αττική"));
        assert_eq!(find("IT"), None);
        assert_eq!(find("ITF99"), None);
    }

    #[test]
    fn a_prefix_gives_the_territory_and_all_inside_it() {
        let codes: Vec<_> = within("ITF1").iter().map(|territory| territory.code).collect();
        assert_eq!(codes, ["ITF1", "ITF11", "ITF12", "ITF13", "ITF14"]);
        assert_eq!(within("SI").len(), 18);
        assert!(within("GR").is_empty(), "Europe writes EL for Greece");
        assert_eq!(within("").len(), all().len());
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_repetition() {
        let prefixes = ["SI".to_owned(), "SI0".to_owned(), "HR0".to_owned()];
        let whole: Vec<_> = after(&prefixes, "").map(|territory| territory.code).collect();
        let mut paged = Vec::new();
        while let Some(next) = after(&prefixes, paged.last().copied().unwrap_or("")).next() {
            paged.push(next.code);
        }
        assert_eq!(paged, whole);
        assert_eq!(whole.len(), within("SI").len() + within("HR0").len());
    }
}
