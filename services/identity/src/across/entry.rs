//! Opening sessions: whoever signs in, by a password, a passkey or an identity provider, changes a password, switches, or shows, enrols or
//! gives up a second factor or a passkey, comes through here.

use platform::{Lack, Reads, Result, Tx};

use super::mandating;
use crate::{
    account::{Account, factor, provider_link},
    country::Country,
    mandate::{self, Mandate},
    session::{self, Came, Entry, Lifetime, Opened, Proof, Session, Tokens},
};

/// Decides how far somebody is let in who acts in a mandate of the account. The account is held where a session is opened by it, so that
/// no second factor is enrolled meanwhile.
pub(crate) async fn decide(db: &impl Reads, account: &Account, mandate: Mandate, proof: Proof) -> Result<Entry> {
    let held = factor::store::held(db, account.id()).await?;
    Entry::decide(db.ctx(), account, mandate, &held, believed(db, proof).await?)
}

/// What was shown, as far as the country takes a provider's word now. Error: `SESSION_OVER`, where its file names the provider no longer.
async fn believed(db: &impl Reads, proof: Proof) -> Result<Proof> {
    let Proof::Provider(came) = proof else { return Ok(proof) };
    let link = provider_link::store::find(db, came.link).await?;
    let country = db.ctx().tenant().section::<Country>()?;
    let provider = link.as_ref().and_then(|link| link.provider_of(country)).ok_or_else(session::over)?;
    Ok(Proof::Provider(Came { two_factors: came.two_factors && provider.is_believed_of_two(), ..came }))
}

/// Whether what was shown is enough for each role of the account, as far as it has something to show.
pub(crate) async fn suffices(db: &impl Reads, account: &Account, proof: Proof) -> Result<bool> {
    let held = factor::store::held(db, account.id()).await?;
    for mandate in mandate::store::of_account(db, account.id()).await? {
        if Entry::decide(db.ctx(), account, mandate, &held, proof)?.lacks() == Some(Lack::SecondFactor) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses to change by what the account is opened, where the caller's own session has shown less than one of its roles needs: whoever
/// knows the password of a teacher who is a juror too would come in as a juror by an app of their own. Error: `SECOND_FACTOR_NEEDED`.
pub(crate) async fn refuse_half(db: &impl Reads, account: &Account) -> Result<()> {
    let shown = session::store::asking(db).await?.proof();
    if suffices(db, account, shown).await? { Ok(()) } else { Err(Lack::SecondFactor.refusal()) }
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
    let entry = decide(tx, account, mandate, proof).await?;
    let before = session::store::asking(tx).await?;
    let session = Session::open(tx.ctx(), &entry, tokens.lifetime().at_most(before.whole())).after(&before);
    begin(tx, tokens, session, entry).await
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
