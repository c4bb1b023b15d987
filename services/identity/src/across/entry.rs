//! Opening sessions: whoever signs in, changes a password, switches, or shows, enrols or gives up a second factor, comes through here.

use platform::{Reads, Result, Tx};

use super::mandating;
use crate::{
    account::{Account, factor},
    mandate::Mandate,
    session::{self, Entry, Lifetime, Opened, Proof, Session, Tokens},
};

/// Decides how far somebody is let in who acts in a mandate of the account. The account is held where a session is opened by it, so that
/// no second factor is enrolled meanwhile.
pub(crate) async fn decide(db: &impl Reads, account: &Account, mandate: Mandate, proof: Proof) -> Result<Entry> {
    let held = factor::store::held(db, account.id()).await?;
    Entry::decide(db.ctx(), account, mandate, held, proof)
}

/// Opens a session, the first of a family that lasts for `lifetime`.
pub(crate) async fn open(tx: &Tx, tokens: &Tokens, entry: Entry, lifetime: Lifetime) -> Result<Opened> {
    let session = Session::open(tx.ctx(), &entry, lifetime);
    begin(tx, tokens, session, entry).await
}

/// Opens a session in the mandate that the caller's own session acts in, or acted in before it was ended: something was shown anew, so
/// another family begins, which lasts as long in all as the one before. Error: `SESSION_OVER`; not found, where the mandate was revoked.
pub(crate) async fn go_on(tx: &Tx, tokens: &Tokens, account: &Account, proof: Proof) -> Result<Opened> {
    let mandate = mandating::presently(tx).await?;
    let lifetime = tokens.lifetime().at_most(session::store::asking(tx).await?.whole());
    open(tx, tokens, decide(tx, account, mandate, proof).await?, lifetime).await
}

/// [`go_on`], where what was shown in the caller's own session still holds.
pub(crate) async fn renew(tx: &Tx, tokens: &Tokens, account: &Account) -> Result<Opened> {
    let own = session::store::get(tx, tx.ctx().member()?.session.into()).await?;
    go_on(tx, tokens, account, own.proof()).await
}

/// Ends the caller's present session, and opens one in another mandate, of the same family. One that was good for enrolling alone was
/// short for that reason; its family is not. Error: `ETAG_STALE`, where it was refreshed or ended meanwhile.
pub(crate) async fn switch(
    tx: &Tx,
    tokens: &Tokens,
    present: &Session,
    account: &Account,
    mandate: Mandate,
) -> Result<Opened> {
    let entry = decide(tx, account, mandate, present.proof()).await?;
    session::store::end_read(tx, present).await?;
    tx.note("switch mandate", format!("account {}", account.id()), format!("mandate {}", entry.mandate().id()));
    let session = present.switch(tx.ctx(), &entry, tokens.lifetime());
    begin(tx, tokens, session, entry).await
}

async fn begin(tx: &Tx, tokens: &Tokens, session: Session, entry: Entry) -> Result<Opened> {
    session::store::insert(tx, &session).await?;
    tokens.grant(tx.ctx(), &session, entry)
}
