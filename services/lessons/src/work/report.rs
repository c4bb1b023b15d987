//! Reports: what a team delivers for a lesson. Drafts are a class's shared work and are never lost; a submission is final for the
//! team (I8) and judged by the instant it was received (I7).

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, Violations, blob::hex, wire as etag};
use serde::Serialize;

use crate::{
    reason::{Reason, Refuse},
    work::{
        answer::{Value, Values},
        file::{File, Rule},
    },
    year::{
        calendar::Deadline,
        edition::{Edition, Track},
        form::Form,
        team::{Seat, Team},
    },
};

pub mod api;
mod matrix;
pub(crate) mod store;
mod verdict;
mod wire;

pub use verdict::{Delivery, Judged, ReportState, Verdict};

/// A team's report for a lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    seat: Seat,
    lesson: i32,
    version: i64,
    edition: Id<Edition>,
    track: Id<Track>,
    form_version: i32,
    state: ReportState,
    values: Values,
    saved: Option<Saved>,
}

/// The last save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The role it was made in: `analyst`, never a name. Empty where none was declared.
    pub role: String,
    /// When.
    pub at: Timestamp,
}

/// A report with all it is written and judged by: its form, its track, and the deadline that holds for its class.
#[derive(Clone, Debug)]
pub struct LoadedReport {
    pub(crate) report: Report,
    pub(crate) form: Form,
    pub(crate) track: Track,
    pub(crate) deadline: Deadline,
}

/// What a team saves.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The version it read. Empty for the first save.
    pub etag: String,
    /// The values to set; all others stay.
    pub values: Values,
    /// The keys to empty.
    pub cleared: Vec<String>,
    /// The role it writes in. May be empty.
    pub role: String,
}

/// A submission as it was made. A jury finds it by its digest.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    id: Id<Submission>,
    seat: Seat,
    lesson: i32,
    form_version: i32,
    contents: String,
    digest: String,
    received_at: Timestamp,
}

/// What a class submitted last for a lesson, as others may read it.
#[derive(Clone, Debug, PartialEq)]
pub struct LastSubmission {
    /// The version of the form it is written in.
    pub(crate) form_version: i32,
    /// The answers.
    pub(crate) values: Values,
    /// The digest of its contents.
    pub(crate) digest: String,
    /// When it was received.
    pub(crate) received_at: Timestamp,
}

/// The record that a report was given back to its team.
#[derive(Clone, Debug, PartialEq)]
pub struct Reopening {
    id: Id<Reopening>,
    seat: Seat,
    lesson: i32,
    reason: String,
    at: Timestamp,
}

/// The contents that a digest is computed from. Fields and keys have a fixed order, so that equal reports are equal bytes. Files are named
/// by their own digests, so that the digest covers their bytes.
#[derive(Serialize)]
struct Contents<'a> {
    form_version: i32,
    values: &'a Values,
    files: BTreeMap<Id<File>, &'a str>,
}

impl Report {
    /// A report that is not begun, in this form.
    pub(crate) fn none(team: &Team, form: &Form) -> Self {
        Self {
            seat: team.seat(),
            lesson: form.lesson,
            version: 0,
            edition: team.edition,
            track: team.track,
            form_version: form.version,
            state: ReportState::NotStarted,
            values: Values::default(),
            saved: None,
        }
    }

    /// Its lesson.
    pub(crate) fn lesson(&self) -> i32 {
        self.lesson
    }

    /// Its track. A report that was begun before its class was moved is of the earlier track until it is loaded with its form.
    pub(crate) fn track(&self) -> Id<Track> {
        self.track
    }

    /// The version of its form.
    pub(crate) fn form_version(&self) -> i32 {
        self.form_version
    }

    /// Its state.
    pub(crate) fn state(&self) -> &ReportState {
        &self.state
    }

    /// Moves the report to another form.
    pub(crate) fn go_on_in(&mut self, form: &Form) {
        (self.track, self.form_version) = (form.track, form.version);
    }

    /// Error: `REPORT_FINAL` after it was submitted, unless it was reopened.
    fn check_open(&self) -> Result<()> {
        if matches!(self.state, ReportState::Submitted(_)) {
            let text =
                "This report was submitted, which is final. Ask the central team to reopen it if it must change.";
            return Err(Reason::ReportFinal.error(text));
        }
        Ok(())
    }

    /// Error: `ETAG_STALE` unless `given` is the etag of this version. A report that was never saved has an empty etag.
    fn check_read(&self, given: &str) -> Result<()> {
        let is_first = self.version == 0 && given.is_empty();
        if is_first || given == etag::etag(self.version) { Ok(()) } else { Err(etag::stale(self.version)) }
    }

    /// Gives a submitted report back to its team; the verdict of the first submission stays (I8). Error: `REPORT_NOT_SUBMITTED`.
    pub fn reopen(&mut self, ctx: &Ctx, reason: String) -> Result<Reopening> {
        let ReportState::Submitted(judged) = &self.state else {
            return Err(
                Reason::ReportNotSubmitted.error("This report is not submitted, so its team can change it already.")
            );
        };
        self.state = ReportState::Reopened(judged.clone());
        Ok(Reopening { id: ctx.new_id(), seat: self.seat, lesson: self.lesson, reason, at: ctx.now() })
    }
}

impl LoadedReport {
    /// Saves a draft. It may be incomplete and too long. Returns whether it differs from what was saved before. Error: `REPORT_FINAL`,
    /// `ETAG_STALE`, and all violations at once.
    pub fn save(&mut self, ctx: &Ctx, draft: Draft) -> Result<bool> {
        let Draft { etag, values, cleared, role } = draft;
        self.report.check_open()?;
        self.report.check_read(&etag)?;
        let mut violations = Violations::new();
        self.track.check_role(&mut violations, &role);
        violations.done()?;
        self.form.check_draft(&values, &cleared)?;
        let before = (self.report.values.clone(), self.report.saved.as_ref().map(|saved| saved.role.clone()));
        let emptied: Vec<String> = values.keys().cloned().chain(cleared).collect();
        for key in emptied {
            self.report.values.remove(&key);
        }
        self.report.values.extend(self.form.clean(values));
        if before == (self.report.values.clone(), Some(role.clone())) {
            return Ok(false);
        }
        if matches!(self.report.state, ReportState::NotStarted) {
            self.report.state = ReportState::Draft;
        }
        self.report.saved = Some(Saved { role, at: ctx.now() });
        Ok(true)
    }

    /// Submits the report. That is final for the team, and the verdict is given now; a report that was reopened keeps the verdict of its
    /// first submission. `files` are those the team has uploaded for the lesson. Error: `REPORT_FINAL`, `ETAG_STALE`, and a violation for
    /// everything that is not as the form asks.
    pub fn submit(&mut self, ctx: &Ctx, etag: &str, files: &[File]) -> Result<Submission> {
        self.report.check_open()?;
        self.report.check_read(etag)?;
        self.form.check_final(&self.report.values, files)?;
        let submission = Submission::new(ctx, &self.report, files)?;
        let verdict = match &self.report.state {
            ReportState::Reopened(judged) | ReportState::Submitted(judged) => judged.verdict.clone(),
            ReportState::NotStarted | ReportState::Draft => Verdict::new(ctx.now(), self.deadline.clone()),
        };
        self.report.state = ReportState::Submitted(Judged { verdict, digest: submission.digest.clone() });
        self.report.saved.get_or_insert_with(|| Saved { role: String::new(), at: ctx.now() });
        Ok(submission)
    }

    /// What files a field of the report takes. Error: `REPORT_FINAL`, `FIELD_UNKNOWN`, `FIELD_KIND`.
    pub fn takes(&self, field: &str) -> Result<Rule> {
        self.report.check_open()?;
        Rule::new(&self.form, field)
    }
}

impl Submission {
    fn new(ctx: &Ctx, report: &Report, files: &[File]) -> Result<Self> {
        let named = |file: &&File| {
            report.values.iter().any(|(_, value)| matches!(value, Value::Files(ids) if ids.contains(&file.id())))
        };
        let files = files.iter().filter(named).map(|file| (file.id(), file.digest())).collect();
        let contents = Contents { form_version: report.form_version, values: &report.values, files };
        let contents = serde_json::to_string(&contents).map_err(Error::internal)?;
        Ok(Self {
            id: ctx.new_id(),
            seat: report.seat,
            lesson: report.lesson,
            form_version: report.form_version,
            digest: hex(digest(&SHA256, contents.as_bytes()).as_ref()),
            contents,
            received_at: ctx.now(),
        })
    }
}

impl Submission {
    /// The digest of its contents.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }
}

impl LastSubmission {
    /// The files that stand in it.
    pub(crate) fn files(&self) -> impl Iterator<Item = Id<File>> {
        let files = self.values.iter().filter_map(|(_, value)| match value {
            Value::Files(files) => Some(files),
            _ => None,
        });
        files.flatten().copied()
    }
}

/// A report as the audit log names it.
pub(crate) fn subject(team: Id<Team>, lesson: i32) -> String {
    format!("team {team}, lesson {lesson}")
}

#[cfg(test)]
mod tests;
