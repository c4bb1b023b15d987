//! Erasing a person who has left: identity erases its part and publishes that it did in one transaction; the other services erase theirs
//! when they are told, each however often it is told, and answer with a receipt. So whichever process dies, the rest follows.
//!
//! What stays: what a class did, and its documents, which say nothing of the person but the id; and the audit log.

use std::collections::BTreeMap;

use platform::{
    Ctx, Error, Id, Reads, Result, Store, Tx,
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
    erased.extend(papers(tx, id).await?);
    let subject = Subject { account: id.uuid(), login: login.map(Login::as_str) };
    erased.extend(subjects.erase(tx, subject).await?);
    let receipt = Receipt { service: IDENTITY.to_owned(), erased_at: tx.ctx().now(), erased };
    let erasure = Erasure::new(tx.ctx(), id).proven(receipt);
    erasure::store::add(tx, &erasure).await?;
    tx.emit(&pb::ErasureBegun { account_id: id.to_string() });
    Ok(erasure)
}

/// Erases what became no team, and the files that no team has. Returns how many rows, by table.
async fn papers(tx: &Tx, owner: Id<Account>) -> Result<[(String, i64); 2]> {
    let count = |rows: u64| i64::try_from(rows).map_err(Error::internal);
    let applications = application::store::forget_unfounded(tx, owner).await?;
    let mut kept = application::store::files_of(tx, owner).await?;
    kept.extend(team::store::logos(tx).await?);
    let places = file::store::forget(tx, owner, &kept).await?;
    let files = places.len() as u64;
    if !places.is_empty() {
        tx.emit(&pb::FilesRemoved { places });
    }
    Ok([("application".to_owned(), count(applications)?), ("file".to_owned(), count(files)?)])
}

/// Adds the handlers that keep the receipts of the other services.
pub(crate) fn handlers(handlers: Handlers, store: Store) -> Handlers {
    handlers.on("keep receipt of lessons", move |ctx, fact: lessons::SubjectErased| {
        keep(store.clone(), ctx, "lessons", fact)
    })
}

async fn keep(store: Store, ctx: Ctx, service: &'static str, fact: lessons::SubjectErased) -> Result<()> {
    let at = fact.erased_at.ok_or_else(|| Error::internal("a receipt says when"))?;
    let receipt = Receipt { service: service.to_owned(), erased_at: wire::instant(&at)?, erased: fact.erased };
    let tx = store.change(&ctx).await?;
    erasure::store::prove(&tx, fact.account_id.parse()?, &receipt).await?;
    tx.commit().await
}
