//! A class that was moved at home to a track whose classes meet none of another country can come to its twin no more, and to none it
//! may still be brought together with. Its home tells every programme it has a share in: there it leaves its pair and the lists of those
//! who look for a twin, so that nobody is left waiting for it.

use platform::{Border, Ctx, Id, Result, Store, Tenants, event::Handlers};
use proto::identity::v1::TeamMoved;

use super::leaving;
use crate::year::team::Team;

/// Adds what lessons does when a team was moved: it leaves the pair it is bound in, and looks for a twin no more.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border, tenants: Tenants) -> Handlers {
    others.on("part moved class", move |ctx, fact| part(store.clone(), border.clone(), tenants.clone(), ctx, fact))
}

async fn part(store: Store, border: Border, tenants: Tenants, ctx: Ctx, fact: TeamMoved) -> Result<()> {
    let team: Id<Team> = fact.team_id.parse()?;
    let mut names = Vec::new();
    let mut told = Ok(());
    for tenant in tenants.all() {
        // one that cannot be entered from here is none of this country's: nothing is bound there
        let Ok(there) = border.enter(&ctx, tenant.id().as_str()) else { continue };
        names.push(tenant.id().to_string());
        // one that is away keeps no other from hearing of it
        let here = part_there(&store, &there, team).await;
        told = told.and(here);
    }
    told?;
    if names.is_empty() {
        return Ok(());
    }
    // both sides say in their audit logs what crossed, each once
    let Some(tx) = store.write_once(&ctx).await? else { return Ok(()) };
    tx.note("part moved class", format!("team {team}"), format!("programmes {}", names.join(", ")));
    tx.commit().await
}

async fn part_there(store: &Store, there: &Ctx, team: Id<Team>) -> Result<()> {
    let Some(tx) = store.write_once(there).await? else { return Ok(()) };
    leaving::part(&tx, team).await?;
    tx.commit().await
}
