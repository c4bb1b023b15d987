//! Erasing a person who has left: identity erases its rows and publishes that it did in one transaction; the other services erase their part
//! when they are told, each however often it is told, and answer with a receipt. So whichever process dies, the rest follows. Identity's own
//! receipt is written when the bytes of files are gone.
//!
//! What stays: what a class did, and its documents, which say nothing of the person but the id; and the audit log.

use std::collections::BTreeMap;

use platform::{
    Ctx, Error, Id, Reads, Result, Store, Tx,
    blob::Blobs,
    event::Handlers,
    subject::{Subject, Subjects},
    wire,
};
use proto::{identity::v1 as pb, lessons::v1 as lessons};

use super::erasure::{self, Erasure, Receipt};
use crate::{
    account::{self, Account, Login},
    class::{application, file, team},
};

/// The name of the service.
const IDENTITY: &str = "identity";

/// Erases what identity has of the owner of an account, and tells the others. `login` is what they signed in with, where it is still
/// known. Error: `ACCOUNT_STATE`, where they have not left, or were erased before.
pub(crate) async fn begin(tx: &Tx, subjects: &Subjects, id: Id<Account>, login: Option<&Login>) -> Result<Erasure> {
    let mut account = account::store::person_to_change(tx, id).await?;
    account.erase(tx.ctx())?;
    account::store::save(tx, &mut account).await?;
    let mut erased = BTreeMap::from([("account".to_owned(), 1)]);
    let (papers, places) = papers(tx, id).await?;
    erased.extend(papers);
    let subject = Subject { account: id.uuid(), login: login.map(Login::as_str) };
    erased.extend(subjects.erase(tx, subject).await?);
    let mut erasure = Erasure::new(tx.ctx(), id);
    if places.is_empty() {
        erasure = erasure.proven(receipt(tx.ctx(), erased));
    } else {
        // nothing is proven before the bytes are gone
        tx.emit(&pb::SubjectFilesRemoved { account_id: id.to_string(), places, erased });
    }
    erasure::store::add(tx, &erasure).await?;
    tx.emit(&pb::ErasureBegun { account_id: id.to_string() });
    Ok(erasure)
}

fn receipt(ctx: &Ctx, erased: BTreeMap<String, i64>) -> Receipt {
    Receipt { service: IDENTITY.to_owned(), erased_at: ctx.now(), erased }
}

/// Erases what became no team, and the files that no team has. Returns how many rows, by table, and the places of the files.
async fn papers(tx: &Tx, owner: Id<Account>) -> Result<([(String, i64); 2], Vec<String>)> {
    let count = |rows: u64| i64::try_from(rows).map_err(Error::internal);
    let applications = application::store::forget_unfounded(tx, owner).await?;
    let mut kept = application::store::files_of(tx, owner).await?;
    kept.extend(team::store::logos(tx).await?);
    let places = file::store::forget(tx, owner, &kept).await?;
    let counts = [("application", count(applications)?), ("file", count(places.len() as u64)?)];
    Ok((counts.map(|(table, rows)| (table.to_owned(), rows)), places))
}

/// Adds the handler that removes the bytes of files and leaves identity's receipt, and those that keep the receipts of the other services.
pub(crate) fn handlers(handlers: Handlers, store: Store, blobs: Blobs) -> Handlers {
    let own = store.clone();
    handlers
        .on("remove files of subject", move |ctx, fact| remove(own.clone(), blobs.clone(), ctx, fact))
        .on("keep receipt of lessons", move |ctx, fact: lessons::SubjectErased| {
            keep(store.clone(), ctx, "lessons", fact)
        })
}

async fn remove(store: Store, blobs: Blobs, ctx: Ctx, fact: pb::SubjectFilesRemoved) -> Result<()> {
    file::bytes::remove(&store, &blobs, &ctx, fact.places).await?;
    let tx = store.change(&ctx).await?;
    erasure::store::prove(&tx, fact.account_id.parse()?, &receipt(&ctx, fact.erased)).await?;
    tx.commit().await
}

async fn keep(store: Store, ctx: Ctx, service: &'static str, fact: lessons::SubjectErased) -> Result<()> {
    let at = fact.erased_at.ok_or_else(|| Error::internal("a receipt says when"))?;
    let receipt = Receipt { service: service.to_owned(), erased_at: wire::instant(&at)?, erased: fact.erased };
    let tx = store.change(&ctx).await?;
    erasure::store::prove(&tx, fact.account_id.parse()?, &receipt).await?;
    tx.commit().await
}
