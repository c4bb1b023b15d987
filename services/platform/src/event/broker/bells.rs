//! The bells of watchers between processes: messages for the processes that listen now, which the broker does not store.

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
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(place) = ringing.recv() => self.ring(service, place).await,
                Some(message) = heard.next() => {
                    if let Some(place) = place(&message) {
                        store.bells().heard(&place);
                    }
                }
                Ok(()) = connected.changed() => store.bells().all(),
                else => return,
            }
        }
    }

    async fn ring(&self, service: &str, (tenant, topic): Place) {
        // without a connection it is not carried: when one comes about, all look
        if self.0.client.connection_state() == State::Connected {
            let _ = self.asked(self.0.client.publish(format!("koine-watch.{tenant}.{service}"), topic.into())).await;
        }
    }
}

fn place(message: &async_nats::Message) -> Option<Place> {
    let tenant = message.subject.split('.').nth(1)?.parse().ok()?;
    Some((tenant, String::from_utf8(message.payload.to_vec()).ok()?))
}
