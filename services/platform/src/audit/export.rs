//! A log as a text that others can check, who neither have this system nor trust who gives them the text.
//!
//! Each line but the last is 64 hexadecimal digits, a space and a JSON object. The digits are the SHA-256 of the digest of the line
//! before (32 zero bytes before the first) and the object. So the last digest stands for the whole text, and the last line holds the
//! installation's Ed25519 signature of it.
//!
//! ```text
//! 5f1c… {"format":"koine audit log 1","tenant":"it","service":"identity","first":1,"before":"","exported_at":"2022-10-10T07:00:00Z"}
//! 09ab… {"number":1,"at":"2022-10-10T06:59:00Z","actor":"job operator","action":"…","subject":"…","detail":"","mac":"77e0…"}
//! c4d2… {"state":"WHOLE","last":1,"mac":"77e0…"}
//! signature 3b6a…
//! ```
//!
//! The log's own chain is keyed, so nobody else can recompute it. It is recomputed here while the text is sent, and the last object says
//! what was found; the signature is the installation's word for that. `mac` is the chain's digest of an entry and all before it: where
//! two exports have different ones for an entry, somebody who has the installation's secret has changed the log in between.

use std::io::Write;

use aws_lc_rs::{
    digest::{self, SHA256},
    signature::Ed25519KeyPair,
};
use bytes::Bytes;
use futures::{Stream, stream};
use jiff::Timestamp;
use proto::{audit::v1::AuditState, google::api::HttpBody};
use serde::Serialize;

use super::{
    Of, Part, Verdict, head,
    verify::{Recorded, Walk, Walked, waiting},
};
use crate::{Ctx, Error, Result, Store, blob, store::rows::audit};

/// The first object.
#[derive(Serialize)]
struct Heading<'a> {
    format: &'static str,
    tenant: &'a str,
    service: &'static str,
    /// The number of the first entry, and the keyed digest of the one before it.
    first: i64,
    before: String,
    exported_at: Timestamp,
}

/// An entry.
#[derive(Serialize)]
struct Line<'a> {
    number: i64,
    at: Timestamp,
    actor: &'a str,
    action: &'a str,
    subject: &'a str,
    detail: &'a str,
    mac: String,
}

/// The last object.
#[derive(Serialize)]
struct Ending {
    state: &'static str,
    last: i64,
    mac: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
}

/// What comes next.
enum Stage {
    Heading,
    Entries,
    Ended,
}

/// An export that is being sent. Each page of entries is read by itself, so that a reader who stands still holds no connection.
pub(super) struct Export {
    store: Store,
    ctx: Ctx,
    key: Ed25519KeyPair,
    /// The part, up to the last entry that the log had when the export began.
    part: Part,
    /// What the log said of its end then.
    recorded: Recorded,
    /// How many entries waited then to be chained. None, where they were not those that were written.
    waiting: Option<i64>,
    at: Walked,
    digest: [u8; 32],
    stage: Stage,
}

impl Export {
    /// An export of a part. Error: `FIELDS_INVALID`, where the log has no such part.
    pub(super) async fn begin(store: &Store, ctx: &Ctx, part: Part, key: Ed25519KeyPair) -> Result<Self> {
        let db = store.read(ctx).await?;
        let of = Of::new(store, ctx);
        let head = head(&db, false).await?;
        let last = head.as_ref().map(|head| head.seq);
        part.check(last)?;
        let recorded = Recorded::of(of, head, part)?;
        let missing = || Error::internal("the entry before the exported part is missing: see `koine audit`");
        let walk = Walk::begin(&db, of, part).await?.ok_or_else(missing)?;
        // in the state of the log that the end is of: while the text is sent, what waits is chained
        let waiting = waiting(&db, of, &recorded).await?;
        Ok(Self {
            store: store.clone(),
            ctx: ctx.clone(),
            key,
            recorded,
            waiting,
            part: Part { last: part.last.or(last), ..part },
            at: walk.at,
            digest: [0; 32],
            stage: Stage::Heading,
        })
    }

    /// From which entry to which it goes.
    pub(super) fn range(&self) -> String {
        let last = self.part.last.map_or_else(|| "the last".to_owned(), |last| last.to_string());
        format!("entries {} to {last}", self.at.seq + 1)
    }

    /// The text in pieces.
    pub(super) fn send(self) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        stream::try_unfold(self, async |mut export: Self| {
            let piece = export.next().await?;
            Ok(piece.map(|piece| (piece, export)))
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let mut text = Vec::new();
        match self.stage {
            Stage::Heading => {
                self.heading(&mut text)?;
                self.stage = Stage::Entries;
            }
            Stage::Entries => {
                let verdict = self.entries(&mut text).await?;
                if let Some(verdict) = verdict {
                    self.ending(&mut text, &verdict)?;
                    self.stage = Stage::Ended;
                }
            }
            Stage::Ended => return Ok(None),
        }
        Ok(Some(text.into()))
    }

    fn heading(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let heading = Heading {
            format: "koine audit log 1",
            tenant: self.ctx.tenant().id().as_str(),
            service: self.store.service(),
            first: self.at.seq + 1,
            before: blob::hex(&self.at.mac),
            exported_at: self.ctx.now(),
        };
        write_line(text, &mut self.digest, &heading)
    }

    /// Adds the next entries. Returns the verdict, where there are no more.
    async fn entries(&mut self, text: &mut Vec<u8>) -> Result<Option<Verdict>> {
        let mut walk = Walk { of: Of::new(&self.store, &self.ctx), part: self.part, at: std::mem::take(&mut self.at) };
        let rows = walk.next(&self.store.glance(&self.ctx).await?).await?;
        let mut verdict = rows.is_empty().then(|| walk.verdict(&self.recorded).with(self.waiting, walk.at.seq));
        for row in &rows {
            if let Err(broken) = walk.step(row) {
                verdict = Some(Verdict::Broken(broken));
                break;
            }
            write_line(text, &mut self.digest, &Line::from(row))?;
        }
        self.at = walk.at;
        Ok(verdict)
    }

    fn ending(&mut self, text: &mut Vec<u8>, verdict: &Verdict) -> Result<()> {
        let name = AuditState::from(verdict).as_str_name();
        let ending = Ending {
            state: name.trim_start_matches("AUDIT_STATE_"),
            last: self.at.seq,
            mac: blob::hex(&self.at.mac),
            broken_at: if let Verdict::Broken(entry) = verdict { Some(*entry) } else { None },
        };
        write_line(text, &mut self.digest, &ending)?;
        let signature = self.key.sign(&self.digest);
        writeln!(text, "signature {}", blob::hex(signature.as_ref())).map_err(Error::internal)
    }
}

/// Adds a line, and moves the digest on.
fn write_line(text: &mut Vec<u8>, digest: &mut [u8; 32], content: &impl Serialize) -> Result<()> {
    let content = serde_json::to_string(content).map_err(Error::internal)?;
    let mut next = digest::Context::new(&SHA256);
    next.update(digest);
    next.update(content.as_bytes());
    digest.copy_from_slice(next.finish().as_ref());
    writeln!(text, "{} {content}", blob::hex(digest)).map_err(Error::internal)
}

impl<'a> From<&'a audit::Model> for Line<'a> {
    fn from(row: &'a audit::Model) -> Self {
        Self {
            number: row.seq,
            at: row.at.0,
            actor: &row.actor,
            action: &row.action,
            subject: &row.subject,
            detail: &row.detail,
            mac: blob::hex(&row.mac),
        }
    }
}

/// A piece of the text as a message.
pub(super) fn piece(data: Bytes) -> HttpBody {
    HttpBody { content_type: "text/plain; charset=utf-8".to_owned(), data, extensions: Vec::new() }
}

/// What an export of a whole log says, but for the entry that says so.
#[cfg(test)]
pub(crate) async fn exported(store: &Store, ctx: &Ctx) -> String {
    use futures::TryStreamExt;
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
    let export = Export::begin(store, ctx, Part::default(), key).await.expect("a log");
    let pieces: Vec<Bytes> = export.send().try_collect().await.expect("an export");
    String::from_utf8(pieces.concat()).expect("a text")
}
