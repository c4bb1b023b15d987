//! Whether a visitor may still be here, asked at home.

use platform::{
    Border, Ctx, Error, Host, Result, Store,
    border::{Recheck, ended},
};

use super::{Visit, store};
use crate::reason::Reason;

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
    let standing = store::standing(&db, ctx.member()?, visit).await.map_err(over)?;
    if visit.stands(ctx.now(), &standing) { Ok(()) } else { Err(ended()) }
}

/// A session that is not there has ended; anything else is no answer.
fn over(error: Error) -> Error {
    if error.is(Reason::SessionOver) { ended() } else { error }
}
