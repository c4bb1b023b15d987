//! The second factor of an account: enrolling it, showing it, giving it up, and taking it away from who has lost it. Each holds the account,
//! so that nobody signs in by the password alone at the same time, and each ends the sessions that did not show the factor which is true
//! from then on. The owner is told by mail of all that somebody else could have done.

use platform::{Ctx, Id, Reads, Result, Store, Tx, Violations, error::Shared, secret::Keys, wire};
use proto::identity::v1::{self as pb, FactorChange};

use super::{entry, other_ways};
use crate::{
    account::{
        self, Account, Login, email_change,
        factor::{self, Factor, Judged},
    },
    session::{self, Proof},
};

/// Enrols the caller's second factor, and ends every session of the account. Error: `SESSION_OVER`; `SECOND_FACTOR_NEEDED`; as of
/// [`Factor::enrol`].
pub(crate) async fn enrol(tx: &Tx, keys: &Keys, typed: &str) -> Result<(Account, Factor)> {
    let (account, found) = own(tx).await?;
    entry::refuse_half(tx, &account).await?;
    let mut factor = found.ok_or_else(factor::missing)?;
    factor.enrol(tx.ctx(), keys, typed)?;
    factor::store::save(tx, &mut factor).await?;
    other_ways::count_shown(tx, account.id()).await?;
    session::store::end_all(tx, account.id()).await?;
    tx.note("enrol second factor", subject(&account), "");
    tell(tx, &account, FactorChange::Enrolled, 0);
    Ok((account, factor))
}

/// Takes a code of the caller's second factor, and ends the session that has asked for it. None, where the code is wrong, which was
/// counted: then the transaction ends with the refusal. Error: `SESSION_OVER`; as of [`Factor::take`].
pub(crate) async fn show(tx: &Tx, keys: &Keys, typed: &str) -> Result<Option<(Account, Id<Factor>)>> {
    let (account, found) = own(tx).await?;
    let mut factor = found.ok_or_else(factor::missing)?;
    let mut tries = factor::store::tries(tx, keys, factor.id()).await?;
    let judged = factor.take(tx.ctx(), keys, typed, &mut tries)?;
    factor::store::save(tx, &mut factor).await?;
    factor::store::save_tries(tx, &tries).await?;
    match judged {
        Judged::Wrong => return Ok(None),
        Judged::OfApp => {}
        Judged::Recovery { left } => {
            tx.note("use recovery code", subject(&account), format!("{left} left"));
            tell(tx, &account, FactorChange::CodeUsed, left);
        }
    }
    // one that was ended at this instant goes on as nothing
    if !session::store::end(tx, tx.ctx().member()?.session.into()).await? {
        return Err(session::over());
    }
    Ok(Some((account, factor.id())))
}

/// Removes the factor that its owner gives up, and ends every session of the account, which is held. Where no role needs one, nothing counts as
/// a second factor any more. Error: `FACTOR_MISSING`;
/// `SESSION_OVER`, where the session that asks ended since the password was typed. Returns what is still shown without the factor.
pub(crate) async fn give_up(tx: &Tx, account: &Account) -> Result<Proof> {
    let asking = session::store::asking(tx).await?;
    asking.living(tx.ctx().now())?;
    if !remove(tx, account).await? {
        return Err(factor::missing());
    }
    other_ways::demote(tx, account).await?;
    session::store::end_all(tx, account.id()).await?;
    email_change::store::forget_of(tx, account.id()).await?;
    tx.note("give up second factor", subject(account), "");
    tell(tx, account, FactorChange::GivenUp, 0);
    Ok(if let Proof::Factor(_) = asking.proof() { Proof::Password } else { asking.proof() })
}

/// Removes the factor of somebody who has lost it, the passkeys and the links with providers, and ends every session of the account. Error:
/// `FACTOR_MISSING`, where there are none.
pub(crate) async fn reset(tx: &Tx, account: &Account) -> Result<()> {
    account::store::lock(tx, account).await?;
    let had = [remove(tx, account).await?, other_ways::remove_all(tx, account.id()).await?];
    if had == [false, false] {
        return Err(factor::missing());
    }
    // who helps does not know who has asked for what waits
    email_change::store::forget_of(tx, account.id()).await?;
    session::store::end_all(tx, account.id()).await?;
    tx.note("reset second factor", subject(account), "");
    tell(tx, account, FactorChange::Reset, 0);
    Ok(())
}

/// [`reset`] by an operator, where nobody of the central team can: its only coordinator has lost the phone. The process that serves tells the
/// owner by mail. Error: a violation at `email`, where no person here has this address; `FACTOR_MISSING`.
pub async fn reset_factor(store: &Store, ctx: &Ctx, email: &str) -> Result<Id<Account>> {
    let tx = store.change(ctx).await?;
    let found = account::store::by_login(&tx, &Login::of(email)).await?.filter(|found| found.team().is_none());
    let mut violations = Violations::new();
    if found.is_none() {
        violations.add("email", Shared::FieldsInvalid, "Nobody here has an account with this address.");
    }
    let account = violations.value(found)?;
    reset(&tx, &account).await?;
    tx.commit().await?;
    Ok(account.id())
}

/// Gives a factor of an account, which is held, new recovery codes. Error: `FACTOR_MISSING`; `SESSION_OVER`, where the session that asks
/// ended since the password was typed.
pub(crate) async fn replace_codes(tx: &Tx, account: &Account) -> Result<Factor> {
    session::store::asking(tx).await?.living(tx.ctx().now())?;
    let mut factor = factor::store::find(tx, account.id()).await?.ok_or_else(factor::missing)?;
    factor.replace_codes(tx.ctx())?;
    factor::store::save(tx, &mut factor).await?;
    tx.note("replace recovery codes", subject(account), "");
    Ok(factor)
}

/// The caller's own account, which is held until the transaction ends, and what it has. Error: `SESSION_OVER`.
async fn own(tx: &Tx) -> Result<(Account, Option<Factor>)> {
    let ctx = tx.ctx();
    let account = account::store::person_to_change(tx, ctx.account()?).await?;
    // read with the account held: of two that show one code, the second sees that it was taken
    session::store::asking(tx).await?.living(ctx.now())?;
    let factor = factor::store::find(tx, account.id()).await?;
    Ok((account, factor))
}

/// Removes the factor. Returns whether there was one: an enrolment that waits is none, and stays.
async fn remove(tx: &Tx, account: &Account) -> Result<bool> {
    if factor::store::held(tx, account.id()).await?.factor().is_none() {
        return Ok(false);
    }
    factor::store::remove(tx, account.id()).await?;
    Ok(true)
}

fn subject(account: &Account) -> String {
    format!("account {}", account.id())
}

/// Publishes what happened, of which the owner is told by mail.
fn tell(tx: &Tx, account: &Account, change: FactorChange, left: u32) {
    let ctx = tx.ctx();
    tx.emit(&pb::FactorChanged {
        account_id: account.id().to_string(),
        change: change.into(),
        changed_at: Some(wire::timestamp(ctx.now())),
        recovery_codes_left: i32::try_from(left).unwrap_or(i32::MAX),
        notice_id: ctx.new_id::<pb::FactorChanged>().to_string(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reason::Reason, testing::Ground};

    #[tokio::test]
    async fn an_operator_takes_a_factor_away_by_the_address_and_its_owner_is_told() {
        let ground = Ground::new();
        let (owner, session) = ground.signed_in_teacher("ana@school.example").await;
        let ctx = ground.member_in(&owner, session.id());
        let tx = ground.store().change(&ctx).await.unwrap();
        let mut factor = Factor::begin(&ctx, &owner, None).unwrap();
        factor::store::begin(&tx, &mut factor).await.unwrap();
        factor.enrol_now(&ctx);
        factor::store::save(&tx, &mut factor).await.unwrap();
        tx.commit().await.unwrap();
        let operator = ground.anybody();
        let reset = async |email: &str| reset_factor(ground.store(), &operator, email).await;
        let refused = reset("eva@school.example").await.unwrap_err();
        assert_eq!(refused.violations()[0].field, "email");
        assert_eq!(reset("Ana@School.example").await.unwrap(), owner.id());
        let db = ground.store().read(&operator).await.unwrap();
        assert_eq!(factor::store::held(&db, owner.id()).await.unwrap().factor(), None);
        let ended = session::store::get(&db, session.id()).await.unwrap().living(operator.now());
        assert!(ended.is_err_and(|error| error.is(Reason::SessionOver)));
        drop(db);
        assert!(reset("ana@school.example").await.is_err_and(|error| error.is(Reason::FactorMissing)));
        assert_eq!(ground.drain(platform::event::Handlers::new()).await, 0);
    }
}
