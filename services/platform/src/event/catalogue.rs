//! The facts of the contract, and a check before a process starts that each reaches its consumers.

use std::collections::BTreeSet;

use prost::Name;
use prost_reflect::{DescriptorPool, MessageDescriptor, ServiceDescriptor};
use proto::{identity::v1::SessionsEnded, options::v1::Fact};

use super::Handlers;
use crate::{Error, Result};

/// The facts of the contract.
pub(crate) struct Catalogue {
    facts: Vec<Entry>,
    /// The services that have methods.
    services: BTreeSet<String>,
}

/// A fact that the contract declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its full name: `koine.identity.v1.TeamMoved`.
    pub(crate) name: String,
    /// The service that publishes it: `identity`.
    pub(crate) producer: String,
    /// The services that handle it.
    pub(crate) consumers: Vec<String>,
}

impl Entry {
    /// Its name without the package: `TeamMoved`.
    pub(crate) fn short(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

impl Catalogue {
    /// Reads the facts of a contract. Error: internal, where the option `fact` cannot be read.
    pub(crate) fn of(contract: &DescriptorPool) -> Result<Self> {
        let option = contract
            .get_extension_by_name("koine.options.v1.fact")
            .ok_or_else(|| Error::internal("the contract does not declare `koine.options.v1.fact`"))?;
        let facts = contract.all_messages().filter(|message| message.options().has_extension(&option));
        let entry = |message: MessageDescriptor| {
            let value = message.options().get_extension(&option).into_owned();
            let value = value.as_message().ok_or_else(|| Error::internal("`koine.options.v1.fact` is a message"))?;
            let Fact { consumers, .. } = value.transcode_to().map_err(Error::internal)?;
            let producer = service_of(message.package_name());
            Ok(Entry { name: message.full_name().to_owned(), producer, consumers })
        };
        let service = |one: ServiceDescriptor| service_of(one.package_name());
        Ok(Self {
            facts: facts.map(entry).collect::<Result<_>>()?,
            services: contract.services().map(service).collect(),
        })
    }

    /// The facts that services of this process publish and others handle, each with one of the others.
    pub(crate) fn leaving<'a>(&'a self, here: &'a [&str]) -> impl Iterator<Item = (&'a Entry, &'a str)> {
        let told = self.facts.iter().filter(|fact| is_one(here, &fact.producer));
        told.flat_map(|fact| fact.consumers.iter().map(move |consumer| (fact, consumer.as_str())))
            .filter(|(_, consumer)| !is_one(here, consumer))
    }

    /// The facts that services of this process handle and others publish, each with one that handles it.
    pub(crate) fn arriving<'a>(&'a self, here: &'a [&str]) -> impl Iterator<Item = (&'a Entry, &'a str)> {
        let elsewhere = self.facts.iter().filter(|fact| !is_one(here, &fact.producer));
        elsewhere
            .flat_map(|fact| fact.consumers.iter().map(move |consumer| (fact, consumer.as_str())))
            .filter(|(_, consumer)| is_one(here, consumer))
    }

    /// Checks that every fact that the services of this process publish or handle reaches its consumers. Error: internal, with all
    /// faults: a handler of a service that the fact does not name, a named service without a handler, a service that verifies tokens
    /// and does not hear of ended sessions, and, without a broker, a fact whose producer or consumer runs elsewhere.
    pub(crate) fn check(&self, here: &[&str], handlers: &[(&str, &Handlers)], broker: bool) -> Result<()> {
        let mut faults = self.deaf(here);
        for (service, handlers) in handlers {
            for handler in handlers.facts.iter().filter(|handler| !handler.consumers.contains(service)) {
                faults.push(format!(
                    "{}: does not name `{service}` as its consumer, whose handler `{}` waits for it: add it to the option `fact`",
                    handler.event, handler.name
                ));
            }
        }
        for fact in &self.facts {
            for consumer in fact.consumers.iter().filter(|consumer| is_one(here, consumer)) {
                let theirs = handlers.iter().filter(|(service, _)| service == consumer);
                if !theirs.flat_map(|(_, handlers)| &handlers.facts).any(|handler| handler.event == fact.name) {
                    faults.push(format!(
                        "{}: names `{consumer}` as its consumer, which has no handler for it",
                        fact.name
                    ));
                }
            }
        }
        if !broker {
            let lost = |(fact, other): (&Entry, &str), what: &str| {
                format!(
                    "events.nats: is missing: {} {what} `{other}`, which runs elsewhere, and would be lost",
                    fact.name
                )
            };
            faults.extend(self.leaving(here).map(|leaving| lost(leaving, "is for")));
            faults.extend(self.arriving(here).map(|(fact, _)| lost((fact, &fact.producer), "comes from")));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::internal(faults.join("\n"))) }
    }

    /// The services of this process that would go on letting in whose session has ended.
    fn deaf(&self, here: &[&str]) -> Vec<String> {
        let fact = self.facts.iter().find(|fact| fact.name == SessionsEnded::full_name());
        let hears = |service: &str| {
            fact.is_some_and(|fact| fact.producer == service || fact.consumers.iter().any(|one| one == service))
        };
        let deaf = here.iter().filter(|service| self.services.contains(**service) && !hears(service));
        deaf.map(|service| {
            format!(
                "{}: does not name `{service}` as its consumer, which verifies tokens: add it to the option `fact`",
                SessionsEnded::full_name()
            )
        })
        .collect()
    }
}

/// The service of a package: `identity` of `koine.identity.v1`.
fn service_of(package: &str) -> String {
    package.split('.').nth(1).unwrap_or_default().to_owned()
}

fn is_one(here: &[&str], service: &str) -> bool {
    here.contains(&service)
}

#[cfg(test)]
impl Handlers {
    /// Handlers for every fact that the contract says `service` handles, which do nothing.
    pub(crate) fn whole(service: &'static str) -> Self {
        let catalogue = Catalogue::of(&proto::descriptor()).unwrap();
        let mut handlers = Self::new();
        for fact in catalogue.facts.into_iter().filter(|fact| fact.consumers.iter().any(|one| one == service)) {
            // what a handler is for is a type, so one for another fact is made and told what it is for
            let mut one = Self::new().on("try", |_: crate::Ctx, _: SessionsEnded| std::future::ready(Ok(())));
            one.facts[0].event = fact.name;
            one.facts[0].consumers = if service == "lessons" { &["lessons"] } else { &["identity"] };
            handlers.facts.extend(one.facts);
        }
        handlers
    }
}

#[cfg(test)]
mod tests {
    use proto::lessons::v1::{FilesRemoved, ReminderDue};

    use super::*;
    use crate::Ctx;

    fn faults(here: &[&str], handlers: &[(&str, &Handlers)], broker: bool) -> Vec<String> {
        let catalogue = Catalogue::of(&proto::descriptor()).unwrap();
        let faults = catalogue.check(here, handlers, broker).err();
        faults.map_or_else(Vec::new, |error| crate::config::text_of(&error).lines().map(str::to_owned).collect())
    }

    #[test]
    fn a_process_whose_facts_all_find_their_way_starts() {
        let (identity, lessons) = (Handlers::whole("identity"), Handlers::whole("lessons"));
        assert!(identity.facts.len() > 5 && lessons.facts.len() > 2);
        assert!(faults(&["identity", "lessons"], &[("identity", &identity), ("lessons", &lessons)], false).is_empty());
        assert!(faults(&["gateway"], &[], false).is_empty());
        assert!(faults(&["identity"], &[("identity", &identity)], true).is_empty());
    }

    #[test]
    fn a_fact_whose_other_end_runs_elsewhere_is_named_where_there_is_no_broker() {
        let identity = Handlers::whole("identity");
        let faults = faults(&["identity"], &[("identity", &identity)], false);
        for lost in [
            "koine.identity.v1.TeamMoved is for `lessons`, which runs elsewhere, and would be lost",
            "koine.lessons.v1.ReminderDue comes from `lessons`, which runs elsewhere, and would be lost",
        ] {
            assert!(faults.contains(&format!("events.nats: is missing: {lost}")), "{lost}: {faults:?}");
        }
        assert!(faults.iter().all(|fault| fault.starts_with("events.nats: is missing: ")), "{faults:?}");
    }

    #[test]
    fn a_handler_the_fact_does_not_name_and_a_name_without_a_handler_are_refused() {
        let mut lessons = Handlers::whole("lessons");
        lessons.facts.retain(|handler| handler.event != FilesRemoved::full_name());
        let lessons = lessons.on("mine too", |_: Ctx, _: ReminderDue| std::future::ready(Ok(())));
        let faults = faults(&["lessons"], &[("lessons", &lessons)], true);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].starts_with("koine.lessons.v1.ReminderDue: does not name `lessons`"), "{faults:?}");
        assert!(faults[1].starts_with("koine.lessons.v1.FilesRemoved: names `lessons`"), "{faults:?}");
    }

    #[test]
    fn a_service_that_verifies_tokens_and_does_not_hear_of_ended_sessions_is_refused() {
        let mut catalogue = Catalogue::of(&proto::descriptor()).unwrap();
        assert!(catalogue.deaf(&["identity", "lessons", "gateway"]).is_empty());
        let fact = catalogue.facts.iter_mut().find(|fact| fact.name == SessionsEnded::full_name()).unwrap();
        fact.consumers.clear();
        let faults = catalogue.deaf(&["identity", "lessons", "gateway"]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("koine.identity.v1.SessionsEnded: does not name `lessons`"), "{faults:?}");
    }
}
