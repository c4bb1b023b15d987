//! What a database's refusal means to a caller. `DbErr` becomes [`Error`] here and nowhere else.

use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

use crate::{
    Error,
    error::{Reason, Shared},
};

impl From<DbErr> for Error {
    fn from(fault: DbErr) -> Self {
        match &fault {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Error::unreachable(fault),
            _ if is_duplicate(&fault) => Shared::EtagStale
                .error(
                    "Somebody did the same at the same time. Nothing of yours was changed; read again and repeat it.",
                )
                .caused_by(fault),
            _ if is_contention(&fault) => Shared::Overloaded
                .error("Too many changes at the same place at once. Nothing was changed; try again in a moment.")
                .retry_after(Duration::from_millis(200))
                .caused_by(fault),
            _ => Error::internal(fault),
        }
    }
}

/// Whether a row was refused because another one has its key.
pub fn is_duplicate(fault: &DbErr) -> bool {
    matches!(fault.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Serialization failure and deadlock of PostgreSQL, busy and locked of SQLite.
fn is_contention(fault: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = fault else {
        return false;
    };
    let sqlx::Error::Database(cause) = cause.as_ref() else { return false };
    cause.code().is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01" | "5" | "6" | "261" | "517"))
}
