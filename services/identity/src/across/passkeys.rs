//! The passkeys of an account: adding one, signing in by one, and removing them. Each holds the account, so that of two that use one answer
//! at once the second sees what the first has done. The owner is told by mail of all that somebody else could have done.
//!
//! A passkey goes with the sessions that it has opened.

use jiff::Timestamp;
use platform::{Error, Id, Reads, Result, Tx, secret::Keys, wire};
use proto::identity::v1::{self as pb, PasskeyChange};

use super::{entry, entry::Worth, other_ways, sign_in};
use crate::{
    account::{
        self, Account, email_change,
        passkey::{self, Answer, New, Passkey, Receiver, Shown, Site},
    },
    session::{self, Proof},
};

/// Adds a passkey to the caller's account, and ends every session of it. Error: `SESSION_OVER`; `SECOND_FACTOR_NEEDED`; as of
/// [`Passkey::add`].
pub(crate) async fn add(tx: &Tx, keys: &Keys, site: &Site, new: &New<'_>) -> Result<(Account, Passkey)> {
    let ctx = tx.ctx();
    let account = account::store::person_to_change(tx, ctx.account()?).await?;
    // with the account held: of two that confirm at once, the second sees that its session has ended
    session::store::asking(tx).await?.living(ctx.now())?;
    let is_factor = entry::added(tx, &account).await? != Worth::Password;
    let others = passkey::store::of_account(tx, account.id()).await?;
    let mut passkey = Passkey::add(ctx, keys, site, Receiver { account: &account, others: &others, is_factor }, new)?;
    passkey::store::insert(tx, &mut passkey).await?;
    if is_factor {
        other_ways::count_shown(tx, account.id()).await?;
    }
    session::store::end_all(tx, account.id()).await?;
    tx.note("add passkey", subject(&account), passkey.subject());
    tell(tx, account.id(), PasskeyChange::Added);
    Ok((account, passkey))
}

/// Judges the answer of somebody who signs in. None, where the key was copied: then the transaction ends with the refusal. Error:
/// `PASSKEY_REFUSED`; `PASSKEY_OVER`; `ACCOUNT_LOCKED`.
pub(crate) async fn show(tx: &Tx, site: &Site, answer: &Answer) -> Result<Option<(Account, Proof)>> {
    let known = passkey::store::find(tx, answer.passkey()).await?.ok_or_else(passkey::refused)?;
    let account = account::store::find_to_change(tx, known.account()).await?.ok_or_else(passkey::refused)?;
    // read again with the account held
    let known = passkey::store::find(tx, answer.passkey()).await?;
    let mut passkey = known.ok_or_else(passkey::refused)?;
    if passkey.judge(tx.ctx(), site, answer)? == Shown::Copy {
        tx.note("refuse copied passkey", subject(&account), passkey.subject());
        tell(tx, account.id(), PasskeyChange::Copied);
        return Ok(None);
    }
    if account.is_locked() {
        return Err(sign_in::locked());
    }
    passkey::store::save(tx, &mut passkey).await?;
    Ok(Some((account, Proof::Passkey(passkey.id()))))
}

/// Removes a passkey of the caller's account, which is held, and ends the sessions it has opened and the one that asks. Returns what was
/// shown that still holds. Error: not found; `SESSION_OVER`; `SECOND_FACTOR_NEEDED`.
pub(crate) async fn remove(tx: &Tx, account: &Account, id: Id<Passkey>) -> Result<Proof> {
    let asking = session::store::asking(tx).await?;
    asking.living(tx.ctx().now())?;
    entry::refuse_half(tx, account).await?;
    let found = passkey::store::find(tx, id).await?.filter(|passkey| passkey.account() == account.id());
    let passkey = found.ok_or_else(|| Error::not_found("passkey"))?;
    passkey::store::remove(tx, id).await?;
    session::store::end_all_by(tx, id).await?;
    session::store::end(tx, asking.id()).await?;
    // whoever has it may have asked for another address
    email_change::store::forget_of(tx, account.id()).await?;
    tx.note("remove passkey", subject(account), passkey.subject());
    tell(tx, account.id(), PasskeyChange::Removed);
    Ok(if asking.proof() == Proof::Passkey(id) { Proof::Password } else { asking.proof() })
}

/// Removes those passkeys of an account that count as the password, except one. Returns whether there were any.
pub(crate) async fn remove_weak(tx: &Tx, account: Id<Account>, except: Option<Id<Passkey>>) -> Result<bool> {
    let removed = passkey::store::remove_weak(tx, account, except).await?;
    Ok(removed_all(tx, account, removed))
}

/// Removes those passkeys of an account that were added at an instant or later. Returns whether there were any.
pub(crate) async fn remove_since(tx: &Tx, account: Id<Account>, instant: Timestamp) -> Result<bool> {
    let removed = passkey::store::remove_since(tx, account, instant).await?;
    Ok(removed_all(tx, account, removed))
}

/// Notes and tells that so many went with something else. Returns whether there were any.
fn removed_all(tx: &Tx, account: Id<Account>, removed: u64) -> bool {
    if removed > 0 {
        tx.note("remove passkey", format!("account {account}"), format!("{removed} together"));
        tell(tx, account, PasskeyChange::Removed);
    }
    removed > 0
}

fn subject(account: &Account) -> String {
    format!("account {}", account.id())
}

/// Publishes what happened, of which the owner is told by mail.
fn tell(tx: &Tx, account: Id<Account>, change: PasskeyChange) {
    let ctx = tx.ctx();
    tx.emit(&pb::PasskeyChanged {
        account_id: account.to_string(),
        change: change.into(),
        changed_at: Some(wire::timestamp(ctx.now())),
        notice_id: ctx.new_id::<pb::PasskeyChanged>().to_string(),
    });
}
