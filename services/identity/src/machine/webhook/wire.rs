//! Webhooks as messages.

use platform::wire;
use proto::identity::v1 as pb;

use super::{Topic, Webhook};

impl From<Webhook> for pb::Webhook {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id.to_string(),
            integrator_id: webhook.integrator.to_string(),
            url: webhook.url,
            event_types: webhook.topics.into_iter().map(|topic| Topic::word(topic).to_owned()).collect(),
            created_at: Some(wire::timestamp(webhook.created_at)),
            former_secret_until: webhook.former.map(|(_, until)| wire::timestamp(until)),
            failing_since: webhook.failing_since.map(wire::timestamp),
            disabled_at: webhook.disabled_at.map(wire::timestamp),
        }
    }
}
