//! The methods on webhooks: open, load, decide, save, answer.

use jiff::SignedDuration;
use platform::{Open, PageRequest, Result, Store, outbound::Outbound, page::Sizes, secret::Keys};
use proto::identity::v1::{self as pb, webhook_service_server::WebhookService};
use tonic::{Request, Response, Status};

use super::{Webhook, delivery, store};
use crate::{across::machines, machine::integrator};

/// The methods on webhooks.
#[derive(Clone)]
pub struct Webhooks {
    /// Identity's data.
    pub store: Store,
    /// The keys secrets are derived with.
    pub keys: Keys,
    /// Says which URLs are called.
    pub outbound: Outbound,
}

const SIZES: Sizes = Sizes { usual: 50, most: 1_000 };

#[tonic::async_trait]
impl WebhookService for Webhooks {
    async fn create_webhook(
        &self,
        request: Request<pb::CreateWebhookRequest>,
    ) -> Result<Response<pb::CreateWebhookResponse>, Status> {
        let (ctx, req) = request.open()?;
        let may_be_called = self.outbound.takes(&req.url);
        let tx = self.store.write(&ctx).await?;
        let integrator = integrator::store::get_to_change(&tx, req.integrator_id.parse()?).await?;
        let tx = tx.allowed(integrator.kept_by(&ctx)?).await?;
        let others = store::of_integrator(&tx, integrator.id()).await?.len();
        let webhook = Webhook::create(&ctx, &integrator, others, (req.url, may_be_called), &req.event_types)?;
        store::insert(&tx, &webhook).await?;
        machines::tell(&tx, integrator.id());
        tx.note("make webhook", format!("webhook {}", webhook.id()), format!("integrator {}", integrator.id()));
        let secret = webhook.secret(&ctx, &self.keys);
        tx.answer(pb::CreateWebhookResponse { webhook: Some(webhook.into()), secret }).await
    }

    async fn list_webhooks(
        &self,
        request: Request<pb::ListWebhooksRequest>,
    ) -> Result<Response<pb::ListWebhooksResponse>, Status> {
        let (ctx, req) = request.open()?;
        let db = self.store.read(&ctx).await?;
        let integrator = integrator::store::get(&db, req.integrator_id.parse()?).await?;
        let webhooks = store::of_integrator(&db, integrator.id()).await?;
        let webhooks = webhooks.into_iter().map(pb::Webhook::from).collect();
        Ok(Response::new(pb::ListWebhooksResponse { webhooks }))
    }

    async fn delete_webhook(
        &self,
        request: Request<pb::DeleteWebhookRequest>,
    ) -> Result<Response<pb::DeleteWebhookResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let integrator = integrator::store::get(&tx, req.integrator_id.parse()?).await?;
        let webhook = store::get_to_change(&tx, integrator.id(), req.webhook_id.parse()?).await?;
        let tx = tx.allowed(integrator.seen_by(&ctx)?).await?;
        store::delete(&tx, webhook.id()).await?;
        tx.note("delete webhook", format!("webhook {}", webhook.id()), format!("integrator {}", integrator.id()));
        tx.answer(pb::DeleteWebhookResponse {}).await
    }

    async fn rotate_webhook_secret(
        &self,
        request: Request<pb::RotateWebhookSecretRequest>,
    ) -> Result<Response<pb::RotateWebhookSecretResponse>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let integrator = integrator::store::get(&tx, req.integrator_id.parse()?).await?;
        let mut webhook = store::get_to_change(&tx, integrator.id(), req.webhook_id.parse()?).await?;
        let tx = tx.allowed(integrator.kept_by(&ctx)?).await?;
        webhook.rotate(&ctx, SignedDuration::from_hours(req.overlap_hours.into()));
        store::save(&tx, &webhook).await?;
        machines::tell(&tx, integrator.id());
        tx.note("rotate webhook secret", format!("webhook {}", webhook.id()), "");
        let secret = webhook.secret(&ctx, &self.keys);
        tx.answer(pb::RotateWebhookSecretResponse { webhook: Some(webhook.into()), secret }).await
    }

    async fn enable_webhook(
        &self,
        request: Request<pb::EnableWebhookRequest>,
    ) -> Result<Response<pb::Webhook>, Status> {
        let (ctx, req) = request.open()?;
        let tx = self.store.write(&ctx).await?;
        let integrator = integrator::store::get(&tx, req.integrator_id.parse()?).await?;
        let mut webhook = store::get_to_change(&tx, integrator.id(), req.webhook_id.parse()?).await?;
        let tx = tx.allowed(integrator.seen_by(&ctx)?).await?;
        if webhook.enable() {
            store::save(&tx, &webhook).await?;
            tx.note("enable webhook", format!("webhook {}", webhook.id()), "");
        }
        tx.answer(webhook.into()).await
    }

    async fn list_webhook_deliveries(
        &self,
        request: Request<pb::ListWebhookDeliveriesRequest>,
    ) -> Result<Response<pb::ListWebhookDeliveriesResponse>, Status> {
        let (ctx, req) = request.open()?;
        let page = PageRequest::of(SIZES, &req)?;
        let db = self.store.read(&ctx).await?;
        let integrator = integrator::store::get(&db, req.integrator_id.parse()?).await?;
        let webhook = store::get(&db, integrator.id(), req.webhook_id.parse()?).await?;
        let page = delivery::store::list(&db, webhook.id(), page).await?.map(pb::WebhookDelivery::from);
        Ok(Response::new(pb::ListWebhookDeliveriesResponse { deliveries: page.items, next_page_token: page.next }))
    }
}
