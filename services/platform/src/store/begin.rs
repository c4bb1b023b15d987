//! Opening a transaction so that a caller who goes away meanwhile leaves none open.

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionOptions, TransactionTrait};

use super::Permit;
use crate::to_its_end::ToItsEnd;

/// Opens a transaction on one of the connections, for which `permit` stands.
///
/// sqlx counts a transaction of PostgreSQL as open once `BEGIN` is answered. Dropped before, it would give its connection back to the
/// pool inside a transaction that nobody ends: a statement that needs none of its own would become part of it, and be rolled back.
pub(super) async fn begin(
    connections: DatabaseConnection,
    options: TransactionOptions,
    permit: Permit,
) -> Result<(DatabaseTransaction, Permit), DbErr> {
    ToItsEnd::new(async move { Ok((connections.begin_with_options(options).await?, permit)) }).await
}
