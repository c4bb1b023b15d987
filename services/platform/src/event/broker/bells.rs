//! The bells of watchers between processes: messages for the processes that listen now, which the broker does not store.

use std::collections::BTreeSet;

use async_nats::connection::State;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Broker;
use crate::{Store, watch::Place};

impl Broker {
    /// Sends the bells of a service's store to the other processes with this service, and receives theirs, until `stop` is
    /// cancelled. Whenever the connection is established, all watchers are woken, because a bell may have been missed.
    pub(crate) async fn carry_bells(self, store: Store, stop: CancellationToken) {
        let (rung, mut ringing) = mpsc::unbounded_channel();
        store.bells().carry(rung);
        let (mut connected, service) = (self.0.connected.clone(), store.service());
        let subscribed = self.0.client.subscribe(format!("koine-watch.*.{service}"));
        let Some(Ok(mut heard)) = stop.run_until_cancelled(subscribed).await else { return };
        let mut left = BTreeSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(place) = ringing.recv() => self.ring(service, place, &mut left).await,
                Some(message) = heard.next() => {
                    if let Some(place) = place(&message) {
                        store.bells().heard(&place);
                    }
                }
                Ok(()) = connected.changed() => {
                    store.bells().all();
                    for place in std::mem::take(&mut left) {
                        self.ring(service, place, &mut left).await;
                    }
                }
                else => return,
            }
        }
    }

    /// Sends a bell. Without a connection it is added to `left`, to be sent when there is one again: the other processes may have kept
    /// theirs, and would not look by themselves.
    pub(super) async fn ring(&self, service: &str, place: Place, left: &mut BTreeSet<Place>) {
        let (tenant, topic) = place.clone();
        let sent = match self.0.client.connection_state() {
            State::Connected => {
                let bell = self.0.client.publish(format!("koine-watch.{tenant}.{service}"), topic.into());
                self.asked(bell).await.is_ok()
            }
            _ => false,
        };
        if !sent {
            left.insert(place);
        }
    }
}

fn place(message: &async_nats::Message) -> Option<Place> {
    let tenant = message.subject.split('.').nth(1)?.parse().ok()?;
    Some((tenant, String::from_utf8(message.payload.to_vec()).ok()?))
}
