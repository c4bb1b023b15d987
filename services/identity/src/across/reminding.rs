//! The way of a reminder home: there it becomes one fact for each person, and each of those one letter. What dies in between is
//! repeated and finds the record of what was done.

use platform::{Border, Ctx, Error, Id, Result, Store, TenantId, Tx, event::Handlers};
use proto::{identity::v1 as pb, lessons::v1::ReminderDue};

use crate::{
    account::{self, Account},
    class::team,
    post::reminder::Wait,
};

/// Adds what identity does when a pair of a programme has waited for long.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border) -> Handlers {
    others.on("reminder home", move |ctx, fact| bring(store.clone(), border.clone(), ctx, fact))
}

async fn bring(store: Store, border: Border, ctx: Ctx, fact: ReminderDue) -> Result<()> {
    let programme = ctx.tenant().id();
    if fact.home.is_empty() {
        // the secretariat is here
        return address(&store, &ctx, programme, &fact).await;
    }
    let home: TenantId = fact.home.parse().map_err(|_| Error::internal("a reminder crossed to no country"))?;
    address(&store, &border.home(&ctx, &home)?, programme, &fact).await?;
    // both sides say in their audit logs what crossed, each once
    let Some(tx) = store.write_once(&ctx).await? else { return Ok(()) };
    tx.note("send reminder home", format!("pair {}", fact.pair_id), format!("home {home}"));
    tx.commit().await
}

/// Addresses a reminder to everybody it is for, unless this very fact was handled there before.
async fn address(store: &Store, there: &Ctx, programme: &TenantId, fact: &ReminderDue) -> Result<()> {
    let Some(tx) = store.write_once(there).await? else { return Ok(()) };
    let wait = Wait::of(fact).map_or(pb::Wait::Unspecified, pb::Wait::from);
    for account in reminded(&tx, fact).await? {
        tx.emit(&pb::ReminderAddressed {
            wait: wait.into(),
            since: fact.since,
            team_id: fact.team_id.clone(),
            pair_id: fact.pair_id.clone(),
            programme: programme.to_string(),
            account_id: account.to_string(),
            letter_id: there.new_id::<pb::ReminderAddressed>().to_string(),
        });
    }
    tx.note("receive reminder", format!("pair {}", fact.pair_id), format!("programme {programme}"));
    tx.commit().await
}

/// The teachers of the class that must act, or the central team where none is named. A class that takes part no more has none.
async fn reminded(tx: &Tx, fact: &ReminderDue) -> Result<Vec<Id<Account>>> {
    if fact.team_id.is_empty() {
        return account::store::coordinators(tx).await;
    }
    let team = team::store::find(tx, fact.team_id.parse()?).await?.filter(team::Team::is_interreg);
    Ok(team.map(|team| team.teachers().collect()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
