//! Takes engagements in the countries of classes, and gives them back.
//!
//! An engagement is taken in a transaction of the country, which commits while the transaction of the programme is still open. A process
//! that dies in between leaves an engagement of a pair that is still proposed: the next acceptance takes it again, and the end of the
//! proposal gives it back. A pair can end only after the transaction of the programme, so the news of the end never overtakes the taking.
//! No transaction waits for a programme while it holds rows of a country, so the two cannot wait for each other.

use platform::{Border, Ctx, Reads, Result, Store, Tx, error::Shared, event::Handlers};
use proto::lessons::v1 as pb;

use super::{Engagement, store};
use crate::twinning::pair::{self, Pair};

/// Takes engagements in the countries of classes.
#[derive(Clone)]
pub struct Engagements {
    store: Store,
    border: Border,
}

impl Engagements {
    /// Engagements in this store, reached over this border.
    pub fn new(store: Store, border: Border) -> Self {
        Self { store, border }
    }

    /// Takes the engagements that a pair needs, for both classes or for none. Call it last in `tx`, after the pair is saved there: nobody
    /// else can change the pair, and everything the programme itself refuses is refused before. Error: `OFFER_CLOSED` where another
    /// programme has one of the classes; unreachable where a country is.
    pub(crate) async fn claim(&self, tx: &Tx, pair: &Pair) -> Result<()> {
        let needed = Engagement::needed(tx.ctx().tenant().id(), pair);
        for (at, engagement) in needed.iter().enumerate() {
            if let Err(refused) = self.take(tx.ctx(), engagement).await {
                for taken in &needed[..at] {
                    // where this fails, the engagement is given back when the proposal ends
                    drop(self.give_back(tx.ctx(), taken).await);
                }
                return Err(refused);
            }
            tx.note("bind class", subject(engagement), format!("home {}", engagement.home));
        }
        Ok(())
    }

    async fn take(&self, ctx: &Ctx, engagement: &Engagement) -> Result<()> {
        let tx = self.store.change(&self.border.home(ctx, &engagement.home)?).await?;
        if !store::take(&tx, engagement).await? && !self.take_over(&tx, engagement).await? {
            return Err(pair::store::engaged());
        }
        tx.note("bind class", subject(engagement), format!("programme {}", engagement.programme));
        tx.commit().await
    }

    /// Takes an engagement that is held for a programme which does not exist any more, or in which the country has no share any more: that
    /// programme can send no news of an end. Returns whether it could be taken.
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
        let tx = self.store.change(&self.border.home(ctx, &engagement.home)?).await?;
        let_go(&tx, engagement).await?;
        tx.commit().await
    }
}

/// Tells the countries of a pair's classes, once this transaction commits, that the pair has released them. Does nothing for a pair that
/// has not.
pub(crate) fn release(tx: &Tx, pair: &Pair) {
    for engagement in Engagement::over(tx.ctx().tenant().id(), pair) {
        tx.emit(&engagement.to_cross());
    }
}

/// Adds the handler that gives back the engagement of a class that was released.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border) -> Handlers {
    others.on("release class", move |ctx, fact| bring(store.clone(), border.clone(), ctx, fact))
}

async fn bring(store: Store, border: Border, ctx: Ctx, fact: pb::ClassReleased) -> Result<()> {
    let engagement = Engagement::crossed(ctx.tenant().id(), &fact)?;
    let home = match border.home(&ctx, &engagement.home) {
        Ok(home) => home,
        // the country cannot be reached, and needs nothing: an engagement for a programme it has no share in counts as free
        Err(gone) if gone.is(Shared::TenantUnknown) => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if !released(&store, &home, &engagement).await? {
        return Ok(());
    }
    // both sides say in their audit logs what crossed, each once
    let Some(tx) = store.change_once(&ctx).await? else { return Ok(()) };
    tx.note("release class", subject(&engagement), format!("home {}", engagement.home));
    tx.commit().await
}

/// Gives back an engagement in the country. Returns whether there was one. It is true also where this fact gave it back there before,
/// because this side may not have noted it yet: only what was given back is recorded as handled there.
async fn released(store: &Store, home: &Ctx, engagement: &Engagement) -> Result<bool> {
    let Some(tx) = store.change_once(home).await? else { return Ok(true) };
    if !let_go(&tx, engagement).await? {
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

/// Gives an engagement back. Returns whether there was one: most proposals that end were never accepted.
async fn let_go(tx: &Tx, engagement: &Engagement) -> Result<bool> {
    let was_bound = store::give_back(tx, engagement).await?;
    if was_bound {
        tx.note("release class", subject(engagement), format!("programme {}", engagement.programme));
    }
    Ok(was_bound)
}

/// The engagement as the audit logs of both sides name it.
fn subject(engagement: &Engagement) -> String {
    format!("team {}, pair {}", engagement.team, engagement.pair)
}

#[cfg(test)]
mod tests;
