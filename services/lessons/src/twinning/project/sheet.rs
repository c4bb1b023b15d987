//! Reads the projects of a programme: a CSV with keep.eu's columns, one line a partner, the project's columns repeated on each.
//!
//! The result is either all projects or every wrong line, by the number it has in an editor.

use std::collections::HashMap;

use platform::{
    Result,
    sheet::{Form, Line, Upload},
    text::fold,
};

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

/// How sheets of projects are written: names are translated into every language of a programme, and what other columns hold is not
/// looked at.
const FORM: Form<Reason> = Form {
    delimiter: None,
    widest: 2_000,
    multiline: false,
    strict: false,
    column_missing: Reason::ColumnMissing,
    line_invalid: Reason::LineInvalid,
};

/// The contents of a sheet.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// How many partners it has, each on a line.
    pub(crate) lines: usize,
    /// The projects, in the order of their first lines.
    pub(crate) projects: Vec<Facts>,
}

/// Reads the projects of the programme that has these codes. Error: `FIELDS_INVALID` with every wrong line.
pub(crate) fn read(cci: &[String], file: Upload) -> Result<Sheet> {
    let text = file.text()?;
    let mut lines = platform::sheet::Sheet::open(FORM, &text)?;
    let places = lines.columns(OF_PROJECT.into_iter().chain(OF_PARTNER).map(|column| (column, column, true)))?;
    let mut reading = Reading { cci, lines, places, seen: HashMap::new(), sheet: Sheet::default() };
    while let Some(line) = reading.lines.line() {
        reading.line(&line);
    }
    reading.lines.done().map(|()| reading.sheet)
}

/// A sheet that is being read.
struct Reading<'a> {
    cci: &'a [String],
    lines: platform::sheet::Sheet<'a, Reason>,
    /// Where in a line each column stands.
    places: HashMap<&'static str, usize>,
    /// By the number at keep.eu: which project it is, and the first line that tells of it.
    seen: HashMap<String, (usize, Told)>,
    sheet: Sheet,
}

/// The columns of a project in its first line.
struct Told {
    line: u64,
    values: Vec<String>,
}

impl Reading<'_> {
    fn line(&mut self, line: &Line) {
        let before = self.lines.faults();
        self.sheet.lines += 1;
        let (project, partner) = (self.project(line), self.partner(line));
        if self.lines.faults() == before
            && let Some(project) = project
        {
            self.sheet.projects[project].partners.push(partner);
        }
    }

    fn wrong(&mut self, line: &Line, column: &str, description: impl Into<String>) {
        self.lines.wrong(line.number(), column, description);
    }

    fn value<'l>(&self, line: &'l Line, column: &str) -> &'l str {
        self.places.get(column).map_or("", |place| line.value(*place))
    }

    fn needed(&mut self, line: &Line, column: &str) -> Option<String> {
        let value = self.value(line, column).to_owned();
        if value.is_empty() {
            self.wrong(line, column, "The value is missing.");
        }
        Some(value).filter(|value| !value.is_empty())
    }

    /// The project of a line: a new one, or one of an earlier line, whose columns must be equal.
    fn project(&mut self, line: &Line) -> Option<usize> {
        let keep_id = self.needed(line, "keep_id")?;
        if self.seen.contains_key(&keep_id) {
            return self.same(line, &keep_id);
        }
        // a project that is wrong is remembered too, so that its further lines are not reported for the same fault
        let told =
            Told { line: line.number(), values: OF_PROJECT.map(|column| self.value(line, column).to_owned()).into() };
        let project = self.sheet.projects.len();
        let facts = self.facts(line, keep_id.clone());
        self.sheet.projects.push(facts);
        self.seen.insert(keep_id, (project, told));
        Some(project)
    }

    fn same(&mut self, line: &Line, keep_id: &str) -> Option<usize> {
        let (project, told) = self.seen.get(keep_id)?;
        let other = OF_PROJECT.iter().zip(&told.values).find(|(column, value)| self.value(line, column) != *value);
        let (project, first) = (*project, told.line);
        let Some((column, _)) = other else { return Some(project) };
        self.wrong(line, column, format!("Line {first} says otherwise of the same project. Which of them is right?"));
        None
    }

    fn facts(&mut self, line: &Line, keep_id: String) -> Facts {
        let acronym = self.needed(line, "acronym").unwrap_or_default();
        let name = self.needed(line, "name").unwrap_or_default();
        let programme_cci = self.needed(line, "programme_cci").unwrap_or_default();
        if !programme_cci.is_empty() && !self.cci.contains(&programme_cci) {
            let says = format!("The project is of another programme. The codes of this one: {}.", self.cci.join(", "));
            self.lines.fault(line.number(), "programme_cci", Reason::ProjectForeign, says);
        }
        let [starts_on, ends_on] = self.dates(line);
        let themes = self.value(line, "themes").split('|').map(str::trim).filter(|theme| !theme.is_empty());
        let (status, themes) = (self.value(line, "status").to_owned(), themes.map(str::to_owned).collect());
        let total = self.budget(line, "total_budget");
        let union_share = self.budget(line, "eu_funding");
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

    fn dates(&mut self, line: &Line) -> [String; 2] {
        let days = ["start_date", "end_date"].map(|column| (column, value::date(self.value(line, column))));
        for (column, _) in days.iter().filter(|(_, day)| day.is_err()) {
            self.wrong(line, column, "This is not a day. Write it like this: 2019-01-31.");
        }
        let [starts, ends] = days.map(|(_, day)| day.ok().flatten());
        if starts.zip(ends).is_some_and(|(starts, ends)| ends < starts) {
            self.wrong(line, "end_date", "The end comes before the start.");
        }
        [starts, ends].map(|day| day.map(|day| day.to_string()).unwrap_or_default())
    }

    fn budget(&mut self, line: &Line, column: &str) -> Budget {
        value::budget(self.value(line, column)).unwrap_or_else(|| {
            let says =
                "This is not a sum. Write 1234567.89, without blanks or signs; nothing where it is not published.";
            self.wrong(line, column, says);
            Budget::Unpublished
        })
    }

    fn partner(&mut self, line: &Line) -> Partner {
        let name = self.needed(line, "partner_name").unwrap_or_default();
        let kind = fold(self.value(line, "partner_type"));
        if kind != "lead" && kind != "partner" {
            self.wrong(line, "partner_type", "This is neither `lead` nor `partner`.");
        }
        let country = self.needed(line, "country").unwrap_or_default();
        let known = value::country(&country).unwrap_or_default();
        if !country.is_empty() && known.is_empty() {
            self.wrong(line, "country", "No country has this name. Write its English name or its code: `HR`.");
        }
        let territory = self.value(line, "nuts3").to_ascii_uppercase();
        if !value::is_territory(&territory) {
            self.wrong(line, "nuts3", "This is not a code of NUTS, such as `HR033`, or the beginning of one.");
        }
        let share = self.budget(line, "partner_total_budget");
        let (id, country, town) = (String::new(), known.to_owned(), self.value(line, "town").to_owned());
        Partner { id, name, is_lead: kind == "lead", country, territory, town, share }
    }
}

#[cfg(test)]
pub(super) mod tests;
