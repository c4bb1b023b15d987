//! A rate for each of many keys, whose permits can be put back.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock as _,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use platform::Clock;

use crate::password::settings::Rate;

/// The number of permits after which expired entries are removed.
pub(super) const SWEEP: u32 = 1_000;

/// One rate for many keys.
pub(super) struct Limiter<K: Hash + Eq + Clone> {
    governor: RateLimiter<K, Cells<K>, Ticks, NoOpMiddleware<Nanos>>,
    cells: Cells<K>,
    every: Nanos,
    taken: AtomicU32,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub(super) fn new(rate: Rate, clock: &Clock) -> Self {
        let every = Duration::from_millis(rate.every_ms.get().into());
        // only a period of zero has no quota, and the settings do not accept zero
        let quota = Quota::with_period(every).unwrap_or(Quota::per_second(rate.burst)).allow_burst(rate.burst);
        let cells = Cells::default();
        let governor = RateLimiter::new(quota, cells.clone(), Ticks(clock.clone()));
        Self { governor, cells, every: every.into(), taken: AtomicU32::new(0) }
    }

    /// How many keys it knows.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.cells.lock().len()
    }

    /// Takes a permit. Error: the time until one is available.
    pub(super) fn take(&self, key: &K) -> Result<(), Duration> {
        if self.taken.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            // anybody can invent keys, so old ones are removed
            self.governor.retain_recent();
        }
        self.governor.check_key(key).map_err(|until| until.wait_time_from(self.governor.clock().now()))
    }

    /// Puts a permit back.
    pub(super) fn give_back(&self, key: &K) {
        if let Some(full_again) = self.cells.lock().get_mut(key) {
            *full_again = full_again.saturating_sub(self.every);
        }
    }
}

/// The time at which all permits of a key are available again. (The stores of governor cannot return a permit.)
struct Cells<K>(Arc<Mutex<HashMap<K, Nanos>>>);

impl<K> Cells<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Clone for Cells<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Default for Cells<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq + Clone> StateStore for Cells<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut cells = self.lock();
        let (outcome, full_again) = decide(cells.get(key).copied())?;
        cells.insert(key.clone(), full_again);
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Cells<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.lock().retain(|_, full_again| *full_again > drop_below);
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

/// The process's clock, as governor reads it.
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        u64::try_from(self.0.now().as_nanosecond()).unwrap_or_default().into()
    }
}
