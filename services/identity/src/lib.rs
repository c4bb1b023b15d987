//! Identity: accounts, sign-in, schools, applications and teams, and who may visit a twinning programme.
//!
//! The folders are rooms, in this order: `post`, `country`, `school`, `password`, `account`, `mandate`, `session`, `machine`, `class`, `membership`,
//! `across`. A room imports the rooms before it and none after; `across` holds what takes several of them in one transaction. A
//! slice is `team.rs` (the rules, without wire and database), `team/wire.rs` (messages), `team/store.rs` (rows) and `team/api.rs`
//! (the methods, in five steps each). Only this file imports an `api`.

use platform::{Error, Host, Result, Service, event::Handlers, outbound::Outbound};
use proto::identity::v1::{
    account_service_server::AccountServiceServer, application_service_server::ApplicationServiceServer,
    audit_service_server::AuditServiceServer, confirmation_service_server::ConfirmationServiceServer,
    data_subject_service_server::DataSubjectServiceServer, factor_service_server::FactorServiceServer,
    file_service_server::FileServiceServer, integrator_service_server::IntegratorServiceServer,
    invitation_service_server::InvitationServiceServer, mandate_service_server::MandateServiceServer,
    membership_service_server::MembershipServiceServer, passkey_service_server::PasskeyServiceServer,
    provider_service_server::ProviderServiceServer, retention_service_server::RetentionServiceServer,
    school_service_server::SchoolServiceServer, session_service_server::SessionServiceServer,
    team_service_server::TeamServiceServer, tenant_service_server::TenantServiceServer,
    territory_service_server::TerritoryServiceServer, webhook_service_server::WebhookServiceServer,
};
use serde::{Deserialize, Serialize};
use tonic::service::Routes;

use self::{
    account::{confirmation::api::Confirmations, factor, passkey},
    across::{
        audit, confirming, erasing, hooks, mailing, providing, providing::Broker, reminding, retention, sign_in,
        subject, visiting,
    },
    class::{application, file, team},
    machine::{integrator, webhook},
    mandate::invitation,
    password::{
        settings::{Hashing, Throttling},
        throttle::Throttle,
    },
    session::provider::api::Providers,
};

pub mod account;
mod across;
pub mod class;
pub mod country;
pub mod machine;
pub mod mandate;
pub mod membership;
mod password;
mod post;
pub mod reason;
pub mod school;
pub mod session;
#[cfg(test)]
mod testing;

pub use across::coordinator::{Coordinator, create_coordinator, has_coordinator, invite_coordinator};
pub use across::factoring::reset_factor;
pub use across::subject::holdings;
pub use password::hasher::Hasher;

/// The section `[identity]` of the settings. (How long sessions and tokens are valid is in `[tokens]`.)
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The address under which people reach this installation. Links in mails begin with it, and passkeys are made for its domain: those of
    /// another domain work no longer. They need HTTPS, but for `localhost`.
    pub public_url: String,
    /// The limits for hashing passwords.
    pub hashing: Hashing,
    /// The rates for guesses and mails.
    pub throttle: Throttling,
    /// Which servers of others are told what has happened.
    pub webhooks: Webhooks,
}

/// The section `[identity.webhooks]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// For a developer: webhooks may also be `http` URLs of this machine's own addresses.
    pub to_this_machine: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            hashing: Hashing::default(),
            throttle: Throttling::default(),
            webhooks: Webhooks::default(),
        }
    }
}

/// The service.
pub fn service() -> Service {
    Service::new("identity")
        .settings::<Settings>()
        .tenants::<country::Country>()
        .routes(routes)
        .handlers(handlers)
        .signs_tokens()
        .rechecks(visiting::recheck)
}

fn routes(host: &Host) -> Result<Routes> {
    let settings: Settings = host.settings()?;
    let (store, keys) = (host.store.clone(), host.keys.clone());
    let hasher = Hasher::new(&settings.hashing)?;
    let throttle = Throttle::new(&settings.throttle, &host.clock);
    let signer = host.signer.clone().ok_or_else(|| Error::internal("identity signs tokens and was given no key"))?;
    let tokens = session::Tokens::new(signer, keys.clone(), &host.config.tokens);
    let accounts = account::api::Accounts {
        store: store.clone(),
        keys: keys.clone(),
        hasher: hasher.clone(),
        throttle: throttle.clone(),
        peers: host.peers.clone(),
        subjects: host.subjects(subject::holdings),
    };
    let confirmations = Confirmations { store: store.clone(), keys: keys.clone(), throttle: throttle.clone() };
    let mandates = mandate::api::Mandates { store: store.clone(), peers: host.peers.clone() };
    let invitations = invitation::api::Invitations {
        store: store.clone(),
        keys: keys.clone(),
        hasher: hasher.clone(),
        throttle: throttle.clone(),
        peers: host.peers.clone(),
    };
    let door = sign_in::Door { store: store.clone(), keys, hasher: hasher.clone(), throttle: throttle.clone() };
    let broker = Broker::new(&door, settings.public_url.clone())?;
    let providers = Providers { tokens: tokens.clone(), door: door.clone(), broker: broker.clone() };
    let sessions = session::api::Sessions { store: store.clone(), tokens: tokens.clone(), hasher, throttle, broker };
    let machines = of_machines(of_country(host), host, &settings, &tokens)?;
    let protected = protected(machines, &settings, door, &tokens);
    let memberships = membership::api::Memberships { store, border: host.border.clone(), tokens };
    let routes = protected
        .add_service(AccountServiceServer::new(accounts))
        .add_service(ConfirmationServiceServer::new(confirmations))
        .add_service(ProviderServiceServer::new(providers))
        .add_service(MandateServiceServer::new(mandates))
        .add_service(InvitationServiceServer::new(invitations))
        .add_service(SessionServiceServer::new(sessions))
        .add_service(MembershipServiceServer::new(memberships));
    Ok(known(routes, host))
}

/// The services by which people learn what is known and what was done.
fn known(routes: Routes, host: &Host) -> Routes {
    let subjects = subject::api::DataSubjects {
        store: host.store.clone(),
        subjects: host.subjects(subject::holdings),
        peers: host.peers.clone(),
    };
    routes
        .add_service(AuditServiceServer::new(audit::api::Audits { log: host.audit_log() }))
        .add_service(DataSubjectServiceServer::new(subjects))
        .add_service(RetentionServiceServer::new(retention::api::Retentions { store: host.store.clone() }))
}

/// The outside systems of a tenant.
fn of_machines(routes: Routes, host: &Host, settings: &Settings, tokens: &session::Tokens) -> Result<Routes> {
    let (store, keys) = (host.store.clone(), host.keys.clone());
    let integrators = integrator::api::Integrators { store: store.clone(), keys: keys.clone(), tokens: tokens.clone() };
    let outbound = Outbound::new(settings.webhooks.to_this_machine)?;
    Ok(routes
        .add_service(IntegratorServiceServer::new(integrators))
        .add_service(WebhookServiceServer::new(webhook::api::Webhooks { store, keys, outbound })))
}

/// What a country is, its schools, their classes and files.
fn of_country(host: &Host) -> Routes {
    let (store, keys, blobs, peers) = (&host.store, &host.keys, host.blobs.clone(), &host.peers);
    let applications =
        application::api::Applications { store: store.clone(), keys: keys.clone(), peers: peers.clone() };
    let teams = team::api::Teams { store: store.clone(), keys: keys.clone(), peers: peers.clone() };
    let countries = country::api::Countries { tenants: host.tenants.clone() };
    Routes::new(TenantServiceServer::new(countries.clone()))
        .add_service(TerritoryServiceServer::new(countries))
        .add_service(SchoolServiceServer::new(school::api::Schools { store: store.clone() }))
        .add_service(FileServiceServer::new(file::api::Files { store: store.clone(), blobs }))
        .add_service(ApplicationServiceServer::new(applications))
        .add_service(TeamServiceServer::new(teams))
}

/// What protects accounts beside the password.
fn protected(routes: Routes, settings: &Settings, door: sign_in::Door, tokens: &session::Tokens) -> Routes {
    let store = door.store.clone();
    let factors = factor::api::Factors { store: store.clone(), tokens: tokens.clone(), door: door.clone() };
    let site = passkey::Site::of(&settings.public_url);
    let passkeys = passkey::api::Passkeys { store, tokens: tokens.clone(), site, door };
    routes.add_service(FactorServiceServer::new(factors)).add_service(PasskeyServiceServer::new(passkeys))
}

fn handlers(host: &Host) -> Result<Handlers> {
    let settings: Settings = host.settings()?;
    let outbound = Outbound::new(settings.webhooks.to_this_machine)?;
    let mails = mailing::handlers(host, settings.public_url);
    let mails = retention::round::handlers(mails, host.store.clone(), host.subjects(subject::holdings));
    let mails = confirming::handlers(mails, host.store.clone());
    let mails = providing::handlers(mails, host.store.clone());
    let mails = hooks::handlers(mails, host, outbound);
    let files = file::bytes::handlers(mails, host.store.clone(), host.blobs.clone());
    let erasures = erasing::handlers(files, host.store.clone(), host.blobs.clone());
    Ok(reminding::handlers(erasures, host.store.clone(), host.border.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_has_its_default_and_what_nobody_knows_is_refused() {
        let settings: Settings = toml::from_str("throttle.login = { burst = 3, every_ms = 1000 }").unwrap();
        assert_eq!((settings.throttle.login.burst.get(), settings.throttle.address.burst.get()), (3, 50));
        assert_eq!((settings.hashing.threads.get(), settings.hashing.queue.get()), (2, 64));
        for text in ["colour = 1", "hashing.threads = 0", "throttle.login = { burst = 3 }"] {
            assert!(toml::from_str::<Settings>(text).is_err(), "{text}");
        }
    }
}
