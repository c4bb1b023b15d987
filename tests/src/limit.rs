//! Time limits. A test that waits for what never comes ends with the name of what it waited for, instead of holding up the suite.
//!
//! - Everything in this crate that waits goes through [`wait`], which takes a sentence that names the wait and panics with it after
//!   [`Limits::wait`].
//! - A whole test ends after [`Limits::test`], with the names of all its waits. For that a test of `tests/e2e` begins with
//!   `#[tokio::test(crate = "::tests::limit")]`: the macro then builds its runtime by [`runtime::Builder`] of this module instead of
//!   tokio's. `tests/e2e/architecture/limits.rs` names a test that does not.
//! - A test that blocks its thread cannot be ended from inside. The process is ended then, with the same message.

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

// what `#[tokio::test]` uses beside the runtime
pub use tokio::pin;

/// How long a test may take as a whole, and each of its waits. Long enough for a machine that does ten other things.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The whole test.
    pub test: Duration,
    /// One wait.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { test: Duration::from_secs(600), wait: Duration::from_secs(120) }
    }
}

/// How much longer than its limit a test may block its thread before the process is ended.
const GRACE: Duration = Duration::from_secs(30);

/// What a test waits for now, by the order in which the waits began.
type Waits = Arc<Mutex<BTreeMap<u64, String>>>;

thread_local! {
    /// Those of the test of this thread: a test and all its tasks run on one.
    static CURRENT: RefCell<(Limits, Waits)> = RefCell::default();
}

/// Waits for something. Panics with its name when it does not come in time.
///
/// # Panics
/// After [`Limits::wait`].
pub async fn wait<T>(what: impl Display, until: impl Future<Output = T>) -> T {
    let (limits, waits) = CURRENT.with_borrow(Clone::clone);
    let _waiting = Waiting::begin(waits, what.to_string());
    match tokio::time::timeout(limits.wait, until).await {
        Ok(come) => come,
        Err(_) => panic!("waited {:?} in vain for {what}", limits.wait),
    }
}

/// The entry of one wait, as long as it lasts.
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

/// The runtime of a test: tokio's, with a limit.
pub mod runtime {
    use super::{CURRENT, Limits, Watchdog, named};

    /// Builds the runtime, by the calls that `#[tokio::test]` makes.
    #[derive(Debug, Default)]
    pub struct Builder {
        limits: Limits,
    }

    /// A runtime of one thread.
    #[derive(Debug)]
    pub struct Runtime {
        inner: tokio::runtime::Runtime,
        limits: Limits,
    }

    impl Builder {
        /// One thread, as every test has.
        pub fn new_current_thread() -> Self {
            Self::default()
        }

        /// With time and network. They always are.
        #[must_use]
        pub fn enable_all(self) -> Self {
            self
        }

        /// With other limits than usual.
        #[must_use]
        pub fn limits(self, limits: Limits) -> Self {
            Self { limits }
        }

        /// The runtime. Error: the system gives no more of what it needs.
        pub fn build(self) -> std::io::Result<Runtime> {
            let inner = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(Runtime { inner, limits: self.limits })
        }
    }

    impl Runtime {
        /// Runs a test to its end.
        ///
        /// # Panics
        /// When it takes longer than [`Limits::test`]; the message names what it waits for.
        pub fn block_on<T>(&self, test: impl Future<Output = T>) -> T {
            let limits = self.limits;
            CURRENT.set((limits, super::Waits::default()));
            let waits = CURRENT.with_borrow(|(_, waits)| waits.clone());
            let watchdog = Watchdog::start(limits, waits.clone());
            let done = self.inner.block_on(async {
                let mut test = std::pin::pin!(test);
                let done = tokio::time::timeout(limits.test, test.as_mut()).await;
                // before the test is dropped, and its waits with it
                done.map_err(|_| named(&waits))
            });
            drop(watchdog);
            done.unwrap_or_else(|waits| panic!("the test took longer than {:?}; it waits for {waits}", limits.test))
        }
    }
}

/// Ends the process when a test blocks its thread. It is called off by being dropped.
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
                // not `eprintln`, which the harness keeps to itself
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
