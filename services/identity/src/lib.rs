//! Identity: who people are, which schools there are, which classes take part.
//!
//! One resource is one slice: `team.rs` holds the rules and knows neither wire nor database; `team/wire.rs` turns messages into
//! values and back, `team/store.rs` rows; `team/api.rs` is the methods, five steps each.

use platform::{Error, Host, Result, Service, event::Handlers};
use proto::identity::v1::{
    account_service_server::AccountServiceServer, application_service_server::ApplicationServiceServer,
    file_service_server::FileServiceServer, membership_service_server::MembershipServiceServer,
    school_service_server::SchoolServiceServer, session_service_server::SessionServiceServer,
    team_service_server::TeamServiceServer, tenant_service_server::TenantServiceServer,
    territory_service_server::TerritoryServiceServer,
};
use tonic::service::Routes;

pub mod account;
pub mod application;
pub mod country;
pub mod file;
mod hasher;
mod letters;
mod mails;
pub mod membership;
mod password;
pub mod reason;
pub mod register;
mod reminder;
pub mod school;
pub mod session;
mod settings;
pub mod team;
mod tenants;
pub mod territory;
#[cfg(test)]
mod testing;
mod throttle;
pub mod track;
pub mod words;

pub use account::{Coordinator, create_coordinator, has_coordinator};
pub use hasher::Hasher;
pub use settings::Settings;

/// The service.
pub fn service() -> Service {
    Service::new("identity")
        .settings::<Settings>()
        .tenants::<country::Country>()
        .routes(routes)
        .handlers(handlers)
        .signs_tokens()
        .rechecks(membership::recheck)
}

fn routes(host: &Host) -> Result<Routes> {
    let settings: Settings = host.settings()?;
    let (store, keys, blobs) = (host.store.clone(), host.keys.clone(), host.blobs.clone());
    let hasher = Hasher::new(&settings.hashing)?;
    let throttle = throttle::Throttle::new(&settings.throttle, &host.clock);
    let signer = host.signer.clone().ok_or_else(|| Error::internal("identity signs tokens and was given no key"))?;
    let tokens = session::Tokens::new(signer, keys.clone(), &host.config.tokens);
    let accounts = account::api::Accounts {
        store: store.clone(),
        keys: keys.clone(),
        hasher: hasher.clone(),
        throttle: throttle.clone(),
    };
    let sessions = session::api::Sessions { store: store.clone(), tokens: tokens.clone(), hasher, throttle };
    let applications =
        application::api::Applications { store: store.clone(), keys: keys.clone(), peers: host.peers.clone() };
    let memberships = membership::api::Memberships { store: store.clone(), border: host.border.clone(), tokens };
    let teams = team::api::Teams { store: store.clone(), keys, peers: host.peers.clone() };
    let countries = tenants::Countries { tenants: host.tenants.clone() };
    Ok(Routes::new(TenantServiceServer::new(countries.clone()))
        .add_service(TerritoryServiceServer::new(countries))
        .add_service(AccountServiceServer::new(accounts))
        .add_service(SessionServiceServer::new(sessions))
        .add_service(SchoolServiceServer::new(school::api::Schools { store: store.clone() }))
        .add_service(ApplicationServiceServer::new(applications))
        .add_service(FileServiceServer::new(file::api::Files { store, blobs }))
        .add_service(MembershipServiceServer::new(memberships))
        .add_service(TeamServiceServer::new(teams)))
}

fn handlers(host: &Host) -> Result<Handlers> {
    Ok(reminder::home::handlers(mails::handlers(host)?, host.store.clone(), host.border.clone()))
}
