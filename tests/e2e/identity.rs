//! Stories of identity: people, schools, applications, teams.

mod account;
mod application;
mod audit;
mod country;
mod ended;
mod file;
mod membership;
mod register;
mod session;
mod team;
