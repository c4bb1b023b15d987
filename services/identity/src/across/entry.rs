//! Opening sessions: whoever signs in, by a password, a passkey or an identity provider, changes a password, switches, or shows, enrols or
//! gives up a second factor or a passkey, comes through here.

use platform::{Lack, Reads, Result, Tx};

use super::mandating;
use crate::{
    account::{Account, email_change, factor, provider_link},
    country::Country,
    mandate::{self, Mandate},
    session::{self, Came, Entry, Lifetime, Opened, Proof, Session, Tokens},
};

/// What a way into an account is worth that is added to it beside the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// As much as the password by which it is added: the account has no second factor, and needs none.
    Password,
    /// As much as a second factor: it is the first one of an account that needs one.
    First,
    /// As much as a second factor: whoever adds it has shown one of the account.
    Factor,
}

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

/// Refuses to change by what the account is opened, and what leads out of it, where the account has a second factor and the caller's own
/// session has shown none, whatever its role needs: whoever knows the password of a teacher who is a juror too would come in as a juror by an
/// app of their own. Error: `SECOND_FACTOR_NEEDED`; `SESSION_OVER`.
pub(crate) async fn refuse_half(db: &impl Reads, account: &Account) -> Result<()> {
    shows_factor(db, account).await.map(drop)
}

/// Whether the caller's own session has shown a second factor of the account, which has none otherwise. Error: as of [`refuse_half`].
pub(crate) async fn shows_factor(db: &impl Reads, account: &Account) -> Result<bool> {
    let held = factor::store::held(db, account.id()).await?;
    let shown = believed(db, session::store::asking(db).await?.proof()).await?;
    if held.is_any() && !shown.is_second_factor(&held) { Err(Lack::SecondFactor.refusal()) } else { Ok(held.is_any()) }
}

/// What a way into the account is worth that the caller adds to it. Whoever has changed its address without a second factor, by the password
/// alone, is told of all that is added, and its owner takes it back by the former address: until nobody can, only an app is a second factor,
/// which lets nobody in without the password that its owner chooses then. Error: as of [`refuse_half`].
pub(crate) async fn added(db: &impl Reads, account: &Account) -> Result<Worth> {
    let shows_factor = shows_factor(db, account).await?;
    if email_change::store::is_doubtful(db, account.id()).await? {
        return Ok(Worth::Password);
    }
    if shows_factor {
        return Ok(Worth::Factor);
    }
    Ok(if needs_factor(db, account).await? { Worth::First } else { Worth::Password })
}

/// Whether one of the roles of an account needs a second factor here.
pub(crate) async fn needs_factor(db: &impl Reads, account: &Account) -> Result<bool> {
    let country = db.ctx().tenant().section::<Country>()?;
    let held = mandate::store::of_account(db, account.id()).await?;
    Ok(held.iter().any(|mandate| country.needs_factor(mandate.role())))
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
