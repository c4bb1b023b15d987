//! Reads the projects of a programme: a CSV with keep.eu's columns, one line a partner, the project's columns repeated on each.
//!
//! The result is either all projects or every wrong line, by the number it has in an editor.

use std::{collections::HashMap, mem};

use csv::{ByteRecord, StringRecord};
use platform::{Result, Violations, lines::Lines, text::fold};

use super::{Budget, Facts, Partner};
use crate::reason::Reason;

mod value;

/// The columns of a project.
pub(super) const OF_PROJECT: [&str; 10] = [
    "keep_id",
    "acronym",
    "name",
    "programme_cci",
    "status",
    "start_date",
    "end_date",
    "total_budget",
    "eu_funding",
    "themes",
];

/// The columns of a partner.
pub(super) const OF_PARTNER: [&str; 6] =
    ["partner_name", "partner_type", "country", "nuts3", "town", "partner_total_budget"];

/// The longest value, in bytes: names are translated into every language of a programme.
const WIDEST: usize = 2_000;

/// The contents of a sheet.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// How many partners it has, each on a line.
    pub(crate) lines: usize,
    /// The projects, in the order of their first lines.
    pub(crate) projects: Vec<Facts>,
}

/// Reads the projects of the programme that has these codes. A byte order mark, either kind of delimiter and of line end, empty
/// lines and further columns do no harm. Error: `FIELDS_INVALID` with every wrong line.
pub(crate) fn read(cci: &[String], bytes: &[u8]) -> Result<Sheet> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut csv = csv::ReaderBuilder::new();
    let mut csv = csv.delimiter(delimiter(bytes)).has_headers(false).flexible(true).from_reader(bytes);
    let mut lines = Lines::of(bytes);
    let mut record = ByteRecord::new();
    let mut reading = None;
    // the source is memory and records may be ragged: there is no error left that could end the loop before the file's end
    while csv.read_byte_record(&mut record).unwrap_or(false) {
        let line = lines.number(record.position().map_or(0, csv::Position::byte));
        if record.iter().all(|value| value.trim_ascii().is_empty()) {
            continue;
        }
        match &mut reading {
            None => reading = Some(Reading::begin(cci, line, &record)?),
            Some(reading) => reading.line(line, mem::take(&mut record)),
        }
    }
    let mut reading = reading.unwrap_or_default();
    if reading.sheet.lines == 0 && reading.faults.is_empty() {
        // an empty file would report every project as missing
        reading.fault(1, "", Reason::LineInvalid, "There is no line below the header.");
    }
    reading.faults.done().map(|()| reading.sheet)
}

/// What parts the columns: spreadsheets of some countries write semicolons.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let count = |sign: u8| header.iter().filter(|byte| **byte == sign).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

/// A sheet that is being read.
#[derive(Default)]
struct Reading<'a> {
    cci: &'a [String],
    header: Vec<String>,
    /// Where in a line each column stands.
    places: HashMap<&'static str, usize>,
    /// By the number at keep.eu: which project it is, and the first line that tells of it.
    seen: HashMap<String, (usize, Told)>,
    sheet: Sheet,
    faults: Violations,
    count: usize,
}

/// The columns of a project in its first line.
struct Told {
    line: u64,
    values: StringRecord,
}

impl<'a> Reading<'a> {
    fn begin(cci: &'a [String], line: u64, record: &ByteRecord) -> Result<Self> {
        let name = |name: &[u8]| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
        let mut reading = Self { cci, header: record.iter().map(name).collect(), ..Self::default() };
        let mut missing = Vec::new();
        for column in OF_PROJECT.into_iter().chain(OF_PARTNER) {
            match reading.header.iter().position(|name| name == column) {
                Some(at) => drop(reading.places.insert(column, at)),
                None => missing.push(column),
            }
        }
        if !missing.is_empty() {
            let says = format!("The header lacks {}. Values may be empty, columns must be there.", missing.join(", "));
            reading.fault(line, "", Reason::ColumnMissing, says);
            mem::take(&mut reading.faults).done()?;
        }
        Ok(reading)
    }

    fn fault(&mut self, line: u64, column: &str, reason: Reason, description: impl Into<String>) {
        let parting = if column.is_empty() { "" } else { ", " };
        self.count += 1;
        self.faults.add(format!("line {line}{parting}{column}"), reason, description);
    }

    fn wrong(&mut self, line: u64, column: &str, description: impl Into<String>) {
        self.fault(line, column, Reason::LineInvalid, description);
    }

    fn line(&mut self, line: u64, record: ByteRecord) {
        let before = self.count;
        self.sheet.lines += 1;
        let Some(record) = self.readable(line, record) else { return };
        let (project, partner) = (self.project(line, &record), self.partner(line, &record));
        if self.count == before
            && let Some(project) = project
        {
            self.sheet.projects[project].partners.push(partner);
        }
    }

    /// The line as text, if it is one of this sheet.
    fn readable(&mut self, line: u64, record: ByteRecord) -> Option<StringRecord> {
        let (has, needs) = (record.len(), self.header.len());
        if has != needs {
            let says = format!("The line has {has} values and the header {needs}. Is a delimiter or a quote astray?");
            self.wrong(line, "", says);
            return None;
        }
        let record = match StringRecord::from_byte_record(record) {
            Ok(record) => record,
            Err(error) => {
                let column = self.header[error.utf8_error().field()].clone();
                self.wrong(line, &column, "The value is not UTF-8. Save the file as \"CSV UTF-8\" and send it again.");
                return None;
            }
        };
        let strange = |value: &str| value.len() > WIDEST || value.chars().any(|sign| sign.is_control() && sign != '\t');
        if let Some(at) = self.places.values().copied().find(|at| record.get(*at).is_some_and(strange)) {
            let column = self.header[at].clone();
            self.wrong(line, &column, "The value is too long or runs over several lines. Is a quote astray?");
            return None;
        }
        Some(record)
    }

    fn value<'r>(&self, record: &'r StringRecord, column: &str) -> &'r str {
        self.places.get(column).and_then(|at| record.get(*at)).map_or("", str::trim)
    }

    fn needed(&mut self, line: u64, record: &StringRecord, column: &str) -> Option<String> {
        let value = self.value(record, column).to_owned();
        if value.is_empty() {
            self.wrong(line, column, "The value is missing.");
        }
        Some(value).filter(|value| !value.is_empty())
    }

    /// The project of a line: a new one, or one of an earlier line, whose columns must be equal.
    fn project(&mut self, line: u64, record: &StringRecord) -> Option<usize> {
        let keep_id = self.needed(line, record, "keep_id")?;
        if self.seen.contains_key(&keep_id) {
            return self.same(line, &keep_id, record);
        }
        // a project that is wrong is remembered too, so that its further lines are not reported for the same fault
        let told = Told { line, values: OF_PROJECT.iter().map(|column| self.value(record, column)).collect() };
        let project = self.sheet.projects.len();
        let facts = self.facts(line, keep_id.clone(), record);
        self.sheet.projects.push(facts);
        self.seen.insert(keep_id, (project, told));
        Some(project)
    }

    fn same(&mut self, line: u64, keep_id: &str, record: &StringRecord) -> Option<usize> {
        let (project, told) = self.seen.get(keep_id)?;
        let other = OF_PROJECT.iter().zip(&told.values).find(|(column, value)| self.value(record, column) != *value);
        let (project, first) = (*project, told.line);
        let Some((column, _)) = other else { return Some(project) };
        self.wrong(line, column, format!("Line {first} says otherwise of the same project. Which of them is right?"));
        None
    }

    fn facts(&mut self, line: u64, keep_id: String, record: &StringRecord) -> Facts {
        let acronym = self.needed(line, record, "acronym").unwrap_or_default();
        let name = self.needed(line, record, "name").unwrap_or_default();
        let programme_cci = self.needed(line, record, "programme_cci").unwrap_or_default();
        if !programme_cci.is_empty() && !self.cci.contains(&programme_cci) {
            let says = format!("The project is of another programme. The codes of this one: {}.", self.cci.join(", "));
            self.fault(line, "programme_cci", Reason::ProjectForeign, says);
        }
        let [starts_on, ends_on] = self.dates(line, record);
        let themes = self.value(record, "themes").split('|').map(str::trim).filter(|theme| !theme.is_empty());
        let (status, themes) = (self.value(record, "status").to_owned(), themes.map(str::to_owned).collect());
        let total = self.budget(line, record, "total_budget");
        let union_share = self.budget(line, record, "eu_funding");
        let partners = Vec::new();
        Facts {
            keep_id,
            acronym,
            name,
            programme_cci,
            status,
            starts_on,
            ends_on,
            total,
            union_share,
            themes,
            partners,
        }
    }

    fn dates(&mut self, line: u64, record: &StringRecord) -> [String; 2] {
        let days = ["start_date", "end_date"].map(|column| (column, value::date(self.value(record, column))));
        for (column, _) in days.iter().filter(|(_, day)| day.is_err()) {
            self.wrong(line, column, "This is not a day. Write it like this: 2019-01-31.");
        }
        let [starts, ends] = days.map(|(_, day)| day.ok().flatten());
        if starts.zip(ends).is_some_and(|(starts, ends)| ends < starts) {
            self.wrong(line, "end_date", "The end comes before the start.");
        }
        [starts, ends].map(|day| day.map(|day| day.to_string()).unwrap_or_default())
    }

    fn budget(&mut self, line: u64, record: &StringRecord, column: &str) -> Budget {
        value::budget(self.value(record, column)).unwrap_or_else(|| {
            let says =
                "This is not a sum. Write 1234567.89, without blanks or signs; nothing where it is not published.";
            self.wrong(line, column, says);
            Budget::Unpublished
        })
    }

    fn partner(&mut self, line: u64, record: &StringRecord) -> Partner {
        let name = self.needed(line, record, "partner_name").unwrap_or_default();
        let kind = fold(self.value(record, "partner_type"));
        if kind != "lead" && kind != "partner" {
            self.wrong(line, "partner_type", "This is neither `lead` nor `partner`.");
        }
        let country = self.needed(line, record, "country").unwrap_or_default();
        let known = value::country(&country).unwrap_or_default();
        if !country.is_empty() && known.is_empty() {
            self.wrong(line, "country", "No country has this name. Write its English name or its code: `HR`.");
        }
        let territory = self.value(record, "nuts3").to_ascii_uppercase();
        if !value::is_territory(&territory) {
            self.wrong(line, "nuts3", "This is not a code of NUTS, such as `HR033`, or the beginning of one.");
        }
        let share = self.budget(line, record, "partner_total_budget");
        let (id, country, town) = (String::new(), known.to_owned(), self.value(record, "town").to_owned());
        Partner { id, name, is_lead: kind == "lead", country, territory, town, share }
    }
}

#[cfg(test)]
pub(super) mod tests;
