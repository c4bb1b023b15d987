//! Operations, on SQLite: what is seen of one while it runs, and how it ends.

use std::sync::Arc;

use futures::{
    FutureExt,
    future::{Either, join_all, select},
};
use jiff::SignedDuration;
use proto::{
    google::longrunning::operation,
    identity::v1::Team,
    operation::v1::{OperationMetadata, OperationState},
    options::v1::Role,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tonic_types::StatusExt;

use super::*;
use crate::{
    Caller, Ids, Member, Tenants,
    audit::{self, Verdict},
    secret::Keys,
    store::{Budget, Engine, Schema},
    testing,
};

struct Ground {
    operations: Operations,
    store: Store,
    tasks: Tasks,
    tenants: Tenants,
    clock: Clock,
    ids: Ids,
    _folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("tenants");
        std::fs::create_dir(&dir).unwrap();
        let head = "kind = \"country\"\nname = \"Test\"\nlocales = [\"en\"]\nzone = \"Europe/Rome\"\n";
        std::fs::write(dir.join("aa.toml"), head).unwrap();
        let (tenants, faults) = Tenants::load(dir, Vec::new());
        assert_eq!(faults, []);
        let clock = Clock::held("2022-10-10T09:00:00Z".parse().unwrap());
        let schema: Schema = |service, database| async move { migrations::up(service, &database).await }.boxed();
        let engine = Engine::Sqlite(folder.path().join("data"));
        let store = Store::new("identity", engine, Budget::new(8), Keys::random().unwrap(), Some(schema));
        let tasks = Tasks::new();
        let operations = Operations::new(store.clone(), tasks.clone(), clock.clone(), Role::Coordinator);
        Self { operations, store, tasks, tenants, ids: Ids::new(clock.clone()), clock, _folder: folder }
    }

    /// A context of an account of its own.
    fn by(&self, role: Role) -> Ctx {
        let (account, session) = (self.ids.next::<()>().uuid(), self.ids.next::<()>().uuid());
        let (roles, bound) = (vec![role], crate::Bound::default());
        let (mandate, scopes, acts_for, home, lacks) = (None, None, None, None, None);
        let member = Member { account, session, roles, mandate, bound, scopes, acts_for, home, lacks, is_half: false };
        testing::ctx(&self.tenants.get("aa").unwrap(), Caller::Member(member), &self.clock, &self.ids)
    }

    /// An operation that goes on to its next part whenever it is let, and has three of them.
    async fn begun(&self, ctx: &Ctx) -> (Id<Operation>, Arc<Semaphore>) {
        let (store, gate) = (self.store.clone(), Arc::new(Semaphore::new(0)));
        let opened = gate.clone();
        let work = move |work: Work| async move {
            for part in 0..3 {
                work.step(part, 3)?;
                opened.acquire().await.map_err(Error::internal)?.forget();
            }
            let tx = store.change(work.ctx()).await?;
            tx.note("work", "it", "");
            work.step(3, 3)?;
            Ok((tx, Team { code: "done".to_owned(), ..Team::default() }))
        };
        let operation = self.operations.start(ctx, work).await.unwrap().into_inner();
        assert!(!operation.done);
        (operation.name.rsplit('/').next().unwrap().parse().unwrap(), gate)
    }

    async fn entries(&self) -> Verdict {
        audit::verify(&self.store, &self.by(Role::Coordinator)).await.unwrap()
    }
}

fn metadata(operation: &Operation) -> OperationMetadata {
    OperationMetadata::decode(&*operation.metadata.as_ref().unwrap().value).unwrap()
}

fn refused(operation: &Operation) -> String {
    let Some(operation::Result::Error(error)) = &operation.result else { panic!("{operation:?}") };
    let status = Status::with_details(error.code.into(), error.message.clone(), error.encode_to_vec().into());
    status.get_error_details().error_info().unwrap().reason.clone()
}

fn reason(refusal: &Status) -> String {
    refusal.get_error_details().error_info().unwrap().reason.clone()
}

#[tokio::test]
async fn how_far_an_operation_is_can_be_seen_until_it_is_done_and_what_it_led_to_after() {
    let ground = Ground::new();
    let ctx = ground.by(Role::Coordinator);
    let (id, gate) = ground.begun(&ctx).await;
    for part in [1, 2] {
        gate.add_permits(1);
        loop {
            let seen = metadata(&ground.operations.get(&ctx, id).await.unwrap());
            assert_eq!((seen.state(), seen.total_parts, seen.ended_at), (OperationState::Running, 3, None));
            if seen.done_parts == part {
                break;
            }
        }
    }
    assert_eq!(ground.entries().await, Verdict::Whole(0));
    gate.add_permits(1);
    let done = ground.operations.wait(&ctx, id, None).await.unwrap();
    let Some(operation::Result::Response(answer)) = &done.result else { panic!("{done:?}") };
    assert_eq!(answer.type_url, "type.googleapis.com/koine.identity.v1.Team");
    assert_eq!(Team::decode(&*answer.value).unwrap().code, "done");
    let seen = metadata(&done);
    assert_eq!((seen.state(), seen.done_parts, seen.ended_at.is_some()), (OperationState::Done, 3, true));
    assert_eq!(ground.entries().await, Verdict::Whole(1));
    // of one that has ended nothing changes
    let cancelled = ground.operations.cancel(&ctx, id).await.unwrap().into_inner();
    assert_eq!(cancelled, done);
    assert_eq!(ground.entries().await, Verdict::Whole(1), "nor is anything noted");
}

#[tokio::test]
async fn a_cancelled_operation_ends_at_its_next_part_and_changes_nothing() {
    let ground = Ground::new();
    let ctx = ground.by(Role::Coordinator);
    let (id, gate) = ground.begun(&ctx).await;
    let asked = ground.operations.cancel(&ctx, id).await.unwrap().into_inner();
    assert!(!asked.done && metadata(&asked).cancel_requested);
    gate.add_permits(3);
    let ended = ground.operations.wait(&ctx, id, None).await.unwrap();
    assert_eq!(
        (metadata(&ended).state(), refused(&ended).as_str()),
        (OperationState::Cancelled, "OPERATION_CANCELLED")
    );
    assert_eq!(ground.entries().await, Verdict::Whole(1), "that it was cancelled");
}

#[tokio::test]
async fn an_operation_whose_process_ends_fails_and_says_that_it_can_be_asked_for_again() {
    let ground = Ground::new();
    let ctx = ground.by(Role::Coordinator);
    let (id, gate) = ground.begun(&ctx).await;
    let (late, ()) = tokio::join!(ground.tasks.shutdown(Duration::from_secs(9)), async { gate.add_permits(3) });
    assert_eq!(late, [""; 0]);
    let ended = ground.operations.get(&ctx, id).await.unwrap();
    assert_eq!((metadata(&ended).state(), refused(&ended).as_str()), (OperationState::Failed, "OPERATION_INTERRUPTED"));
    assert_eq!(ground.entries().await, Verdict::Whole(0));
}

#[tokio::test]
async fn what_a_killed_process_leaves_is_found_by_its_lease_and_forgotten_after_a_week() {
    let ground = Ground::new();
    let ctx = ground.by(Role::Coordinator);
    let (id, gate) = ground.begun(&ctx).await;
    // another process, which knows nothing of what runs in this one
    let other = Operations::new(ground.store.clone(), Tasks::new(), ground.clock.clone(), Role::Coordinator);
    assert!(!other.get(&ctx, id).await.unwrap().done);
    ground.clock.advance(SignedDuration::from_secs(61));
    let left = other.get(&ctx, id).await.unwrap();
    assert_eq!((left.done, refused(&left).as_str()), (true, "OPERATION_INTERRUPTED"));
    assert!(!ground.operations.get(&ctx, id).await.unwrap().done, "here it is known to run");
    let sweep = async || {
        let tx = ground.store.change(&ground.by(Role::Coordinator)).await.unwrap();
        super::sweep(&tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    sweep().await;
    // the one that was taken for dead cannot commit any more
    gate.add_permits(3);
    let ended = ground.operations.wait(&ctx, id, None).await.unwrap();
    assert_eq!(refused(&ended), "OPERATION_INTERRUPTED");
    assert_eq!(ground.entries().await, Verdict::Whole(0));
    ground.clock.advance(SignedDuration::from_hours(24 * 7));
    sweep().await;
    assert!(ground.operations.get(&ctx, id).await.is_ok(), "for a week");
    ground.clock.advance(SignedDuration::from_secs(1));
    sweep().await;
    assert!(ground.operations.get(&ctx, id).await.unwrap_err().is(Shared::NotFound));
}

#[tokio::test]
async fn an_operation_is_for_who_asked_for_it_and_for_the_central_team() {
    let ground = Ground::new();
    let (teacher, other, central) = (ground.by(Role::Teacher), ground.by(Role::Teacher), ground.by(Role::Coordinator));
    let (id, gate) = ground.begun(&teacher).await;
    let listed = async |ctx: &Ctx| {
        let page = ground.operations.list(ctx, PageRequest::walk(9, "").unwrap()).await.unwrap();
        page.items.len()
    };
    for ctx in [&teacher, &central] {
        assert!(ground.operations.get(ctx, id).await.is_ok());
        assert_eq!(listed(ctx).await, 1);
    }
    assert!(ground.operations.get(&other, id).await.unwrap_err().is(Shared::NotFound));
    assert_eq!(listed(&other).await, 0);
    assert_eq!(reason(&ground.operations.cancel(&other, id).await.unwrap_err()), "NOT_FOUND");
    assert_eq!(reason(&ground.operations.delete(&other, id, Team::default()).await.unwrap_err()), "NOT_FOUND");
    let running = ground.operations.delete(&teacher, id, Team::default()).await.unwrap_err();
    assert_eq!(reason(&running), "OPERATION_RUNNING");
    gate.add_permits(3);
    assert!(ground.operations.wait(&teacher, id, None).await.unwrap().done);
    ground.operations.delete(&teacher, id, Team::default()).await.unwrap();
    assert_eq!(listed(&central).await, 0);
}

#[tokio::test]
async fn only_so_many_calls_validate_at_once() {
    let ground = Ground::new();
    let ctx = ground.by(Role::Coordinator);
    ctx.call().validate_only();
    let endless = |_: Work| std::future::pending::<Result<(Tx, Team)>>();
    let mut first: Vec<_> = (0..VALIDATED_AT_ONCE).map(|_| Box::pin(ground.operations.start(&ctx, endless))).collect();
    for validating in &mut first {
        assert!(validating.now_or_never().is_none());
    }
    assert_eq!(reason(&ground.operations.start(&ctx, endless).await.unwrap_err()), "OVERLOADED");
}

#[tokio::test]
async fn who_would_wait_beside_many_others_is_answered_at_once() {
    let ground = Ground::new();
    let ctx = ground.by(Role::Coordinator);
    let (id, gate) = ground.begun(&ctx).await;
    let mut others = Box::pin(join_all((0..WAITING_AT_ONCE).map(|_| ground.operations.wait(&ctx, id, None))));
    assert!((&mut others).now_or_never().is_none(), "each has its place");
    let Either::Right((seen, others)) = select(others, Box::pin(ground.operations.wait(&ctx, id, None))).await else {
        panic!("the others wait until it is done")
    };
    assert!(!seen.unwrap().done);
    gate.add_permits(3);
    assert!(others.await.into_iter().all(|seen| seen.unwrap().done));
}

#[tokio::test]
async fn an_operation_whose_caller_goes_away_while_it_begins_is_worked_on() {
    let ground = Ground::new();
    let ctx = ground.by(Role::Coordinator);
    let store = ground.store.clone();
    let work = move |work: Work| async move {
        let tx = store.change(work.ctx()).await?;
        tx.note("work", "it", "");
        Ok((tx, Team::default()))
    };
    assert!(Box::pin(ground.operations.start(&ctx, work)).now_or_never().is_none());
    let begun = loop {
        let page = ground.operations.list(&ctx, PageRequest::walk(9, "").unwrap()).await.unwrap();
        if let Some(begun) = page.items.into_iter().next() {
            break begun;
        }
    };
    let id = begun.name.rsplit('/').next().unwrap().parse().unwrap();
    assert!(ground.operations.wait(&ctx, id, None).await.unwrap().done);
    assert_eq!(ground.entries().await, Verdict::Whole(1));
}

#[tokio::test]
async fn only_so_many_operations_run_at_once_in_a_tenant() {
    let ground = Ground::new();
    let ctx = ground.by(Role::Coordinator);
    let mut gates = Vec::new();
    for _ in 0..AT_ONCE {
        gates.push(ground.begun(&ctx).await);
    }
    let work = |_: Work| async { Err::<(Tx, Team), _>(interrupted()) };
    let refusal = ground.operations.start(&ctx, work).await.unwrap_err();
    assert_eq!(reason(&refusal), "OVERLOADED");
    let (id, gate) = gates.pop().unwrap();
    gate.add_permits(3);
    assert!(ground.operations.wait(&ctx, id, None).await.unwrap().done);
    // what ends at once is answered with its end
    let failed = ground.operations.start(&ctx, work).await.unwrap().into_inner();
    assert_eq!(refused(&failed), "OPERATION_INTERRUPTED");
}
