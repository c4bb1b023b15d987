//! Giving roles and taking them away: the one place for each. Both are noted in the audit log, and told by mail to whose account it is,
//! where somebody else did it. Sessions that act in a role end with it.

use platform::{Ctx, Id, Reads, Result, Tx};
use proto::{identity::v1 as pb, options::v1::Role};

use super::{confirming, leaving, machines};
use crate::{
    account::{self, Account, TeamId, confirmation},
    mandate::{self, Giver, Mandate, Teacher},
    session::{self, Session},
};

/// Gives a role. Error: `MANDATE_HELD`, where the account has it with this bound already.
pub(crate) async fn grant(tx: &Tx, mandate: &mut Mandate) -> Result<()> {
    mandate::store::add(tx, mandate).await?;
    tx.note("grant mandate", subject(mandate), about(mandate));
    if mandate.given_by().is_some() {
        let letter_id = tx.ctx().new_id::<pb::MandateGranted>().to_string();
        tx.emit(&pb::MandateGranted { mandate_id: mandate.id().to_string(), letter_id });
    }
    confirming::begin(tx, mandate).await
}

/// Takes a role away, and ends the sessions that act in it. What was taken away before stays as it is. `over` are the teams of its owner
/// that need no referent any more. Error: `ROLE_NOT_GRANTABLE`; `LAST_COORDINATOR`; `TEAM_AT_WORK`.
pub(crate) async fn revoke(tx: &Tx, mandate: &mut Mandate, giver: &Giver, over: &[TeamId]) -> Result<()> {
    let coordinators = if mandate.is(Role::Coordinator) { coordinators_to_change(tx).await? } else { Vec::new() };
    // after that of all coordinators: of two who revoke each other, the second waits without a lock that the first one needs
    hold_own(tx).await?;
    // in the order in which all who change an account lock, so that none waits for the other
    account::store::find_to_change(tx, mandate.account()).await?;
    if mandate.is(Role::Teacher) && mandate.is_living() {
        leaving::refuse_at_work(tx, mandate.account(), over).await?;
    }
    if !mandate.revoke(tx.ctx(), giver, &coordinators)? {
        return Ok(());
    }
    // first the mandate, then its sessions: who signs in at the same time holds the mandate, and is seen here or sees that it is revoked
    mandate::store::save(tx, mandate).await?;
    session::store::end_all_in(tx, mandate.id()).await?;
    machines::end_of_mandate(tx, mandate.id()).await?;
    tx.note("revoke mandate", subject(mandate), about(mandate));
    let letter_id = tx.ctx().new_id::<pb::MandateRevoked>().to_string();
    tx.emit(&pb::MandateRevoked { mandate_id: mandate.id().to_string(), letter_id });
    Ok(())
}

/// Takes away all that an account has, whose owner left.
pub(crate) async fn revoke_all(tx: &Tx, account: Id<Account>) -> Result<()> {
    for mut mandate in mandate::store::of_account(tx, account).await? {
        mandate.end(tx.ctx(), account);
        mandate::store::save(tx, &mut mandate).await?;
        tx.note("revoke mandate", subject(&mandate), about(&mandate));
    }
    Ok(())
}

/// The accounts that have a role now and whose owners can sign in.
pub(crate) async fn able(db: &impl Reads, role: Role) -> Result<Vec<Id<Account>>> {
    account::store::living_among(db, mandate::store::holders(db, role).await?).await
}

/// The coordinators who can sign in, and who stay these until the transaction ends: of two that take each other away, the second is
/// refused.
pub(crate) async fn coordinators_to_change(tx: &Tx) -> Result<Vec<Id<Account>>> {
    tx.hold("coordinators").await?;
    able(tx, Role::Coordinator).await
}

fn subject(mandate: &Mandate) -> String {
    format!("mandate {}", mandate.id())
}

fn about(mandate: &Mandate) -> String {
    format!("{} of account {}", mandate::roles::word(mandate.role()), mandate.account())
}

/// Saves a new account with the role it has from its beginning.
pub(crate) async fn found(tx: &Tx, account: &mut Account, role: Role) -> Result<()> {
    account::store::save(tx, account).await?;
    let ctx: &Ctx = tx.ctx();
    grant(tx, &mut Mandate::first(ctx, account, role)).await
}

/// Holds the mandate that the caller acts in until the transaction ends: who gives a role or takes one away can do so now, and not just
/// a moment ago. Error: not found, where it was taken away.
pub(crate) async fn hold_own(tx: &Tx) -> Result<()> {
    match tx.ctx().member()?.mandate {
        Some(mandate) => own(tx, tx.ctx().account()?, mandate.into()).await.map(drop),
        None => Ok(()),
    }
}

/// The registered teacher with this id. Error: a violation at `field`, where there is none; `TEACHER_UNCONFIRMED`.
pub(crate) async fn teacher(db: &impl Reads, field: &str, id: Id<Account>) -> Result<Teacher> {
    let account = account::store::find(db, id).await?;
    let said = confirmation::store::find(db, id).await?;
    Teacher::proven(db.ctx(), field, account, &mandate::store::of_account(db, id).await?, said.as_ref())
}

/// [`teacher`], and locks the account until the transaction ends, so that they do not leave meanwhile, and nobody takes back that they
/// are confirmed.
pub(crate) async fn teacher_to_change(tx: &Tx, field: &str, id: Id<Account>) -> Result<Teacher> {
    account::store::find_to_change(tx, id).await?;
    teacher(tx, field, id).await
}

/// The mandate that somebody acts in who has signed in: that of the session before, or else the oldest. It stays until the transaction
/// ends. Error: `MANDATE_MISSING`.
pub(crate) async fn usual(tx: &Tx, account: Id<Account>) -> Result<Mandate> {
    let last = session::store::last_mandate(tx, account).await?;
    let mandate = Mandate::usual(mandate::store::of_account(tx, account).await?, last)?;
    mandate::store::lock(tx, &mandate).await?;
    Ok(mandate)
}

/// A mandate that an account holds. It stays until the transaction ends. Error: not found.
pub(crate) async fn own(tx: &Tx, account: Id<Account>, id: Id<Mandate>) -> Result<Mandate> {
    let held = mandate::store::of_account(tx, account).await?;
    let mandate = held.into_iter().find(|mandate| mandate.id() == id);
    let mandate = mandate.ok_or_else(|| platform::Error::not_found("mandate"))?;
    mandate::store::lock(tx, &mandate).await?;
    Ok(mandate)
}

/// The mandate that the caller's session acts in, also where the session has just ended. It stays until the transaction ends. Error:
/// `SESSION_OVER`; not found, where it was revoked.
pub(crate) async fn presently(tx: &Tx) -> Result<Mandate> {
    let session = session::store::get(tx, tx.ctx().member()?.session.into()).await?;
    own(tx, session.account(), session.mandate()).await
}

/// The mandate that a session acts in. Error: `SESSION_OVER`, where it was revoked.
pub(crate) async fn acted_in(db: &impl Reads, session: &Session) -> Result<Mandate> {
    let mandate = mandate::store::get(db, session.mandate()).await?;
    if mandate.is_living() { Ok(mandate) } else { Err(session::over()) }
}
