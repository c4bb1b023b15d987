//! Issuing and redeeming a team's credential. A new credential removes the team's password and ends its sessions; redeeming it
//! gives the team a password.

use platform::{Error, Reads, Result, Tx};
use proto::identity::v1 as pb;

use super::{entrance, entry, other_ways, sign_in::SignedIn};
use crate::{
    account::{self, Account},
    class::team::{self, Credential},
    password::hasher::Hash,
    session,
};

/// Replaces a team's credential and publishes that it was issued, so that it is mailed to the referent.
pub(crate) async fn send(tx: &Tx, credential: &Credential) -> Result<()> {
    replace(tx, credential).await?;
    tx.emit(&pb::CredentialIssued::from(credential));
    Ok(())
}

/// Inserts a credential, ends the one before, removes the team's password and ends its sessions.
pub(crate) async fn replace(tx: &Tx, credential: &Credential) -> Result<()> {
    let mut account = account::store::of_team(tx, credential.team()).await?;
    account.forget_password();
    account::store::save(tx, &mut account).await?;
    session::store::end_all(tx, account.id()).await?;
    team::store::replace_credential(tx, credential).await
}

/// Replaces an account's password, and ends all its sessions, the codes that wait, and the ways in that count as the password. Where the
/// caller signed in with a team's credential, the credential is redeemed. Error: `CREDENTIAL_USED`, where another call redeemed it first;
/// `SESSION_OVER`, where the session that asks ended meanwhile; `SECOND_FACTOR_NEEDED`.
pub(crate) async fn redeem(tx: &Tx, signed_in: SignedIn, password: Hash) -> Result<Account> {
    let SignedIn { mut account, provisional } = signed_in;
    if let Some(credential) = provisional {
        // read before it is redeemed: a team that is neither invited nor active cannot be read
        let team = team::store::find_to_change(tx, credential.team()).await?;
        let mut team = team.ok_or_else(|| Error::not_found("team"))?;
        team::store::redeem(tx, &credential).await?;
        team.activate(tx.ctx().now());
        team::store::save(tx, &mut team).await?;
    }
    // held first: who ends the session that asks while its password is compared was here before, or waits
    account::store::lock(tx, &account).await?;
    session::store::asking(tx).await?.living(tx.ctx().now())?;
    entry::refuse_half(tx, &account).await?;
    account.choose_password(password);
    other_ways::remove_weak(tx, account.id()).await?;
    entrance::shut(tx, &mut account).await?;
    Ok(account)
}
