//! The ways into an account beside its password, as far as passkeys and links with providers are judged together. Each counts as a second
//! factor or as the password ([`Worth`](super::entry::Worth)). What counts as the password goes with it: whoever knew it could have added
//! that. What somebody has shown who makes the account safer counts as a second factor from then on.
//!
//! What goes where somebody proves by mail to be the owner is a question of what the mailbox is worth. Where the password alone opens the
//! account in each of its roles, the mailbox opens it anyway, and all go, for one may be somebody else's. So they do where an app is asked
//! for beside the password, which stays. Where they alone are the second factor they stay: else the mailbox would be it.

use jiff::Timestamp;
use platform::{Id, Result, Tx};

use super::{entry, passkeys, providing};
use crate::{
    account::{
        Account, email_change, factor,
        passkey::{self, Passkey},
        provider_link::{self, ProviderLink},
    },
    session::{self, Proof},
};

/// Counts what the caller's own session was opened by as a second factor from now on, unless the address of the account is in doubt.
pub(crate) async fn count_shown(tx: &Tx, account: Id<Account>) -> Result<()> {
    if email_change::store::is_doubtful(tx, account).await? {
        return Ok(());
    }
    let asking = session::store::asking(tx).await?;
    if let Proof::Passkey(shown) = asking.proof() {
        passkey::store::count(tx, shown).await?;
    }
    if let Some(came) = asking.came() {
        provider_link::store::count(tx, came.link).await?;
    }
    Ok(())
}

/// Removes those that count as the password, because that is another one from now on, except the one that the caller's own session was
/// opened by. The caller ends the sessions.
pub(crate) async fn remove_weak(tx: &Tx, account: Id<Account>) -> Result<()> {
    let asking = session::store::asking(tx).await?;
    let shown = if let Proof::Passkey(shown) = asking.proof() { Some(shown) } else { None };
    let came = asking.came().map(|came| came.link);
    passkeys::remove_weak(tx, account, shown).await?;
    providing::cut(tx, account, |link| link.is_weak() && Some(link.id()) != came).await.map(drop)
}

/// Removes those that may be somebody else's, because the owner of the account has proven by mail to be it. `since` is when somebody else
/// may have begun to act in it: what was added then goes too, unless nothing that counts would be left of an account that needs one. The
/// caller ends the sessions.
pub(crate) async fn remove_doubtful(tx: &Tx, account: &Account, since: Option<Timestamp>) -> Result<()> {
    let has_app = factor::store::held(tx, account.id()).await?.factor().is_some();
    if has_app || !entry::needs_factor(tx, account).await? {
        return remove_all(tx, account.id()).await.map(drop);
    }
    passkeys::remove_weak(tx, account.id(), None).await?;
    providing::cut(tx, account.id(), ProviderLink::is_weak).await?;
    match since {
        Some(since) if counted_before(tx, account.id(), since).await? => {
            passkeys::remove_since(tx, account.id(), since).await?;
            providing::cut(tx, account.id(), |link| link.linked_at() >= since).await.map(drop)
        }
        _ => Ok(()),
    }
}

/// Whether the account had a second factor before an instant that it still has.
async fn counted_before(tx: &Tx, account: Id<Account>, instant: Timestamp) -> Result<bool> {
    let held = factor::store::held(tx, account).await?;
    let passkeys = passkey::store::of_account(tx, account).await?;
    let links = provider_link::store::of_account(tx, account).await?;
    let is_old = |passkey: &Passkey| held.has(passkey.id()) && passkey.created_at() < instant;
    let is_proven = |link: &ProviderLink| held.has_link(link.id()) && link.has_shown_two();
    Ok(passkeys.iter().any(is_old) || links.iter().any(|link| is_proven(link) && link.linked_at() < instant))
}

/// Makes those that count as a second factor count as the password, where none of the account's roles needs one: the app is given up that
/// was shown for them, and whoever knows the password may have enrolled it.
pub(crate) async fn demote(tx: &Tx, account: &Account) -> Result<()> {
    if entry::needs_factor(tx, account).await? {
        return Ok(());
    }
    passkey::store::demote(tx, account.id()).await?;
    provider_link::store::demote(tx, account.id()).await
}

/// Removes all. Returns whether there were any. The caller ends the sessions.
pub(crate) async fn remove_all(tx: &Tx, account: Id<Account>) -> Result<bool> {
    let had_passkeys = passkeys::remove_since(tx, account, Timestamp::MIN).await?;
    Ok(providing::cut(tx, account, |_| true).await? || had_passkeys)
}
