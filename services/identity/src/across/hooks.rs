//! Telling webhooks what has happened: a fact becomes a delivery for each webhook that wants it, which is sent at once, and every hour where
//! it is due again. What is sent and what became of it is written after the call, so that after a crash it may come twice, and never not at
//! all.

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Host, Id, Reads, Result, Store, Tx, event::Handlers, outbound::Outbound, secret::Keys};
use proto::{identity::v1 as pb, lessons::v1 as lessons, options::v1::Role};

use super::{machines, mandating};
use crate::machine::{
    integrator,
    webhook::{
        self, Delivery, Topic, Webhook,
        delivery::{self, News},
    },
};

/// How many are told at once in a round.
const AT_ONCE: usize = 8;

/// How long what was sent is listed.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Tells webhooks. Cheap to clone.
#[derive(Clone)]
struct Teller {
    store: Store,
    keys: Keys,
    outbound: Outbound,
}

/// Adds the handlers of the facts of which webhooks are told, and the work of every hour.
pub(crate) fn handlers(others: Handlers, host: &Host, outbound: Outbound) -> Handlers {
    let teller = Teller { store: host.store.clone(), keys: host.keys.clone(), outbound };
    let [admitted, opened, submitted, due, again] = std::array::from_fn(|_| teller.clone());
    others
        .on_each("tell of admitted team", move |ctx, event| admitted.clone().team_admitted(ctx, event))
        .on_each("tell of opened call", move |ctx, event| opened.clone().call_opened(ctx, event))
        .on_each("tell of submitted report", move |ctx, event| submitted.clone().report_submitted(ctx, event))
        .on_each("send webhook", move |ctx, event| due.clone().send_first(ctx, event))
        .every_hour("send webhooks again", move |ctx| again.clone().send_again(ctx))
}

impl Teller {
    async fn team_admitted(self, ctx: Ctx, event: pb::TeamAdmitted) -> Result<()> {
        let data = serde_json::json!({ "teamId": event.team_id, "editionId": event.edition_id });
        self.queue(&ctx, Topic::TeamAdmitted, event.admitted_at, data).await
    }

    async fn call_opened(self, ctx: Ctx, event: lessons::CallOpened) -> Result<()> {
        let data = serde_json::json!({ "editionId": event.edition_id });
        self.queue(&ctx, Topic::CallOpened, event.opened_at, data).await
    }

    async fn report_submitted(self, ctx: Ctx, event: lessons::ReportSubmitted) -> Result<()> {
        let lessons::ReportSubmitted { team_id, edition_id, lesson, submitted_at } = event;
        let data = serde_json::json!({ "teamId": team_id, "editionId": edition_id, "lesson": lesson });
        self.queue(&ctx, Topic::ReportSubmitted, submitted_at, data).await
    }

    /// Makes a delivery for each webhook that wants to be told.
    async fn queue(
        self,
        ctx: &Ctx,
        topic: Topic,
        occurred_at: Option<prost_types::Timestamp>,
        data: serde_json::Value,
    ) -> Result<()> {
        // in most tenants there is none, and nothing is written
        if webhook::store::wanting(&self.store.glance(ctx).await?, topic).await?.is_empty() {
            return Ok(());
        }
        let occurred_at = occurred_at.unwrap_or_default();
        let occurred_at = Timestamp::new(occurred_at.seconds, occurred_at.nanos).map_err(Error::internal)?;
        let news = News { topic, occurred_at, data: data.to_string() };
        let tx = self.store.change(ctx).await?;
        for webhook in webhook::store::wanting(&tx, topic).await? {
            let delivery = Delivery::new(ctx, &webhook, &news);
            delivery::store::insert(&tx, &delivery).await?;
            tx.emit(&pb::WebhookDue { delivery_id: delivery.id().to_string() });
        }
        tx.commit().await
    }

    /// Sends what is new. Where nothing arrives it waits for the hour, so that a server that is away holds up no other.
    async fn send_first(self, ctx: Ctx, event: pb::WebhookDue) -> Result<()> {
        self.send(&ctx, event.delivery_id.parse()?, |webhook| !webhook.is_failing()).await
    }

    /// Sends what is due again, and forgets what is old.
    async fn send_again(self, ctx: Ctx) -> Result<()> {
        let due = delivery::store::due(&self.store.read(&ctx).await?).await?;
        let (teller, ctx_of) = (&self, &ctx);
        let sent = stream::iter(due).map(|id| teller.send_leased(ctx_of, id)).buffer_unordered(AT_ONCE);
        let sent: Vec<Result<()>> = sent.collect().await;
        let tx = self.store.change(&ctx).await?;
        delivery::store::forget_before(&tx, ctx.now() - KEPT).await?;
        tx.commit().await?;
        sent.into_iter().collect()
    }

    async fn send_leased(&self, ctx: &Ctx, id: Id<Delivery>) -> Result<()> {
        let tx = self.store.change(ctx).await?;
        let is_ours = delivery::store::lease(&tx, id).await?;
        tx.commit().await?;
        if is_ours { self.send(ctx, id, |_| true).await } else { Ok(()) }
    }

    /// Sends a delivery, where it still waits and `now` says so of its webhook.
    async fn send(&self, ctx: &Ctx, id: Id<Delivery>, now: impl FnOnce(&Webhook) -> bool) -> Result<()> {
        let db = self.store.read(ctx).await?;
        let Some(delivery) = delivery::store::find(&db, id).await?.filter(Delivery::is_pending) else { return Ok(()) };
        let webhook = webhook::store::find(&db, delivery.webhook()).await?;
        let Some(webhook) = webhook.filter(|webhook| webhook.is_enabled() && now(webhook)) else { return Ok(()) };
        let acts = machines::acts(&db, webhook.integrator()).await?;
        drop(db);
        if !acts {
            return self.give_up(ctx, &webhook).await;
        }
        let headers = webhook.headers(ctx, &self.keys, &delivery);
        let status = self.outbound.post(webhook.url(), &headers, delivery.body()).await.ok();
        self.record(ctx, delivery, status).await
    }

    /// Whose technician may not any more is told nothing.
    async fn give_up(&self, ctx: &Ctx, webhook: &Webhook) -> Result<()> {
        let tx = self.store.change(ctx).await?;
        delivery::store::give_up(&tx, webhook.id()).await?;
        tx.commit().await
    }

    /// Writes what became of a delivery.
    async fn record(&self, ctx: &Ctx, mut delivery: Delivery, status: Option<u16>) -> Result<()> {
        let tx = self.store.change(ctx).await?;
        let Some(mut webhook) = webhook::store::find_to_change(&tx, delivery.webhook()).await? else { return Ok(()) };
        let has_arrived = delivery.sent(ctx.now(), status);
        delivery::store::save(&tx, &delivery).await?;
        if webhook.told(ctx.now(), has_arrived) {
            delivery::store::give_up(&tx, webhook.id()).await?;
            warn(&tx, &webhook).await?;
        }
        webhook::store::save(&tx, &webhook).await?;
        tx.commit().await
    }
}

/// Publishes that a webhook was disabled, for a letter to each coordinator and to the technician.
async fn warn(tx: &Tx, webhook: &Webhook) -> Result<()> {
    tx.note("disable webhook", format!("webhook {}", webhook.id()), "");
    let Some(integrator) = integrator::store::find(tx, webhook.integrator()).await? else { return Ok(()) };
    let mut readers = mandating::able(tx, Role::Coordinator).await?;
    readers.push(integrator.account());
    readers.sort();
    readers.dedup();
    for account in readers {
        let letter_id = tx.ctx().new_id::<pb::WebhookDisabled>().to_string();
        let (webhook_id, account_id) = (webhook.id().to_string(), account.to_string());
        tx.emit(&pb::WebhookDisabled { webhook_id, account_id, letter_id });
    }
    Ok(())
}
