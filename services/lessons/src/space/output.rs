//! Joint outputs: what the two classes of a pair make together for a lesson. Teachers sign the digest of the contents they have read, so
//! nothing else can be delivered.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use platform::{Ctx, Error, Id, Result, Violations, blob::hex, wire as etag};
use serde::{Deserialize, Serialize};

use crate::{
    reason::{Reason, Refuse},
    space::shelf::Shelf,
    twinning::{
        pair::Pair,
        side::{Side, check_contact},
    },
    work::{answer::rich, file::File, report::Verdict},
    year::{
        calendar::Deadline,
        team::{Space, Team},
    },
};

pub mod api;
pub(crate) mod store;
mod wire;

/// The joint output of a pair for a lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pair: Id<Pair>,
    lesson: i32,
    version: i64,
    contents: Contents,
    saved_at: Option<Timestamp>,
    signatures: Vec<Signature>,
    delivered: Option<Delivered>,
}

/// What two classes have made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Its title.
    pub title: String,
    /// Its text, in the markup of reports.
    pub text: String,
    /// The language it is in.
    pub language: String,
    /// Pages it lives on or draws from.
    pub links: Vec<String>,
    /// Files of either class.
    pub files: Vec<Id<File>>,
}

/// What a class saves: values to set, and names of values to empty. All others stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The version it read. Empty for the first save.
    pub etag: String,
    /// What to set.
    pub set: Contents,
    /// What to empty.
    pub cleared: Vec<String>,
}

/// A signature of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub(crate) team: Id<Team>,
    pub(crate) digest: String,
    pub(crate) at: Timestamp,
}

/// The digest and the verdict of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    pub(crate) digest: String,
    pub(crate) verdict: Verdict,
    /// Whether one class delivered it alone, after its twin had left.
    pub(crate) is_single: bool,
}

/// A delivered joint output, as a jury reads about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    pub(crate) pair: Id<Pair>,
    pub(crate) lesson: i32,
    pub(crate) language: String,
    pub(crate) delivered: Delivered,
}

/// A joint output with all it is signed and judged by: its pair, its files, the deadline.
#[derive(Clone, Debug)]
pub struct LoadedOutput {
    pub(crate) output: Output,
    pub(crate) pair: Pair,
    /// The files either class that is still there has uploaded for the lesson, each as the caller may see it.
    pub(crate) files: Shelf,
    pub(crate) deadline: Deadline,
}

/// The contents that a digest is computed from, in a fixed order. Files are named by their own digests, so that the digest covers their
/// bytes.
#[derive(Serialize)]
struct Signed<'a> {
    pair: Id<Pair>,
    lesson: i32,
    contents: &'a Contents,
    files: Vec<&'a str>,
}

impl Contents {
    fn changed(&self, change: Change, violations: &mut Violations) -> Self {
        let Change { set, cleared, .. } = change;
        let text = |new: String, old: &String| if new.is_empty() { old.clone() } else { new };
        let mut next = Self {
            title: text(set.title, &self.title),
            text: text(set.text, &self.text),
            language: text(set.language, &self.language),
            links: if set.links.is_empty() { self.links.clone() } else { set.links },
            files: if set.files.is_empty() { self.files.clone() } else { set.files },
        };
        for (index, name) in cleared.iter().enumerate() {
            match name.as_str() {
                "title" => next.title.clear(),
                "text" => next.text.clear(),
                "language" => next.language.clear(),
                "links" => next.links.clear(),
                "file_ids" => next.files.clear(),
                _ => {
                    let text = "A joint output has: title, text, language, links, file_ids.";
                    violations.add(format!("cleared[{index}]"), Reason::FieldUnknown, text);
                }
            }
        }
        next
    }
}

impl Output {
    /// A joint output that is not begun.
    pub(crate) fn none(pair: Id<Pair>, lesson: i32) -> Self {
        Self {
            pair,
            lesson,
            version: 0,
            contents: Contents::default(),
            saved_at: None,
            signatures: Vec::new(),
            delivered: None,
        }
    }

    /// The lesson.
    pub(crate) fn lesson(&self) -> i32 {
        self.lesson
    }

    /// The classes that have signed it as it is now.
    pub(crate) fn signers(&self) -> Vec<Id<Team>> {
        self.signatures.iter().map(|signature| signature.team).collect()
    }

    /// The space of its pair.
    pub(crate) fn space(&self) -> Id<Space> {
        self.pair.uuid().into()
    }

    /// Whether it is delivered.
    pub(crate) fn is_delivered(&self) -> bool {
        self.delivered.is_some()
    }

    /// Its delivery. None before it is delivered.
    pub(crate) fn delivered(&self) -> Option<&Delivered> {
        self.delivered.as_ref()
    }

    /// Judges what was delivered again under the deadline that holds now. Returns whether that changed the verdict.
    pub(crate) fn judge_again(&mut self, deadline: &Deadline) -> bool {
        let Some(delivered) = &mut self.delivered else { return false };
        let Some(improved) = delivered.verdict.improved(deadline) else { return false };
        delivered.verdict = improved;
        true
    }

    /// Error: `OUTPUT_FINAL` after it is delivered.
    fn check_open(&self) -> Result<()> {
        let text = "This joint output was signed by both classes and delivered, which is final.";
        if self.delivered.is_some() { Err(Reason::OutputFinal.error(text)) } else { Ok(()) }
    }

    /// Removes the signature of a class that leaves, and from a draft its `files`. A draft that loses files must be signed again.
    pub(crate) fn lose(&mut self, team: Id<Team>, files: &[Id<File>]) {
        self.signatures.retain(|signature| signature.team != team);
        if self.delivered.is_none() {
            let before = self.contents.files.len();
            self.contents.files.retain(|id| !files.contains(id));
            if self.contents.files.len() < before {
                self.signatures.clear();
            }
        }
    }
}

impl LoadedOutput {
    /// The classes whose work is seen in it: those that have not left, after something was saved.
    fn makers(&self) -> impl Iterator<Item = &Side> {
        let there = self.pair.sides().iter().filter(|place| !place.has_left() && self.output.version > 0);
        there.map(|place| &place.side)
    }

    /// Saves the draft. Returns whether it differs from what was saved before; then signatures given so far are void. Error: `OUTPUT_FINAL`,
    /// `ETAG_STALE`, and all violations at once.
    pub fn save(&mut self, ctx: &Ctx, change: Change) -> Result<bool> {
        self.output.check_open()?;
        self.check_read(&change.etag)?;
        let mut violations = Violations::new();
        let mut contents = self.output.contents.changed(change, &mut violations);
        check_contact(&mut violations, "title", &contents.title);
        contents.text = rich(&mut violations, "text", &contents.text);
        check_contact(&mut violations, "text", &contents.text);
        for (index, link) in contents.links.iter().enumerate() {
            check_contact(&mut violations, &format!("links[{index}]"), link);
        }
        let own = self.pair.own(ctx)?.side.team;
        for (index, id) in contents.files.iter().enumerate() {
            // a class can add only files of its own: files of the other class's report are not shared with it
            let is_there = self.output.contents.files.contains(id);
            if !is_there && self.files.file(*id).is_none_or(|file| file.team() != own) {
                let text = "Your class has uploaded no such file for this lesson. Upload it first; the other class adds its own.";
                violations.add(format!("file_ids[{index}]"), Reason::FileUnknown, text);
            }
        }
        violations.done()?;
        if self.output.saved_at.is_some() && self.output.contents == contents {
            return Ok(false);
        }
        self.output.contents = contents;
        self.output.signatures.clear();
        self.output.saved_at = Some(ctx.now());
        Ok(true)
    }

    /// Signs, for the caller's class, the contents with the digest `seen`. When all classes that have not left have signed, it is delivered
    /// and the verdict is given now. Returns whether it is delivered. Error: `OUTPUT_FINAL`, `ETAG_STALE`, `DIGEST_STALE`, `FIELD_EMPTY`,
    /// not found where the caller's class has left.
    pub fn sign(&mut self, ctx: &Ctx, read: &str, seen: &str) -> Result<bool> {
        let own = self.pair.own(ctx)?.side.team;
        self.output.check_open()?;
        etag::check_etag(read, self.output.version)?;
        let digest = self.digest()?;
        if seen != digest {
            let text = "The contents are not those you read. Read them again, and sign what they are now.";
            return Err(Reason::DigestStale.error(text));
        }
        self.check_whole()?;
        let signatures = &mut self.output.signatures;
        signatures.retain(|signature| signature.team != own && signature.digest == digest);
        signatures.push(Signature { team: own, digest: digest.clone(), at: ctx.now() });
        let there = || self.pair.sides().iter().filter(|place| !place.has_left());
        let has_signed = |team| self.output.signatures.iter().any(|signature| signature.team == team);
        if there().all(|place| has_signed(place.side.team)) {
            let verdict = Verdict::new(ctx.now(), self.deadline.clone());
            self.output.delivered = Some(Delivered { digest, verdict, is_single: there().count() == 1 });
        }
        Ok(self.output.delivered.is_some())
    }

    /// SHA-256 of the contents. After the delivery: the digest that was signed.
    pub fn digest(&self) -> Result<String> {
        if let Some(delivered) = &self.output.delivered {
            return Ok(delivered.digest.clone());
        }
        let Output { pair, lesson, ref contents, .. } = self.output;
        let files = contents.files.iter().map(|id| self.files.file(*id).map_or("", File::digest)).collect();
        let signed = serde_json::to_vec(&Signed { pair, lesson, contents, files }).map_err(Error::internal)?;
        Ok(hex(digest(&SHA256, &signed).as_ref()))
    }

    fn check_read(&self, given: &str) -> Result<()> {
        let version = self.output.version;
        let is_first = version == 0 && given.is_empty();
        if is_first || given == etag::etag(version) { Ok(()) } else { Err(etag::stale(version)) }
    }

    /// Error: `FIELD_EMPTY` for every value that is missing.
    fn check_whole(&self) -> Result<()> {
        let Contents { title, text, language, .. } = &self.output.contents;
        let mut violations = Violations::new();
        for (field, value) in [("title", title), ("text", text), ("language", language)] {
            if value.trim().is_empty() {
                violations.add(
                    field,
                    Reason::FieldEmpty,
                    "The joint output needs this before it can be signed. Save it first.",
                );
            }
        }
        violations.done()
    }
}

#[cfg(test)]
mod tests;
