//! Closes connections without requests: soon where there never was one, later where there was.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};

/// The running requests of one connection. Cheap to clone; all clones are of one connection.
#[derive(Clone, Debug)]
pub(super) struct Busy(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    under_way: usize,
    has_asked: bool,
    /// The instant since which no request runs.
    idle_since: Instant,
}

/// A running request. Dropping it ends it.
#[derive(Debug)]
pub(super) struct UnderWay(Busy);

impl Busy {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { under_way: 0, has_asked: false, idle_since: Instant::now() })))
    }

    /// Adds a running request.
    pub(super) fn begin(&self) -> UnderWay {
        self.with(|state| {
            state.under_way += 1;
            state.has_asked = true;
        });
        UnderWay(self.clone())
    }

    /// Waits until the connection has been without a request for long enough: `first` before its first request, `then` afterwards.
    pub(super) async fn idle(&self, first: Duration, then: Duration) {
        loop {
            let now = Instant::now();
            let (is_free, limit, since) =
                self.with(|state| (state.under_way == 0, if state.has_asked { then } else { first }, state.idle_since));
            let until = if is_free { since + limit } else { now + limit };
            if until <= now {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// Waits for `pause`, and again, until no request runs.
    pub(super) async fn free_after(&self, pause: Duration) {
        loop {
            sleep(pause).await;
            if self.with(|state| state.under_way == 0) {
                return;
            }
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.with(|state| {
            state.under_way -= 1;
            state.idle_since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(10);
    const THEN: Duration = Duration::from_secs(120);

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_asks_has_the_shorter_time() {
        let begun = Instant::now();
        Busy::new().idle(FIRST, THEN).await;
        assert_eq!(begun.elapsed(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_the_end_of_its_last_request() {
        let (busy, begun) = (Busy::new(), Instant::now());
        let (one, other) = (busy.begin(), busy.begin());
        let ends = async {
            tokio::time::sleep(Duration::from_secs(200)).await;
            drop(one);
            tokio::time::sleep(Duration::from_secs(200)).await;
            drop(other);
        };
        tokio::join!(busy.idle(FIRST, THEN), ends);
        let seconds = begun.elapsed().as_secs();
        assert!((520..640).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_while_a_connection_closes_is_answered() {
        let (busy, begun) = (Busy::new(), Instant::now());
        let asked = busy.begin();
        let answers = async {
            sleep(Duration::from_secs(30)).await;
            drop(asked);
        };
        tokio::join!(busy.free_after(Duration::from_secs(1)), answers);
        assert!((30..32).contains(&begun.elapsed().as_secs()));
    }
}
