//! The way of an engagement home and back.
//!
//! It is taken in a transaction of the home's own, which commits while that of the programme is still open: what dies in between leaves
//! an engagement of a pair that is still proposed, which the next acceptance takes again and the end of the proposal gives back. A pair
//! can come to its end only after that transaction, so the news of the end never overtake the taking. Nobody waits for a programme while
//! holding a home, so the two cannot wait for each other.

use platform::{Border, Ctx, Reads, Result, Store, Tx, error::Shared, event::Handlers};
use proto::lessons::v1 as pb;

use super::{Engagement, store};
use crate::twinning::pair::{self, Pair};

/// Takes engagements at home.
#[derive(Clone)]
pub struct Engagements {
    store: Store,
    border: Border,
}

impl Engagements {
    /// Engagements in the data of lessons.
    pub fn new(store: Store, border: Border) -> Self {
        Self { store, border }
    }

    /// Takes what a pair needs to be bound, for both classes or for none. The pair is saved in `tx`, so that nobody else changes it, and
    /// all the programme itself could refuse is refused already. Error: `OFFER_CLOSED` where another programme has one of them;
    /// unreachable where a home is.
    pub(crate) async fn claim(&self, tx: &Tx, pair: &Pair) -> Result<()> {
        let needed = Engagement::needed(tx.ctx().tenant().id(), pair);
        for (at, engagement) in needed.iter().enumerate() {
            if let Err(refused) = self.take(tx.ctx(), engagement).await {
                for taken in &needed[..at] {
                    // what cannot be given back now is given back when the proposal ends
                    drop(self.give_back(tx.ctx(), taken).await);
                }
                return Err(refused);
            }
            tx.note("bind class", subject(engagement), format!("home {}", engagement.home));
        }
        Ok(())
    }

    async fn take(&self, ctx: &Ctx, engagement: &Engagement) -> Result<()> {
        let tx = self.store.write(&self.border.home(ctx, &engagement.home)?).await?;
        if !store::take(&tx, engagement).await? && !self.take_over(&tx, engagement).await? {
            return Err(pair::store::engaged());
        }
        tx.note("bind class", subject(engagement), format!("programme {}", engagement.programme));
        tx.commit().await
    }

    /// Takes what was taken for a programme that has gone, or in which the country has no share any more: no news of an end can come
    /// from there. Whether it could be taken.
    async fn take_over(&self, tx: &Tx, engagement: &Engagement) -> Result<bool> {
        if let Some(held) = store::of_team(tx, engagement.team).await? {
            if self.border.enter(tx.ctx(), held.programme.as_str()).is_ok() {
                return Ok(false);
            }
            let_go(tx, &held).await?;
        }
        store::take(tx, engagement).await
    }

    async fn give_back(&self, ctx: &Ctx, engagement: &Engagement) -> Result<()> {
        let tx = self.store.write(&self.border.home(ctx, &engagement.home)?).await?;
        let_go(&tx, engagement).await?;
        tx.commit().await
    }
}

/// Sends the news home, once this transaction commits, that a pair has let its classes go; nothing of one that has not.
pub(crate) fn release(tx: &Tx, pair: &Pair) {
    for engagement in Engagement::over(tx.ctx().tenant().id(), pair) {
        tx.emit(&engagement.to_cross());
    }
}

/// Adds what lessons does when a class is released: its country lets it be bound again.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border) -> Handlers {
    others.on("release class", move |ctx, fact| bring(store.clone(), border.clone(), ctx, fact))
}

async fn bring(store: Store, border: Border, ctx: Ctx, fact: pb::ClassReleased) -> Result<()> {
    let engagement = Engagement::crossed(ctx.tenant().id(), &fact)?;
    let what = match border.home(&ctx, &engagement.home) {
        Ok(home) => {
            if !released(&store, &home, &engagement).await? {
                return Ok(());
            }
            format!("home {}", engagement.home)
        }
        // nothing can be given back there; what it still has counts as free, for nobody can enter this programme from there
        Err(gone) if gone.is(Shared::TenantUnknown) => format!("home {} has no share any more", engagement.home),
        Err(fault) => return Err(fault),
    };
    // both sides say in their audit logs what crossed, each once
    let Some(tx) = store.write_once(&ctx).await? else { return Ok(()) };
    tx.note("release class", subject(&engagement), what);
    tx.commit().await
}

/// Whether a class was let go at home, by this fact: where that was done before, this side may not have said so yet.
async fn released(store: &Store, home: &Ctx, engagement: &Engagement) -> Result<bool> {
    let Some(tx) = store.write_once(home).await? else { return Ok(true) };
    let was_bound = let_go(&tx, engagement).await?;
    tx.commit().await?;
    Ok(was_bound)
}

/// Gives it back at home. Whether there was something to give back: a proposal that ends was mostly never accepted.
async fn let_go(tx: &Tx, engagement: &Engagement) -> Result<bool> {
    let was_bound = store::give_back(tx, engagement).await?;
    if was_bound {
        tx.note("release class", subject(engagement), format!("programme {}", engagement.programme));
    }
    Ok(was_bound)
}

/// What the audit logs of both sides name.
fn subject(engagement: &Engagement) -> String {
    format!("team {}, pair {}", engagement.team, engagement.pair)
}

#[cfg(test)]
mod tests;
