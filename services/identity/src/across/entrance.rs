//! What opens an account and what shuts it: forgotten passwords, addresses, locks, and leaving. Whatever makes a password another one,
//! takes an address back, or lets nobody in, ends the sessions and the codes that were mailed before. A new address that its owner
//! confirmed ends the codes alone.

use platform::{Ctx, Error, Id, Reads, Result, Tx, error::Shared, wire};
use proto::identity::v1 as pb;

use super::{confirming, entry, machines, mandating, other_ways};
use crate::{
    account::{
        self, Account, EmailChange, Login, Recovery, confirmation::Changed, email_change, factor, invalid_code,
        recovery,
    },
    country::Country,
    mandate::invitation,
    password::hasher::Hash,
    session,
};

/// Saves an account, and ends all by which somebody could go on with what was true before: its sessions, and the codes that wait.
pub(crate) async fn shut(tx: &Tx, account: &mut Account) -> Result<()> {
    account::store::save(tx, account).await?;
    session::store::end_all(tx, account.id()).await?;
    machines::end_of_account(tx, account.id()).await?;
    recovery::store::forget_of(tx, account.id()).await?;
    email_change::store::forget_of(tx, account.id()).await
}

/// The caller's own account, which is held until the transaction ends: what is kept for its owner is kept before they leave and are erased,
/// or not at all. Error: `SESSION_OVER`, where they cannot sign in any more.
pub(crate) async fn owner_to_change(tx: &Tx) -> Result<Account> {
    let account = account::store::find_to_change(tx, tx.ctx().account()?).await?;
    account.filter(Account::is_living).ok_or_else(session::over)
}

/// Issues a recovery and publishes that it is to be mailed. Where there is no account, or none that can be recovered, the same statements
/// run, so that it takes as long, and nothing is mailed.
pub(crate) async fn recover(tx: &Tx, known: Option<Id<Account>>) -> Result<()> {
    let ctx: &Ctx = tx.ctx();
    let account = account::store::find_to_change(tx, known.unwrap_or_else(|| ctx.new_id())).await?;
    let account = account.filter(Account::is_recoverable).map_or_else(|| ctx.new_id(), |account| account.id());
    let recovery = Recovery::new(ctx, account, ctx.tenant().section::<Country>()?.credentials().recovery());
    recovery::store::issue(tx, &recovery).await?;
    tx.emit(&pb::RecoveryIssued { recovery_id: recovery.id().to_string() });
    Ok(())
}

/// [`recover`] for somebody else. Error: `ACCOUNT_STATE`, where the owner cannot sign in anyway.
pub(crate) async fn send_recovery(tx: &Tx, account: &Account) -> Result<()> {
    account.living()?;
    tx.note("send recovery", format!("account {}", account.id()), "");
    recover(tx, Some(account.id())).await
}

/// The account that a recovery opens. Error: `CODE_INVALID`, `CODE_EXPIRED`.
pub(crate) async fn recovered(db: &impl Reads, id: Id<Recovery>) -> Result<Account> {
    let recovery = recovery::store::find(db, id).await?.ok_or_else(invalid_code)?;
    recovery.redeemable(db.ctx().now())?;
    let account = account::store::find(db, recovery.account()).await?;
    account.filter(Account::is_recoverable).ok_or_else(invalid_code)
}

/// Gives an account the password that its owner chose with a code. Error: as of [`recovered`]; of two calls at once with one code, the
/// second is `CODE_INVALID`.
pub(crate) async fn reset(tx: &Tx, id: Id<Recovery>, password: Hash) -> Result<()> {
    let account = recovered(tx, id).await?.id();
    let mut account = account::store::person_to_change(tx, account).await?;
    if !recovery::store::redeem(tx, id).await? || !account.is_recoverable() {
        return Err(invalid_code());
    }
    account.choose_password(password);
    shut(tx, &mut account).await?;
    other_ways::remove_doubtful(tx, &account, None).await?;
    tx.note("recover password", format!("account {}", account.id()), "");
    let notice_id = tx.ctx().new_id::<pb::PasswordRecovered>().to_string();
    let recovered_at = Some(wire::timestamp(tx.ctx().now()));
    tx.emit(&pb::PasswordRecovered { account_id: account.id().to_string(), notice_id, recovered_at });
    Ok(())
}

/// Keeps that another address was asked for, and publishes that both are to be mailed. Error: `ETAG_STALE`, where the account was saved
/// since its owner proved to be it; `SECOND_FACTOR_NEEDED`.
pub(crate) async fn ask_email(tx: &Tx, account: &Account, change: EmailChange) -> Result<()> {
    account::store::lock(tx, account).await?;
    let change = change.with_factor_shown(entry::shows_factor(tx, account).await?);
    email_change::store::ask(tx, &change).await?;
    tx.note("ask for another address", format!("account {}", account.id()), "");
    let notice_id = tx.ctx().new_id::<pb::EmailChangeAsked>().to_string();
    tx.emit(&pb::EmailChangeAsked { change_id: change.id().to_string(), notice_id });
    Ok(())
}

/// The login of the account whose address a change replaces. Error: `CODE_EXPIRED`; `CODE_INVALID`.
pub(crate) async fn changing(db: &impl Reads, id: Id<EmailChange>) -> Result<Login> {
    let change = email_change::store::find(db, id).await?.ok_or_else(invalid_code)?;
    change.redeemable(db.ctx().now())?;
    Ok(change.former().clone())
}

/// Gives an account the address that its owner confirmed with a code. Error: `CODE_EXPIRED`; `CODE_INVALID`, also where the address
/// belongs to another account by now, so that it reveals nothing.
pub(crate) async fn confirm_email(tx: &Tx, id: Id<EmailChange>) -> Result<()> {
    let change = email_change::store::find(tx, id).await?.ok_or_else(invalid_code)?;
    change.redeemable(tx.ctx().now())?;
    let account = account::store::find_to_change(tx, change.account()).await?;
    let mut account = account.ok_or_else(invalid_code)?;
    change.outlives(factor::store::held(tx, account.id()).await?.is_any())?;
    let is_taken = account::store::by_login(tx, change.wanted()).await?.is_some();
    if is_taken || !email_change::store::redeem(tx, account.id(), id).await? {
        return Err(invalid_code());
    }
    change.carry_out(&mut account)?;
    // what was mailed to the former address opens nothing any more, nor does the code of another letter to this one
    email_change::store::forget_of(tx, account.id()).await?;
    recovery::store::forget_of(tx, account.id()).await?;
    account::store::forget_registrations(tx, change.wanted()).await?;
    invitation::store::withdraw(tx, change.former()).await?;
    // the account is locked as it was read: what cannot be saved is the address, which somebody else was given at this instant
    account::store::save(tx, &mut account).await.map_err(taken)?;
    confirming::judge(tx, &account, Changed::Otherwise).await?;
    tx.note("change address", format!("account {}", account.id()), "");
    let [former_notice_id, new_notice_id] = [(); 2].map(|()| tx.ctx().new_id::<pb::EmailChanged>().to_string());
    tx.emit(&pb::EmailChanged { change_id: change.id().to_string(), former_notice_id, new_notice_id });
    Ok(())
}

/// Takes a change of address back. A code to choose a password is mailed there. Error: `CODE_EXPIRED`; `CODE_INVALID`, also where the
/// address belongs to another account by now.
pub(crate) async fn restore_email(tx: &Tx, id: Id<EmailChange>) -> Result<()> {
    let change = email_change::store::find(tx, id).await?.ok_or_else(invalid_code)?;
    let mut account = account::store::person_to_change(tx, change.account()).await?;
    // read again with the account locked: of two at once, the second finds none
    let change = email_change::store::find(tx, id).await?.ok_or_else(invalid_code)?;
    change.take_back(tx.ctx().now(), &mut account)?;
    let known = account::store::by_login(tx, change.former()).await?;
    if known.is_some_and(|known| known.id() != account.id()) {
        return Err(invalid_code());
    }
    account::store::forget_registrations(tx, change.former()).await?;
    let present = account::store::get(tx, account.id()).await?;
    invitation::store::withdraw(tx, present.login()).await?;
    machines::end_made_since(tx, account.id(), change.asked_at()).await?;
    // later changes were not the owner's either
    email_change::store::forget_all_of(tx, account.id()).await?;
    shut(tx, &mut account).await.map_err(taken)?;
    other_ways::remove_doubtful(tx, &account, Some(change.asked_at())).await?;
    confirming::judge(tx, &account, Changed::Otherwise).await?;
    tx.note("restore address", format!("account {}", account.id()), "");
    recover(tx, Some(account.id())).await
}

fn taken(error: Error) -> Error {
    if error.is(Shared::EtagStale) { invalid_code() } else { error }
}

/// Locks an account. Error: not found; `OWN_ACCOUNT`, `LAST_COORDINATOR`, `ACCOUNT_STATE`.
pub(crate) async fn lock(tx: &Tx, id: Id<Account>, reason: String) -> Result<Account> {
    let coordinators = mandating::coordinators_to_change(tx).await?;
    let mut account = account::store::person_to_change(tx, id).await?;
    account.lock(tx.ctx(), reason, &coordinators)?;
    shut(tx, &mut account).await?;
    tx.note("lock account", format!("account {id}"), "");
    let notice_id = tx.ctx().new_id::<pb::AccountLocked>().to_string();
    tx.emit(&pb::AccountLocked { account_id: id.to_string(), notice_id });
    Ok(account)
}

/// Takes a lock away. Error: not found; `ACCOUNT_STATE`.
pub(crate) async fn reinstate(tx: &Tx, id: Id<Account>) -> Result<Account> {
    let mut account = account::store::person_to_change(tx, id).await?;
    account.reinstate()?;
    account::store::save(tx, &mut account).await?;
    tx.note("reinstate account", format!("account {id}"), "");
    let notice_id = tx.ctx().new_id::<pb::AccountReinstated>().to_string();
    tx.emit(&pb::AccountReinstated { account_id: id.to_string(), notice_id });
    Ok(account)
}
