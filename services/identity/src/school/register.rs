//! Reads a register of schools: the CSV file of a country's ministry, by the rules in the country's file.
//!
//! The result is either every school or every wrong line, with the number that an editor shows.

use std::{borrow::Cow, collections::HashMap, mem};

use csv::{ByteRecord, StringRecord};
use platform::lines::Lines;

use crate::country::{Column, Country, Level, Schools};

/// The most faults that are listed one by one. The rest is only counted: many faults usually have one cause.
pub const LISTED: usize = 60;

/// The longest accepted value, in bytes.
const WIDEST: usize = 1_000;

/// Whether a value is implausible: it is too long, or contains control characters. (A quoted value may contain line breaks.)
fn is_strange(value: &str) -> bool {
    value.len() > WIDEST || value.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
}

/// One school of a register. A value that the register lacks is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolRecord {
    /// The code of the site.
    pub code: String,
    /// The code of the institute the site belongs to. Equal to the site's own code where the register gives no other.
    pub institute_code: String,
    /// The name of the site.
    pub name: String,
    /// The name of the institute. Equal to the site's own name where the register gives no other.
    pub institute_name: String,
    /// The level taught.
    pub level: Level,
    /// The kind of school, in the register's words.
    pub kind: String,
    /// The municipality.
    pub municipality: String,
    /// The code of the municipality.
    pub municipality_code: String,
    /// The code of the territory.
    pub territory: String,
    /// Street and number.
    pub address: String,
    /// The school's public address for mail.
    pub email: String,
}

/// Why a line is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Columns are missing, or the file is not a register of this country.
    ColumnMissing,
    /// A value is missing or does not have the format of the country.
    LineInvalid,
}

/// One fault of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// The number of the line, as an editor shows it. The header is line 1.
    pub line: u64,
    /// The name of the column in the register. Empty where the fault concerns the whole line.
    pub column: String,
    /// Why the line is rejected.
    pub cause: Cause,
    /// What is wrong and what would be accepted.
    pub description: String,
}

/// All faults of a register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The first faults, at most [`LISTED`].
    pub listed: Vec<LineFault>,
    /// The number of further faults.
    pub more: usize,
}

impl Faults {
    fn add(&mut self, line: u64, column: &str, cause: Cause, description: String) {
        if self.listed.len() < LISTED {
            self.listed.push(LineFault { line, column: column.to_owned(), cause, description });
        } else {
            self.more += 1;
        }
    }

    fn one(line: u64, column: &str, cause: Cause, description: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(line, column, cause, description.into());
        faults
    }
}

/// Reads a register. A byte order mark, either kind of line break and empty lines are accepted. Error: all faults.
pub fn read(country: &Country, bytes: &[u8]) -> Result<Vec<SchoolRecord>, Faults> {
    let Some(schools) = country.schools() else {
        return Err(Faults::one(
            1,
            "",
            Cause::ColumnMissing,
            "This tenant keeps no register: its schools are other tenants'.",
        ));
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(u8::try_from(schools.delimiter()).unwrap_or(b','))
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    let mut lines = Lines::of(bytes);
    let mut record = ByteRecord::new();
    let mut reading = None;
    // reading from memory with ragged records allowed cannot fail, so the loop ends at the end of the file only
    while csv.read_byte_record(&mut record).unwrap_or(false) {
        let line = lines.number(record.position().map_or(0, csv::Position::byte));
        if record.iter().all(|value| value.trim_ascii().is_empty()) {
            continue;
        }
        match &mut reading {
            None => reading = Some(Reading::begin(schools, line, &record)?),
            Some(reading) => reading.line(line, mem::take(&mut record)),
        }
    }
    reading.map_or_else(|| Err(Faults::one(1, "", Cause::ColumnMissing, "The file is empty.")), Reading::end)
}

/// The state while a register is read.
struct Reading<'a> {
    schools: &'a Schools,
    header: StringRecord,
    /// The position of each column in a line.
    places: HashMap<Column, usize>,
    levels: HashMap<String, Option<Level>>,
    /// The number of the line on which each code was found first.
    seen: HashMap<String, u64>,
    found: Vec<SchoolRecord>,
    faults: Faults,
}

impl<'a> Reading<'a> {
    fn begin(schools: &'a Schools, line: u64, record: &ByteRecord) -> Result<Self, Faults> {
        let header: StringRecord = record.iter().map(|name| String::from_utf8_lossy(name.trim_ascii())).collect();
        let place = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let mut places = HashMap::new();
        let mut missing = Vec::new();
        for (column, name) in schools.columns() {
            match place(name) {
                Some(at) => drop(places.insert(column, at)),
                None if schools.is_optional(column) || missing.contains(&name) => {}
                None => missing.push(name),
            }
        }
        if missing.is_empty() {
            let (levels, seen, found) = Default::default();
            return Ok(Self { schools, header, places, levels, seen, found, faults: Faults::default() });
        }
        let hint = match header.len() {
            1 => format!(" The line has no `{}`: is the file saved with another delimiter?", schools.delimiter()),
            _ => " Is it the register of this country?".to_owned(),
        };
        let names = missing.join(", ");
        let description = format!("The header lacks {names}.{hint}");
        Err(Faults::one(line, &names, Cause::ColumnMissing, description))
    }

    fn line(&mut self, line: u64, record: ByteRecord) {
        if record.len() != self.header.len() {
            let (has, needs) = (record.len(), self.header.len());
            let text = format!("The line has {has} values and the header {needs}. Is a delimiter or a quote astray?");
            return self.faults.add(line, "", Cause::LineInvalid, text);
        }
        let record = match StringRecord::from_byte_record(record) {
            Ok(record) => record,
            Err(error) => {
                let column = self.header.get(error.utf8_error().field()).unwrap_or_default();
                let text = "The value is not UTF-8. Save the file as \"CSV UTF-8\" and send it again.".to_owned();
                return self.faults.add(line, column, Cause::LineInvalid, text);
            }
        };
        if let Some(at) = record.iter().position(is_strange) {
            let column = self.header.get(at).unwrap_or_default();
            let text =
                "The value is longer than any of a register, or holds characters nobody types. Is a quote astray?";
            return self.faults.add(line, column, Cause::LineInvalid, text.to_owned());
        }
        let before = self.faults.listed.len() + self.faults.more;
        let school = self.school(line, &record);
        if self.faults.listed.len() + self.faults.more == before {
            self.found.extend(school);
        }
    }

    fn school(&mut self, line: u64, record: &StringRecord) -> Option<SchoolRecord> {
        let code = self.code(line, record);
        let name = self.needed(line, record, Column::Name);
        let level = self.level(line, record);
        let institute_code = self.institute_code(line, record);
        let told = self.value(record, Column::Territory);
        let territory = self.territory(line, code.as_deref().unwrap_or_default(), told);
        let (code, name) = (code?, name?);
        let institute_name = self.value(record, Column::InstituteName);
        Some(SchoolRecord {
            institute_code: institute_code.unwrap_or_else(|| code.clone()),
            institute_name: if institute_name.is_empty() { name.clone() } else { institute_name.to_owned() },
            code,
            name,
            level: level?,
            kind: self.value(record, Column::Kind).to_owned(),
            municipality: self.value(record, Column::Municipality).to_owned(),
            municipality_code: self.value(record, Column::MunicipalityCode).to_owned(),
            territory: territory?,
            address: self.value(record, Column::Address).to_owned(),
            email: self.value(record, Column::Email).to_lowercase(),
        })
    }

    /// A value, or an empty text where the register marks it as missing.
    fn value<'r>(&self, record: &'r StringRecord, column: Column) -> &'r str {
        let value = self.places.get(&column).and_then(|at| record.get(*at)).map(str::trim);
        value.filter(|value| !self.schools.is_nothing(value)).unwrap_or_default()
    }

    fn fault(&mut self, line: u64, column: Column, description: String) {
        let name = self.schools.columns().find(|(known, _)| *known == column).map_or("", |(_, name)| name);
        self.faults.add(line, name, Cause::LineInvalid, description);
    }

    fn needed(&mut self, line: u64, record: &StringRecord, column: Column) -> Option<String> {
        let value = self.value(record, column);
        if value.is_empty() {
            self.fault(line, column, "The value is missing.".to_owned());
            return None;
        }
        Some(value.to_owned())
    }

    fn code(&mut self, line: u64, record: &StringRecord) -> Option<String> {
        let code = self.needed(line, record, Column::Code)?;
        if !self.schools.code_fits(&code) {
            let text = format!("`{}` has not the form of a school's code in this country.", shown(&code));
            self.fault(line, Column::Code, text);
            return None;
        }
        if let Some(first) = self.seen.get(&code) {
            let text = format!("The school {code} stands on line {first} already.");
            self.fault(line, Column::Code, text);
            return None;
        }
        self.seen.insert(code.clone(), line);
        Some(code)
    }

    fn institute_code(&mut self, line: u64, record: &StringRecord) -> Option<String> {
        let code = self.value(record, Column::InstituteCode);
        if !code.is_empty() && !self.schools.institute_code_fits(code) {
            let text = format!("`{}` has not the form of an institute's code in this country.", shown(code));
            self.fault(line, Column::InstituteCode, text);
        }
        Some(code.to_owned()).filter(|code| !code.is_empty())
    }

    fn level(&mut self, line: u64, record: &StringRecord) -> Option<Level> {
        let text = self.needed(line, record, Column::Level)?;
        // a register has a few dozen different values on many thousands of lines
        let level = match self.levels.get(&text) {
            Some(level) => *level,
            None => {
                let level = self.schools.level(&text);
                self.levels.insert(text.clone(), level);
                level
            }
        };
        if level.is_none() {
            let text =
                format!("No rule of `schools.levels` in the country's file tells the level of `{}`.", shown(&text));
            self.fault(line, Column::Level, text);
        }
        level
    }

    fn territory(&mut self, line: u64, code: &str, told: &str) -> Option<String> {
        if code.is_empty() && told.is_empty() {
            // the missing code is a fault already, and the territory can only be derived from it
            return None;
        }
        let known = self.schools.territory(code, told);
        known
            .map_err(|name| {
                let column = if told.is_empty() { Column::Code } else { Column::Territory };
                let text = format!("`{}` is not among `schools.territories` of the country's file.", shown(&name));
                self.fault(line, column, text);
            })
            .ok()
    }

    fn end(self) -> Result<Vec<SchoolRecord>, Faults> {
        if !self.faults.listed.is_empty() {
            return Err(self.faults);
        }
        if self.found.is_empty() {
            // an empty register would close every school of the country
            return Err(Faults::one(1, "", Cause::LineInvalid, "There is no school below the header."));
        }
        Ok(self.found)
    }
}

/// A value, shortened so that it fits into a sentence.
fn shown(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &value[..end]).into(),
        None => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTRY: &str = r#"
        nuts = ["IT"]
        [schools]
        code = "[A-Z]{2}[A-Z0-9]{8}"
        nothing = ["Non Disponibile"]
        optional = ["institute_code", "institute_name", "email"]
        levels = [
            { matches = "primo grado", level = "lower_secondary" },
            { matches = "^liceo|^istituto", level = "upper_secondary" },
        ]
        [schools.columns]
        code = "CODICESCUOLA"
        institute_code = "CODICEISTITUTORIFERIMENTO"
        institute_name = "DENOMINAZIONEISTITUTORIFERIMENTO"
        name = "DENOMINAZIONESCUOLA"
        level = "TIPO"
        kind = "TIPO"
        territory = "PROVINCIA"
        email = "EMAIL"
        [schools.territories]
        CHIETI = "ITF14"
    "#;

    const HEADER: &str = "PROVINCIA,CODICEISTITUTORIFERIMENTO,CODICESCUOLA,DENOMINAZIONESCUOLA,TIPO,EMAIL\n";
    const LINE: &str =
        "CHIETI,CHIS00700P,CHTD007011,\"POMILIO, CHIETI\",ISTITUTO TECNICO COMMERCIALE,Non Disponibile\n";

    fn country() -> Country {
        toml::from_str(COUNTRY).unwrap()
    }

    fn faults(text: impl AsRef<[u8]>) -> Faults {
        read(&country(), text.as_ref()).unwrap_err()
    }

    #[test]
    fn a_line_is_a_school_and_what_it_does_not_tell_is_empty() {
        let schools = read(&country(), format!("{HEADER}{LINE}").as_bytes()).unwrap();
        let expected = SchoolRecord {
            code: "CHTD007011".to_owned(),
            institute_code: "CHIS00700P".to_owned(),
            name: "POMILIO, CHIETI".to_owned(),
            institute_name: "POMILIO, CHIETI".to_owned(),
            level: Level::UpperSecondary,
            kind: "ISTITUTO TECNICO COMMERCIALE".to_owned(),
            municipality: String::new(),
            municipality_code: String::new(),
            territory: "ITF14".to_owned(),
            address: String::new(),
            email: String::new(),
        };
        assert_eq!(schools, [expected]);
    }

    #[test]
    fn a_byte_order_mark_crlf_empty_lines_and_missing_optional_columns_do_no_harm() {
        let text = "\u{feff}codicescuola, DENOMINAZIONESCUOLA ,TIPO,PROVINCIA\r\n\r\n\
                    CHTD007011,POMILIO,LICEO,Chieti\r\n,,,\r\nCHMM00801A,MEDIA,SCUOLA PRIMO GRADO,\r\n";
        let schools = read(&country(), text.as_bytes()).unwrap();
        let told: Vec<_> =
            schools.iter().map(|one| (one.institute_code.as_str(), one.level, one.territory.as_str())).collect();
        assert_eq!(
            told,
            [("CHTD007011", Level::UpperSecondary, "ITF14"), ("CHMM00801A", Level::LowerSecondary, "")],
            "the institute's code is the site's own where the register knows no other"
        );
    }

    #[test]
    fn all_missing_columns_are_named_at_once() {
        let faults = faults("PROVINCIA,TIPO\nCHIETI,LICEO\n");
        assert_eq!(faults.listed.len(), 1);
        let fault = &faults.listed[0];
        assert_eq!((fault.line, fault.cause), (1, Cause::ColumnMissing));
        assert!(fault.description.contains("CODICESCUOLA, DENOMINAZIONESCUOLA"), "{fault:?}");
        let semicolons = super::tests::faults(HEADER.replace(',', ";"));
        assert!(semicolons.listed[0].description.contains("another delimiter"), "{semicolons:?}");
    }

    #[test]
    fn every_fault_has_the_line_an_editor_shows() {
        let text = format!(
            "{HEADER}\n\n{LINE}CHIETI,,CHTD00702A,\"TWO\nLINES\",LICEO,\n\
             CHIETI,,chtd,NAME,LICEO,\nCHIETI,x,CHTD00703A,,LICEO,\nATLANTIS,,,NAME,BALLET,\n\
             CHIETI,CHTD00705A,NAME,LICEO\n{LINE}"
        );
        let told: Vec<_> = faults(text).listed.into_iter().map(|fault| (fault.line, fault.column)).collect();
        let expected = [
            (7, "CODICESCUOLA"),
            (8, "DENOMINAZIONESCUOLA"),
            (8, "CODICEISTITUTORIFERIMENTO"),
            (9, "CODICESCUOLA"),
            (9, "TIPO"),
            (9, "PROVINCIA"),
            (10, ""),
            (11, "CODICESCUOLA"),
        ];
        assert_eq!(told, expected.map(|(line, column)| (line, column.to_owned())));
    }

    #[test]
    fn a_school_that_stands_twice_is_named_with_its_first_line() {
        let faults = faults(format!("{HEADER}{LINE}{LINE}"));
        assert_eq!(faults.listed.len(), 1);
        assert_eq!(faults.listed[0].line, 3);
        assert!(faults.listed[0].description.contains("CHTD007011 stands on line 2"), "{faults:?}");
    }

    #[test]
    fn bytes_that_are_not_utf8_name_line_and_column() {
        let mut text = format!("{HEADER}{LINE}").into_bytes();
        text.extend(b"CHIETI,,CHTD00702A,CITT\xc0,LICEO,\n");
        let faults = faults(text);
        assert_eq!((faults.listed[0].line, faults.listed[0].column.as_str()), (3, "DENOMINAZIONESCUOLA"));
        assert!(faults.listed[0].description.contains("UTF-8"));
    }

    #[test]
    fn as_many_faults_are_listed_as_an_answer_holds_and_the_rest_counted() {
        let text = format!("{HEADER}{}", "CHIETI,,short,NAME,LICEO,\n".repeat(250));
        let faults = faults(text);
        assert_eq!((faults.listed.len(), faults.more), (60, 190));
        assert_eq!(faults.listed[59].line, 61);
    }

    #[test]
    fn an_empty_register_is_refused_for_it_would_close_every_school() {
        assert_eq!(faults("").listed[0].cause, Cause::ColumnMissing);
        assert!(faults(HEADER).listed[0].description.contains("no school"));
        let programme: Country = toml::from_str("nuts = ['ITF14']").unwrap();
        assert!(read(&programme, HEADER.as_bytes()).unwrap_err().listed[0].description.contains("no register"));
    }

    #[test]
    fn a_long_value_is_shown_short() {
        let text = format!("{HEADER}CHIETI,,{},NAME,LICEO,\n", "è".repeat(5000));
        assert!(faults(text).listed[0].description.len() < 200);
    }

    #[test]
    fn the_demo_registers_are_registers_of_their_countries() {
        for name in ["it", "hr", "es", "gr", "si"] {
            let root = env!("CARGO_MANIFEST_DIR");
            let file: toml::Table =
                std::fs::read_to_string(format!("{root}/../koine/tenants/{name}.toml")).unwrap().parse().unwrap();
            let country: Country = file["identity"].clone().try_into().unwrap();
            let bytes = std::fs::read(format!("{root}/../../tests/data/schools/{name}.csv")).unwrap();
            let schools = read(&country, &bytes).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
            assert!(schools.len() >= 12, "{name}");
            assert!(schools.iter().any(|school| school.level == Level::LowerSecondary), "{name}");
            assert!(schools.iter().any(|school| school.level == Level::UpperSecondary), "{name}");
            assert!(schools.iter().all(|school| country.contains(&school.territory)), "{name}");
        }
    }
}
