//! The credential a team signs in with first: issuing one takes the team's password and sessions away, redeeming it gives the team a
//! password.

use platform::{Error, Reads, Result, Tx};
use proto::identity::v1 as pb;

use super::door::Entry;
use crate::{
    account::{self, Account},
    class::team::{self, Credential},
    password::hasher::Hash,
    session,
};

/// Puts a new credential in the place of the one before and has it mailed to the referent.
pub(crate) async fn send(tx: &Tx, credential: &Credential) -> Result<()> {
    replace(tx, credential).await?;
    tx.emit(&pb::CredentialIssued::from(credential));
    Ok(())
}

/// Saves a new credential; the one before dies, and with it the team's password and sessions, if it had some.
pub(crate) async fn replace(tx: &Tx, credential: &Credential) -> Result<()> {
    let mut account = account::store::of_team(tx, credential.team()).await?;
    account.forget_password();
    account::store::save(tx, &mut account).await?;
    session::store::end_all(tx, account.id()).await?;
    team::store::replace_credential(tx, credential).await
}

/// Gives an account its next password; a team's credential is redeemed by it. Every session there was ends. Error:
/// `CREDENTIAL_USED` for the second of two at once.
pub(crate) async fn redeem(tx: &Tx, entry: Entry, password: Hash) -> Result<Account> {
    let Entry { mut account, provisional } = entry;
    if let Some(credential) = provisional {
        // read before: redeemed and not yet active, a team could not be read
        let team = team::store::find_to_change(tx, credential.team()).await?;
        let mut team = team.ok_or_else(|| Error::not_found("team"))?;
        team::store::redeem(tx, &credential).await?;
        team.activate(tx.ctx().now());
        team::store::save(tx, &mut team).await?;
    }
    account.choose_password(password);
    account::store::save(tx, &mut account).await?;
    session::store::end_all(tx, account.id()).await?;
    Ok(account)
}
