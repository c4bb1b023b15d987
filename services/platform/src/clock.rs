//! The clock of a process. Production reads the system's clock; a test uses a clock that stands still and moves it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp};

/// Gives the current instant in whole microseconds, which every row and every message can store exactly.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Held(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::set`] or [`Clock::advance`] moves it. Its clones move together.
    pub fn held(start: Timestamp) -> Self {
        Self(Source::Held(Arc::new(AtomicI64::new(start.as_microsecond()))))
    }

    /// The current instant.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> Timestamp {
        let micros = match &self.0 {
            Source::System => Timestamp::now().as_microsecond(),
            Source::Held(micros) => micros.load(Ordering::SeqCst),
        };
        Timestamp::from_microsecond(micros).unwrap_or_default()
    }

    /// Sets a test clock. The system's clock is not changed.
    pub fn set(&self, to: Timestamp) {
        if let Source::Held(micros) = &self.0 {
            micros.store(to.as_microsecond(), Ordering::SeqCst);
        }
    }

    /// Advances a test clock. The system's clock is not changed.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Held(micros) = &self.0 {
            micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}
