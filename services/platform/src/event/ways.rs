//! The transport of facts from and to a process, with the bells of watchers.

use super::{
    Bus, Dispatcher, Handlers,
    broker::{Broker, Receiving},
    catalogue::{Catalogue, Entry},
};
use crate::{Clock, Config, Ids, Result, Store, Tasks, Tenants};

/// The transport of facts from and to the services of one process. Empty until [`Ways::open`].
#[derive(Default)]
pub(crate) struct Ways {
    stores: Vec<Store>,
    dispatchers: Vec<Dispatcher>,
    broker: Option<Broker>,
    receiving: Option<Receiving>,
}

impl Ways {
    /// The ways from and to the services that keep these stores, with their handlers and, if the settings name one, a broker, for
    /// which nobody waits long once the tasks end. Error: internal, with every fact that would not find its way, or the setting of the broker that cannot be.
    pub(crate) async fn open(
        config: &Config,
        stores: Vec<Store>,
        handlers: Vec<(Store, Handlers)>,
        (tenants, clock, ids): (Tenants, Clock, Ids),
        tasks: &Tasks,
    ) -> Result<Self> {
        let (settings, here) = (&config.events, stores.iter().map(Store::service).collect::<Vec<_>>());
        let theirs: Vec<_> = handlers.iter().map(|(store, handlers)| (store.service(), handlers)).collect();
        let catalogue = Catalogue::of(&proto::descriptor())?;
        catalogue.check(&here, &theirs, settings.nats.is_some())?;
        let mut bus = Bus::new(handlers, settings.clone(), clock.clone(), ids.clone());
        let (mut broker, mut receiving) = (None, None);
        if settings.nats.is_some() && !here.is_empty() {
            let name = format!("koine {}", here.join(" "));
            let there = Broker::connect(settings, config.tls.as_ref(), &name, tasks.token()).await?;
            let owned = |(fact, consumer): (&Entry, &str)| (fact.clone(), consumer.to_owned());
            bus = bus.with(there.clone(), catalogue.leaving(&here).map(owned).collect());
            let arriving = catalogue.arriving(&here).map(owned).collect();
            receiving = Some(Receiving::new(there.clone(), bus.clone(), tenants.clone(), arriving));
            broker = Some(there);
        }
        let dispatcher =
            |store: &Store| Dispatcher::new(store.clone(), bus.clone(), tenants.clone(), clock.clone(), ids.clone());
        Ok(Self { dispatchers: stores.iter().map(dispatcher).collect(), stores, broker, receiving })
    }

    /// The dispatchers of the services' outboxes.
    pub(crate) fn dispatchers(&self) -> &[Dispatcher] {
        &self.dispatchers
    }

    /// Starts the tasks that send and receive facts and carry the bells of watchers.
    pub(crate) fn run(&self, tasks: &Tasks) {
        for dispatcher in &self.dispatchers {
            tasks.spawn("dispatcher", dispatcher.clone().run(tasks.token()));
        }
        if let Some(receiving) = &self.receiving {
            tasks.spawn("facts", receiving.clone().run(tasks.token()));
        }
        if let Some(broker) = &self.broker {
            for store in &self.stores {
                tasks.spawn("bells", broker.clone().carry_bells(store.clone(), tasks.token()));
            }
        }
    }

    /// Closes the connection to the broker after everything was sent.
    pub(crate) async fn close(&self) {
        if let Some(broker) = &self.broker {
            broker.close().await;
        }
    }
}
