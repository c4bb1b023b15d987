//! A country moves a class to a track whose classes have no twins. Then the class leaves its pair, and its offers are withdrawn, in every
//! programme the country has a share in, so that nobody waits for it.

use platform::{Border, Ctx, Id, Result, Store, Tenants, event::Handlers};
use proto::identity::v1::TeamMoved;

use super::leaving;
use crate::year::team::Team;

/// Adds the handler that takes a team that was moved out of its pair and withdraws its offers.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border, tenants: Tenants) -> Handlers {
    others.on("part moved class", move |ctx, fact| part(store.clone(), border.clone(), tenants.clone(), ctx, fact))
}

async fn part(store: Store, border: Border, tenants: Tenants, ctx: Ctx, fact: TeamMoved) -> Result<()> {
    let team: Id<Team> = fact.team_id.parse()?;
    let mut names = Vec::new();
    let mut told = Ok(());
    for tenant in tenants.all() {
        // the country has no share in a programme that cannot be entered, so nothing is bound there
        let Ok(there) = border.enter(&ctx, tenant.id().as_str()) else { continue };
        names.push(tenant.id().to_string());
        // one that cannot be reached must not keep the others from being told
        let here = part_there(&store, &there, team).await;
        told = told.and(here);
    }
    told?;
    if names.is_empty() {
        return Ok(());
    }
    // each side notes once in its audit log what crossed
    let Some(tx) = store.change_once(&ctx).await? else { return Ok(()) };
    tx.note("part moved class", format!("team {team}"), format!("programmes {}", names.join(", ")));
    tx.commit().await
}

async fn part_there(store: &Store, there: &Ctx, team: Id<Team>) -> Result<()> {
    let Some(tx) = store.change_once(there).await? else { return Ok(()) };
    leaving::part(&tx, team).await?;
    tx.commit().await
}
