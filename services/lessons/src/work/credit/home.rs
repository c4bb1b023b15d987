//! Sends credits to the country of a class and keeps them there. The credit is published in the transaction of the delivery, and kept in a
//! transaction of the country that also records that this fact was handled. A process that dies in between repeats the fact, finds the
//! record, and counts nothing twice.

use platform::{Border, Ctx, Error, Id, Reads, Result, Store, TenantId, Tx, event::Handlers};
use proto::lessons::v1 as pb;

use super::{Credit, CreditKind, store};
use crate::{
    work::report::{self, Judged, Verdict},
    year::team::Team,
};

/// A verdict on what a class delivered in a programme.
pub(crate) struct Judgement<'a> {
    /// The class.
    pub(crate) team: Id<Team>,
    /// The lesson.
    pub(crate) lesson: i32,
    /// What was delivered.
    pub(crate) kind: CreditKind,
    /// The digest of its contents.
    pub(crate) digest: &'a str,
    /// On time or late.
    pub(crate) verdict: &'a Verdict,
}

/// Tells the country of a class about a judgement, once this transaction commits.
pub(crate) fn send(tx: &Tx, home: &TenantId, judgement: &Judgement<'_>) {
    let Judgement { team, lesson, kind, digest, verdict } = judgement;
    let credit = Credit {
        programme: tx.ctx().tenant().id().clone(),
        team: *team,
        lesson: *lesson,
        kind: *kind,
        received_at: verdict.received_at,
        on_time: verdict.on_time,
        digest: (*digest).to_owned(),
    };
    tx.emit(&credit.to_cross(home));
}

/// Tells the country of a class about the verdict on its report, once this transaction commits.
pub(crate) fn send_report(tx: &Tx, home: &TenantId, team: Id<Team>, lesson: i32, judged: &Judged) {
    let Judged { verdict, digest } = judged;
    send(tx, home, &Judgement { team, lesson, kind: CreditKind::MirrorReport, digest, verdict });
}

/// Adds the handler that keeps a delivery of a programme as a credit in the country of the class.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border) -> Handlers {
    others.on("credit home", move |ctx, fact| bring(store.clone(), border.clone(), ctx, fact))
}

async fn bring(store: Store, border: Border, ctx: Ctx, fact: pb::DeliveryCrossed) -> Result<()> {
    let home: TenantId = fact.home.parse().map_err(|_| Error::internal("a delivery crossed to no country"))?;
    let credit = Credit::crossed(ctx.tenant().id(), fact)?;
    receive(&store, &border.home(&ctx, &home)?, &credit).await?;
    // each side notes once in its audit log what crossed
    let Some(tx) = store.change_once(&ctx).await? else { return Ok(()) };
    tx.note("send credit home", subject(&credit), format!("home {home}"));
    tx.commit().await
}

/// Keeps a credit in the country, unless this fact was handled there before.
async fn receive(store: &Store, home: &Ctx, credit: &Credit) -> Result<()> {
    let Some(tx) = store.change_once(home).await? else { return Ok(()) };
    store::keep(&tx, credit).await?;
    tx.note("receive credit", subject(credit), format!("programme {}", credit.programme));
    report::store::changed(&tx, credit.team, credit.lesson);
    tx.commit().await
}

fn subject(credit: &Credit) -> String {
    format!("team {}, lesson {}", credit.team, credit.lesson)
}

#[cfg(test)]
mod tests;
