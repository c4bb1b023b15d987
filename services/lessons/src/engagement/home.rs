//! The way of an engagement home and back.
//!
//! It is taken in a transaction of the home's own, which commits while that of the programme is still open: what dies in between leaves
//! an engagement of a pair that is still proposed, which the next acceptance takes again and the end of the proposal gives back. A pair
//! can come to its end only after that transaction, so the news of the end never overtake the taking. Nobody waits for a programme while
//! holding a home, so the two cannot wait for each other.

use platform::{Border, Ctx, Reads, Result, Store, Tx, event::Handlers};
use proto::lessons::v1 as pb;

use super::{Engagement, store};
use crate::pair::{self, Pair};

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
        if !store::take(&tx, engagement).await? {
            return Err(pair::store::engaged());
        }
        tx.note("bind class", subject(engagement), format!("programme {}", engagement.programme));
        tx.commit().await
    }

    async fn give_back(&self, ctx: &Ctx, engagement: &Engagement) -> Result<()> {
        let tx = self.store.write(&self.border.home(ctx, &engagement.home)?).await?;
        give_back(tx, engagement).await
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
    if let Some(tx) = store.write_once(&border.home(&ctx, &engagement.home)?).await? {
        give_back(tx, &engagement).await?;
    }
    // both sides say in their audit logs what crossed, each once
    let Some(tx) = store.write_once(&ctx).await? else { return Ok(()) };
    tx.note("release class", subject(&engagement), format!("home {}", engagement.home));
    tx.commit().await
}

async fn give_back(tx: Tx, engagement: &Engagement) -> Result<()> {
    store::give_back(&tx, engagement).await?;
    tx.note("release class", subject(engagement), format!("programme {}", engagement.programme));
    tx.commit().await
}

/// What the audit logs of both sides name.
pub(super) fn subject(engagement: &Engagement) -> String {
    format!("team {}, pair {}", engagement.team, engagement.pair)
}

#[cfg(test)]
mod tests;
