//! Stories of identity: people, schools, applications, teams.

mod account;
mod address;
mod application;
mod audit;
mod country;
mod ended;
mod file;
mod lock;
mod membership;
mod recovery;
mod register;
mod session;
mod team;
