//! A broker that is away, and takes nothing more.

use std::{collections::BTreeSet, time::Instant};

use async_nats::jetstream::Message;
use futures::FutureExt;

use super::*;
use crate::{
    Clock, Ids, Store, Tenants,
    event::{Bus, Handlers},
    secret::Keys,
    store::{Budget, Engine},
    tenant,
};

/// A connection to where nobody is.
async fn away(stop: &CancellationToken) -> Broker {
    let settings = Settings { nats: Some("nats://127.0.0.1:9".to_owned()), ..Settings::default() };
    Broker::connect(&settings, None, "test", stop.clone()).await.unwrap()
}

impl Broker {
    /// Gives it more than it keeps while it is away.
    fn fill(&self) {
        let publish = || tokio::task::unconstrained(self.0.client.publish("full", "".into())).now_or_never();
        while publish().is_some() {}
    }
}

fn store(folder: &tempfile::TempDir) -> Store {
    Store::new("lessons", Engine::Sqlite(folder.path().into()), Budget::new(1), Keys::random().unwrap(), None)
}

/// What ends before somebody loses patience with it.
async fn soon<T>(ending: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, ending).await.expect("it ends though the broker is away")
}

#[tokio::test]
async fn bells_are_carried_no_more_as_soon_as_the_process_ends_though_the_broker_takes_none() {
    let (stop, folder) = (CancellationToken::new(), tempfile::tempdir().unwrap());
    let (broker, store) = (away(&stop).await, store(&folder));
    let mut carrying = Box::pin(broker.clone().carry_bells(store.clone(), stop.clone()));
    assert!((&mut carrying).now_or_never().is_none());
    broker.fill();
    store.bells().ring(("it".parse().unwrap(), "deliveries".to_owned()));
    assert!((&mut carrying).now_or_never().is_none());
    stop.cancel();
    assert!(carrying.now_or_never().is_some());
}

#[tokio::test]
async fn a_bell_that_rings_without_a_connection_is_left_to_be_sent_later() {
    let (stop, folder) = (CancellationToken::new(), tempfile::tempdir().unwrap());
    let (broker, store) = (away(&stop).await, store(&folder));
    let place = ("it".parse().unwrap(), "deliveries".to_owned());
    let mut left = BTreeSet::new();
    for _ in 0..2 {
        broker.ring(store.service(), place.clone(), &mut left).await;
    }
    assert_eq!(left, BTreeSet::from([place]));
}

#[tokio::test]
async fn the_end_of_a_process_does_not_wait_for_a_broker_that_acknowledges_nothing() {
    let (stop, folder) = (CancellationToken::new(), tempfile::tempdir().unwrap());
    let broker = away(&stop).await;
    broker.fill();
    let (clock, tenants) = (Clock::system(), Tenants::load(folder.path(), Vec::new()).0);
    let bus = Bus::new(vec![(store(&folder), Handlers::new())], Settings::default(), clock.clone(), Ids::new(clock));
    let head = "kind = \"country\"\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"Europe/Rome\"\n";
    let tenant = Arc::new(tenant::parse(&"it".parse().unwrap(), head, &[]).unwrap());
    let receiving = Receiving::new(broker.clone(), bus, tenants, Vec::new());
    let message = async_nats::Message {
        subject: "koine.it.identity.TeamMoved".into(),
        reply: Some("$JS.ACK.koine.lessons.1.1.1.1.0".into()),
        payload: "".into(),
        headers: None,
        status: None,
        description: None,
        length: 0,
    };
    let message = Message { message, context: broker.0.stream.clone() };
    let begun = Instant::now();
    let mut acknowledged = Box::pin(receiving.take(&tenant, "lessons", &message));
    assert!((&mut acknowledged).now_or_never().is_none());
    stop.cancel();
    assert!(soon(acknowledged).await.is_err());
    soon(broker.close()).await;
    assert!(begun.elapsed() < PATIENCE, "the process waits no longer for the broker once it ends");
}
