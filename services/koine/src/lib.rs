//! The whole system in one process, and the command line. No other crate depends on two services.

use futures::{FutureExt, future::BoxFuture};
use platform::Service;
use sea_orm::{DatabaseConnection, DbErr};

pub mod command;

/// Every service of the system. Each creates its databases itself.
pub fn services() -> Vec<Service> {
    vec![identity::service().schema(schema), lessons::service().schema(schema), gateway::service()]
}

fn schema(service: &'static str, database: DatabaseConnection) -> BoxFuture<'static, Result<(), DbErr>> {
    async move { migrations::up(service, &database).await }.boxed()
}
