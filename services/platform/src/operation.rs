//! Long-running operations (AIP-151): work that takes longer than a call. The call is answered with an operation, and the work goes on in
//! a task of the process. It is one transaction, and that it is done is written in the same one: either all of it is there and the
//! operation is done, or nothing is.
//!
//! How far it is, and whether somebody wants it to end, is known in the memory of the process that works, and written into its row from
//! time to time for other replicas. With the row the process renews a lease. An operation whose lease is over was left by a process that
//! died: it counts as failed from then on, for everybody who asks, and the sweeper writes it down.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use prost::{Message, Name};
use proto::{
    google::longrunning::{Operation, operation},
    options::v1::Role,
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::{
    Allowed, Clock, Ctx, Error, Id, Page, PageRequest, Reads, Result, Store, Tasks, Tx,
    error::{Reason, Shared},
    store::{idempotency, overloaded},
    to_its_end::ToItsEnd,
};

mod rows;
mod shown;

pub(crate) use rows::sweep;
use rows::{Row, State};

/// How many of a service run at once in one tenant. Two would overwrite what the other has read, and in an embedded database wait for it.
const AT_ONCE: u64 = 1;
/// How many calls of a process only validate at once: each has a connection for as long as its work takes.
const VALIDATED_AT_ONCE: usize = 1;
/// How many calls of a process wait at once, each with the permit of a call.
const WAITING_AT_ONCE: usize = 64;
/// How long a call waits for its operation: a small one is done when it is answered.
const MOMENT: Duration = Duration::from_secs(1);
/// How long a process that says nothing more is taken to be alive.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often it says that it is.
const BEAT: Duration = Duration::from_secs(10);
/// How long one waits for an operation by one call, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How often one looks at an operation of another replica while one waits for it.
const LOOK: Duration = Duration::from_millis(500);

/// The operations of a service, in all tenants. Cheap to clone; all clones know what runs in this process.
#[derive(Clone)]
pub struct Operations(Arc<Inner>);

struct Inner {
    store: Store,
    tasks: Tasks,
    clock: Clock,
    /// Who sees those of others too.
    sees_all: Role,
    running: Mutex<HashMap<Uuid, Arc<Progress>>>,
    validating: Semaphore,
    waiting: Semaphore,
}

/// Work under way: for whom it is done, and how far it is. Cheap to clone.
#[derive(Clone)]
pub struct Work {
    ctx: Ctx,
    progress: Arc<Progress>,
}

struct Progress {
    done: AtomicI32,
    total: AtomicI32,
    /// Somebody wants it to end.
    cancel: CancellationToken,
    /// The process wants to end.
    stop: CancellationToken,
    /// It has ended.
    ended: CancellationToken,
}

impl Work {
    /// The context of the work: the caller's, of the instant when they called, without their patience and without their token.
    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// Says that so many of so many parts are done. Call it between two parts. Error: `OPERATION_CANCELLED` or `OPERATION_INTERRUPTED`,
    /// where the work is to end here; pass it on.
    pub fn step(&self, done: usize, total: usize) -> Result<()> {
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        self.progress.done.store(count(done), Ordering::Relaxed);
        self.progress.total.store(count(total), Ordering::Relaxed);
        if self.progress.cancel.is_cancelled() {
            Err(Shared::OperationCancelled.error("The operation was cancelled. Nothing was changed."))
        } else if self.progress.stop.is_cancelled() {
            Err(interrupted())
        } else {
            Ok(())
        }
    }
}

impl Progress {
    fn new(stop: CancellationToken) -> Arc<Self> {
        let (cancel, ended) = (CancellationToken::new(), CancellationToken::new());
        Arc::new(Self { done: AtomicI32::new(0), total: AtomicI32::new(0), cancel, stop, ended })
    }

    fn parts(&self) -> (i32, i32) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

/// Keeps an operation among those that run in this process, as long as its task lives.
struct Running(Operations, Uuid);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(progress) = self.0.running().remove(&self.1) {
            progress.ended.cancel();
        }
    }
}

impl Operations {
    /// The operations of the service that a store belongs to. They run as tasks of the process. One is for who asked for it, and for
    /// whoever has the role `sees_all`.
    pub fn new(store: Store, tasks: Tasks, clock: Clock, sees_all: Role) -> Self {
        let (validating, waiting) = (Semaphore::new(VALIDATED_AT_ONCE), Semaphore::new(WAITING_AT_ONCE));
        Self(Arc::new(Inner { store, tasks, clock, sees_all, running: Mutex::default(), validating, waiting }))
    }

    /// Begins an operation, and answers with it. `work` gives its answer and the open transaction with all it has written, which is
    /// committed with the end of the operation. Where the call only validates, the work is done within the call and rolled back. Error:
    /// overloaded, where too many run in the tenant; that of the work, where the call only validates.
    pub async fn start<A, F, W>(&self, ctx: &Ctx, work: F) -> Result<Response<Operation>, Status>
    where
        A: Message + Name,
        F: FnOnce(Work) -> W + Send + 'static,
        W: Future<Output = Result<(Tx, A)>> + Send + 'static,
    {
        if let Some(known) = self.earlier(ctx).await? {
            return Ok(Response::new(known));
        }
        let (row, progress) = (Row::begun(ctx)?, Progress::new(self.0.tasks.token()));
        let run = Work { ctx: ctx.on_its_own(), progress };
        if ctx.validates_only() {
            return self.validate(ctx, row, run, work).await;
        }
        let (id, ended) = (row.id, run.progress.ended.clone());
        // an operation that is written down has its task, also where the caller goes away in between
        let (operations, by) = (self.clone(), ctx.clone());
        let begun = ToItsEnd::new(async move {
            let begun = operations.admit(&by, &row).await?;
            operations.spawn(id, run, work);
            Ok::<_, Status>(begun)
        });
        let begun = begun.await?;
        // one that takes longer is answered as far as it is
        let _ = timeout(MOMENT, ended.cancelled()).await;
        // it has begun: that it cannot be read now is no reason to refuse the call
        Ok(self.get(ctx, id.into()).await.map_or(begun, Response::new))
    }

    /// Does the work of a call that only validates, and answers with the operation as it would end.
    async fn validate<A, F, W>(&self, ctx: &Ctx, row: Row, run: Work, work: F) -> Result<Response<Operation>, Status>
    where
        A: Message + Name,
        F: FnOnce(Work) -> W,
        W: Future<Output = Result<(Tx, A)>>,
    {
        let _place = self.0.validating.try_acquire().map_err(|_| overloaded())?;
        self.admit(ctx, &row).await?;
        let (tx, answer) = work(run.clone()).await?;
        tx.commit().await?;
        Ok(Response::new(self.shown(&row.done(run.progress.parts(), ctx.now(), &answer))))
    }

    /// The operation that was begun for this request before, as it is now. None, where there is none, or where it failed for a reason
    /// that passes: then the request can be made again. Error: not found, where it was deleted; `REQUEST_ID_REUSED`.
    async fn earlier(&self, ctx: &Ctx) -> Result<Option<Operation>> {
        let Some(answer) = idempotency::earlier(&self.0.store, ctx).await? else { return Ok(None) };
        let known = Operation::decode(&*answer).map_err(Error::internal)?;
        let id = known.name.rsplit('/').next().unwrap_or_default().parse()?;
        let now = self.get(ctx, id).await?;
        if matches!(&now.result, Some(operation::Result::Error(error)) if error.code == i32::from(Code::Unavailable)) {
            // a call that only validates removes nothing, and must not be answered with what was kept
            if ctx.validates_only() {
                idempotency::ask_again(ctx);
                return Ok(None);
            }
            let tx = self.0.store.change(ctx).await?;
            idempotency::free(&tx, answer).await?;
            tx.commit().await?;
            return Ok(None);
        }
        idempotency::kept(ctx);
        Ok(Some(now))
    }

    /// Writes down that it runs.
    async fn admit(&self, ctx: &Ctx, row: &Row) -> Result<Response<Operation>, Status> {
        let tx = self.0.store.write(ctx).await?.allowed(Allowed::by_access()).await?;
        tx.hold("operations").await?;
        if rows::running(&tx).await? >= AT_ONCE {
            return Err(too_many().into());
        }
        rows::add(&tx, row).await?;
        tx.answer(self.shown(row)).await
    }

    fn spawn<A, F, W>(&self, id: Uuid, run: Work, work: F)
    where
        A: Message + Name,
        F: FnOnce(Work) -> W + Send + 'static,
        W: Future<Output = Result<(Tx, A)>> + Send + 'static,
    {
        self.running().insert(id, run.progress.clone());
        let running = Running(self.clone(), id);
        self.0.tasks.spawn("operation", async move {
            running.0.run(id, run, work).await;
            drop(running);
        });
    }

    async fn run<A, F, W>(&self, id: Uuid, run: Work, work: F)
    where
        A: Message + Name,
        F: FnOnce(Work) -> W,
        W: Future<Output = Result<(Tx, A)>>,
    {
        let working = async {
            let (tx, answer) = work(run.clone()).await?;
            rows::end(&tx, id, State::Done, run.progress.parts(), self.0.clock.now(), shown::any(&answer)).await?;
            tx.commit().await
        };
        let worked = tokio::select! {
            worked = working => worked,
            never = self.live(id, &run) => never,
        };
        if let Err(error) = worked
            && let Err(fault) = self.fail(id, &run, error).await
        {
            // its lease ends, and says the same a little later
            tracing::warn!(operation = %id, ?fault, "the end of an operation was not written");
        }
    }

    /// Says from time to time that the process lives and how far the work is, and hears whether it is to end. Never returns.
    async fn live(&self, id: Uuid, run: &Work) -> Result<()> {
        loop {
            sleep(BEAT).await;
            match self.beat(id, run).await {
                Ok(true) => run.progress.cancel.cancel(),
                Ok(false) => {}
                // in an embedded database the work itself may be what this waits for; then there is no replica that would have to know
                Err(late) => tracing::debug!(operation = %id, ?late, "a lease was not renewed"),
            }
        }
    }

    async fn beat(&self, id: Uuid, run: &Work) -> Result<bool> {
        let tx = self.0.store.change(&run.ctx).await?;
        let cancelling = rows::renew(&tx, id, run.progress.parts(), self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(cancelling)
    }

    async fn fail(&self, id: Uuid, run: &Work, error: Error) -> Result<()> {
        let state = if error.is(Shared::OperationCancelled) { State::Cancelled } else { State::Failed };
        let tx = self.0.store.change(&run.ctx).await?;
        rows::end(&tx, id, state, run.progress.parts(), self.0.clock.now(), shown::status(error)).await?;
        tx.commit().await
    }

    /// One operation. Error: not found, also where it is not for the caller.
    pub async fn get(&self, ctx: &Ctx, id: Id<Operation>) -> Result<Operation> {
        Ok(self.shown(&self.find(&self.0.store.glance(ctx).await?, id.uuid()).await?))
    }

    /// One page of those that are for the caller, newest first.
    pub async fn list(&self, ctx: &Ctx, page: PageRequest<Id<Operation>>) -> Result<Page<Operation>> {
        let page = rows::list(&self.0.store.glance(ctx).await?, self.own(ctx)?, page).await?;
        Ok(page.map(|row| self.shown(&row)))
    }

    /// Waits until an operation is done, at most for `patience`, and returns it as it is then. Where many wait already it is returned at
    /// once. Error: as [`Operations::get`].
    pub async fn wait(&self, ctx: &Ctx, id: Id<Operation>, patience: Option<Duration>) -> Result<Operation> {
        let until = Instant::now() + patience.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        let (stop, place) = (self.0.tasks.token(), self.0.waiting.try_acquire());
        loop {
            let operation = self.get(ctx, id).await?;
            let left = until.saturating_duration_since(Instant::now());
            if operation.done || place.is_err() || left.is_zero() || stop.is_cancelled() {
                return Ok(operation);
            }
            let here = self.running().get(&id.uuid()).map(|progress| progress.ended.clone());
            let ended = async {
                match here {
                    Some(ended) => ended.cancelled().await,
                    None => sleep(LOOK).await,
                }
            };
            // whichever it is, the operation is looked at once more
            let _ = timeout(left, stop.run_until_cancelled(ended)).await;
        }
    }

    /// Asks an operation to end, and answers with it. Error: as [`Operations::get`].
    pub async fn cancel(&self, ctx: &Ctx, id: Id<Operation>) -> Result<Response<Operation>, Status> {
        let row = self.find(&self.0.store.glance(ctx).await?, id.uuid()).await?;
        if idempotency::earlier(&self.0.store, ctx).await?.is_some() {
            idempotency::kept(ctx);
            return Ok(Response::new(self.shown(&row)));
        }
        // before the transaction, which in an embedded database has to wait for that of the work
        let here = self.running().get(&id.uuid()).cloned();
        if let Some(progress) = &here {
            progress.cancel.cancel();
        }
        let tx = match self.0.store.write(ctx).await {
            Err(late) if here.is_some() && late.is(Shared::Overloaded) => {
                tracing::warn!(operation = %id, "an operation was told to end, and the audit log does not say by whom");
                idempotency::kept(ctx);
                return Ok(Response::new(self.get(ctx, id).await?));
            }
            tx => tx?,
        };
        let tx = tx.allowed(row.open_to(self.own(ctx)?)?).await?;
        if rows::cancel(&tx, id.uuid()).await? {
            tx.note("cancel operation", format!("operation {id}"), "");
        }
        let row = self.find(&tx, id.uuid()).await?;
        tx.answer(self.shown(&row)).await
    }

    /// Forgets an operation that has ended. Error: `OPERATION_RUNNING`; as [`Operations::get`].
    pub async fn delete<A: Message>(&self, ctx: &Ctx, id: Id<Operation>, answer: A) -> Result<Response<A>, Status> {
        let tx = self.0.store.write(ctx).await?;
        let row = self.find(&tx, id.uuid()).await?;
        let tx = tx.allowed(row.open_to(self.own(ctx)?)?).await?;
        if !self.shown(&row).done {
            let text = "The operation still runs. Wait until it is done, or cancel it.";
            return Err(Shared::OperationRunning.error(text).into());
        }
        rows::remove(&tx, id.uuid()).await?;
        tx.note("delete operation", format!("operation {id}"), "");
        tx.answer(answer).await
    }

    async fn find(&self, db: &impl Reads, id: Uuid) -> Result<Row> {
        rows::find(db, self.own(db.ctx())?, id).await?.ok_or_else(|| Error::not_found("operation"))
    }

    /// The account whose operations the caller sees alone. None: they see all.
    fn own(&self, ctx: &Ctx) -> Result<Option<Uuid>> {
        if ctx.has(self.0.sees_all) { Ok(None) } else { Ok(Some(ctx.member()?.account)) }
    }

    fn shown(&self, row: &Row) -> Operation {
        let here = self.running().get(&row.id).cloned();
        shown::shown(self.0.store.service(), row, here.as_deref(), self.0.clock.now())
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Progress>>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn interrupted() -> Error {
    Shared::OperationInterrupted
        .error("The process that worked on it has ended before it was done. Nothing was changed; ask for it again.")
        .retry_after(Duration::from_secs(1))
}

fn too_many() -> Error {
    let text = "Another operation is under way, and one runs at a time. Wait until it is done.";
    Shared::Overloaded.error(text).retry_after(Duration::from_secs(10))
}

/// When a lease that is taken now is over.
fn lease(now: Timestamp) -> Timestamp {
    now.checked_add(LEASE).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
