//! The audit log of a service, for the methods of its `AuditService`.

use std::pin::Pin;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use futures::{Stream, TryStreamExt};
use proto::{
    audit::v1::{AuditEntry, AuditKey, AuditReport, AuditState},
    google::api::HttpBody,
};
use sea_orm::{EntityTrait, Order};
use tonic::{Response, Status};

use super::{
    Found, Part, Verdict,
    export::{self, Export},
    verify_part,
};
use crate::{
    Ctx, Error, Page, PageRequest, Result, Store, blob,
    listing::{Fields, Key},
    store::rows::audit,
    wire,
};

/// The pieces of an export.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<HttpBody, Status>> + Send>>;

/// The audit log of a service, in all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Log(Store);

impl Log {
    /// The log of the service that a store belongs to.
    pub fn new(store: Store) -> Self {
        Self(store)
    }

    /// One page of its chained entries, the newest first where nothing else is asked. An entry holds ids and no personal data, so this
    /// makes no entry. Error: as [`Fields::page`].
    pub async fn list(&self, ctx: &Ctx, page: PageRequest<Key>) -> Result<Page<AuditEntry>> {
        let page = fields().page(&self.0.glance(ctx).await?, audit::Entity::find(), page).await?;
        Ok(page.map(AuditEntry::from))
    }

    /// Verifies a part of it. Error: `FIELDS_INVALID`, where it has no such part.
    pub async fn verify(&self, ctx: &Ctx, part: Part) -> Result<AuditReport> {
        verify_part(&self.0, ctx, part).await.map(AuditReport::from)
    }

    /// A part of it as others can check it, and an entry that says so: what leaves the system is not seen any more by those who keep it.
    /// Error: `FIELDS_INVALID`, where it has no such part.
    pub async fn export(&self, ctx: &Ctx, part: Part) -> Result<Response<Pieces>> {
        let export = Export::begin(&self.0, ctx, part, self.key_pair()?).await?;
        let tx = self.0.change(ctx).await?;
        tx.note("export audit log", format!("audit {}", self.0.service()), export.range());
        tx.commit().await?;
        let name = format!("audit-{}-{}.txt", ctx.tenant().id(), self.0.service());
        let pieces: Pieces = Box::pin(export.send().map_ok(export::piece).map_err(Status::from));
        let mut answer = Response::new(pieces);
        blob::name(answer.metadata_mut(), &name);
        Ok(answer)
    }

    /// The key that verifies exports.
    pub fn key(&self) -> Result<AuditKey> {
        let key = blob::hex(self.key_pair()?.public_key().as_ref());
        Ok(AuditKey { algorithm: "Ed25519".to_owned(), key })
    }

    /// The key that signs exports. It is derived, so that every service and every replica has the same one.
    fn key_pair(&self) -> Result<Ed25519KeyPair> {
        let seed = self.0.keys().derive("audit export", &[]);
        Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| Error::internal("the key of audit exports cannot be made"))
    }
}

/// What entries are filtered and ordered by.
fn fields() -> Fields<audit::Entity> {
    use audit::Column as C;
    Fields::new(C::Seq, Order::Desc)
        .text("actor", C::Actor)
        .text("action", C::Action)
        .text("subject", C::Subject)
        .text("detail", C::Detail)
        .time("at", C::At)
}

impl From<audit::Model> for AuditEntry {
    fn from(row: audit::Model) -> Self {
        let audit::Model { seq, at, actor, action, subject, detail, mac: _ } = row;
        Self { number: seq, at: Some(wire::timestamp(at.0)), actor, action, subject, detail }
    }
}

impl From<Found> for AuditReport {
    fn from(found: Found) -> Self {
        Self {
            state: AuditState::from(&found.verdict).into(),
            entries: found.entries,
            last: found.last,
            mac: blob::hex(&found.mac),
            broken_at: if let Verdict::Broken(entry) = found.verdict { entry } else { 0 },
        }
    }
}

impl From<&Verdict> for AuditState {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Whole(_) => Self::Whole,
            Verdict::Broken(_) => Self::Broken,
            Verdict::Cut(_) => Self::Cut,
            Verdict::EndMissing(_) => Self::EndMissing,
            Verdict::EndForged(_) => Self::EndForged,
            Verdict::WaitingBroken(_) => Self::WaitingBroken,
        }
    }
}
