//! Facts between processes: NATS with JetStream.
//!
//! All facts are in one stream. The subject of a fact is `koine.<tenant>.<service>.<Event>`, with the service that publishes it.
//! Each service that handles a fact has a durable consumer for each tenant, which receives one fact at a time, so the order within
//! a tenant and subject is kept. The stream keeps a fact until all of its consumers have acknowledged it, however long that takes.
//! The process that needs the stream or a consumer first creates it, whether it publishes or handles.
//!
//! A fact is removed from its outbox when the broker has acknowledged it, and is acknowledged to the broker when the inbox, or the
//! backlog of a handler that failed, is committed. Only the message that `event.proto` declares is sent, with its id, instant and
//! trace.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{
    Client, Event, HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{
        self, Context,
        consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
        stream::{DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Settings, Told, catalogue::Entry};
use crate::{Error, Result, TenantId, tls};

mod bells;
mod connect;
mod receive;

pub(crate) use receive::Receiving;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take once the process is told to end. What it has not acknowledged then comes again.
const LAST: Duration = Duration::from_secs(1);
/// How long the broker remembers what it was given, so that a fact given twice is kept once. Later the inbox sees to that.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The headers of a fact, besides its id and its `traceparent`.
const NAME: &str = "Koine-Event";
const AT: &str = "Koine-At";
const TRACE: &str = "traceparent";

/// A connection to the broker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Broker(Arc<Inner>);

struct Inner {
    client: Client,
    stream: Context,
    settings: Settings,
    /// The names of the stream and the consumers that are known to exist.
    made: Mutex<BTreeSet<String>>,
    /// Changes whenever the connection is established.
    connected: tokio::sync::watch::Receiver<()>,
    /// Is cancelled when the process is told to end.
    stop: CancellationToken,
}

impl Broker {
    /// Connects in the background, and again whenever it must. After `stop` is cancelled nobody waits long for it. Error: internal,
    /// naming the setting that cannot be.
    pub(crate) async fn connect(
        settings: &Settings,
        tls: Option<&tls::Settings>,
        name: &str,
        stop: CancellationToken,
    ) -> Result<Self> {
        let (up, connected) = tokio::sync::watch::channel(());
        let options = connect::options(settings, tls)?.name(name).no_echo().retry_on_initial_connect();
        let options = options.event_callback(move |event| {
            told(&event);
            if event == Event::Connected {
                up.send_replace(());
            }
            std::future::ready(())
        });
        let client = options.connect(connect::servers(settings)?).await.map_err(Error::internal)?;
        let mut stream = jetstream::new(client.clone());
        stream.set_timeout(PATIENCE);
        let made = Mutex::default();
        Ok(Self(Arc::new(Inner { client, stream, settings: settings.clone(), made, connected, stop })))
    }

    /// Gives a fact to the broker, for the services that handle it. Returns when the broker has stored it. Error: unreachable.
    pub(crate) async fn publish(
        &self,
        tenant: &TenantId,
        fact: &Told,
        entry: &Entry,
        consumers: impl Iterator<Item = &str>,
    ) -> Result<()> {
        for consumer in consumers {
            self.ensure(tenant, entry, consumer).await?;
        }
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, fact.id.to_string());
        headers.insert(NAME, fact.name.as_str());
        headers.insert(AT, fact.at.as_microsecond().to_string());
        if let Some(trace) = &fact.trace {
            headers.insert(TRACE, trace.as_str());
        }
        let (subject, body) = (subject(tenant, entry), fact.body.clone().into());
        let kept = async { self.0.stream.publish_with_headers(subject, headers, body).await?.await };
        self.asked(kept).await.map(drop).inspect_err(|_| self.forget())
    }

    /// Creates a consumer, and its stream, unless they are known to exist.
    async fn ensure(&self, tenant: &TenantId, entry: &Entry, consumer: &str) -> Result<()> {
        let name = durable(tenant, entry, consumer);
        if !self.made().contains(&name) {
            self.consumer(tenant, entry, consumer).await?;
        }
        Ok(())
    }

    /// Creates the stream, or updates it to the settings, unless it is known to exist.
    async fn ensure_stream(&self) -> Result<()> {
        let Settings { stream, replicas, max_bytes, .. } = &self.0.settings;
        if self.made().contains(stream) {
            return Ok(());
        }
        let config = jetstream::stream::Config {
            name: stream.clone(),
            description: Some("The facts of Koine, until each of their consumers has acknowledged them".to_owned()),
            subjects: vec!["koine.*.*.*".to_owned()],
            retention: RetentionPolicy::Interest,
            // where the stream is full it refuses new facts, which stay in their outboxes, and loses none
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            num_replicas: *replicas,
            max_bytes: *max_bytes,
            duplicate_window: REMEMBERED,
            ..Default::default()
        };
        self.asked(self.0.stream.create_or_update_stream(config)).await?;
        self.made().insert(stream.clone());
        Ok(())
    }

    /// The consumer for a fact, a handling service and a tenant. It and its stream are created, or updated to the settings, where
    /// needed.
    async fn consumer(&self, tenant: &TenantId, entry: &Entry, consumer: &str) -> Result<Consumer<pull::Config>> {
        self.ensure_stream().await?;
        let Settings { stream, ack_wait_seconds, .. } = &self.0.settings;
        let name = durable(tenant, entry, consumer);
        let config = pull::Config {
            durable_name: Some(name.clone()),
            description: Some(format!("{} for {consumer} in {tenant}", entry.name)),
            filter_subject: subject(tenant, entry),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(*ack_wait_seconds),
            // facts that handlers failed to handle are in their backlogs; only those that could not be stored are delivered again
            max_deliver: -1,
            max_ack_pending: 1,
            ..Default::default()
        };
        let made = self.asked(self.0.stream.create_consumer_on_stream(config, stream)).await?;
        self.made().insert(name);
        Ok(made)
    }

    /// Forgets what is known to exist, where something is missing: it is created again when it is needed.
    fn forget(&self) {
        self.made().clear();
    }

    /// Waits for the broker, which takes nothing while it is away and its queue is full: every wait for it is one of these. Error:
    /// unreachable, in time also where the process is told to end.
    async fn asked<T, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        &self,
        question: impl Future<Output = std::result::Result<T, E>>,
    ) -> Result<T> {
        let ending = async {
            self.0.stop.cancelled().await;
            tokio::time::sleep(LAST).await;
        };
        tokio::select! {
            answer = question => answer.map_err(Error::unreachable),
            () = ending => Err(Error::unreachable("the process ends")),
            () = tokio::time::sleep(PATIENCE) => Err(Error::unreachable("the broker does not answer")),
        }
    }

    /// Closes the connection after everything was sent.
    pub(crate) async fn close(&self) {
        // what the broker has not acknowledged is in the outbox still
        let _ = self.asked(self.0.client.drain()).await;
    }

    fn made(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The subject of a fact: `koine.it.identity.TeamMoved`.
fn subject(tenant: &TenantId, entry: &Entry) -> String {
    format!("koine.{tenant}.{}.{}", entry.producer, entry.short())
}

/// The name of a consumer: `lessons-it-identity-TeamMoved`.
fn durable(tenant: &TenantId, entry: &Entry, consumer: &str) -> String {
    format!("{consumer}-{tenant}-{}-{}", entry.producer, entry.short())
}

/// The fact in a message. None, where the message is not a fact.
fn fact(message: &async_nats::Message) -> Option<Told> {
    let headers = message.headers.as_ref()?;
    let text = |name: &str| headers.get(name).map(|value| value.as_str());
    Some(Told {
        id: headers.get(NATS_MESSAGE_ID)?.as_str().parse().ok()?,
        name: text(NAME)?.to_owned(),
        body: message.payload.to_vec(),
        trace: text(TRACE).map(str::to_owned),
        at: Timestamp::from_microsecond(text(AT)?.parse().ok()?).ok()?,
    })
}

/// Logs a change of the connection.
fn told(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to the broker"),
        Event::Disconnected => tracing::warn!("the broker is away: facts for other processes wait in their outboxes"),
        Event::ServerError(error) => tracing::error!(%error, "the broker refuses"),
        Event::ClientError(error) => tracing::warn!(%error, "the broker cannot be reached"),
        Event::SlowConsumer(_) | Event::LameDuckMode | Event::Draining | Event::Closed => {}
    }
}

#[cfg(test)]
mod tests;
