//! Reads a register of schools: the CSV file of a country's ministry, by what the country's file says of it.
//!
//! All or nothing: either every line is a school, or every wrong line is named, as a person finds it in an editor.

use std::{borrow::Cow, collections::HashMap};

use platform::{
    Result, Violations,
    mail::is_address,
    sheet::{Form, Line, Sheet, Upload},
};

use crate::{
    country::{Column, Country, Level, Schools, vouching::Domain},
    reason::Reason,
};

/// How registers are written.
const FORM: Form<Reason> = Form {
    delimiter: None,
    widest: 1_000,
    multiline: true,
    strict: true,
    column_missing: Reason::ColumnMissing,
    line_invalid: Reason::LineInvalid,
};

/// One school of a register. What it does not tell is empty.
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
    /// The domain of its own addresses for mail, in ASCII letters.
    pub domain: String,
}

/// Reads a register. Error: `FIELDS_INVALID` with every wrong line.
pub fn read(country: &Country, file: Upload) -> Result<Vec<SchoolRecord>> {
    let Some(schools) = country.schools() else {
        let mut violations = Violations::new();
        let text = "This tenant keeps no register: its schools are other tenants'.";
        violations.add("file", Reason::ColumnMissing, text);
        return violations.done().map(|()| Vec::new());
    };
    let text = file.text()?;
    let form = Form { delimiter: u8::try_from(schools.delimiter()).ok(), ..FORM };
    let mut sheet = Sheet::open(form, &text)?;
    let wanted = schools.columns().map(|(column, name)| (column, name, !schools.is_optional(column)));
    let places = sheet.columns(wanted)?;
    let mut reading = Reading { schools, sheet, places, levels: HashMap::new(), seen: HashMap::new() };
    let mut found = Vec::new();
    while let Some(line) = reading.sheet.line() {
        let before = reading.sheet.faults();
        let school = reading.school(&line);
        if reading.sheet.faults() == before {
            found.extend(school);
        }
    }
    reading.sheet.done().map(|()| found)
}

/// A register half read.
struct Reading<'a> {
    schools: &'a Schools,
    sheet: Sheet<'a, Reason>,
    /// Where in a line each column stands.
    places: HashMap<Column, usize>,
    levels: HashMap<String, Option<Level>>,
    /// The line on which each code stood.
    seen: HashMap<String, u64>,
}

impl Reading<'_> {
    fn school(&mut self, line: &Line) -> Option<SchoolRecord> {
        let code = self.code(line);
        let name = self.needed(line, Column::Name);
        let level = self.level(line);
        let institute_code = self.institute_code(line);
        let told = self.value(line, Column::Territory);
        let territory = self.territory(line, code.as_deref().unwrap_or_default(), told);
        let (email, domain) = (self.email(line), self.domain(line));
        let (code, name) = (code?, name?);
        let institute_name = self.value(line, Column::InstituteName);
        Some(SchoolRecord {
            institute_code: institute_code.unwrap_or_else(|| code.clone()),
            institute_name: if institute_name.is_empty() { name.clone() } else { one_line(institute_name) },
            code,
            name,
            level: level?,
            kind: one_line(self.value(line, Column::Kind)),
            municipality: one_line(self.value(line, Column::Municipality)),
            municipality_code: one_line(self.value(line, Column::MunicipalityCode)),
            territory: territory?,
            address: one_line(self.value(line, Column::Address)),
            email: email?,
            domain: domain?,
        })
    }

    /// A value, or nothing where the register says that there is none.
    fn value<'l>(&self, line: &'l Line, column: Column) -> &'l str {
        let value = self.places.get(&column).map(|place| line.value(*place));
        value.filter(|value| !self.schools.is_nothing(value)).unwrap_or_default()
    }

    fn fault(&mut self, line: &Line, column: Column, description: String) {
        let name = self.schools.columns().find(|(known, _)| *known == column).map_or("", |(_, name)| name);
        self.sheet.wrong(line.number(), name, description);
    }

    fn needed(&mut self, line: &Line, column: Column) -> Option<String> {
        let value = self.value(line, column);
        if value.is_empty() {
            self.fault(line, column, "The value is missing.".to_owned());
            return None;
        }
        Some(one_line(value))
    }

    fn code(&mut self, line: &Line) -> Option<String> {
        let code = self.needed(line, Column::Code)?;
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
        self.seen.insert(code.clone(), line.number());
        Some(code)
    }

    fn institute_code(&mut self, line: &Line) -> Option<String> {
        let code = self.value(line, Column::InstituteCode);
        if !code.is_empty() && !self.schools.institute_code_fits(code) {
            let text = format!("`{}` has not the form of an institute's code in this country.", shown(code));
            self.fault(line, Column::InstituteCode, text);
        }
        Some(code.to_owned()).filter(|code| !code.is_empty())
    }

    /// The one address of a school: what goes there must not go to somebody else too.
    fn email(&mut self, line: &Line) -> Option<String> {
        let told = self.value(line, Column::Email).to_lowercase();
        if told.is_empty() || is_address(&told) {
            return Some(told);
        }
        let text = format!("`{}` is no address such as `office@school.example`, and one alone.", shown(&told));
        self.fault(line, Column::Email, text);
        None
    }

    fn domain(&mut self, line: &Line) -> Option<String> {
        let told = self.value(line, Column::Domain);
        let domain = Domain::named(told).map(|domain| domain.as_str().to_owned());
        if domain.is_none() && !told.is_empty() {
            let text = format!("`{}` is no domain such as `school.example`.", shown(told));
            self.fault(line, Column::Domain, text);
            return None;
        }
        Some(domain.unwrap_or_default())
    }

    fn level(&mut self, line: &Line) -> Option<Level> {
        let text = self.needed(line, Column::Level)?;
        // a register has some dozens of kinds on many thousands of lines
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

    fn territory(&mut self, line: &Line, code: &str, told: &str) -> Option<String> {
        if code.is_empty() && told.is_empty() {
            // the code is at fault already, and nothing else could tell
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
}

/// A value as it can stand in a sentence.
fn shown(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &value[..end]).into(),
        None => value.into(),
    }
}

/// A text on one line, as letters and lists show it: a cell may hold breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

    fn register(text: impl Into<Vec<u8>>) -> Result<Vec<SchoolRecord>> {
        read(&country(), Upload { content_type: "text/csv".to_owned(), bytes: text.into() })
    }

    /// Place, reason and description of everything that is wrong.
    fn faults(text: impl Into<Vec<u8>>) -> Vec<(String, &'static str, String)> {
        let refused = register(text).unwrap_err();
        let faults = refused.violations().iter();
        faults.map(|one| (one.field.clone(), one.reason, one.description.clone())).collect()
    }

    #[test]
    fn a_line_is_a_school_and_what_it_does_not_tell_is_empty() {
        let schools = register(format!("{HEADER}{LINE}")).unwrap();
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
            domain: String::new(),
        };
        assert_eq!(schools, [expected]);
    }

    #[test]
    fn the_domain_of_a_school_is_kept_in_its_ascii_form_and_what_is_none_is_named() {
        let text = COUNTRY.replace(r#""email"]"#, r#""email", "domain"]"#);
        let country: Country = toml::from_str(&text.replace(r#"email = "EMAIL""#, "domain = \"EMAIL\"")).unwrap();
        let of = |told: &str| {
            let text = format!("{HEADER}CHIETI,CHIS00700P,CHTD007011,POMILIO,LICEO,{told}\n");
            let file = Upload { content_type: "text/csv".to_owned(), bytes: text.into() };
            read(&country, file).map(|schools| schools[0].domain.clone())
        };
        assert_eq!(of("Liceo-Štella.Example").unwrap(), "xn--liceo-tella-lhc.example");
        assert_eq!(of("Non Disponibile").unwrap(), "");
        for strange in ["https://liceo.example", "ana@liceo.example", "example"] {
            let refused = of(strange).unwrap_err();
            assert_eq!(refused.violations()[0].field, "line 2, EMAIL", "{strange}");
        }
    }

    #[test]
    fn a_school_has_one_address_or_none() {
        let of = |told: &str| {
            let read = register(format!("{HEADER}CHIETI,CHIS00700P,CHTD007011,POMILIO,LICEO,{told}\n"));
            read.map(|schools| schools[0].email.clone())
        };
        assert_eq!(of("Office@Liceo.Example").unwrap(), "office@liceo.example");
        assert_eq!(of("office\u{200b}@liceo\u{ad}.example").unwrap(), "office@liceo.example");
        for strange in
            ["one@a.example;two@b.example", "one@a.example two@b.example", "\"one@a.example,two@b.example\"", "www"]
        {
            let refused = of(strange).unwrap_err();
            assert_eq!(refused.violations()[0].field, "line 2, EMAIL", "{strange}");
        }
    }

    #[test]
    fn what_shows_nothing_or_breaks_the_line_is_no_part_of_a_text() {
        let line = "CHIETI,CHIS00700P,CHTD007011,\"PO\u{200b}MI\u{202e}LIO\n CHIETI\",LICEO,\n";
        let school = register(format!("{HEADER}{line}")).unwrap().remove(0);
        assert_eq!((school.name.as_str(), school.institute_name.as_str()), ("POMILIO CHIETI", "POMILIO CHIETI"));
    }

    #[test]
    fn a_byte_order_mark_crlf_empty_lines_and_missing_optional_columns_do_no_harm() {
        let text = "\u{feff}codicescuola, DENOMINAZIONESCUOLA ,TIPO,PROVINCIA\r\n\r\n\
                    CHTD007011,POMILIO,LICEO,Chieti\r\n,,,\r\nCHMM00801A,MEDIA,SCUOLA PRIMO GRADO,\r\n";
        let schools = register(text).unwrap();
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
        let found = faults("PROVINCIA,TIPO\nCHIETI,LICEO\n");
        let [(place, reason, description)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((place.as_str(), *reason), ("line 1", "COLUMN_MISSING"));
        assert!(description.contains("CODICESCUOLA, DENOMINAZIONESCUOLA"), "{description}");
        let semicolons = faults(HEADER.replace(',', ";"));
        assert!(semicolons[0].2.contains("another delimiter"), "{semicolons:?}");
    }

    #[test]
    fn every_fault_has_the_line_an_editor_shows() {
        let text = format!(
            "{HEADER}\n\n{LINE}CHIETI,,CHTD00702A,\"TWO\nLINES\",LICEO,\n\
             CHIETI,,chtd,NAME,LICEO,\nCHIETI,x,CHTD00703A,,LICEO,\nATLANTIS,,,NAME,BALLET,\n\
             CHIETI,CHTD00705A,NAME,LICEO\n{LINE}"
        );
        let told: Vec<_> = faults(text).into_iter().map(|(place, ..)| place).collect();
        let expected = [
            "line 7, CODICESCUOLA",
            "line 8, DENOMINAZIONESCUOLA",
            "line 8, CODICEISTITUTORIFERIMENTO",
            "line 9, CODICESCUOLA",
            "line 9, TIPO",
            "line 9, PROVINCIA",
            "line 10",
            "line 11, CODICESCUOLA",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_school_that_stands_twice_is_named_with_its_first_line() {
        let found = faults(format!("{HEADER}{LINE}{LINE}"));
        assert_eq!((found.len(), found[0].0.as_str()), (1, "line 3, CODICESCUOLA"));
        assert!(found[0].2.contains("CHTD007011 stands on line 2"), "{found:?}");
    }

    #[test]
    fn bytes_that_are_not_utf8_name_line_and_column() {
        let mut text = format!("{HEADER}{LINE}").into_bytes();
        text.extend(b"CHIETI,,CHTD00702A,CITT\xc0,LICEO,\n");
        let found = faults(text);
        assert_eq!(found[0].0, "line 3, DENOMINAZIONESCUOLA");
        assert!(found[0].2.contains("UTF-8"));
    }

    #[test]
    fn as_many_faults_are_listed_as_an_answer_holds_and_the_rest_counted() {
        let text = format!("{HEADER}{}", "CHIETI,,short,NAME,LICEO,\n".repeat(250));
        let found = faults(text);
        assert_eq!((found.len(), found[59].0.as_str()), (61, "line 61, CODICESCUOLA"));
        assert!(found[60].2.starts_with("190 more"), "{:?}", found[60]);
    }

    #[test]
    fn an_empty_register_is_refused_for_it_would_close_every_school() {
        assert_eq!(faults("")[0].1, "COLUMN_MISSING");
        assert!(faults(HEADER)[0].2.contains("no line"));
        let programme: Country = toml::from_str("nuts = ['ITF14']").unwrap();
        let file = Upload { bytes: HEADER.into(), ..Upload::default() };
        assert!(read(&programme, file).unwrap_err().violations()[0].description.contains("no register"));
    }

    #[test]
    fn a_long_value_is_shown_short() {
        let text = format!("{HEADER}CHIETI,,{},NAME,LICEO,\n", "è".repeat(5000));
        assert!(faults(text)[0].2.len() < 200);
    }

    #[test]
    fn the_demo_registers_are_registers_of_their_countries() {
        for name in ["it", "hr", "es", "gr", "si"] {
            let root = env!("CARGO_MANIFEST_DIR");
            let file: toml::Table =
                std::fs::read_to_string(format!("{root}/../koine/tenants/{name}.toml")).unwrap().parse().unwrap();
            let country: Country = file["identity"].clone().try_into().unwrap();
            let bytes = std::fs::read(format!("{root}/../../tests/data/schools/{name}.csv")).unwrap();
            let file = Upload { bytes, ..Upload::default() };
            let schools = read(&country, file).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
            assert!(schools.len() >= 12, "{name}");
            assert!(schools.iter().any(|school| school.level == Level::LowerSecondary), "{name}");
            assert!(schools.iter().any(|school| school.level == Level::UpperSecondary), "{name}");
            assert!(schools.iter().all(|school| country.contains(&school.territory)), "{name}");
        }
    }
}
