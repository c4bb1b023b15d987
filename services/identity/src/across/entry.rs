//! Opening sessions: whoever signs in, changes a password, switches, or shows, enrols or gives up a second factor, comes through here.

use platform::{Reads, Result, Tx};

use super::mandating;
use crate::{
    account::{Account, factor},
    mandate::Mandate,
    session::{self, Entry, Opened, Proof, Session, Tokens},
};

/// Decides how far somebody is let in who acts in a mandate of the account. The account is held where a session is opened by it, so that
/// no second factor is enrolled meanwhile.
pub(crate) async fn decide(db: &impl Reads, account: &Account, mandate: Mandate, proof: Proof) -> Result<Entry> {
    let held = factor::store::held(db, account.id()).await?;
    Entry::decide(db.ctx(), account, mandate, held, proof)
}

/// Opens a session.
pub(crate) async fn open(tx: &Tx, tokens: &Tokens, entry: Entry) -> Result<Opened> {
    let session = Session::open(tx.ctx(), &entry, tokens.lifetime(&entry));
    begin(tx, tokens, session, entry).await
}

/// Opens a session in the mandate that the caller's own session acts in, or acted in before it was ended. Error: `SESSION_OVER`; not
/// found, where the mandate was revoked.
pub(crate) async fn go_on(tx: &Tx, tokens: &Tokens, account: &Account, proof: Proof) -> Result<Opened> {
    let mandate = mandating::presently(tx).await?;
    let entry = decide(tx, account, mandate, proof).await?;
    let session = Session::open(tx.ctx(), &entry, tokens.lifetime(&entry));
    let session = session.after(&session::store::asking(tx).await?);
    begin(tx, tokens, session, entry).await
}

/// [`go_on`], where what was shown in the caller's own session still holds.
pub(crate) async fn renew(tx: &Tx, tokens: &Tokens, account: &Account) -> Result<Opened> {
    let own = session::store::get(tx, tx.ctx().member()?.session.into()).await?;
    go_on(tx, tokens, account, own.proof()).await
}

/// Ends the caller's present session, and opens one in another mandate, which lasts until that one would have. One that was good for
/// enrolling alone was short for that reason. Error: `ETAG_STALE`, where it was refreshed or ended meanwhile.
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
    if tx.ctx().member()?.lacks.is_some() {
        return open(tx, tokens, entry).await;
    }
    let session = present.switch(tx.ctx(), &entry, tokens.lifetime(&entry));
    begin(tx, tokens, session, entry).await
}

async fn begin(tx: &Tx, tokens: &Tokens, session: Session, entry: Entry) -> Result<Opened> {
    session::store::insert(tx, &session).await?;
    tokens.grant(tx.ctx(), &session, entry)
}
