//! Brings a reminder from a programme to the country of its readers, where it becomes one fact and one letter for each of them.
//! After a crash it is repeated, and the record of what was done prevents a second letter.

use platform::{Border, Ctx, Error, Id, Result, Store, TenantId, Tx, event::Handlers};
use proto::{identity::v1 as pb, lessons::v1::ReminderDue, options::v1::Role};

use super::mandating;
use crate::{account::Account, class::team, post::reminder::Wait};

/// Adds the handler of reminders that a programme sends.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border) -> Handlers {
    others.on("reminder home", move |ctx, fact| bring(store.clone(), border.clone(), ctx, fact))
}

async fn bring(store: Store, border: Border, ctx: Ctx, fact: ReminderDue) -> Result<()> {
    let programme = ctx.tenant().id();
    if fact.home.is_empty() {
        // without a home, the reader is the programme's own secretariat
        return address(&store, &ctx, programme, &fact).await;
    }
    let home: TenantId = fact.home.parse().map_err(|_| Error::internal("a reminder crossed to no country"))?;
    address(&store, &border.home(&ctx, &home)?, programme, &fact).await?;
    // the audit logs of both sides record the reminder, each once
    let Some(tx) = store.change_once(&ctx).await? else { return Ok(()) };
    tx.note("send reminder home", format!("pair {}", fact.pair_id), format!("home {home}"));
    tx.commit().await
}

/// Publishes a reminder for each of its readers, unless this fact was handled there before.
async fn address(store: &Store, there: &Ctx, programme: &TenantId, fact: &ReminderDue) -> Result<()> {
    let Some(tx) = store.change_once(there).await? else { return Ok(()) };
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

/// The teachers of the team that has to act, or the central team where no team is named. Empty where the team no longer takes part
/// in programmes.
async fn reminded(tx: &Tx, fact: &ReminderDue) -> Result<Vec<Id<Account>>> {
    if fact.team_id.is_empty() {
        return mandating::able(tx, Role::Coordinator).await;
    }
    let team = team::store::find(tx, fact.team_id.parse()?).await?.filter(team::Team::is_interreg);
    Ok(team.map(|team| team.teachers().collect()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
