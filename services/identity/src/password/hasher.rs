//! Hashes passwords by argon2id, with the parameters that OWASP recommends.
//!
//! A hash deliberately takes about 20 ms and 19 MiB. It is computed on a few dedicated threads with a bounded queue, so that
//! sign-ins cannot take processor and memory from everything else. Where the queue is full, the caller is asked to try again.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version, password_hash::Error as Fault,
};
use platform::{Error, Result, error::Shared};
use tokio::sync::oneshot;

use crate::{
    password::{settings::Hashing, strength},
    reason::Refuse,
};

/// The minimum that OWASP recommends: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash with its parameters and salt, as a PHC string. `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// The hash as stored in a row.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The PHC string.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Computes and compares hashes. Cheap to clone; its threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    cost: Cost,
    nobody: Hash,
    desk: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

/// The memory in KiB and the number of passes that a new hash takes.
type Cost = (u32, u32);

type Job = Box<dyn FnOnce() + Send>;

impl Hasher {
    /// Starts the threads.
    pub fn new(settings: &Hashing) -> Result<Self> {
        Self::of_cost(settings, (MEMORY_KIB, PASSES))
    }

    /// Starts threads that compute next to nothing, for tests of all the rest.
    #[cfg(test)]
    pub(crate) fn cheap() -> Result<Self> {
        Self::of_cost(&Hashing::default(), (8, 1))
    }

    fn of_cost(settings: &Hashing, cost: Cost) -> Result<Self> {
        let (desk, jobs) = sync_channel(usize::try_from(settings.queue.get()).unwrap_or(usize::MAX));
        let jobs = Arc::new(Mutex::new(jobs));
        let nobody = compute("nobody has this one", cost)?;
        let mut inner = Inner { cost, nobody, desk: Some(desk), threads: Vec::new() };
        for _ in 0..settings.threads.get() {
            let jobs = jobs.clone();
            let thread = thread::Builder::new().name("hasher".to_owned()).spawn(move || work(&jobs));
            inner.threads.push(thread.map_err(Error::internal)?);
        }
        Ok(Self(Arc::new(inner)))
    }

    /// The hash of a new password. Error: `OVERLOADED`, where the queue is full.
    pub async fn hash(&self, password: &str) -> Result<Hash> {
        let password = strength::normal(password);
        let cost = self.0.cost;
        self.run(move || compute(&password, cost)).await
    }

    /// Whether a password matches a hash. Without a hash the answer is false and takes as long. Error: `OVERLOADED`, where the
    /// queue is full.
    pub async fn verify(&self, password: &str, hash: Option<&Hash>) -> Result<bool> {
        let password = strength::normal(password);
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.0.nobody).clone();
        Ok(self.run(move || compare(&password, &hash)).await? && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            // the receiver is gone where the call was cancelled
            if !reply.is_closed() {
                let _ = reply.send(work());
            }
        });
        match self.0.desk.as_ref().map(|desk| desk.try_send(job)) {
            Some(Ok(())) => answer.await.map_err(Error::internal)?,
            Some(Err(TrySendError::Full(_))) => Err(overloaded()),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(Error::internal("the hasher has no threads")),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // without a sender the threads end after the queued jobs; nobody waits for those, so they end at once
        self.desk = None;
        for thread in self.threads.drain(..) {
            // a thread that panicked has ended too
            let _ = thread.join();
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

fn compute(password: &str, (memory, passes): Cost) -> Result<Hash> {
    let params = Params::new(memory, passes, LANES, None).map_err(fault)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(Hash(argon.hash_password(password.as_bytes()).map_err(fault)?.to_string()))
}

/// Compares with the parameters of the stored hash, which may differ from those of new hashes.
fn compare(password: &str, hash: &Hash) -> Result<bool> {
    let parsed = PasswordHash::new(&hash.0).map_err(fault)?;
    match Argon2::default().verify_password(password.as_bytes(), &parsed) {
        Ok(()) => Ok(true),
        Err(Fault::PasswordInvalid) => Ok(false),
        Err(other) => Err(fault(other)),
    }
}

fn fault(fault: impl fmt::Display) -> Error {
    Error::internal(format!("argon2: {fault}"))
}

fn overloaded() -> Error {
    Shared::Overloaded
        .error("Many people sign in at this moment. Nothing was changed; try again in a moment.")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, sync::mpsc};

    use super::*;

    fn hasher(threads: u32, queue: u32) -> Hasher {
        let number = |n| NonZeroU32::new(n).unwrap();
        Hasher::new(&Hashing { threads: number(threads), queue: number(queue) }).unwrap()
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_however_its_accents_are_composed() {
        let hasher = hasher(1, 4);
        let hash = hasher.hash("perche\u{301} piove oggi").await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hasher.verify("perché piove oggi", Some(&hash)).await.unwrap());
        assert!(!hasher.verify("perché piove ieri", Some(&hash)).await.unwrap());
        assert_ne!(hasher.hash("perché piove oggi").await.unwrap(), hash, "each has its own salt");
    }

    #[tokio::test]
    async fn nobody_has_the_password_that_stands_in_for_a_missing_one() {
        let hasher = hasher(1, 4);
        assert!(!hasher.verify("nobody has this one", None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_still_read() {
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let hash = Hash(old.hash_password("vecchia parola".as_bytes()).unwrap().to_string());
        let hasher = hasher(1, 4);
        assert!(hasher.verify("vecchia parola", Some(&hash)).await.unwrap());
        assert!(!hasher.verify("altra parola", Some(&hash)).await.unwrap());
        assert!(hasher.verify("any", Some(&Hash("broken".to_owned()))).await.is_err());
    }

    #[tokio::test]
    async fn when_the_queue_is_full_the_next_is_told_to_come_back() {
        let hasher = hasher(1, 1);
        let (begun, begins) = mpsc::channel();
        let (release, held) = mpsc::channel::<()>();
        let mut first = std::pin::pin!(hasher.run(move || {
            begun.send(()).map_err(Error::internal)?;
            held.recv().map_err(Error::internal)
        }));
        assert!(futures::poll!(first.as_mut()).is_pending());
        begins.recv().unwrap();
        let mut second = std::pin::pin!(hasher.run(|| Ok(2)));
        assert!(futures::poll!(second.as_mut()).is_pending());
        let refused = hasher.run(|| Ok(3)).await.unwrap_err();
        assert!(refused.is(Shared::Overloaded));
        release.send(()).unwrap();
        first.await.unwrap();
        assert_eq!(second.await.unwrap(), 2);
    }

    #[test]
    fn its_threads_end_with_the_last_clone() {
        let hasher = hasher(3, 4);
        let clone = hasher.clone();
        let jobs = Arc::new(());
        let seen = Arc::downgrade(&jobs);
        // a job nobody waits for lies at the desk when the hasher goes
        hasher.0.desk.as_ref().unwrap().send(Box::new(move || drop(jobs))).unwrap();
        drop(hasher);
        drop(clone);
        assert!(seen.upgrade().is_none(), "all that was at the desk is gone, and the threads were joined");
    }

    #[test]
    fn a_hash_does_not_print() {
        assert_eq!(format!("{:?}", Hash("$argon2id$..".to_owned())), "***");
    }
}
