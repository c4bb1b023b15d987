//! Receives facts from other processes.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{AckKind, Message};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::{Broker, fact};
use crate::{
    Error, Result, Tenant, TenantId, Tenants,
    event::{Bus, catalogue::Entry},
};

/// How often new tenants are looked for, and the pause after a failure.
const LOOK: Duration = Duration::from_secs(1);
/// How long one request for the next fact waits, and how often the broker sends a heartbeat meanwhile.
const ASKED: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The longest pause before a fact that could not be stored is delivered again.
const LONGEST: Duration = Duration::from_secs(30);

/// Receives the facts that services of this process handle and others publish.
#[derive(Clone)]
pub(crate) struct Receiving {
    broker: Broker,
    bus: Bus,
    tenants: Tenants,
    /// Each fact, with a service that handles it.
    facts: Vec<(Entry, String)>,
}

impl Receiving {
    /// Receives these facts, each for a service that handles it, in all tenants.
    pub(crate) fn new(broker: Broker, bus: Bus, tenants: Tenants, facts: Vec<(Entry, String)>) -> Self {
        Self { broker, bus, tenants, facts }
    }

    /// Receives until `stop` is cancelled, each tenant and each kind of fact separately. A delivery that has begun is completed.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut known: Vec<TenantId> = Vec::new();
        let mut receiving = FuturesUnordered::new();
        loop {
            for tenant in
                self.tenants.all().iter().filter(|tenant| !known.contains(tenant.id())).cloned().collect::<Vec<_>>()
            {
                known.push(tenant.id().clone());
                receiving.extend(
                    self.facts.iter().map(|(entry, service)| self.receive(tenant.id().clone(), entry, service, &stop)),
                );
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(gone) = receiving.next() => known.retain(|tenant| *tenant != gone),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        while receiving.next().await.is_some() {}
    }

    /// Receives one kind of fact in one tenant, until the tenant is removed. Returns the tenant.
    async fn receive(&self, tenant: TenantId, entry: &Entry, service: &str, stop: &CancellationToken) -> TenantId {
        while !stop.is_cancelled() && self.tenants.get(tenant.as_str()).is_ok() {
            if let Err(error) = self.some(&tenant, entry, service, stop).await {
                self.broker.forget();
                tracing::warn!(%tenant, event = %entry.name, ?error, "facts cannot be received now; tried again");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
        tenant
    }

    /// Receives until the tenant is removed or `stop` is cancelled. Error: unreachable, where the broker is.
    async fn some(&self, tenant: &TenantId, entry: &Entry, service: &str, stop: &CancellationToken) -> Result<()> {
        let consumer = self.broker.consumer(tenant, entry, service).await?;
        let facts = consumer.stream().max_messages_per_batch(1).expires(ASKED).heartbeat(HEARTBEAT);
        let mut facts = self.broker.asked(facts.messages()).await?;
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                next = tokio::time::timeout(ASKED, facts.next()) => next,
            };
            let Ok(tenant) = self.tenants.get(tenant.as_str()) else { return Ok(()) };
            match next {
                Ok(Some(message)) => self.take(&tenant, service, &message.map_err(Error::unreachable)?).await?,
                Ok(None) => return Err(Error::unreachable("the broker has closed the consumer")),
                // no fact arrived: receive again, if the tenant still exists
                Err(_) => {}
            }
        }
    }

    /// Brings one fact to its handlers, and acknowledges it when their inboxes or backlogs are written. Where they cannot be, it
    /// comes again.
    pub(super) async fn take(&self, tenant: &Arc<Tenant>, service: &str, message: &Message) -> Result<()> {
        let Some(fact) = fact(message) else {
            tracing::error!(subject = %message.subject, "not a fact of ours: it is taken out of the stream");
            return self.broker.asked(message.ack_with(AckKind::Term)).await;
        };
        let mut delivering = std::pin::pin!(self.bus.deliver(tenant, &fact, Some(service)));
        let half = Duration::from_secs(self.broker.0.settings.ack_wait_seconds) / 2;
        let delivered = loop {
            tokio::select! {
                delivered = &mut delivering => break delivered,
                // the broker must not take us for dead and give it to somebody else
                () = tokio::time::sleep(half) => self.broker.asked(message.ack_with(AckKind::Progress)).await?,
            }
        };
        match delivered {
            Ok(()) => self.broker.asked(message.double_ack()).await,
            Err(error) => {
                let before = message.info().map_or(1, |info| info.delivered).clamp(0, 6);
                let pause = Duration::from_secs(1 << before).min(LONGEST);
                tracing::error!(tenant = %tenant.id(), event = %fact.name, id = %fact.id, ?error,
                    "fact not handled: it comes again");
                self.broker.asked(message.ack_with(AckKind::Nak(Some(pause)))).await
            }
        }
    }
}
