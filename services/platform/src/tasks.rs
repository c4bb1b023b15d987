//! The background tasks of a process. Each has a name and ends with the process.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tasks of a process. Cheap to clone; all clones share the tasks.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tracker: TaskTracker,
    stop: CancellationToken,
    kill: CancellationToken,
    live: Mutex<BTreeMap<u64, &'static str>>,
}

impl Tasks {
    /// No task.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task. It should end soon after [`Tasks::token`] is cancelled. A panic ends the task and is logged; other tasks go
    /// on.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let listed = Listed::new(self.0.clone(), name);
        let kill = self.0.kill.clone();
        self.0.tracker.spawn(async move {
            let ended = AssertUnwindSafe(kill.run_until_cancelled(task)).catch_unwind().await;
            if let Err(panic) = ended {
                tracing::error!(task = name, panic = words(&*panic), "a background task panicked");
            }
            drop(listed);
        });
    }

    /// Calls `tick` every `period` until the process ends.
    pub fn spawn_every(&self, name: &'static str, period: Duration, mut tick: impl FnMut() + Send + 'static) {
        let stop = self.token();
        self.spawn(name, async move {
            let mut clock = tokio::time::interval(period);
            while stop.run_until_cancelled(clock.tick()).await.is_some() {
                tick();
            }
        });
    }

    /// Starts a part of a task. It is waited for like a task, but has no name of its own. It is for the streams of connections, of
    /// which there may be thousands per second.
    pub(crate) fn spawn_part(&self, part: impl Future<Output = ()> + Send + 'static) {
        let kill = self.0.kill.clone();
        self.0.tracker.spawn(async move {
            // whether it was cut off or ended, there is nothing to report
            let _ = kill.run_until_cancelled(part).await;
        });
    }

    /// The token that is cancelled when the process begins to end.
    pub fn token(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// The names of the tasks that run.
    pub fn live(&self) -> Vec<&'static str> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    /// Asks every task to end, waits, and aborts those that have not ended within `patience`. Returns the names of these.
    pub async fn shutdown(&self, patience: Duration) -> Vec<&'static str> {
        self.0.tracker.close();
        self.0.stop.cancel();
        if tokio::time::timeout(patience, self.0.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        let late = self.live();
        self.0.kill.cancel();
        // an aborted task ends at its next await; one that has none must not keep the process
        let _ = tokio::time::timeout(Duration::from_secs(1), self.0.tracker.wait()).await;
        late
    }
}

/// The message of a panic.
pub(crate) fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}

/// Keeps the name of a task in the list while the task runs.
struct Listed(Arc<Inner>, u64);

impl Listed {
    fn new(inner: Arc<Inner>, name: &'static str) -> Self {
        let mut live = inner.live.lock().unwrap_or_else(PoisonError::into_inner);
        let id = live.last_key_value().map_or(0, |(last, _)| last + 1);
        live.insert(id, name);
        drop(live);
        Self(inner, id)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_end_when_they_are_asked_to() {
        let tasks = Tasks::new();
        let stop = tasks.token();
        tasks.spawn("waiter", async move { stop.cancelled().await });
        assert_eq!(tasks.live(), ["waiter"]);
        assert!(tasks.shutdown(Duration::from_secs(5)).await.is_empty());
        assert!(tasks.live().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_named_and_cut_off() {
        let tasks = Tasks::new();
        tasks.spawn("sleeper", std::future::pending());
        tasks.spawn_part(std::future::pending());
        assert_eq!(tasks.shutdown(Duration::from_secs(5)).await, ["sleeper"]);
        assert!(tasks.live().is_empty());
    }

    #[tokio::test]
    async fn a_panic_ends_one_task_alone() {
        let tasks = Tasks::new();
        tasks.spawn("broken", async { panic!("on purpose") });
        let stop = tasks.token();
        tasks.spawn("sound", async move { stop.cancelled().await });
        tokio::task::yield_now().await;
        assert_eq!(tasks.live(), ["sound"]);
        assert!(tasks.shutdown(Duration::from_secs(5)).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_comes_every_period_until_the_end() {
        let tasks = Tasks::new();
        let (ticked, mut ticks) = tokio::sync::mpsc::unbounded_channel();
        tasks.spawn_every("clock", Duration::from_secs(1), move || {
            ticked.send(tokio::time::Instant::now()).unwrap_or(())
        });
        let (first, second) = (ticks.recv().await.unwrap(), ticks.recv().await.unwrap());
        assert_eq!(second - first, Duration::from_secs(1));
        assert!(tasks.shutdown(Duration::from_secs(5)).await.is_empty());
        assert!(ticks.recv().await.is_none());
    }
}
