//! What the services of a process share, and what each of them is given.

use std::sync::Arc;

use super::{
    Host, Readiness, Service,
    issuer::{self, ISSUER},
};
use crate::{
    Border, Clock, Error, Ids, Peers, Result, Store, Tasks, Tenants,
    blob::Blobs,
    border::Recheck,
    config::Config,
    ended::{Ended, Lookout},
    intake::Intake,
    layer::{Ground, Methods},
    mail::Mailer,
    secret::Keys,
    store::Budget,
    token::{KeySource, Signer, Verifier},
};

/// Shared by all services of a process.
pub(super) struct Common {
    pub(super) config: Arc<Config>,
    pub(super) readiness: Readiness,
    pub(super) tasks: Tasks,
    pub(super) tenants: Tenants,
    pub(super) peers: Peers,
    pub(super) clock: Clock,
    pub(super) ids: Ids,
    pub(super) keys: Keys,
    pub(super) signer: Option<Signer>,
    pub(super) budget: Budget,
    pub(super) intake: Intake,
    pub(super) ended: Ended,
}

impl Common {
    pub(super) fn host(&self, service: &Service) -> Result<Host> {
        let name = service.name;
        Ok(Host {
            name,
            config: self.config.clone(),
            tenants: self.tenants.clone(),
            border: Border::new(self.tenants.clone()),
            store: Store::telling(
                self.ended.clone(),
                name,
                self.config.store.engine()?,
                (self.budget.clone(), self.keys.clone()),
                service.schema,
            ),
            blobs: Blobs::new(&self.config.blobs, name, self.tasks.clone())?,
            mailer: Mailer::new(&self.config.mail)?,
            peers: self.peers.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            keys: self.keys.clone(),
            signer: self.signer.clone().filter(|_| service.signs_tokens),
            tasks: self.tasks.clone(),
            readiness: self.readiness.clone(),
            intake: self.intake.clone(),
        })
    }

    /// The lookout of the process. The service that signs tokens has ended every session that has; without it each service has heard.
    pub(super) fn lookout(&self, hosts: &[(&Service, Host)]) -> Lookout {
        let with_methods = hosts.iter().filter(|(service, _)| service.routes.is_some());
        let (own, others): (Vec<_>, Vec<_>) = with_methods.partition(|(service, _)| service.signs_tokens);
        let read = if own.is_empty() { others } else { own };
        let stores = read.into_iter().map(|(_, host)| host.store.clone()).collect();
        Lookout::new(self.ended.clone(), stores, self.clock.clone(), self.ids.clone(), self.tasks.clone())
    }

    /// The check of visitors. Error: internal, where a service has methods for visitors and there is no service to ask.
    pub(super) fn recheck(&self, service: &Service, methods: &Methods, host: &Host) -> Result<Recheck> {
        match service.recheck {
            Some(of) => of(host),
            // the service that the others ask does not ask itself
            None if service.name != ISSUER && self.peers.knows(ISSUER) => Ok(issuer::recheck(self.peers.clone())),
            None if methods.let_visitors_into(service.name) => Err(Error::internal(format!(
                "{}: lets visitors in, and nobody is there to say whether they still may",
                service.name
            ))),
            None => Ok(Recheck::nobody()),
        }
    }

    pub(super) fn ground(&self, methods: Arc<Methods>, recheck: Recheck, lookout: Lookout) -> Result<Ground> {
        let source = match &self.signer {
            Some(signer) => KeySource::fixed(vec![signer.public_jwk().clone()]),
            None if self.peers.knows(ISSUER) => issuer::keys(self.peers.clone()),
            None => return Err(Error::internal(format!("peers.{ISSUER}: is missing: it has the keys of the tokens"))),
        };
        Ok(Ground {
            methods,
            tenants: self.tenants.clone(),
            verifier: Verifier::new(&self.config.tokens, self.clock.clone(), source),
            lookout,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            limits: self.config.limits.clone(),
            intake: self.intake.clone(),
            recheck,
        })
    }
}
