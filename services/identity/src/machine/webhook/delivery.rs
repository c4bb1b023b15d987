//! What a webhook is told: a body of ids, how often it was sent, and what became of it.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Id};

use super::{Topic, Webhook};

pub(crate) mod store;
mod wire;

/// The hours after which something is sent again: after the first attempt, the second, and so on.
const WAITS: [i64; 7] = [1, 2, 4, 8, 16, 24, 24];

/// How long what comes while a webhook does not answer waits for it.
const PAUSE: SignedDuration = SignedDuration::from_hours(WAITS[0]);

/// How long another replica leaves alone what one is sending.
const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// Something that a webhook is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    id: Id<Delivery>,
    webhook: Id<Webhook>,
    topic: String,
    occurred_at: Timestamp,
    data: String,
    created_at: Timestamp,
    attempts: i32,
    last_attempt_at: Option<Timestamp>,
    last_status: i32,
    /// When it is sent again. None: it is not.
    due_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
}

/// What has happened, in ids.
#[derive(Clone, Debug)]
pub struct News {
    /// What kind it is of.
    pub topic: Topic,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The ids and numbers of it, as JSON.
    pub data: String,
}

impl Delivery {
    /// What is to be told to a webhook: at once, or, where it does not answer, after a pause, so that a server that is away costs little.
    pub fn new(ctx: &Ctx, webhook: &Webhook, news: &News) -> Self {
        Self {
            id: ctx.new_id(),
            webhook: webhook.id(),
            topic: news.topic.word().to_owned(),
            occurred_at: news.occurred_at,
            data: news.data.clone(),
            created_at: ctx.now(),
            attempts: 0,
            last_attempt_at: None,
            last_status: 0,
            due_at: Some(if webhook.is_failing() { ctx.now() + PAUSE } else { ctx.now() }),
            delivered_at: None,
        }
    }

    /// Its id for its reader.
    pub fn message_id(&self) -> String {
        format!("msg_{}", self.id.uuid().simple())
    }

    /// What is sent.
    pub fn body(&self) -> String {
        format!(r#"{{"type":"{}","timestamp":"{}","data":{}}}"#, self.topic, self.occurred_at, self.data)
    }

    /// It was sent, and answered with a status, or not at all. Returns whether it has arrived.
    pub fn sent(&mut self, now: Timestamp, status: Option<u16>) -> bool {
        let has_arrived = status.is_some_and(|status| (200..300).contains(&status));
        let wait = usize::try_from(self.attempts).ok().and_then(|attempts| WAITS.get(attempts));
        self.attempts += 1;
        self.last_attempt_at = Some(now);
        self.last_status = status.map_or(0, i32::from);
        self.delivered_at = has_arrived.then_some(now);
        let again = wait.map(|hours| now + SignedDuration::from_hours(*hours));
        self.due_at = again.filter(|_| !has_arrived);
        has_arrived
    }

    /// Whether it will be sent.
    #[cfg(test)]
    fn is_pending(&self) -> bool {
        self.due_at.is_some()
    }

    /// The webhook.
    pub fn webhook(&self) -> Id<Webhook> {
        self.webhook
    }
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::*;
    use crate::{
        machine::{
            Integrator,
            integrator::tests::{acting, holder, registration},
        },
        testing::Ground,
    };

    fn delivery(ground: &Ground) -> Delivery {
        let (coordinator, technician) = (holder(ground, Role::Coordinator), holder(ground, Role::Integrator));
        let by = acting(ground, &coordinator);
        let of = Integrator::register(&by, registration(&["teams.read"]), vec![technician]).unwrap();
        let url = ("https://hooks.portal.example/".to_owned(), true);
        let webhook = Webhook::create(&by, &of, 0, url, &["team.admitted".to_owned()]).unwrap();
        let occurred_at = "2026-03-02T10:00:00Z".parse().unwrap();
        let news = News { topic: Topic::TeamAdmitted, occurred_at, data: r#"{"teamId":"7"}"#.to_owned() };
        Delivery::new(&by, &webhook, &news)
    }

    #[test]
    fn what_does_not_arrive_is_sent_again_after_growing_waits_and_then_given_up() {
        let ground = Ground::without_store();
        let mut delivery = delivery(&ground);
        let mut now = ground.anybody().now();
        for hours in WAITS {
            assert!(!delivery.sent(now, Some(503)) && delivery.is_pending());
            assert_eq!(delivery.due_at, Some(now + SignedDuration::from_hours(hours)));
            now += SignedDuration::from_hours(hours);
        }
        assert!(!delivery.sent(now, None) && !delivery.is_pending());
        assert_eq!((delivery.attempts, delivery.last_status), (8, 0));
    }

    #[test]
    fn every_status_of_success_is_one_and_no_other() {
        let ground = Ground::without_store();
        for (status, arrives) in [(199, false), (200, true), (204, true), (299, true), (301, false), (410, false)] {
            let mut delivery = delivery(&ground);
            let now = ground.anybody().now();
            assert_eq!((delivery.sent(now, Some(status)), delivery.is_pending()), (arrives, !arrives), "{status}");
            assert_eq!(delivery.delivered_at.is_some(), arrives);
        }
        let body = r#"{"type":"team.admitted","timestamp":"2026-03-02T10:00:00Z","data":{"teamId":"7"}}"#;
        assert_eq!(delivery(&ground).body(), body);
    }
}
