//! Telling webhooks what has happened: a fact becomes a delivery for each webhook that wants it, and nothing waits for its sending. Each
//! webhook is a lane: what one is told is sent one after another, oldest first, and a server that is slow holds up its own deliveries alone.
//! What is sent is reserved before, so that no other replica sends it too, and what became of it is written after the call, so that after a
//! crash it may come twice, and never not at all. What failed before may come after what is newer, and so may what replicas send at once.

use jiff::{SignedDuration, Timestamp};
use platform::{
    Ctx, Error, Host, Id, Reads, Result, Store, Tx,
    event::{Bell, Handlers},
    outbound::Outbound,
    secret::Keys,
};
use proto::{identity::v1 as pb, lessons::v1 as lessons, options::v1::Role};
use uuid::Uuid;

use super::{machines, mandating};
use crate::machine::{
    integrator,
    webhook::{
        self, Delivery, Topic, Webhook,
        delivery::{self, News},
    },
};

/// How long what was sent is listed.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Tells webhooks. Cheap to clone.
#[derive(Clone)]
struct Teller {
    store: Store,
    keys: Keys,
    outbound: Outbound,
    bell: Bell,
}

/// Adds the handlers of the facts of which webhooks are told, what they leave to be sent, and the work of every hour.
pub(crate) fn handlers(others: Handlers, host: &Host, outbound: Outbound) -> Handlers {
    let bell = Bell::default();
    let teller = Teller { store: host.store.clone(), keys: host.keys.clone(), outbound, bell: bell.clone() };
    let [admitted, opened, submitted, due, next, hourly] = std::array::from_fn(|_| teller.clone());
    others
        .on_each("tell of admitted team", move |ctx, event| admitted.clone().team_admitted(ctx, event))
        .on_each("tell of opened call", move |ctx, event| opened.clone().call_opened(ctx, event))
        .on_each("tell of submitted report", move |ctx, event| submitted.clone().report_submitted(ctx, event))
        .in_lanes(
            "send webhooks",
            bell,
            move |ctx| due.clone().due(ctx),
            move |ctx, webhook| next.clone().send_next(ctx, webhook.into()),
        )
        .every_hour("forget deliveries", move |ctx| hourly.clone().hour(ctx))
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
            delivery::store::insert(&tx, &Delivery::new(ctx, &webhook, &news)).await?;
        }
        tx.commit().await?;
        self.bell.ring(ctx);
        Ok(())
    }

    /// Forgets what is old, and lets everybody look for what is due again.
    async fn hour(self, ctx: Ctx) -> Result<()> {
        let tx = self.store.change(&ctx).await?;
        delivery::store::forget_before(&tx, ctx.now() - KEPT).await?;
        tx.commit().await?;
        self.bell.ring(&ctx);
        Ok(())
    }

    /// The webhooks that are to be told something now.
    async fn due(self, ctx: Ctx) -> Result<Vec<Uuid>> {
        let due = delivery::store::webhooks_due(&self.store.read(&ctx).await?).await?;
        Ok(due.into_iter().map(Id::uuid).collect())
    }

    /// Sends the oldest that a webhook is to be told now. Returns whether it has arrived: then the next one is sent.
    async fn send_next(self, ctx: Ctx, id: Id<Webhook>) -> Result<bool> {
        let Some((webhook, delivery)) = self.reserve(&ctx, id).await? else { return Ok(false) };
        let headers = webhook.headers(&ctx, &self.keys, &delivery);
        let status = self.outbound.post(webhook.url(), &headers, delivery.body()).await.ok();
        self.record(&ctx, delivery, status).await
    }

    /// Reserves what is sent next. A webhook whose technician may not any more is told nothing, nor is one that is disabled.
    async fn reserve(&self, ctx: &Ctx, id: Id<Webhook>) -> Result<Option<(Webhook, Delivery)>> {
        let tx = self.store.change(ctx).await?;
        let Some(webhook) = webhook::store::find(&tx, id).await? else { return Ok(None) };
        let mut reserved = None;
        if webhook.is_enabled() && machines::acts(&tx, webhook.integrator()).await? {
            reserved = delivery::store::reserve_next(&tx, id).await?;
        } else {
            delivery::store::give_up(&tx, id).await?;
        }
        tx.commit().await?;
        Ok(reserved.map(|delivery| (webhook, delivery)))
    }

    /// Writes what became of a delivery. Where it has not arrived, what else waits for its webhook is not tried at once. Returns whether it
    /// has arrived.
    async fn record(&self, ctx: &Ctx, mut delivery: Delivery, status: Option<u16>) -> Result<bool> {
        let tx = self.store.change(ctx).await?;
        let Some(mut webhook) = webhook::store::find_to_change(&tx, delivery.webhook()).await? else {
            return Ok(false);
        };
        let has_arrived = delivery.sent(ctx.now(), status);
        delivery::store::save(&tx, &delivery).await?;
        if webhook.told(ctx.now(), has_arrived) {
            delivery::store::give_up(&tx, webhook.id()).await?;
            warn(&tx, &webhook).await?;
        } else if !has_arrived {
            delivery::store::put_off(&tx, webhook.id()).await?;
        }
        webhook::store::save(&tx, &webhook).await?;
        tx.commit().await?;
        Ok(has_arrived)
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
