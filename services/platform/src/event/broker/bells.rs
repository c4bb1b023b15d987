//! The bells of watchers between processes: messages for the processes that listen now, which the broker does not store.

use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Broker;
use crate::{Store, TenantId};

impl Broker {
    /// Sends the bells of a service's store to the other processes with this service, and receives theirs, until `stop` is
    /// cancelled. Whenever the connection is established, all watchers are woken, because a bell may have been missed.
    pub(crate) async fn carry_bells(self, store: Store, stop: CancellationToken) {
        let (rung, mut ringing) = mpsc::unbounded_channel();
        store.bells().carry(rung);
        let (client, service) = (self.0.client.clone(), store.service());
        let mut connected = self.0.connected.clone();
        let Ok(mut heard) = client.subscribe(format!("koine-watch.*.{service}")).await else { return };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some((tenant, topic)) = ringing.recv() => {
                    // without a connection it is not carried: when one comes about, all look
                    let _ = client.publish(format!("koine-watch.{tenant}.{service}"), topic.into()).await;
                }
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
}

fn place(message: &async_nats::Message) -> Option<(TenantId, String)> {
    let tenant = message.subject.split('.').nth(1)?.parse().ok()?;
    Some((tenant, String::from_utf8(message.payload.to_vec()).ok()?))
}
