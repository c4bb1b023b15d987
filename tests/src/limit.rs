//! Time limits. A test that waits for something that does not happen fails with the name of the wait, instead of blocking the
//! suite.
//!
//! - Everything in this crate that waits uses [`wait`] with the name of the wait, and panics with it after [`Limits::wait`].
//! - A whole test ends after [`Limits::test`], with the names of all its waits. For this a test of `tests/e2e` begins with
//!   `#[tokio::test(crate = "::tests::limit")]`: the macro then makes its runtime with [`runtime::Builder`] of this module instead
//!   of tokio's. The law `tests/e2e/architecture/limits.rs` names each test that does not.
//! - A test that blocks its thread cannot be ended from inside, so the process is aborted with the same message.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt::Display,
    io::Write,
    process,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

// what `#[tokio::test]` uses besides the runtime
pub use tokio::pin;

/// The limits of a test and of each of its waits. They are long enough for a machine with ten other tasks.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The limit of the whole test.
    pub test: Duration,
    /// The limit of one wait.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { test: Duration::from_secs(600), wait: Duration::from_secs(120) }
    }
}

/// How much longer than its limit a test may block its thread before the process is aborted.
const GRACE: Duration = Duration::from_secs(30);

/// The names of a test's current waits, in the order in which they began.
type Waits = Arc<Mutex<BTreeMap<u64, String>>>;

thread_local! {
    /// The limits and waits of this thread's test: a test and all its tasks run on one thread.
    static CURRENT: RefCell<(Limits, Waits)> = RefCell::default();
}

/// Waits for something that has a name.
///
/// # Panics
/// With the name, after [`Limits::wait`].
pub async fn wait<T>(what: impl Display, until: impl Future<Output = T>) -> T {
    let (limits, waits) = CURRENT.with_borrow(Clone::clone);
    let _waiting = Waiting::begin(waits, what.to_string());
    match tokio::time::timeout(limits.wait, until).await {
        Ok(come) => come,
        Err(_) => panic!("waited {:?} in vain for {what}", limits.wait),
    }
}

/// The entry of a wait, until it is dropped.
struct Waiting {
    waits: Waits,
    number: u64,
}

impl Waiting {
    fn begin(waits: Waits, what: String) -> Self {
        let mut all = waits.lock().unwrap_or_else(PoisonError::into_inner);
        let number = all.last_key_value().map_or(0, |(last, _)| last + 1);
        all.insert(number, what);
        drop(all);
        Self { waits, number }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

fn named(waits: &Waits) -> String {
    let waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
    if waits.is_empty() {
        return "something that goes around `tests::limit::wait`".to_owned();
    }
    waits.values().cloned().collect::<Vec<_>>().join("; and for ")
}

/// The runtime of a test: tokio's, with a time limit.
pub mod runtime {
    use super::{CURRENT, Limits, Watchdog, named};

    /// Builds the runtime. It has the methods that `#[tokio::test]` calls.
    #[derive(Debug, Default)]
    pub struct Builder {
        limits: Limits,
    }

    /// A runtime with one thread.
    #[derive(Debug)]
    pub struct Runtime {
        inner: tokio::runtime::Runtime,
        limits: Limits,
    }

    impl Builder {
        /// A builder of a runtime with one thread, which every test has.
        pub fn new_current_thread() -> Self {
            Self::default()
        }

        /// Does nothing: time and network are always enabled.
        #[must_use]
        pub fn enable_all(self) -> Self {
            self
        }

        /// Sets other limits than the default.
        #[must_use]
        pub fn limits(self, limits: Limits) -> Self {
            Self { limits }
        }

        /// The runtime. Error: the system refuses what it needs.
        pub fn build(self) -> std::io::Result<Runtime> {
            let inner = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(Runtime { inner, limits: self.limits })
        }
    }

    impl Runtime {
        /// Runs a test to its end.
        ///
        /// # Panics
        /// After [`Limits::test`], with the names of the test's waits.
        pub fn block_on<T>(&self, test: impl Future<Output = T>) -> T {
            let limits = self.limits;
            CURRENT.set((limits, super::Waits::default()));
            let waits = CURRENT.with_borrow(|(_, waits)| waits.clone());
            let watchdog = Watchdog::start(limits, waits.clone());
            let done = self.inner.block_on(async {
                let mut test = std::pin::pin!(test);
                let done = tokio::time::timeout(limits.test, test.as_mut()).await;
                // read before the test is dropped, because its waits are dropped with it
                done.map_err(|_| named(&waits))
            });
            drop(watchdog);
            done.unwrap_or_else(|waits| panic!("the test took longer than {:?}; it waits for {waits}", limits.test))
        }
    }
}

/// Aborts the process when a test blocks its thread. Dropping it cancels this.
struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    fn start(limits: Limits, waits: Waits) -> Self {
        let (alive, gone) = mpsc::channel::<()>();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if gone.recv_timeout(limits.test + GRACE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let name = named(&waits);
                // not `eprintln`, whose output the test harness captures
                let _ = writeln!(
                    std::io::stderr(),
                    "{test}: has blocked its thread for {:?} and more; it waits for {name}",
                    limits.test
                );
                process::abort();
            }
        });
        Self { _alive: alive }
    }
}
