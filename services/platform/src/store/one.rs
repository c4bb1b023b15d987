//! Reading with a single statement. A statement sees one state of the database, and so needs no transaction around it, which would
//! cost as much as two more statements.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{Permit, Reads};
use crate::Ctx;

/// Read access to one tenant's database for one statement. A second statement always fails, because it could see another state than
/// the first. For several statements use [`Store::read`](super::Store::read).
pub struct Glance {
    ctx: Ctx,
    once: Once,
    _permit: Permit,
}

/// Connections to a database, for one statement.
pub struct Once {
    connections: DatabaseConnection,
    used: AtomicBool,
}

impl Glance {
    pub(super) fn new(ctx: Ctx, connections: DatabaseConnection, permit: Permit) -> Self {
        Self { ctx, once: Once { connections, used: AtomicBool::new(false) }, _permit: permit }
    }
}

impl Reads for Glance {
    type Conn = Once;

    fn conn(&self) -> &Once {
        &self.once
    }

    fn ctx(&self) -> &Ctx {
        &self.ctx
    }
}

impl Once {
    fn take(&self) -> Result<&DatabaseConnection, DbErr> {
        if self.used.swap(true, Ordering::Relaxed) {
            return Err(DbErr::Custom(
                "a second statement: `Store::glance` is for one, `Store::read` for several".to_owned(),
            ));
        }
        Ok(&self.connections)
    }
}

#[tonic::async_trait]
impl ConnectionTrait for Once {
    fn get_database_backend(&self) -> DbBackend {
        self.connections.get_database_backend()
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(reads_only())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(reads_only())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.take()?.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.take()?.query_all_raw(statement).await
    }
}

fn reads_only() -> DbErr {
    DbErr::Custom("`Store::glance` reads and changes nothing; `Store::write` does".to_owned())
}
