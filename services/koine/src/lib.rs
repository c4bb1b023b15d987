//! The whole system in one process, and the command line. The only crate that names two services.

use futures::{FutureExt, future::BoxFuture};
use platform::Service;
use sea_orm::{DatabaseConnection, DbErr};

pub mod command;

/// Every service of the system, each making its databases by itself.
pub fn services() -> Vec<Service> {
    vec![identity::service().schema(schema), lessons::service().schema(schema), gateway::service()]
}

fn schema(service: &'static str, database: DatabaseConnection) -> BoxFuture<'static, Result<(), DbErr>> {
    async move { migrations::up(service, &database).await }.boxed()
}
