//! Deliveries as messages.

use platform::wire;
use proto::identity::v1 as pb;

use super::Delivery;

impl From<Delivery> for pb::WebhookDelivery {
    fn from(delivery: Delivery) -> Self {
        let state = match (delivery.delivered_at, delivery.due_at) {
            (Some(_), _) => pb::WebhookDeliveryState::Delivered,
            (None, Some(_)) => pb::WebhookDeliveryState::Pending,
            (None, None) => pb::WebhookDeliveryState::Failed,
        };
        Self {
            id: delivery.id.to_string(),
            event_type: delivery.topic,
            state: state.into(),
            created_at: Some(wire::timestamp(delivery.created_at)),
            attempts: delivery.attempts,
            last_attempt_at: delivery.last_attempt_at.map(wire::timestamp),
            last_status: delivery.last_status,
        }
    }
}
