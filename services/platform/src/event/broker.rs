//! Facts between processes: NATS with JetStream.
//!
//! All facts go into one stream, each under `koine.<tenant>.<service>.<Event>`, by the service that tells it. Who handles one has a
//! durable consumer for each tenant, which gets one fact after the other: the order of a tenant and a subject is kept. The stream
//! keeps a fact until all of its consumers have acknowledged it, however long that takes; whoever comes first, the one who tells or
//! the one who handles, makes stream and consumers.
//!
//! A fact leaves its outbox when the broker has acknowledged it, and is acknowledged when its inbox, or the backlog of a handler
//! that failed, is committed. Nothing travels but what `event.proto` says, and beside it the id, the instant and the trace.

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

use super::{Settings, Told, catalogue::Entry};
use crate::{Error, Result, TenantId, tls};

mod bells;
mod connect;
mod receive;

pub(crate) use receive::Receiving;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the broker remembers what it was given, so that a fact given twice is kept once. Later the inbox sees to that.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The headers of a fact, beside its id and its `traceparent`.
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
    /// The stream and the consumers that are known to be there.
    made: Mutex<BTreeSet<String>>,
    /// Changes whenever the connection comes about.
    connected: tokio::sync::watch::Receiver<()>,
}

impl Broker {
    /// Connects in the background, and again whenever it must. Error: internal, naming the setting that cannot be.
    pub(crate) async fn connect(settings: &Settings, tls: Option<&tls::Settings>, name: &str) -> Result<Self> {
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
        Ok(Self(Arc::new(Inner { client, stream, settings: settings.clone(), made, connected })))
    }

    /// Gives a fact to the broker, for the services that handle it. Comes back when the broker has it. Error: unreachable.
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
        let kept = tokio::time::timeout(PATIENCE, kept).await.map_err(Error::unreachable)?;
        kept.map(drop).map_err(|error| {
            self.forget();
            Error::unreachable(error)
        })
    }

    /// Makes the stream, and a consumer of it, if they are not known to be there.
    async fn ensure(&self, tenant: &TenantId, entry: &Entry, consumer: &str) -> Result<()> {
        let name = durable(tenant, entry, consumer);
        if !self.made().contains(&name) {
            self.consumer(tenant, entry, consumer).await?;
        }
        Ok(())
    }

    /// Makes the stream, or changes it to what the settings say, if it is not known to be there.
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
            // who cannot be heard keeps its facts in its outbox: none is lost to make room
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

    /// The consumer for a fact, a service that handles it, and a tenant. It is made, with its stream, or changed to what the
    /// settings say, where it has to be.
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
            // a fact that a handler cannot handle is in its backlog; what comes again is what nobody could write down
            max_deliver: -1,
            max_ack_pending: 1,
            ..Default::default()
        };
        let made = self.asked(self.0.stream.create_consumer_on_stream(config, stream)).await?;
        self.made().insert(name);
        Ok(made)
    }

    /// Something is not there that was made: it is made again when it is needed.
    fn forget(&self) {
        self.made().clear();
    }

    async fn asked<T, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        &self,
        question: impl Future<Output = std::result::Result<T, E>>,
    ) -> Result<T> {
        let answer = tokio::time::timeout(PATIENCE, question).await.map_err(Error::unreachable)?;
        answer.map_err(Error::unreachable)
    }

    /// Ends the connection, once what was sent has left.
    pub(crate) async fn close(&self) {
        // what the broker has not acknowledged is in the outbox still
        let _ = tokio::time::timeout(PATIENCE, self.0.client.drain()).await;
    }

    fn made(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `koine.it.identity.TeamMoved`.
fn subject(tenant: &TenantId, entry: &Entry) -> String {
    format!("koine.{tenant}.{}.{}", entry.producer, entry.short())
}

/// `lessons-it-identity-TeamMoved`: who, where, and what.
fn durable(tenant: &TenantId, entry: &Entry, consumer: &str) -> String {
    format!("{consumer}-{tenant}-{}-{}", entry.producer, entry.short())
}

/// The fact in a message. Nothing, where it is none of ours.
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

/// Says in the log what becomes of the connection.
fn told(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to the broker"),
        Event::Disconnected => tracing::warn!("the broker is away: facts for other processes wait in their outboxes"),
        Event::ServerError(error) => tracing::error!(%error, "the broker refuses"),
        Event::ClientError(error) => tracing::warn!(%error, "the broker cannot be reached"),
        Event::SlowConsumer(_) | Event::LameDuckMode | Event::Draining | Event::Closed => {}
    }
}
