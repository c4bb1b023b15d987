//! Decides when a dispatcher looks at an outbox. Where facts were published here it looks at once and then often; where nothing
//! happens it looks seldom, so that the connections to a quiet tenant can close.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{Tenant, TenantId};

/// How often a lively outbox is looked at, for facts to be tried again.
pub(super) const OFTEN: Duration = Duration::from_secs(5);
/// How often a quiet outbox is looked at, for facts of a replica that died.
pub(super) const SELDOM: Duration = Duration::from_secs(300);
/// How long an outbox is lively after something happened in it.
const LATELY: Duration = Duration::from_secs(120);

/// The looks at the outboxes of all tenants, at most one at a time for each.
#[derive(Default)]
pub(super) struct Rounds(BTreeMap<TenantId, Round>);

struct Round {
    looking: bool,
    next: Instant,
    lively_until: Instant,
}

impl Rounds {
    /// The tenants to look at now. A tenant is not returned again before its look has [ended](Self::ended).
    pub(super) fn due(&mut self, tenants: Vec<Arc<Tenant>>, now: Instant) -> Vec<Arc<Tenant>> {
        self.0.retain(|id, round| round.looking || tenants.iter().any(|tenant| tenant.id() == id));
        tenants.into_iter().filter(|tenant| self.round(tenant.id(), now).begins(now)).collect()
    }

    /// Makes tenants in which facts were published due at once, and lively.
    pub(super) fn published(&mut self, tenants: BTreeSet<TenantId>, now: Instant) {
        for tenant in tenants {
            let round = self.round(&tenant, now);
            round.next = now;
            round.lively_until = now + LATELY;
        }
    }

    /// Notes that a look has ended. With `again` there are facts to be tried again, and the tenant stays lively.
    pub(super) fn ended(&mut self, tenant: &TenantId, again: bool, now: Instant) {
        let round = self.round(tenant, now);
        round.looking = false;
        if again {
            round.lively_until = now + LATELY;
        }
        let pause = if now < round.lively_until { OFTEN } else { SELDOM };
        // a tenant in which facts were published during the look is still due at once
        round.next = round.next.min(now + pause);
    }

    fn round(&mut self, tenant: &TenantId, now: Instant) -> &mut Round {
        self.0.entry(tenant.clone()).or_insert(Round { looking: false, next: now, lively_until: now })
    }
}

impl Round {
    fn begins(&mut self, now: Instant) -> bool {
        let begins = !self.looking && self.next <= now;
        if begins {
            self.looking = true;
            self.next = now + SELDOM;
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants(names: &[&str]) -> Vec<Arc<Tenant>> {
        let head = "kind = \"country\"\nname = \"Test\"\nlocales = [\"it\"]\nzone = \"Europe/Rome\"\n";
        let tenant = |name: &&str| Arc::new(crate::tenant::parse(&name.parse().unwrap(), head, &[]).unwrap());
        names.iter().map(tenant).collect()
    }

    struct Watch(Rounds, Instant);

    impl Watch {
        fn due(&mut self, names: &[&str]) -> Vec<String> {
            self.0.due(tenants(names), self.1).iter().map(|tenant| tenant.id().to_string()).collect()
        }

        fn ended(&mut self, name: &str, again: bool) {
            self.0.ended(&name.parse().unwrap(), again, self.1);
        }

        fn published(&mut self, name: &str) {
            self.0.published([name.parse().unwrap()].into(), self.1);
        }

        fn pass(&mut self, seconds: u64) {
            self.1 += Duration::from_secs(seconds);
        }
    }

    #[test]
    fn a_quiet_tenant_is_looked_at_seldom_and_a_lively_one_often() {
        let mut watch = Watch(Rounds::default(), Instant::now());
        assert_eq!(watch.due(&["it", "hr"]), ["it", "hr"]);
        watch.ended("it", false);
        watch.ended("hr", false);
        watch.pass(10);
        watch.published("it");
        assert_eq!(watch.due(&["it", "hr"]), ["it"]);
        watch.ended("it", false);
        assert_eq!(watch.due(&["it", "hr"]), [""; 0]);
        watch.pass(5);
        assert_eq!(watch.due(&["it", "hr"]), ["it"]);
        watch.ended("it", false);
        watch.pass(285);
        assert_eq!(watch.due(&["hr"]), ["hr"]);
    }

    #[test]
    fn a_tenant_is_looked_at_once_at_a_time_and_again_for_what_came_meanwhile() {
        let mut watch = Watch(Rounds::default(), Instant::now());
        assert_eq!(watch.due(&["it"]), ["it"]);
        watch.published("it");
        watch.pass(400);
        assert_eq!(watch.due(&["it"]), [""; 0]);
        watch.ended("it", false);
        assert_eq!(watch.due(&["it"]), ["it"]);
    }

    #[test]
    fn what_has_to_be_repeated_makes_a_tenant_lively() {
        let mut watch = Watch(Rounds::default(), Instant::now());
        watch.due(&["it"]);
        watch.ended("it", true);
        watch.pass(5);
        assert_eq!(watch.due(&["it"]), ["it"]);
    }
}
