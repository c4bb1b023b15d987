//! Machines, and what ends them: their tokens, their technicians' mandates and accounts. Their access tokens end on the next call, at
//! every service, as those of sessions do.

use jiff::{SignedDuration, Timestamp};
use platform::{Id, Reads, Result, Tx, ended, wire};
use proto::identity::v1 as pb;

use crate::{
    account::{self, Account},
    machine::{Integrator, MachineToken, integrator, token, webhook},
    mandate::{self, Mandate},
};

/// The token of a machine that calls, and the mandate of its technician, in which the machine acts. Error: `MACHINE_TOKEN_INVALID`, also
/// where the mandate was revoked, or the technician is locked or has left; `MACHINE_TOKEN_EXPIRED`.
pub(crate) async fn known(db: &impl Reads, id: Id<MachineToken>) -> Result<(MachineToken, Mandate)> {
    let token = token::store::find(db, id).await?.ok_or_else(token::invalid)?;
    token.works(db.ctx().now())?;
    let integrator = integrator::store::find(db, token.integrator()).await?.ok_or_else(token::invalid)?;
    let mandate = mandate_of(db, &integrator).await?.ok_or_else(token::invalid)?;
    Ok((token, mandate))
}

/// Whether the machines of an integrator may act now.
pub(crate) async fn acts(db: &impl Reads, id: Id<Integrator>) -> Result<bool> {
    let Some(integrator) = integrator::store::find(db, id).await? else { return Ok(false) };
    Ok(mandate_of(db, &integrator).await?.is_some())
}

/// The mandate in which the machines of an integrator act. None, where it was revoked, or the technician is locked or has left.
async fn mandate_of(db: &impl Reads, integrator: &Integrator) -> Result<Option<Mandate>> {
    let technician = account::store::find(db, integrator.account()).await?;
    let mandate = mandate::store::get(db, integrator.mandate()).await?;
    let acts = mandate.is_living() && technician.is_some_and(|technician| technician.is_living());
    Ok(Some(mandate).filter(|_| acts))
}

/// Lets a new token take the place of a locked one, whose integrator is locked. Gives the former and the new one. Error: violations at
/// `valid_days`, `integrator_id`.
pub(crate) async fn rotate(
    tx: &Tx,
    mut former: MachineToken,
    overlap: SignedDuration,
    days: i32,
) -> Result<[MachineToken; 2]> {
    let others = token::store::count_working(tx, former.integrator(), Some(former.id())).await?;
    let next = former.rotate(tx.ctx(), others, overlap, days)?;
    token::store::insert(tx, &next).await?;
    tell(tx, next.integrator());
    end(tx, &former).await?;
    tx.note("rotate machine token", former.subject(), next.subject());
    Ok([former, next])
}

/// Publishes that a secret of an integrator was made, of which its technician is told by mail: it works whatever becomes of their password.
pub(crate) fn tell(tx: &Tx, of: Id<Integrator>) {
    let ctx = tx.ctx();
    tx.emit(&pb::MachineSecretMade {
        integrator_id: of.to_string(),
        made_at: Some(wire::timestamp(ctx.now())),
        letter_id: ctx.new_id::<pb::MachineSecretMade>().to_string(),
    });
}

/// Saves the end of a locked token, and ends the access tokens that were given for it. Until that end, others are given.
pub(crate) async fn end(tx: &Tx, token: &MachineToken) -> Result<()> {
    token::store::save_end(tx, token).await?;
    end_these(tx, vec![token.clone()]).await
}

/// Deletes a locked integrator with its tokens. Error: not found.
pub(crate) async fn delete(tx: &Tx, id: Id<Integrator>) -> Result<()> {
    end_all(tx, &[id]).await?;
    integrator::store::delete(tx, id).await?;
    tx.note("delete integrator", format!("integrator {id}"), "");
    Ok(())
}

/// Ends the access tokens of all machines of a technician. Where the account is not locked, they are given others.
pub(crate) async fn end_of_account(tx: &Tx, account: Id<Account>) -> Result<()> {
    end_all(tx, &integrator::store::of_account_to_change(tx, account).await?).await
}

/// Revokes the tokens and deletes the webhooks of a technician that were made at an instant or later: somebody else may have made them.
pub(crate) async fn end_made_since(tx: &Tx, account: Id<Account>, instant: Timestamp) -> Result<()> {
    let of = integrator::store::of_account_to_change(tx, account).await?;
    for mut token in token::store::living_to_change(tx, &of).await? {
        if token.created_at() >= instant && token.revoke(tx.ctx().now()) {
            end(tx, &token).await?;
            tx.note("revoke machine token", token.subject(), format!("integrator {}", token.integrator()));
        }
    }
    for integrator in of {
        let theirs = webhook::store::of_integrator(tx, integrator).await?;
        for webhook in theirs.iter().filter(|webhook| webhook.created_at() >= instant) {
            webhook::store::delete(tx, webhook.id()).await?;
            tx.note("delete webhook", format!("webhook {}", webhook.id()), format!("integrator {integrator}"));
        }
    }
    Ok(())
}

/// Ends the access tokens of all machines that act in a mandate.
pub(crate) async fn end_of_mandate(tx: &Tx, mandate: Id<Mandate>) -> Result<()> {
    end_all(tx, &integrator::store::of_mandate_to_change(tx, mandate).await?).await
}

/// The integrators are locked: a token that is made at this instant is among these, or is made after the end of all of them.
async fn end_all(tx: &Tx, of: &[Id<Integrator>]) -> Result<()> {
    if of.is_empty() {
        return Ok(());
    }
    end_these(tx, token::store::living_to_change(tx, of).await?).await
}

/// What stands for a session in the access tokens ends like one, and for those that will be given something else takes its place.
async fn end_these(tx: &Tx, tokens: Vec<MachineToken>) -> Result<()> {
    token::store::renew(tx, &tokens).await?;
    ended::end(tx, &tokens.iter().map(|token| token.session().uuid()).collect::<Vec<_>>());
    Ok(())
}
