//! Whether a visitor may still be here, asked at home.

use platform::{
    Border, Ctx, Error, Host, Result, Store,
    border::{Recheck, ended},
};

use super::Visit;
use crate::{account, reason::Reason, session, team};

/// Asks home before every call of a visitor.
pub fn recheck(host: &Host) -> Result<Recheck> {
    let (store, border) = (host.store.clone(), host.border.clone());
    Ok(Recheck::new(move |ctx| {
        let (store, border) = (store.clone(), border.clone());
        async move { check(&store, &border, &ctx).await }
    }))
}

/// Error: `MEMBERSHIP_ENDED`; unreachable, where home cannot be asked.
async fn check(store: &Store, border: &Border, ctx: &Ctx) -> Result<()> {
    let (visit, home) = Visit::of(ctx).zip(ctx.home()).ok_or_else(ended)?;
    let home = border.home(ctx, home).map_err(|_| ended())?;
    let db = store.read(&home).await?;
    let session = session::store::get(&db, ctx.member()?.session.into()).await.map_err(over)?;
    let account = account::store::find(&db, ctx.account()?).await?.ok_or_else(ended)?;
    let team = match visit.team() {
        Some(team) => team::store::find(&db, team).await?,
        None => None,
    };
    if visit.stands(&home, &session, &account, team.as_ref()) { Ok(()) } else { Err(ended()) }
}

/// A session that is not there has ended; anything else is no answer.
fn over(error: Error) -> Error {
    if error.is(Reason::SessionOver) { ended() } else { error }
}
