//! Sheets that people upload: CSV as offices and ministries write it, in any encoding that is declared or can be recognised for
//! certain. A sheet is read completely: all faults are reported at once, each with the column and the line that an editor shows.
//!
//! ```ignore
//! let text = upload.text()?;
//! let mut sheet = Sheet::open(FORM, &text)?;
//! let places = sheet.columns([("code", "CODE", true), ("name", "NAME", true)])?;
//! while let Some(line) = sheet.line() {
//!     let code = line.value(places["code"]);
//!     if code.is_empty() {
//!         sheet.wrong(line.number(), "CODE", "The value is missing.");
//!     }
//! }
//! sheet.done()?;
//! ```

use std::{collections::HashMap, hash::Hash};

use csv::{ByteRecord, StringRecord};

use crate::{Result, Violations, error::Reason, text::is_unseen};

mod lines;
mod text;

use lines::Lines;
pub use text::{NOT_TEXT, Upload};

/// The number of faults that are listed: more of them usually have one cause.
pub const LISTED: usize = 60;

/// The format of a kind of sheet, and the reasons for sheets that do not have it.
#[derive(Clone, Copy, Debug)]
pub struct Form<R> {
    /// The delimiter of values. None: comma or semicolon, whichever is more frequent in the header.
    pub delimiter: Option<u8>,
    /// The most bytes of a value.
    pub widest: usize,
    /// Whether a value may contain line breaks.
    pub multiline: bool,
    /// Whether values in columns that are not asked for are checked too.
    pub strict: bool,
    /// The reason for a header that lacks columns, and for an empty file.
    pub column_missing: R,
    /// The reason for an invalid line.
    pub line_invalid: R,
}

/// A sheet that is being read.
pub struct Sheet<'a, R> {
    form: Form<R>,
    delimiter: u8,
    records: csv::Reader<&'a [u8]>,
    lines: Lines<'a>,
    header: Vec<String>,
    header_line: u64,
    /// The positions of the columns that were asked for.
    asked: Vec<usize>,
    read: usize,
    faults: usize,
    violations: Violations,
}

/// A line of a sheet. It has as many values as the header, and all of them are valid text. Characters that show nothing are left out: a name
/// would read like another one.
#[derive(Debug)]
pub struct Line {
    number: u64,
    values: StringRecord,
}

impl Line {
    /// Its number, as an editor shows it. The first line of the file has 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The value in a column, without spaces around it.
    pub fn value(&self, place: usize) -> &str {
        self.values.get(place).map_or("", str::trim)
    }
}

impl<'a, R: Reason> Sheet<'a, R> {
    /// Reads the header of a sheet in UTF-8, as [`Upload::text`] returns it. Both kinds of line ends are accepted, and empty lines
    /// are ignored. Error: `FIELDS_INVALID`, where there is no header or it is not UTF-8.
    pub fn open(form: Form<R>, text: &'a [u8]) -> Result<Self> {
        let delimiter = form.delimiter.unwrap_or_else(|| more_frequent(text));
        let mut records = csv::ReaderBuilder::new();
        let mut sheet = Self {
            form,
            delimiter,
            records: records.delimiter(delimiter).has_headers(false).flexible(true).from_reader(text),
            lines: Lines::of(text),
            header: Vec::new(),
            header_line: 1,
            asked: Vec::new(),
            read: 0,
            faults: 0,
            violations: Violations::new(),
        };
        let Some((line, header)) = sheet.record() else {
            return sheet.refused(1, form.column_missing, "The file is empty.");
        };
        sheet.header_line = line;
        match StringRecord::from_byte_record(header) {
            Ok(header) => sheet.header = header.iter().map(|name| name.trim().to_owned()).collect(),
            Err(_) => return sheet.refused(line, form.line_invalid, NOT_TEXT.replace("value", "header")),
        }
        Ok(sheet)
    }

    fn refused(mut self, line: u64, reason: R, description: impl Into<String>) -> Result<Self> {
        self.fault(line, "", reason, description);
        Err(self.done().err().unwrap_or_else(|| crate::Error::internal("a refused sheet has no fault")))
    }

    /// The position of each of these columns, by its key: `(key, name, whether it is required)`. Names are compared without case.
    /// Error: `FIELDS_INVALID` with the names of all required columns that are missing.
    pub fn columns<'n, K: Eq + Hash>(
        &mut self,
        wanted: impl IntoIterator<Item = (K, &'n str, bool)>,
    ) -> Result<HashMap<K, usize>> {
        let (mut places, mut missing) = (HashMap::new(), Vec::new());
        for (key, name, needed) in wanted {
            match self.header.iter().position(|column| column.eq_ignore_ascii_case(name)) {
                Some(place) => {
                    self.asked.push(place);
                    places.insert(key, place);
                }
                None if needed && !missing.contains(&name) => missing.push(name),
                None => {}
            }
        }
        if missing.is_empty() {
            return Ok(places);
        }
        let delimiter = char::from(self.delimiter);
        let hint = match self.header.len() {
            1 => format!(" The line has no `{delimiter}`: is the file saved with another delimiter?"),
            _ => String::new(),
        };
        let names = missing.join(", ");
        let text = format!("The header lacks {names}. Values may be empty, columns must be there.{hint}");
        self.fault(self.header_line, "", self.form.column_missing, text);
        std::mem::take(&mut self.violations).done().map(|()| places)
    }

    /// The next valid line. An invalid line is added to the faults and skipped.
    pub fn line(&mut self) -> Option<Line> {
        loop {
            let (number, record) = self.record()?;
            self.read += 1;
            if let Some(values) = self.values(number, record) {
                return Some(Line { number, values });
            }
        }
    }

    /// The next record that is not blank, and its line.
    fn record(&mut self) -> Option<(u64, ByteRecord)> {
        let mut record = ByteRecord::new();
        // the source is in memory and records may differ in length, so no error can end the loop before the end of the file
        while self.records.read_byte_record(&mut record).unwrap_or(false) {
            let line = self.lines.number(record.position().map_or(0, csv::Position::byte));
            if !record.iter().all(|value| value.trim_ascii().is_empty()) {
                return Some((line, record));
            }
        }
        None
    }

    fn values(&mut self, line: u64, record: ByteRecord) -> Option<StringRecord> {
        let (has, needs) = (record.len(), self.header.len());
        if has != needs {
            let text = format!("The line has {has} values and the header {needs}. Is a delimiter or a quote astray?");
            self.wrong(line, "", text);
            return None;
        }
        let record = match StringRecord::from_byte_record(record) {
            Ok(record) => record,
            Err(error) => {
                self.wrong_at(line, error.utf8_error().field(), NOT_TEXT);
                return None;
            }
        };
        let judged = |place: &usize| self.form.strict || self.asked.contains(place);
        let strange = record.iter().enumerate().filter(|(place, _)| judged(place)).find_map(|(place, value)| {
            let text = self.form.strange(value)?;
            Some((place, text))
        });
        if let Some((place, text)) = strange {
            self.wrong_at(line, place, text);
            return None;
        }
        let is_plain = !record.iter().any(|value| value.contains(is_unseen));
        Some(if is_plain { record } else { record.iter().map(|value| value.replace(is_unseen, "")).collect() })
    }

    fn wrong_at(&mut self, line: u64, place: usize, description: &str) {
        let column = self.header.get(place).cloned().unwrap_or_default();
        self.wrong(line, &column, description);
    }

    /// Adds a fault of a line. `column` is empty where the fault is not in one column.
    pub fn wrong(&mut self, line: u64, column: &str, description: impl Into<String>) {
        self.fault(line, column, self.form.line_invalid, description);
    }

    /// Adds a fault with a reason of its own.
    pub fn fault(&mut self, line: u64, column: &str, reason: R, description: impl Into<String>) {
        self.faults += 1;
        if self.faults <= LISTED {
            let comma = if column.is_empty() { "" } else { ", " };
            self.violations.add(format!("line {line}{comma}{column}"), reason, description);
        }
    }

    /// The number of faults found so far.
    pub fn faults(&self) -> usize {
        self.faults
    }

    /// Ends the reading. Error: `FIELDS_INVALID` with the first [`LISTED`] faults and the number of the others. A sheet without a
    /// line below its header is a fault too, because it would otherwise remove everything.
    pub fn done(mut self) -> Result<()> {
        if self.read == 0 && self.faults == 0 {
            self.wrong(self.header_line, "", "There is no line below the header.");
        }
        if self.faults > LISTED {
            let text = format!("{} more lines are wrong. Correct these first.", self.faults - LISTED);
            self.violations.add("file", self.form.line_invalid, text);
        }
        self.violations.done()
    }
}

impl<R> Form<R> {
    /// Why a value is not accepted. None, where it is.
    fn strange(&self, value: &str) -> Option<&'static str> {
        let breaks = |sign: char| matches!(sign, '\n' | '\r');
        if value.len() > self.widest {
            Some("The value is too long. Is a quote astray?")
        } else if !self.multiline && value.contains(breaks) {
            Some("The value runs over several lines. Is a quote astray?")
        } else if value.chars().any(|sign| sign.is_control() && sign != '\t' && !breaks(sign)) {
            Some("The value holds characters nobody types. Is the file in the encoding it says?")
        } else {
            None
        }
    }
}

/// Comma or semicolon: spreadsheets of some countries write semicolons.
fn more_frequent(text: &[u8]) -> u8 {
    let header = text.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let count = |sign: u8| header.iter().filter(|byte| **byte == sign).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

#[cfg(test)]
mod tests;
