//! A class that was moved at home to a track whose classes meet none of another country can come to its twin no more. Its home knows
//! where it is bound: there it leaves its pair, so that the twin is not left waiting for it.

use platform::{Border, Ctx, Result, Store, event::Handlers};
use proto::identity::v1::TeamMoved;

use super::{home::subject, store};
use crate::pair;

/// Adds what lessons does when a team was moved: it leaves the pair it is bound in.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border) -> Handlers {
    others.on("part moved class", move |ctx, fact| part(store.clone(), border.clone(), ctx, fact))
}

async fn part(store: Store, border: Border, ctx: Ctx, fact: TeamMoved) -> Result<()> {
    let team = fact.team_id.parse()?;
    // who goes on alone is bound to nobody, and keeps what it has
    let Some(engagement) = store::of_team(&store.read(&ctx).await?, team).await? else { return Ok(()) };
    let there = border.enter(&ctx, engagement.programme.as_str())?;
    if let Some(tx) = store.write_once(&there).await? {
        pair::gone::take_out(&tx, engagement.pair, team).await?;
        tx.commit().await?;
    }
    // both sides say in their audit logs what crossed, each once
    let Some(tx) = store.write_once(&ctx).await? else { return Ok(()) };
    tx.note("part moved class", subject(&engagement), format!("programme {}", engagement.programme));
    tx.commit().await
}
