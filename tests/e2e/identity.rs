//! Stories of identity: people and their roles, schools, applications, teams.

mod account;
mod address;
mod application;
mod audit;
mod country;
mod ended;
mod factor;
pub(crate) mod factor_required;
mod file;
mod integrator;
mod invitation;
mod lock;
mod mandate;
mod membership;
mod passkey;
mod passkey_required;
mod provider;
mod provider_pages;
mod provider_required;
mod recovery;
mod register;
mod retention;
mod session;
mod taken_over;
mod team;
mod vouching;
mod webhook;
