//! School holidays of a country. They are dated facts: an edition that is moved by weeks does not take them along.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Deserialize;

use super::local::Day;

/// The longest a name may be, and the longest a holiday may last: the summer is the longest there is.
const LABEL: usize = 60;
const DAYS: i32 = 110;

/// Days on which a country's schools, or those of some of its territories, are closed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Holiday {
    /// What people call it: `Vacanze di Natale`.
    pub name: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// The NUTS codes of the territories it is kept in. Empty: the whole country.
    pub territories: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    from: Day,
    until: Option<Day>,
    #[serde(default)]
    territories: Vec<String>,
}

impl TryFrom<Written> for Holiday {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { name, from: Day(from), until, territories } = written;
        let until = until.map_or(from, |Day(until)| until);
        let too_long = from.saturating_add(jiff::Span::new().days(DAYS)) < until;
        if until < from || too_long {
            return Err(format!("the holiday `{name}` ends before it begins, or lasts longer than {DAYS} days"));
        }
        Ok(Self { name, from, until, territories })
    }
}

impl Holiday {
    /// Whether a school in this territory is closed on this day.
    pub fn closes(&self, territory: &str, day: Date) -> bool {
        let is_kept = self.territories.is_empty() || self.territories.iter().any(|code| territory.starts_with(code));
        is_kept && (self.from..=self.until).contains(&day)
    }
}

/// What is wrong with the holidays of a country.
pub(super) fn faults(holidays: &[Holiday]) -> Vec<String> {
    let (mut seen, mut faults) = (BTreeSet::new(), Vec::new());
    for Holiday { name, from, territories, .. } in holidays {
        let length = name.chars().count();
        if name.trim().is_empty() || length > LABEL {
            faults.push(format!("lessons.holidays: `{name}`: a name has 1 to {LABEL} characters"));
        }
        if !seen.insert((name, from, territories)) {
            faults.push(format!("lessons.holidays: `{name}` of {from} stands there twice"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[derive(Deserialize)]
    struct File {
        holidays: Vec<Holiday>,
    }

    fn read(text: &str) -> Result<Vec<Holiday>, String> {
        let file = toml::from_str::<File>(&format!("holidays = [{text}]"));
        file.map(|file| file.holidays).map_err(|error| error.to_string())
    }

    #[test]
    fn a_holiday_closes_schools_from_its_first_day_to_its_last_where_it_is_kept() {
        let text = "{ name = 'Carnevale', from = 2023-02-20, until = 2023-02-22, territories = ['ITH3', 'ITH4'] },
                    { name = 'Liberazione', from = 2023-04-25 }";
        let holidays = read(text).unwrap();
        let [carnival, liberation] = holidays.as_slice() else { panic!("two") };
        assert!(carnival.closes("ITH35", date(2023, 2, 20)) && carnival.closes("ITH44", date(2023, 2, 22)));
        assert!(!carnival.closes("ITH35", date(2023, 2, 23)) && !carnival.closes("ITF14", date(2023, 2, 21)));
        assert!(liberation.closes("", date(2023, 4, 25)) && !liberation.closes("ITF14", date(2023, 4, 26)));
        assert_eq!(faults(&holidays), Vec::<String>::new());
    }

    #[test]
    fn a_holiday_that_cannot_be_is_a_fault() {
        assert!(
            read("{ name = 'x', from = 2023-02-20, until = 2023-02-19 }").unwrap_err().contains("before it begins")
        );
        assert!(read("{ name = 'x', from = 2023-02-20, until = 2024-02-19 }").unwrap_err().contains("lasts longer"));
        assert!(read("{ name = 'x', from = 2023-02-20T10:00:00 }").unwrap_err().contains("a day"));
        assert!(read("{ name = 'x', from = 2023-02-20, unitl = 2023-02-21 }").unwrap_err().contains("unitl"));
        let twice =
            "{ name = 'x', from = 2023-02-20 }, { name = 'x', from = 2023-02-20 }, { name = ' ', from = 2023-02-20 }";
        assert_eq!(faults(&read(twice).unwrap()).len(), 2);
    }
}
