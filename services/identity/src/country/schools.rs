//! How a country's register of schools is read: the table `[identity.schools]`.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use platform::text::plain;
use serde::Deserialize;

use super::{
    Level,
    pattern::{Form, Hint},
};
use crate::country::territory;

/// A value that a register gives for a school. The country's file names the column it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// The code of the site.
    Code,
    /// The code of the institute the site belongs to.
    InstituteCode,
    /// The name of the site.
    Name,
    /// The name of the institute.
    InstituteName,
    /// The value from which the level is derived.
    Level,
    /// The kind of school.
    Kind,
    /// The municipality.
    Municipality,
    /// The code of the municipality.
    MunicipalityCode,
    /// The value from which the territory is derived.
    Territory,
    /// Street and number.
    Address,
    /// The e-mail address.
    Email,
    /// The domain of the school's own e-mail addresses.
    Domain,
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "code",
            Self::InstituteCode => "institute_code",
            Self::Name => "name",
            Self::InstituteName => "institute_name",
            Self::Level => "level",
            Self::Kind => "kind",
            Self::Municipality => "municipality",
            Self::MunicipalityCode => "municipality_code",
            Self::Territory => "territory",
            Self::Address => "address",
            Self::Email => "email",
            Self::Domain => "domain",
        })
    }
}

/// The rules for reading a country's register.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schools {
    code: Form,
    institute_code: Option<Form>,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default)]
    nothing: Vec<String>,
    levels: Vec<LevelRule>,
    columns: BTreeMap<Column, String>,
    #[serde(default)]
    optional: Vec<Column>,
    territory_from_code: Option<usize>,
    #[serde(default)]
    territories: Territories,
}

fn comma() -> char {
    ','
}

/// Which level a value of the register stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelRule {
    matches: Hint,
    level: Level,
}

/// The NUTS code for each name of a territory in the register. Case, accents, spaces and hyphens are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
struct Territories {
    known: HashMap<String, String>,
    twice: Vec<String>,
}

impl From<BTreeMap<String, String>> for Territories {
    fn from(named: BTreeMap<String, String>) -> Self {
        let mut territories = Self::default();
        for (name, code) in named {
            let before = territories.known.insert(letters(&name), code.clone());
            if before.is_some_and(|before| before != code) {
                territories.twice.push(name);
            }
        }
        territories
    }
}

fn letters(name: &str) -> String {
    plain(name).filter(|letter| letter.is_alphanumeric()).collect()
}

impl Schools {
    /// The character between the values of a line.
    pub fn delimiter(&self) -> char {
        self.delimiter
    }

    /// The columns that are read, each with its name in the register.
    pub fn columns(&self) -> impl Iterator<Item = (Column, &str)> {
        self.columns.iter().map(|(column, name)| (*column, name.as_str()))
    }

    /// Whether a register may lack this column. Some states publish several files with different columns.
    pub fn is_optional(&self, column: Column) -> bool {
        self.optional.contains(&column)
    }

    /// Whether a value means "no value" in this register.
    pub fn is_nothing(&self, value: &str) -> bool {
        value.is_empty() || self.nothing.iter().any(|word| word.eq_ignore_ascii_case(value))
    }

    /// Whether a text has the format of a school's code.
    pub fn code_fits(&self, code: &str) -> bool {
        self.code.fits(code)
    }

    /// Whether a text has the format of an institute's code. Without a format of its own, that of a school's code applies.
    pub fn institute_code_fits(&self, code: &str) -> bool {
        self.institute_code.as_ref().unwrap_or(&self.code).fits(code)
    }

    /// The level that a value of the register stands for: the level of the first rule that matches. None where no rule matches.
    pub fn level(&self, text: &str) -> Option<Level> {
        self.levels.iter().find(|rule| rule.matches.occurs_in(text)).map(|rule| rule.level)
    }

    /// The NUTS code of a school, derived from its own code or from the value in the register. Empty where both are empty. Error:
    /// the name that is missing from `schools.territories`.
    pub fn territory(&self, code: &str, told: &str) -> Result<String, String> {
        let name = match self.territory_from_code {
            Some(length) => code.chars().take(length).collect(),
            None if told.is_empty() => return Ok(String::new()),
            None => told.to_owned(),
        };
        let known = match self.territories.known.is_empty() {
            true => territory::find(&name).map(|territory| territory.code.to_owned()),
            false => self.territories.known.get(&letters(&name)).cloned(),
        };
        known.ok_or(name)
    }

    pub(super) fn faults(&self, nuts: &[String]) -> Vec<String> {
        let mut faults: Vec<_> = self.code.fault("identity.schools.code").into_iter().collect();
        faults.extend(self.institute_code.as_ref().and_then(|code| code.fault("identity.schools.institute_code")));
        if !self.delimiter.is_ascii() {
            faults.push("identity.schools.delimiter: one ASCII character, such as `,` or `;`".to_owned());
        }
        if self.levels.is_empty() {
            faults.push("identity.schools.levels: at least one rule; without one no school has a level".to_owned());
        }
        let rules = self.levels.iter().enumerate();
        faults.extend(
            rules.filter_map(|(at, rule)| rule.matches.fault(&format!("identity.schools.levels[{at}].matches"))),
        );
        faults.extend(self.column_faults());
        faults.extend(self.territory_faults(nuts));
        faults
    }

    fn column_faults(&self) -> Vec<String> {
        let needed = [Column::Code, Column::Name, Column::Level];
        let missing = needed.into_iter().filter(|column| !self.columns.contains_key(column));
        let mut faults: Vec<_> = missing
            .map(|column| format!("identity.schools.columns.{column}: every register needs this column"))
            .collect();
        for column in &self.optional {
            if needed.contains(column) {
                faults.push(format!("identity.schools.optional: a school without `{column}` is none"));
            } else if !self.columns.contains_key(column) {
                faults.push(format!("identity.schools.optional: `{column}` is not one of `columns`"));
            }
        }
        faults
    }

    fn territory_faults(&self, nuts: &[String]) -> Vec<String> {
        let key = "identity.schools.territories";
        let mut faults: Vec<_> = self
            .territories
            .twice
            .iter()
            .map(|name| format!("{key}.{name}: stands there twice, with two codes"))
            .collect();
        for (name, code) in &self.territories.known {
            if territory::find(code).is_none() {
                faults.push(format!("{key}.{name}: NUTS {} has no `{code}`", territory::VERSION));
            } else if !nuts.iter().any(|prefix| code.starts_with(prefix.as_str())) {
                faults.push(format!("{key}.{name}: `{code}` is not inside {}", nuts.join(", ")));
            }
        }
        if self.territory_from_code.is_some() && self.territories.known.is_empty() {
            faults.push(format!("{key}: `territory_from_code` needs this table, from the beginnings of codes to NUTS"));
        }
        if self.territory_from_code.is_some() && self.columns.contains_key(&Column::Territory) {
            faults.push("identity.schools.columns.territory: the territory comes from the code already".to_owned());
        }
        faults.sort_unstable();
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schools(more: &str) -> Schools {
        let text = format!(
            "code = '[0-9]{{8}}'\nlevels = [{{ matches = 'instituto', level = 'upper_secondary' }}, {{ matches = 'escuela', level = \
             'other' }}]\n{more}\n[columns]\ncode = 'CODIGO'\nname = 'NOMBRE'\nlevel = 'TIPO'\n"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn the_first_rule_that_matches_tells_the_level() {
        let schools = schools("");
        assert_eq!(schools.level("INSTITUTO Y ESCUELA"), Some(Level::UpperSecondary));
        assert_eq!(schools.level("Escuela"), Some(Level::Other));
        assert_eq!(schools.level("Conservatorio"), None);
    }

    #[test]
    fn a_territory_comes_from_the_code_from_a_name_or_from_nuts_itself() {
        let by_code = schools("territory_from_code = 2\nterritories = { 08 = 'ES511' }");
        assert_eq!(by_code.territory("08001234", ""), Ok("ES511".to_owned()));
        assert_eq!(by_code.territory("99001234", ""), Err("99".to_owned()));
        let by_name = schools("territories = { \"FORLI'-CESENA\" = 'ITH58' }");
        assert_eq!(by_name.territory("", "Forlì Cesena"), Ok("ITH58".to_owned()));
        assert_eq!(by_name.territory("", ""), Ok(String::new()), "nothing told, nothing known");
        let by_nuts = schools("");
        assert_eq!(by_nuts.territory("", "ITF14"), Ok("ITF14".to_owned()));
        assert_eq!(by_nuts.territory("", "Chieti"), Err("Chieti".to_owned()));
    }

    #[test]
    fn what_says_nothing_is_nothing() {
        let schools = schools("nothing = ['Non Disponibile']");
        assert!(schools.is_nothing("") && schools.is_nothing("NON DISPONIBILE"));
        assert!(!schools.is_nothing("Disponibile"));
    }

    #[test]
    fn every_fault_names_its_key() {
        let text = "code = '['\ninstitute_code = '('\ndelimiter = '→'\nlevels = []\noptional = ['code', 'email']\n\
                    [columns]\nname = 'N'\n[territories]\nA = 'ITF99'\nB = 'HR036'\n'Forlì' = 'ITH58'\nFORLI = 'ITH59'\n";
        let schools: Schools = toml::from_str(text).unwrap();
        let faults = schools.faults(&["IT".to_owned()]);
        for key in [
            "identity.schools.code:",
            "identity.schools.institute_code:",
            "identity.schools.delimiter:",
            "identity.schools.levels:",
            "identity.schools.columns.code:",
            "identity.schools.columns.level:",
            "identity.schools.optional: a school without `code`",
            "identity.schools.optional: `email`",
            "identity.schools.territories.a: NUTS 2024 has no",
            "identity.schools.territories.b: `HR036` is not inside IT",
            "identity.schools.territories.Forlì: stands there twice",
        ] {
            assert!(faults.iter().any(|fault| fault.starts_with(key)), "{key} {faults:#?}");
        }
    }
}
