//! Webhooks: servers of an integrator that are told what has happened, by the rules of Standard Webhooks. What they are told is a closed
//! list, [`Topic`], and holds ids alone.

use jiff::{SignedDuration, Timestamp};
use platform::{Ctx, Error, Id, Result, Violations, error::Shared, secret::Keys};

use super::Integrator;

pub mod api;
pub(crate) mod delivery;
mod signature;
pub(crate) mod store;
mod wire;

pub use delivery::Delivery;

/// The most webhooks of one integrator.
pub(crate) const MOST: usize = 10;

/// After how long without an answer a webhook is disabled.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(72);

/// What a webhook can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A class was admitted.
    TeamAdmitted,
    /// The call of an edition was opened.
    CallOpened,
    /// A class has submitted a report, for the first time or again.
    ReportSubmitted,
}

/// The marker type of the id of a secret.
#[derive(Clone, Copy, Debug)]
pub enum Secret {}

/// A server that is told what has happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    id: Id<Webhook>,
    integrator: Id<Integrator>,
    url: String,
    topics: Vec<Topic>,
    secret: Id<Secret>,
    /// The secret before, and the instant until which it signs too.
    former: Option<(Id<Secret>, Timestamp)>,
    created_at: Timestamp,
    failing_since: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TeamAdmitted, Self::CallOpened, Self::ReportSubmitted];

    /// Its word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::TeamAdmitted => "team.admitted",
            Self::CallOpened => "call.opened",
            Self::ReportSubmitted => "report.submitted",
        }
    }

    /// The topic with a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.word() == word)
    }

    /// The scope that an integrator needs to be told.
    fn scope(self) -> &'static str {
        match self {
            Self::TeamAdmitted => "teams.read",
            Self::CallOpened => "editions.read",
            Self::ReportSubmitted => "deliveries.read",
        }
    }
}

impl Webhook {
    /// A webhook of an integrator, which has `others` already. `may_be_called` says whether we call URLs of this kind. Error: every
    /// violation at once: at `url`, `event_types`, `integrator_id`.
    pub fn create(
        ctx: &Ctx,
        integrator: &Integrator,
        others: usize,
        (url, may_be_called): (String, bool),
        types: &[String],
    ) -> Result<Self> {
        let mut violations = Violations::new();
        if others >= MOST {
            let text = format!("An integrator has at most {MOST} webhooks. Delete one that is not needed.");
            violations.add("integrator_id", Shared::FieldsInvalid, text);
        }
        if !may_be_called {
            let text = "Must be an `https` URL without a name of a user, such as https://hooks.portal.example/koine.";
            violations.add("url", Shared::FieldsInvalid, text);
        }
        let topics = topics(integrator, types, &mut violations);
        violations.done()?;
        Ok(Self {
            id: ctx.new_id(),
            integrator: integrator.id(),
            url,
            topics,
            secret: ctx.new_id(),
            former: None,
            created_at: ctx.now(),
            failing_since: None,
            disabled_at: None,
        })
    }

    /// Gives it another secret. The one before signs too for `overlap`.
    pub fn rotate(&mut self, ctx: &Ctx, overlap: SignedDuration) {
        self.former = Some((self.secret, ctx.now() + overlap)).filter(|_| !overlap.is_zero());
        self.secret = ctx.new_id();
    }

    /// Lets it be told again. Returns false where it is told anyway.
    pub fn enable(&mut self) -> bool {
        self.failing_since = None;
        self.disabled_at.take().is_some()
    }

    /// What it was told has arrived, or not. Returns whether it was disabled by that: nothing has arrived for three days.
    pub fn told(&mut self, now: Timestamp, has_arrived: bool) -> bool {
        if has_arrived {
            self.failing_since = None;
            return false;
        }
        let since = *self.failing_since.get_or_insert(now);
        let is_given_up = self.is_enabled() && now.duration_since(since) >= GIVEN_UP;
        if is_given_up {
            self.disabled_at = Some(now);
        }
        is_given_up
    }

    /// Whether the last thing that it was told did not arrive.
    pub fn is_failing(&self) -> bool {
        self.failing_since.is_some()
    }

    /// Since when nothing has arrived.
    pub fn failing_since(&self) -> Option<Timestamp> {
        self.failing_since
    }

    /// Whether it is told anything.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether it is told this.
    pub fn wants(&self, topic: Topic) -> bool {
        self.is_enabled() && self.topics.contains(&topic)
    }

    /// The text of its secret.
    pub fn secret(&self, ctx: &Ctx, keys: &Keys) -> String {
        signature::secret(ctx, keys, self.secret)
    }

    /// The headers of what it is told: id, instant and signatures, one by each secret that counts.
    pub fn headers(&self, ctx: &Ctx, keys: &Keys, delivery: &Delivery) -> [(&'static str, String); 3] {
        let (id, second, body) = (delivery.message_id(), ctx.now().as_second(), delivery.body());
        let former = self.former.filter(|(_, until)| ctx.now() < *until).map(|(secret, _)| secret);
        let secrets = std::iter::once(self.secret).chain(former);
        let signed = secrets.map(|secret| signature::sign(ctx, keys, secret, &format!("{id}.{second}.{body}")));
        let signed = signed.collect::<Vec<_>>().join(" ");
        [("webhook-id", id), ("webhook-timestamp", second.to_string()), ("webhook-signature", signed)]
    }

    /// When it was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Its id.
    pub fn id(&self) -> Id<Self> {
        self.id
    }

    /// The integrator.
    pub fn integrator(&self) -> Id<Integrator> {
        self.integrator
    }

    /// Where it is told.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The topics that are asked for, each once. Adds a violation for each that there is not, or for which the integrator lacks the scope.
fn topics(integrator: &Integrator, types: &[String], violations: &mut Violations) -> Vec<Topic> {
    let mut topics = Vec::new();
    for word in types {
        match Topic::of_word(word) {
            None => {
                let all = Topic::ALL.map(Topic::word).join(", ");
                violations.add("event_types", Shared::FieldsInvalid, format!("`{word}` is none of: {all}."));
            }
            Some(topic) if !integrator.scopes().has(topic.scope()) => {
                let text = format!("`{word}` needs the scope `{}`, which this integrator lacks.", topic.scope());
                violations.add("event_types", Shared::FieldsInvalid, text);
            }
            Some(topic) => topics.push(topic),
        }
    }
    topics.sort_unstable();
    topics.dedup();
    topics
}

/// The error for a webhook that the integrator does not have.
pub(crate) fn unknown() -> Error {
    Error::not_found("webhook")
}

#[cfg(test)]
mod tests {
    use proto::options::v1::Role;

    use super::{
        super::integrator::tests::{acting, holder, registration},
        *,
    };
    use crate::testing::Ground;

    fn webhook(ground: &Ground, scopes: &[&str], types: &[&str]) -> Result<Webhook> {
        let (coordinator, technician) = (holder(ground, Role::Coordinator), holder(ground, Role::Integrator));
        let of = Integrator::register(&acting(ground, &coordinator), registration(scopes), vec![technician])?;
        let types: Vec<_> = types.iter().map(|word| (*word).to_owned()).collect();
        Webhook::create(&ground.anybody(), &of, 0, ("https://hooks.portal.example/".to_owned(), true), &types)
    }

    #[test]
    fn an_integrator_is_told_what_it_may_read() {
        let ground = Ground::without_store();
        let every = Topic::ALL.map(Topic::word);
        let all = webhook(&ground, &["deliveries.read", "editions.read", "teams.read"], &every).unwrap();
        assert!(Topic::ALL.iter().all(|topic| all.wants(*topic) && Topic::of_word(topic.word()) == Some(*topic)));
        let refused = webhook(&ground, &["schools.read"], &every).unwrap_err();
        assert_eq!(refused.violations().len(), 3);
        let one = webhook(&ground, &["teams.read"], &["team.admitted", "team.admitted"]).unwrap();
        assert!(one.wants(Topic::TeamAdmitted) && !one.wants(Topic::CallOpened));
    }

    #[test]
    fn three_days_without_an_answer_disable_it_and_an_answer_begins_anew() {
        let ground = Ground::without_store();
        let mut webhook = webhook(&ground, &["teams.read"], &["team.admitted"]).unwrap();
        let start = ground.anybody().now();
        let after = |hours| start + SignedDuration::from_hours(hours);
        assert!(!webhook.told(start, false) && !webhook.told(after(71), false));
        assert!(!webhook.told(after(71), true) && !webhook.told(after(72), false), "it answered in between");
        assert!(!webhook.told(after(143), false) && webhook.is_enabled());
        assert!(webhook.told(after(144), false) && !webhook.wants(Topic::TeamAdmitted));
        assert!(!webhook.told(after(145), false), "it is disabled once");
        assert!(webhook.enable() && !webhook.enable() && !webhook.is_failing());
    }
}
