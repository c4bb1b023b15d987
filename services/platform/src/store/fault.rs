//! Converts [`DbErr`] to [`Error`], here and nowhere else.

use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

use crate::{
    Error,
    error::{Reason, Shared},
};

impl From<DbErr> for Error {
    fn from(fault: DbErr) -> Self {
        match &fault {
            _ if is_away(&fault) => Error::unreachable(fault),
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

/// Whether a row was refused because another row has its key.
pub fn is_duplicate(fault: &DbErr) -> bool {
    matches!(fault.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether the database could not be reached, or stopped in the middle: also where it is shut down, or has no connection left.
fn is_away(fault: &DbErr) -> bool {
    if matches!(fault, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
        return true;
    }
    match cause(fault) {
        Some(sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed) => {
            true
        }
        Some(sqlx::Error::Database(cause)) => cause.code().is_some_and(|code| {
            matches!(code.as_ref(), "57P01" | "57P02" | "57P03" | "53300")
                || (code.len() == 5 && code.starts_with("08"))
        }),
        _ => false,
    }
}

fn cause(fault: &DbErr) -> Option<&sqlx::Error> {
    match fault {
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => Some(cause),
        _ => None,
    }
}

/// Whether transactions conflicted: serialization failure and deadlock in PostgreSQL, busy and locked in SQLite.
fn is_contention(fault: &DbErr) -> bool {
    let Some(sqlx::Error::Database(cause)) = cause(fault) else { return false };
    cause.code().is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01" | "5" | "6" | "261" | "517"))
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, sync::Arc};

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// An error of a server with this SQLSTATE.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str);

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn meant(cause: sqlx::Error) -> &'static str {
        Error::from(DbErr::Query(RuntimeErr::SqlxError(Arc::new(cause)))).reason()
    }

    #[test]
    fn a_database_that_goes_away_is_unreachable_and_no_fault_of_ours() {
        for code in ["57P01", "57P02", "57P03", "08000", "08006", "53300"] {
            assert_eq!(meant(sqlx::Error::Database(Box::new(Said(code)))), "UNREACHABLE", "{code}");
        }
        let broken = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        for cause in [broken, sqlx::Error::PoolClosed, sqlx::Error::PoolTimedOut, sqlx::Error::WorkerCrashed] {
            assert_eq!(meant(cause), "UNREACHABLE");
        }
    }

    #[test]
    fn a_clash_is_told_from_a_fault_of_ours() {
        for (code, reason) in
            [("40001", "OVERLOADED"), ("5", "OVERLOADED"), ("42P01", "INTERNAL"), ("57014", "INTERNAL")]
        {
            assert_eq!(meant(sqlx::Error::Database(Box::new(Said(code)))), reason, "{code}");
        }
        assert_eq!(meant(sqlx::Error::RowNotFound), "INTERNAL");
    }
}
