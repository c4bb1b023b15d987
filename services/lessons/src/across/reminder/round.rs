//! Sends the reminders that are due, every hour. A reminder is sent and recorded in one transaction that locks the pair, so nobody is
//! reminded of what was done meanwhile, or reminded twice.

use jiff::Timestamp;
use platform::{Ctx, Id, Reads, Result, Store, event::Handlers, tenant::Kind};
use proto::lessons::v1 as pb;

use super::{WAITING, due, store};
use crate::{
    twinning::pair::{self, Pair},
    year::template::{Lessons, Reminders},
};

/// The number of pairs read by one query.
const AT_ONCE: u64 = 200;

/// Adds the hourly task that sends reminders in programmes.
pub(crate) fn handlers(others: Handlers, store: Store) -> Handlers {
    others.every_hour("remind", move |ctx| remind(store.clone(), ctx))
}

pub(super) async fn remind(store: Store, ctx: Ctx) -> Result<()> {
    if ctx.tenant().kind() == Kind::Country {
        return Ok(());
    }
    let rules = ctx.tenant().section::<Lessons>()?.reminders();
    for pair in overdue(&store, &ctx, rules).await? {
        send(&store, &ctx, rules, pair).await?;
    }
    Ok(())
}

/// The pairs for which a reminder is due.
async fn overdue(store: &Store, ctx: &Ctx, rules: Reminders) -> Result<Vec<Id<Pair>>> {
    let (mut found, mut after) = (Vec::new(), None);
    let Ok(since) = ctx.now().checked_sub(rules.first()) else { return Ok(found) };
    loop {
        let db = store.read(ctx).await?;
        let pairs = pair::store::waiting(&db, &WAITING, since, after, AT_ONCE).await?;
        let Some(last) = pairs.last() else { return Ok(found) };
        after = Some(last.id());
        found.extend(due_of(&db, &pairs, rules, ctx.now()).await?);
    }
}

async fn due_of(db: &impl Reads, pairs: &[Pair], rules: Reminders, now: Timestamp) -> Result<Vec<Id<Pair>>> {
    let sent = store::sent(db, pairs.iter().map(Pair::id)).await?;
    let of = |pair: &Pair| sent.get(&pair.id()).map_or(&[][..], Vec::as_slice);
    Ok(pairs.iter().filter(|pair| !due(pair, rules, of(pair), now).is_empty()).map(Pair::id).collect())
}

/// Sends the reminders of a pair that are due when it is locked.
async fn send(store: &Store, ctx: &Ctx, rules: Reminders, id: Id<Pair>) -> Result<()> {
    let tx = store.change(ctx).await?;
    let Some(pair) = pair::store::find_to_change(&tx, id).await? else { return Ok(()) };
    let sent = store::sent(&tx, [id].into_iter()).await?.remove(&id).unwrap_or_default();
    for reminder in due(&pair, rules, &sent, ctx.now()) {
        store::add(&tx, &reminder).await?;
        tx.emit(&pb::ReminderDue::from(&reminder));
    }
    tx.commit().await
}
