//! Work that waits in rows and takes its time, such as calls to servers of others: no fact waits for it, and none of it waits for what is
//! slow beside it.
//!
//! The work of a tenant lies in lanes. The steps of one lane are done one after another, those of different lanes at the same time. What is
//! to be done is in rows alone, so nothing is lost with a process: a bell only says that somebody had better look now. All replicas look,
//! so a step reserves its row before it does anything.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::{Ctx, Result, TenantId};

/// The most lanes of a tenant in which a step is done at the same time.
const AT_ONCE: usize = 32;

/// How long a step may take.
const LONGEST: Duration = Duration::from_secs(60);

pub(super) type Doing<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Says that work waits in a tenant. Cheap to clone; all clones are one bell. It is rung after the commit that left the work; where a
/// process dies in between, the next look finds it, minutes later.
#[derive(Clone, Default)]
pub struct Bell(Arc<Rope>);

#[derive(Default)]
struct Rope {
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Default)]
struct State {
    /// The tenants for which it was rung, and nobody has looked since.
    rung: BTreeSet<TenantId>,
    /// The tenants in which work is done now, each with what wakes it.
    at_work: BTreeMap<TenantId, Arc<Notify>>,
}

/// Work in lanes, and its bell.
#[derive(Clone)]
pub(super) struct Errand {
    pub(super) name: &'static str,
    pub(super) bell: Bell,
    /// The lanes of a tenant in which something is to be done now.
    pub(super) lanes: Arc<dyn Fn(Ctx) -> Doing<Vec<Uuid>> + Send + Sync>,
    /// Does the next step of a lane. Says whether there may be another one now.
    pub(super) step: Arc<dyn Fn(Ctx, Uuid) -> Doing<bool> + Send + Sync>,
}

/// The lanes of a tenant in one round of work.
#[derive(Default)]
struct Lanes {
    waiting: VecDeque<Uuid>,
    /// Those in which a step is done now, and whether somebody has said meanwhile that there is more.
    at_work: BTreeMap<Uuid, bool>,
}

impl Bell {
    /// Rings for the tenant of a context.
    pub fn ring(&self, ctx: &Ctx) {
        self.ring_in(ctx.tenant().id());
    }

    pub(super) fn ring_in(&self, tenant: &TenantId) {
        let mut state = self.lock();
        state.rung.insert(tenant.clone());
        match state.at_work.get(tenant) {
            Some(round) => round.notify_one(),
            None => self.0.idle.notify_one(),
        }
    }

    /// Waits until it was rung for a tenant in which no work is done.
    pub(super) async fn rung(&self) {
        self.0.idle.notified().await;
    }

    /// The tenants in which work is to begin. From here on it is done there, until it [ends](Self::ends).
    pub(super) fn begins(&self) -> Vec<(TenantId, Arc<Notify>)> {
        let mut state = self.lock();
        let resting: Vec<_> = state.rung.iter().filter(|one| !state.at_work.contains_key(*one)).cloned().collect();
        let mut begun = Vec::new();
        for tenant in resting {
            let wake = Arc::new(Notify::new());
            state.rung.remove(&tenant);
            state.at_work.insert(tenant.clone(), wake.clone());
            begun.push((tenant, wake));
        }
        begun
    }

    /// Somebody looks now: for what was left before, nobody has to look again.
    fn heard(&self, tenant: &TenantId) {
        self.lock().rung.remove(tenant);
    }

    /// Ends the work in a tenant. Returns false, where it was rung again meanwhile: then the work goes on.
    pub(super) fn ends(&self, tenant: &TenantId) -> bool {
        let mut state = self.lock();
        let again = state.rung.remove(tenant);
        if !again {
            state.at_work.remove(tenant);
        }
        !again
    }

    /// The number of tenants in which work is done or is to begin.
    pub(super) fn busy(&self) -> usize {
        let state = self.lock();
        state.rung.iter().filter(|one| !state.at_work.contains_key(*one)).count() + state.at_work.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Errand {
    /// Does what is to be done in a tenant, until nothing is. Each step has a context of its own instant. Once `stop` is cancelled no step
    /// begins, and those that have begun are done.
    pub(super) async fn round(
        &self,
        (tenant, wake): (&TenantId, &Notify),
        ctx: impl Fn() -> Ctx + Send + Sync,
        stop: &CancellationToken,
    ) {
        let (mut lanes, mut steps) = (Lanes::default(), FuturesUnordered::new());
        loop {
            self.bell.heard(tenant);
            lanes.add(self.look(ctx()).await);
            loop {
                while steps.len() < AT_ONCE && !stop.is_cancelled() {
                    let Some(lane) = lanes.begin() else { break };
                    steps.push(self.go(ctx(), lane));
                }
                tokio::select! {
                    biased;
                    () = wake.notified() => break,
                    done = steps.next() => match done {
                        Some((lane, more)) => lanes.done(lane, more),
                        None => break,
                    }
                }
            }
            if steps.is_empty() && self.bell.ends(tenant) {
                return;
            }
        }
    }

    async fn look(&self, ctx: Ctx) -> Vec<Uuid> {
        let tenant = ctx.tenant().id().clone();
        (self.lanes)(ctx).await.unwrap_or_else(|error| {
            tracing::error!(%tenant, work = self.name, ?error, "what waits cannot be read");
            Vec::new()
        })
    }

    async fn go(&self, ctx: Ctx, lane: Uuid) -> (Uuid, bool) {
        let (tenant, span) = (ctx.tenant().id().clone(), tracing::info_span!("errand", work = self.name));
        let done = tokio::time::timeout(LONGEST, (self.step)(ctx, lane)).instrument(span).await;
        let more = match done {
            Ok(Ok(more)) => more,
            Ok(Err(error)) => {
                tracing::error!(%tenant, work = self.name, ?error, "a step failed, and is done again at the next look");
                false
            }
            Err(_) => {
                tracing::error!(%tenant, work = self.name, "a step took too long, and is done again at the next look");
                false
            }
        };
        (lane, more)
    }
}

impl Lanes {
    /// Adds lanes in which something is to be done.
    fn add(&mut self, lanes: Vec<Uuid>) {
        for lane in lanes {
            match self.at_work.get_mut(&lane) {
                Some(more) => *more = true,
                None if self.waiting.contains(&lane) => {}
                None => self.waiting.push_back(lane),
            }
        }
    }

    /// The lane whose turn it is.
    fn begin(&mut self) -> Option<Uuid> {
        let lane = self.waiting.pop_front()?;
        self.at_work.insert(lane, false);
        Some(lane)
    }

    /// A step of a lane was done. Where there is more, the lane waits behind all others for its next turn.
    fn done(&mut self, lane: Uuid, more: bool) {
        let came = self.at_work.remove(&lane).unwrap_or_default();
        if more || came {
            self.waiting.push_back(lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    #[test]
    fn work_begins_once_in_a_tenant_and_goes_on_where_it_was_rung_meanwhile() {
        let bell = Bell::default();
        let (it, hr) = (tenant("it"), tenant("hr"));
        bell.ring_in(&it);
        bell.ring_in(&it);
        let begun = |bell: &Bell| bell.begins().into_iter().map(|(tenant, _)| tenant).collect::<Vec<_>>();
        assert_eq!((begun(&bell), begun(&bell)), (vec![it.clone()], vec![]));
        bell.ring_in(&it);
        bell.ring_in(&hr);
        assert_eq!((bell.busy(), begun(&bell)), (2, vec![hr.clone()]));
        assert!(!bell.ends(&it), "it was rung");
        assert!(bell.ends(&it) && bell.ends(&hr));
        assert_eq!(bell.busy(), 0);
    }

    #[test]
    fn lanes_take_turns_and_each_has_one_step_at_a_time() {
        let [one, two] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let mut lanes = Lanes::default();
        lanes.add(vec![one, two, one]);
        assert_eq!((lanes.begin(), lanes.begin(), lanes.begin()), (Some(one), Some(two), None));
        lanes.add(vec![one]);
        assert_eq!(lanes.begin(), None, "a step is done in it");
        lanes.done(two, true);
        lanes.done(one, false);
        assert_eq!((lanes.begin(), lanes.begin()), (Some(two), Some(one)), "more came meanwhile");
        lanes.done(one, false);
        lanes.done(two, false);
        assert_eq!(lanes.begin(), None);
    }
}
