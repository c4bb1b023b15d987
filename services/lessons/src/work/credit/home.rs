//! The way of a credit home. It is published with the delivery, in one transaction; it is kept at home together with the record that
//! it was, in another. What dies in between is repeated and finds the record: so it counts once.

use platform::{Border, Ctx, Error, Id, Reads, Result, Store, TenantId, Tx, event::Handlers};
use proto::lessons::v1 as pb;

use super::{Credit, CreditKind, store};
use crate::{
    work::report::{Judged, Verdict},
    year::team::Team,
};

/// What was judged, in a programme, of a class of a country.
pub(crate) struct Judgement<'a> {
    /// The class.
    pub(crate) team: Id<Team>,
    /// The lesson.
    pub(crate) lesson: i32,
    /// What was delivered.
    pub(crate) kind: CreditKind,
    /// What it is named by.
    pub(crate) digest: &'a str,
    /// On time or late.
    pub(crate) verdict: &'a Verdict,
}

/// Sends the news of a judgement home, once this transaction commits.
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

/// Sends the news of a judged report to the country of its class, once this transaction commits.
pub(crate) fn send_report(tx: &Tx, home: &TenantId, team: Id<Team>, lesson: i32, judged: &Judged) {
    let Judged { verdict, digest } = judged;
    send(tx, home, &Judgement { team, lesson, kind: CreditKind::MirrorReport, digest, verdict });
}

/// Adds what lessons does when a delivery crosses: it is kept in the country of the class.
pub(crate) fn handlers(others: Handlers, store: Store, border: Border) -> Handlers {
    others.on("credit home", move |ctx, fact| bring(store.clone(), border.clone(), ctx, fact))
}

async fn bring(store: Store, border: Border, ctx: Ctx, fact: pb::DeliveryCrossed) -> Result<()> {
    let home: TenantId = fact.home.parse().map_err(|_| Error::internal("a delivery crossed to no country"))?;
    let credit = Credit::crossed(ctx.tenant().id(), fact)?;
    receive(&store, &border.home(&ctx, &home)?, &credit).await?;
    // both sides say in their audit logs what crossed, each once
    let Some(tx) = store.write_once(&ctx).await? else { return Ok(()) };
    tx.note("send credit home", subject(&credit), format!("home {home}"));
    tx.commit().await
}

/// Keeps a credit at home, unless this very fact was handled there before.
async fn receive(store: &Store, home: &Ctx, credit: &Credit) -> Result<()> {
    let Some(tx) = store.write_once(home).await? else { return Ok(()) };
    store::keep(&tx, credit).await?;
    tx.note("receive credit", subject(credit), format!("programme {}", credit.programme));
    tx.emit(&pb::CreditReceived { team_id: credit.team.to_string(), lesson: credit.lesson });
    tx.commit().await
}

fn subject(credit: &Credit) -> String {
    format!("team {}, lesson {}", credit.team, credit.lesson)
}

#[cfg(test)]
mod tests;
