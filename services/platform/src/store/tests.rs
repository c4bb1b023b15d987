//! Tests of the store, on SQLite: what is stored, what is rolled back, what happens once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::SignedDuration;
use prost::Message;
use prost_reflect::ReflectMessage;
use proto::{
    identity::v1::{
        AdmitApplicationRequest, CredentialIssued, GetTeamRequest, ReissueCredentialRequest, Team, VerificationIssued,
    },
    options::v1::Role,
};
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait, QueryOrder};
use tempfile::TempDir;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio_util::sync::CancellationToken;

use super::{
    Allowed, Budget, Engine, MethodTx, Reads, Store,
    rows::{answered, audit as chained, audit_entry, audit_head, audit_lane, outbox},
};
use crate::{
    Caller, Clock, Ctx, Ids, Member, Open, Tenants,
    audit::{self, Sequencer, Verdict},
    error::{Error, Shared},
    event::{self, Bus, Dispatcher, Handlers},
    secret::Keys,
};

pub(crate) struct Ground {
    pub(crate) store: Store,
    tenants: Tenants,
    clock: Clock,
    ids: Ids,
    folder: Arc<TempDir>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self::with(8)
    }

    fn with(connections: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("tenants");
        std::fs::create_dir(&dir).unwrap();
        for tenant in ["aa", "bb"] {
            let head = "kind = \"country\"\nname = \"Test\"\nlocales = [\"en\"]\nzone = \"Europe/Rome\"\n";
            std::fs::write(dir.join(format!("{tenant}.toml")), head).unwrap();
        }
        let (tenants, faults) = Tenants::load(dir, Vec::new());
        assert_eq!(faults, []);
        let clock = Clock::held("2022-10-10T09:00:00Z".parse().unwrap());
        let store = Self::store(&folder, connections, Keys::random().unwrap());
        Self { store, tenants, ids: Ids::new(clock.clone()), clock, folder: Arc::new(folder) }
    }

    fn store(folder: &TempDir, connections: u32, keys: Keys) -> Store {
        let schema: super::Schema = |service, database| async move { migrations::up(service, &database).await }.boxed();
        let engine = Engine::Sqlite(folder.path().join("data"));
        Store::new("identity", engine, Budget::new(connections), keys, Some(schema))
    }

    /// A store with the same data, opened again.
    fn restarted(&self) -> Self {
        let store = Self::store(&self.folder, 8, self.store.keys().clone());
        let (tenants, clock, ids) = (self.tenants.clone(), self.clock.clone(), self.ids.clone());
        Self { store, tenants, clock, ids, folder: self.folder.clone() }
    }

    pub(crate) fn ctx(&self, tenant: &str) -> Ctx {
        let member = Member {
            account: uuid::Uuid::nil(),
            session: uuid::Uuid::nil(),
            roles: vec![Role::Teacher],
            mandate: None,
            bound: crate::Bound::default(),
            scopes: None,
            acts_for: None,
            home: None,
            lacks: None,
            is_half: false,
        };
        crate::testing::ctx(&self.tenants.get(tenant).unwrap(), Caller::Member(member), &self.clock, &self.ids)
    }

    async fn note(&self, tenant: &str, subject: &str) {
        let tx = self.store.change(&self.ctx(tenant)).await.unwrap();
        tx.note("try", subject, "");
        tx.commit().await.unwrap();
    }

    async fn emit(&self, tenant: &str, ids: &[&str]) {
        let tx = self.store.change(&self.ctx(tenant)).await.unwrap();
        ids.iter().for_each(|id| tx.emit(&issued(id)));
        tx.commit().await.unwrap();
    }

    async fn sql(&self, tenant: &str, sql: &str) {
        let tx = self.store.change(&self.ctx(tenant)).await.unwrap();
        tx.conn().execute_unprepared(sql).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn verdict(&self, tenant: &str) -> Verdict {
        audit::verify(&self.store, &self.ctx(tenant)).await.unwrap()
    }

    fn sequencer(&self) -> Sequencer {
        Sequencer::new(self.store.clone(), self.tenants.clone(), self.clock.clone(), self.ids.clone())
    }

    async fn chain(&self) {
        self.sequencer().drain().await.unwrap();
    }

    /// The numbers of chained entries, of waiting entries, and of lanes.
    async fn log(&self, tenant: &str) -> [u64; 3] {
        let db = self.store.read(&self.ctx(tenant)).await.unwrap();
        let (chained, waiting) =
            (chained::Entity::find().count(db.conn()), audit_entry::Entity::find().count(db.conn()));
        let lanes = audit_lane::Entity::find().count(db.conn());
        [chained.await.unwrap(), waiting.await.unwrap(), lanes.await.unwrap()]
    }

    fn dispatcher(&self, handlers: Handlers) -> Dispatcher {
        let settings = event::Settings::default();
        let bus = Bus::new(vec![(self.store.clone(), handlers)], settings, self.clock.clone(), self.ids.clone());
        Dispatcher::new(self.store.clone(), bus, self.tenants.clone(), self.clock.clone(), self.ids.clone())
    }
}

fn issued(id: &str) -> CredentialIssued {
    CredentialIssued { team_id: id.to_owned(), credential_id: String::new() }
}

#[tokio::test]
async fn a_transaction_without_a_commit_changes_nothing() {
    let ground = Ground::new();
    let tx = ground.store.change(&ground.ctx("aa")).await.unwrap();
    tx.emit(&issued("1"));
    tx.note("try", "this", "");
    drop(tx);
    assert_eq!(ground.dispatcher(Handlers::new()).waiting().await.unwrap(), 0);
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(0));
}

#[tokio::test]
async fn a_glance_is_one_statement_that_reads_and_no_other() {
    let ground = Ground::new();
    ground.note("aa", "one").await;
    let ctx = ground.ctx("aa");
    let db = ground.store.glance(&ctx).await.unwrap();
    assert_eq!(audit_entry::Entity::find().all(db.conn()).await.unwrap().len(), 1);
    let error = audit_entry::Entity::find().all(db.conn()).await.unwrap_err();
    assert!(error.to_string().contains("a second statement"), "{error}");

    let db = ground.store.glance(&ctx).await.unwrap();
    assert!(audit_entry::Entity::delete_many().exec(db.conn()).await.is_err());
    assert!(db.conn().execute_unprepared("DELETE FROM audit_entry").await.is_err());
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(1));
}

#[tokio::test]
async fn a_tenants_data_are_in_a_file_of_its_own() {
    let ground = Ground::new();
    ground.note("aa", "one").await;
    assert!(ground.folder.path().join("data/aa/identity.db").exists());
    assert!(!ground.folder.path().join("data/bb").exists());
    assert_eq!(ground.verdict("bb").await, Verdict::Whole(0));
}

#[tokio::test]
async fn a_schema_that_was_not_made_to_its_end_is_made_by_the_next_process() {
    let ground = Ground::new();
    let engine = Engine::Sqlite(ground.folder.path().join("data"));
    let bare = Store::new("identity", engine, Budget::new(8), ground.store.keys().clone(), None);
    let sql = async |sql: &str| {
        let tx = bare.change(&ground.ctx("aa")).await.unwrap();
        tx.conn().execute_unprepared(sql).await.unwrap();
        tx.commit().await.unwrap();
    };
    // the last of several tables of one file cannot be made
    sql("CREATE TABLE audit_head (id integer)").await;
    let tenant = "aa".parse().unwrap();
    let ended = ground.store.open(&tenant).await.unwrap_err();
    assert!(format!("{ended:?}").contains("audit_head"), "{ended:?}");
    sql("DROP TABLE audit_head").await;
    ground.restarted().store.open(&tenant).await.unwrap();
    ground.note("aa", "one").await;
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(1));
}

impl Ground {
    /// The transaction of a method whose caller may.
    async fn allowed(&self, ctx: &Ctx) -> MethodTx {
        self.store.write(ctx).await.unwrap().allowed(Allowed::by_access()).await.unwrap()
    }

    /// Answers a request with a team of this code. Returns the code in the answer that the layers would give.
    async fn answer(&self, request: impl ReflectMessage + Default, code: &str) -> Result<String, Error> {
        self.answer_to(self.ctx("aa"), request, code).await
    }

    /// [`Ground::answer`] for the caller of a context.
    async fn answer_to(&self, ctx: Ctx, request: impl ReflectMessage + Default, code: &str) -> Result<String, Error> {
        let mut request = tonic::Request::new(request);
        request.extensions_mut().insert(ctx);
        let (ctx, _) = request.open()?;
        let opening = self.store.write(&ctx).await?;
        let tx = match opening.allowed(Allowed::by_access()).await {
            Ok(tx) => tx,
            Err(error) => {
                let before = ctx.call().once.before().ok_or(error)?;
                return Ok(Team::decode(before.as_slice()).unwrap().code);
            }
        };
        let answer = tx.answer(Team { code: code.to_owned(), ..Team::default() }).await.unwrap();
        assert!(!ctx.call().once.is_forgotten());
        // a second write in the same call is not stopped by the call's own answer
        self.allowed(&ctx).await;
        Ok(answer.into_inner().code)
    }
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_for_a_day() {
    let ground = Ground::new();
    let request = || ReissueCredentialRequest { team_id: uuid::Uuid::nil().into(), request_id: "once".into() };
    assert_eq!(ground.answer(request(), "first").await.unwrap(), "first");
    assert_eq!(ground.answer(request(), "second").await.unwrap(), "first");
    let other = ReissueCredentialRequest { team_id: uuid::Uuid::max().into(), ..request() };
    let error = ground.answer(other, "other").await.unwrap_err();
    assert!(error.is(Shared::RequestIdReused), "{error:?}");

    ground.clock.advance(SignedDuration::from_hours(25));
    assert_eq!(ground.answer(request(), "third").await.unwrap(), "third");
}

#[tokio::test]
async fn a_request_id_of_one_caller_gives_no_answer_to_another() {
    let ground = Ground::new();
    let request = || ReissueCredentialRequest { team_id: uuid::Uuid::nil().into(), request_id: "once".into() };
    let fresh = || ground.ids.next::<Team>().uuid();
    let (account, team, other) = (fresh(), fresh(), fresh());
    let member = |account, home: Option<&str>, acts_for| Member {
        account,
        session: uuid::Uuid::nil(),
        roles: vec![Role::Teacher],
        mandate: None,
        bound: crate::Bound::default(),
        scopes: None,
        acts_for,
        home: home.map(|home| home.parse().unwrap()),
        lacks: None,
        is_half: false,
    };
    let all = [
        member(account, None, None),
        member(fresh(), None, None),
        // one person who visits for two classes of theirs, and for all of their country, and another account with the same id
        member(account, Some("bb"), Some(team)),
        member(account, Some("bb"), Some(other)),
        member(account, Some("bb"), None),
        member(account, Some("cc"), None),
    ];
    for asked in 0..2 {
        for (number, member) in all.iter().enumerate() {
            let tenant = ground.tenants.get("aa").unwrap();
            let caller = Caller::Member(member.clone());
            let ctx = crate::testing::ctx(&tenant, caller, &ground.clock, &ground.ids);
            let answer = ground.answer_to(ctx, request(), &format!("{number}, asked {asked}")).await.unwrap();
            assert_eq!(answer, format!("{number}, asked 0"));
        }
    }
}

#[tokio::test]
async fn a_request_without_an_id_is_a_new_one_each_time() {
    let ground = Ground::new();
    let team_id = || uuid::Uuid::nil().to_string();
    for code in ["first", "second"] {
        let without_field = GetTeamRequest { team_id: team_id() };
        let without_value = ReissueCredentialRequest { team_id: team_id(), request_id: String::new() };
        assert_eq!(ground.answer(without_field, code).await.unwrap(), code);
        assert_eq!(ground.answer(without_value, code).await.unwrap(), code);
    }
}

/// A request that is only validated, or one that is asked in earnest, and its context once it is opened.
fn admission(ground: &Ground, application: u128, validate_only: bool) -> (AdmitApplicationRequest, Ctx) {
    let message = AdmitApplicationRequest {
        application_id: uuid::Uuid::from_u128(application).into(),
        request_id: "once".into(),
        validate_only,
        ..AdmitApplicationRequest::default()
    };
    let mut request = tonic::Request::new(message.clone());
    request.extensions_mut().insert(ground.ctx("aa"));
    (message, request.open().unwrap().0)
}

#[tokio::test]
async fn what_is_only_validated_is_answered_and_leaves_nothing() {
    let ground = Ground::new();
    let (_, ctx) = admission(&ground, 1, true);
    let tx = ground.allowed(&ctx).await;
    tx.emit(&issued("1"));
    tx.note("admit", "it", "");
    tx.forget_answers("nobody").await.unwrap();
    let answer = tx.answer(Team { code: "would be".to_owned(), ..Team::default() }).await.unwrap();
    assert_eq!(answer.into_inner().code, "would be");
    assert!(!ctx.call().once.is_forgotten());
    let there = ctx.across(ground.tenants.get("bb").unwrap());
    let tx = ground.store.change(&there).await.unwrap();
    tx.note("admit", "there", "");
    tx.commit().await.unwrap();
    assert_eq!(ground.dispatcher(Handlers::new()).waiting().await.unwrap(), 0);
    assert_eq!((ground.verdict("aa").await, ground.verdict("bb").await), (Verdict::Whole(0), Verdict::Whole(0)));
    let db = ground.store.read(&ctx).await.unwrap();
    assert_eq!(answered::Entity::find().count(db.conn()).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_only_validated_is_answered_as_the_same_request_in_earnest_before_and_after_it() {
    let ground = Ground::new();
    let ask = async |application, validate_only, code| {
        let (request, _) = admission(&ground, application, validate_only);
        ground.answer(request, code).await
    };
    assert_eq!(ask(1, true, "first").await.unwrap(), "first");
    assert_eq!(ask(1, true, "second").await.unwrap(), "second", "no answer is kept");
    assert_eq!(ask(1, false, "third").await.unwrap(), "third");
    assert_eq!(ask(1, true, "fourth").await.unwrap(), "third");
    assert_eq!(ask(1, false, "fifth").await.unwrap(), "third");
    assert!(ask(2, true, "other").await.unwrap_err().is(Shared::RequestIdReused));
}

#[tokio::test]
async fn a_method_that_keeps_no_answer_is_found() {
    let ground = Ground::new();
    for (request_id, caller) in [("once", ground.ctx("aa")), ("", ground.ctx("aa"))] {
        let mut request = tonic::Request::new(ReissueCredentialRequest {
            team_id: uuid::Uuid::nil().into(),
            request_id: request_id.into(),
        });
        request.extensions_mut().insert(caller);
        let (ctx, _) = request.open().unwrap();
        ground.store.change(&ctx).await.unwrap().commit().await.unwrap();
        assert!(ctx.call().once.is_forgotten(), "also of a caller who does not repeat it");
    }
}

#[tokio::test]
async fn a_changed_removed_or_reordered_entry_of_the_audit_log_is_found() {
    for (damage, verdict) in [
        ("UPDATE audit SET subject = 'else' WHERE seq = 2", Verdict::Broken(2)),
        ("UPDATE audit SET detail = 'else' WHERE seq = 2", Verdict::Broken(2)),
        ("UPDATE audit SET action = 'else' WHERE seq = 2", Verdict::Broken(2)),
        ("UPDATE audit SET actor = 'else' WHERE seq = 2", Verdict::Broken(2)),
        ("UPDATE audit SET at = at + 1 WHERE seq = 2", Verdict::Broken(2)),
        // text is moved from one column to the next one
        ("UPDATE audit SET subject = '', detail = subject WHERE seq = 2", Verdict::Broken(2)),
        ("DELETE FROM audit WHERE seq = 2", Verdict::Broken(2)),
        ("DELETE FROM audit WHERE seq = 3", Verdict::Cut(2)),
        ("DELETE FROM audit", Verdict::Cut(0)),
        ("DELETE FROM audit_head", Verdict::EndMissing(3)),
        ("DELETE FROM audit WHERE seq = 3; DELETE FROM audit_head", Verdict::EndMissing(2)),
        // the last entry is removed, and the end set to the new last entry, with the old seal and without one
        (
            "DELETE FROM audit WHERE seq = 3; UPDATE audit_head SET seq = 2, mac = (SELECT mac FROM audit WHERE seq = 2)",
            Verdict::EndForged(2),
        ),
        ("DELETE FROM audit; UPDATE audit_head SET seq = 0, mac = '', seal = ''", Verdict::EndForged(0)),
        // an entry before the first one, and one after the last
        (
            "INSERT INTO audit SELECT -1, at, actor, action, subject, detail, mac FROM audit WHERE seq = 1",
            Verdict::Broken(-1),
        ),
        (
            "INSERT INTO audit SELECT 4, at, actor, action, subject, detail, mac FROM audit WHERE seq = 3",
            Verdict::Broken(4),
        ),
        (
            "UPDATE audit SET seq = 9 WHERE seq = 1; UPDATE audit SET seq = 1 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 9",
            Verdict::Broken(1),
        ),
    ] {
        let ground = Ground::new();
        for subject in ["one", "two", "three"] {
            ground.note("aa", subject).await;
        }
        ground.chain().await;
        assert_eq!((ground.verdict("aa").await, ground.log("aa").await), (Verdict::Whole(3), [3, 0, 1]));
        ground.sql("aa", damage).await;
        assert_eq!(ground.verdict("aa").await, verdict, "{damage}");
    }
}

/// Changes to two entries that wait to be chained, in a lane with one chained entry, and to the rows about the lane.
const DAMAGES: [&str; 14] = [
    "UPDATE audit_entry SET subject = 'else' WHERE number = 2",
    "UPDATE audit_entry SET actor = 'else' WHERE number = 3",
    "UPDATE audit_entry SET turn = turn + 9 WHERE number = 2",
    "DELETE FROM audit_entry WHERE number = 2",
    "DELETE FROM audit_entry WHERE number = 3",
    "DELETE FROM audit_entry",
    "DELETE FROM audit_entry WHERE number = 3; UPDATE audit_lane SET number = 2",
    "DELETE FROM audit_entry; DELETE FROM audit_lane",
    "DELETE FROM audit_entry; DELETE FROM audit_lane; UPDATE audit_head SET lanes = ''",
    "INSERT INTO audit_entry SELECT lane, 4, turn, at, actor, action, subject, detail, mac FROM audit_entry WHERE number = 3",
    "INSERT INTO audit_entry SELECT lane, 1, turn, at, actor, action, subject, detail, mac FROM audit_entry WHERE number = 2",
    "INSERT INTO audit_entry SELECT randomblob(16), 1, turn, at, actor, action, subject, detail, mac FROM audit_entry WHERE number = 2",
    "INSERT INTO audit_lane SELECT randomblob(16), 0, seal FROM audit_lane",
    "UPDATE audit_entry SET number = 9 WHERE number = 2; UPDATE audit_entry SET number = 2 WHERE number = 3; UPDATE audit_entry SET number = 3 WHERE number = 9",
];

#[tokio::test]
async fn an_entry_that_waits_to_be_chained_and_was_changed_removed_or_added_is_found() {
    for damage in DAMAGES {
        let ground = Ground::new();
        ground.note("aa", "one").await;
        ground.chain().await;
        ground.note("aa", "two").await;
        ground.note("aa", "three").await;
        assert_eq!((ground.verdict("aa").await, ground.log("aa").await), (Verdict::Whole(3), [1, 2, 1]));
        let exported = async || audit::exported(&ground.store, &ground.ctx("aa")).await;
        assert!(exported().await.contains("\"state\":\"WHOLE\""));
        ground.sql("aa", damage).await;
        let is_end_forged = damage.contains("audit_head");
        let found = if is_end_forged { Verdict::EndForged(1) } else { Verdict::WaitingBroken(1) };
        assert_eq!(ground.verdict("aa").await, found, "{damage}");
        let state = if is_end_forged { "END_FORGED" } else { "WAITING_BROKEN" };
        let told = exported().await;
        assert!(told.contains(&format!("\"state\":\"{state}\"")), "{damage}: {told}");
        // chaining the remaining entries does not hide it
        drop(ground.sequencer().drain().await);
        let after = ground.verdict("aa").await;
        assert!(!matches!(after, Verdict::Whole(_)), "{damage}: {after:?}");
    }
}

/// Polls a future this many times and then drops it, like a process that dies.
struct Mortal<F>(std::pin::Pin<Box<F>>, usize);

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        match self.1.checked_sub(1) {
            None => std::task::Poll::Ready(None),
            Some(left) => {
                self.1 = left;
                self.0.as_mut().poll(cx).map(Some)
            }
        }
    }
}

/// A sequencer dies after this many steps, and another one goes on. Returns whether it died before it had ended.
async fn a_sequencer_dies_after(polls: usize) -> bool {
    let ground = Ground::new();
    for subject in ["one", "two", "three"] {
        ground.note("aa", subject).await;
    }
    // the other tenant's database exists already, so that the sequencer dies and not the creation of tables
    ground.verdict("bb").await;
    let sequencer = ground.sequencer();
    let ended = Mortal(Box::pin(sequencer.drain()), polls).await;
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(3), "after {polls} steps");
    let ground = ground.restarted();
    ground.note("aa", "four").await;
    ground.chain().await;
    assert_eq!(
        (ground.verdict("aa").await, ground.log("aa").await),
        (Verdict::Whole(4), [4, 0, 2]),
        "after {polls} steps"
    );
    ended.is_none()
}

#[tokio::test]
async fn a_sequencer_that_dies_at_any_point_loses_nothing_and_the_next_one_goes_on() {
    // how many steps it takes differs, because a statement can be done before it is waited for
    let mut died_after = BTreeSet::new();
    for polls in (0..12).cycle().take(240) {
        if a_sequencer_dies_after(polls).await {
            died_after.insert(polls);
        } else if died_after.len() > 3 {
            return;
        }
    }
    panic!("it died after {died_after:?} steps alone");
}

#[tokio::test]
async fn two_processes_that_write_and_chain_at_once_make_one_whole_log() {
    let one = Ground::new();
    let other = one.restarted();
    let work = [&one, &other].map(async |ground| {
        for number in 0..20 {
            ground.note("aa", &number.to_string()).await;
            if number % 3 == 0 {
                ground.chain().await;
            }
        }
        ground.chain().await;
    });
    futures::future::join_all(work).await;
    assert_eq!((one.verdict("aa").await, one.log("aa").await), (Verdict::Whole(40), [40, 0, 2]));
}

#[tokio::test]
async fn entries_are_chained_in_the_order_in_which_they_were_written() {
    let ground = Ground::new();
    let writers: Vec<_> = (0..3).map(|_| ground.restarted()).collect();
    for number in 0..9_usize {
        // the clock moves, because otherwise the order of two processes could not be known
        ground.clock.advance(SignedDuration::from_millis(1));
        writers[number % 3].note("aa", &number.to_string()).await;
    }
    ground.chain().await;
    let db = ground.store.read(&ground.ctx("aa")).await.unwrap();
    let rows = chained::Entity::find().order_by_asc(chained::Column::Seq).all(db.conn()).await.unwrap();
    let order: Vec<_> = rows.into_iter().map(|row| row.subject).collect();
    assert_eq!(order, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[tokio::test]
async fn a_lane_that_is_not_used_any_more_is_forgotten_and_one_that_is_given_up_at_once() {
    let ground = Ground::new();
    ground.note("aa", "one").await;
    let before = ground.ctx("aa");
    let other = ground.restarted();
    ground.clock.advance(SignedDuration::from_hours(2));
    other.note("aa", "two").await;
    other.chain().await;
    assert_eq!(ground.log("aa").await, [2, 0, 1], "the lane of the first process is gone");

    // a process that still used the lane writes nothing, and can try again
    let write = async |ctx: &Ctx| {
        let tx = ground.store.change(ctx).await.unwrap();
        tx.note("try", "three", "");
        tx.commit().await
    };
    assert!(write(&before).await.unwrap_err().is(Shared::Overloaded));
    write(&before).await.unwrap();
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(3));

    for ground in [&ground, &other] {
        ground.sequencer().finish().await;
    }
    assert_eq!((ground.verdict("aa").await, ground.log("aa").await), (Verdict::Whole(3), [3, 0, 0]));
    let db = ground.store.read(&ground.ctx("aa")).await.unwrap();
    assert_eq!(audit_head::Entity::find().one(db.conn()).await.unwrap().unwrap().lanes, "");
}

#[tokio::test]
async fn what_is_written_is_chained_a_moment_later_without_being_asked_for() {
    let ground = Ground::new();
    let stop = CancellationToken::new();
    let write = async {
        ground.note("aa", "one").await;
        while ground.log("aa").await != [1, 0, 1] {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let both = async { tokio::join!(ground.sequencer().run(stop.clone()), write) };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("nobody has chained it");
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(1));
}

#[tokio::test]
async fn a_log_without_an_end_of_ours_takes_no_entry_also_after_a_new_start() {
    for damage in [
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seal = ''",
        "DELETE FROM audit; UPDATE audit_head SET seq = 0, mac = '', seal = ''",
    ] {
        let ground = Ground::new();
        ground.note("aa", "one").await;
        ground.emit("aa", &["1"]).await;
        ground.chain().await;
        ground.sql("aa", damage).await;
        for ground in [&ground, &ground.restarted()] {
            assert!(!matches!(ground.verdict("aa").await, Verdict::Whole(_)), "{damage}");
            let tx = ground.store.change(&ground.ctx("aa")).await.unwrap();
            tx.note("try", "two", "");
            assert!(tx.commit().await.unwrap_err().is(Shared::Internal), "{damage}");
        }
    }
}

#[tokio::test]
async fn a_log_whose_maker_ended_before_it_was_sealed_begins_at_the_next_start() {
    let ground = Ground::new();
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(0));
    ground.sql("aa", "UPDATE audit_head SET seal = ''").await;
    assert_eq!(ground.verdict("aa").await, Verdict::EndForged(0));
    let ground = ground.restarted();
    ground.note("aa", "one").await;
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(1));
}

#[tokio::test]
async fn a_fact_is_handled_once_though_it_comes_twice() {
    let ground = Ground::new();
    let seen = Arc::new(AsyncMutex::new(Vec::new()));
    let (store, kept) = (ground.store.clone(), seen.clone());
    let dispatcher = ground.dispatcher(Handlers::new().on("keep", move |ctx: Ctx, fact: CredentialIssued| {
        let (store, kept) = (store.clone(), kept.clone());
        async move {
            let tx = store.change(&ctx).await?;
            tx.note("handle", &fact.team_id, "");
            tx.commit().await?;
            kept.lock().await.push(fact.team_id);
            Ok(())
        }
    }));
    let tx = ground.store.change(&ground.ctx("aa")).await.unwrap();
    tx.emit(&issued("1"));
    tx.emit(&issued("2"));
    tx.emit(&VerificationIssued::default());
    tx.commit().await.unwrap();

    let db = ground.store.read(&ground.ctx("aa")).await.unwrap();
    let again = outbox::Entity::find().all(db.conn()).await.unwrap();
    drop(db);
    dispatcher.drain().await;
    // a broker may bring the same facts again
    let tx = ground.store.change(&ground.ctx("aa")).await.unwrap();
    let rows = again.into_iter().map(sea_orm::IntoActiveModel::into_active_model);
    outbox::Entity::insert_many(rows.map(sea_orm::ActiveModelTrait::reset_all))
        .exec_without_returning(tx.conn())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    dispatcher.drain().await;

    assert_eq!(*seen.lock().await, ["1", "2"]);
    assert_eq!(dispatcher.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn a_fact_that_cannot_be_handled_now_is_handled_later() {
    let ground = Ground::new();
    let tries = Arc::new(AsyncMutex::new(0));
    let counted = tries.clone();
    let dispatcher = ground.dispatcher(Handlers::new().on("fail-once", move |_: Ctx, _: CredentialIssued| {
        let counted = counted.clone();
        async move {
            let mut tries = counted.lock().await;
            *tries += 1;
            if *tries == 1 { Err(Error::unreachable("the mail server sleeps")) } else { Ok(()) }
        }
    }));
    let tx = ground.store.change(&ground.ctx("aa")).await.unwrap();
    tx.emit(&issued("1"));
    tx.commit().await.unwrap();

    dispatcher.drain().await;
    assert_eq!((*tries.lock().await, dispatcher.waiting().await.unwrap()), (1, 1));
    dispatcher.drain().await;
    assert_eq!(*tries.lock().await, 1, "not before its time");
    ground.clock.advance(SignedDuration::from_secs(3));
    dispatcher.drain().await;
    assert_eq!((*tries.lock().await, dispatcher.waiting().await.unwrap()), (2, 0));
}

#[tokio::test]
async fn writers_wait_for_each_other_and_lose_nothing() {
    let ground = Ground::new();
    let notes = (0..20).map(|number| {
        let ground = &ground;
        async move { ground.note("aa", &number.to_string()).await }
    });
    futures::future::join_all(notes).await;
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(20));
}

#[tokio::test]
async fn a_handler_commits_once_in_a_tenant_and_in_that_of_its_fact_last() {
    let ground = Ground::new();
    let here = ground.ctx("aa").handling(uuid::Uuid::nil(), "h");
    let there = here.across(ground.tenants.get("bb").unwrap());
    let commit = async |ctx: &Ctx| {
        let tx = ground.store.change(ctx).await.unwrap();
        tx.note("handle", "it", "");
        tx.commit().await
    };
    commit(&there).await.unwrap();
    let again = commit(&there).await.unwrap_err();
    assert!(format!("{again:?}").contains("a handler commits once in a tenant"), "{again:?}");
    commit(&here).await.unwrap();
    for late in [&here, &here.across(ground.tenants.get("bb").unwrap())] {
        let refused = commit(late).await.unwrap_err();
        assert!(format!("{refused:?}").contains("that of its fact last"), "{refused:?}");
    }
    assert_eq!((ground.verdict("aa").await, ground.verdict("bb").await), (Verdict::Whole(1), Verdict::Whole(1)));
}

#[tokio::test]
async fn a_handler_that_goes_on_after_its_commit_does_nothing_more_and_does_not_begin_again() {
    let ground = Ground::new();
    let (store, tries) = (ground.store.clone(), Arc::new(AsyncMutex::new(0)));
    let counted = tries.clone();
    let dispatcher = ground.dispatcher(Handlers::new().on("twice", move |ctx: Ctx, _: CredentialIssued| {
        let (store, counted) = (store.clone(), counted.clone());
        async move {
            *counted.lock().await += 1;
            for subject in ["one", "two"] {
                let tx = store.change(&ctx).await?;
                tx.note("handle", subject, "");
                tx.commit().await?;
            }
            Ok(())
        }
    }));
    ground.emit("aa", &["1"]).await;
    for _ in 0..2 {
        dispatcher.drain().await;
        ground.clock.advance(SignedDuration::from_mins(31));
    }
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(1));
    assert_eq!((*tries.lock().await, dispatcher.waiting().await.unwrap()), (1, 0));
}

#[tokio::test]
async fn of_two_handlings_of_one_fact_at_once_the_second_rolls_back() {
    let ground = Ground::new();
    let fact = uuid::Uuid::nil();
    let (one, other) = (ground.ctx("aa").handling(fact, "h"), ground.ctx("aa").handling(fact, "h"));
    let commit = async |ctx: &Ctx| {
        let tx = ground.store.change(ctx).await.unwrap();
        tx.note("handle", "it", "");
        tx.commit().await
    };
    commit(&one).await.unwrap();
    assert!(commit(&other).await.unwrap_err().is(Shared::EtagStale));
    assert_eq!(ground.verdict("aa").await, Verdict::Whole(1));
}

#[tokio::test]
async fn what_a_handler_does_on_the_other_side_of_a_border_is_done_once_though_it_has_to_begin_again() {
    let ground = Ground::new();
    let (store, there) = (ground.store.clone(), ground.tenants.get("bb").unwrap());
    let tries = Arc::new(AsyncMutex::new(0));
    let dispatcher = ground.dispatcher(Handlers::new().on("credit", move |here: Ctx, _: CredentialIssued| {
        let (store, there, tries) = (store.clone(), there.clone(), tries.clone());
        async move {
            if let Some(tx) = store.change_once(&here.across(there)).await? {
                tx.note("credit", "team", "");
                tx.commit().await?;
            }
            let mut tries = tries.lock().await;
            *tries += 1;
            if *tries == 1 { Err(Error::unreachable("it died before its own side was written")) } else { Ok(()) }
        }
    }));
    ground.emit("aa", &["1"]).await;
    dispatcher.drain().await;
    assert_eq!(dispatcher.waiting().await.unwrap(), 1);
    ground.clock.advance(SignedDuration::from_mins(1));
    dispatcher.drain().await;
    assert_eq!(dispatcher.waiting().await.unwrap(), 0);
    assert_eq!((ground.verdict("aa").await, ground.verdict("bb").await), (Verdict::Whole(0), Verdict::Whole(1)));
    assert!(ground.store.change_once(&ground.ctx("aa")).await.is_err(), "no fact is handled");
}

#[tokio::test]
async fn a_fact_that_fails_too_often_is_parked_and_can_be_released() {
    let ground = Ground::new();
    let tries = Arc::new(AsyncMutex::new(0));
    let counted = tries.clone();
    let dispatcher = ground.dispatcher(Handlers::new().on("never", move |_: Ctx, _: CredentialIssued| {
        let counted = counted.clone();
        async move {
            *counted.lock().await += 1;
            Err(Error::unreachable("nobody is there"))
        }
    }));
    ground.emit("aa", &["1"]).await;
    for _ in 0..60 {
        dispatcher.drain().await;
        ground.clock.advance(SignedDuration::from_mins(31));
    }
    assert_eq!((*tries.lock().await, dispatcher.waiting().await.unwrap()), (50, 1));
    let tenant = ground.tenants.get("aa").unwrap();
    let late = dispatcher.late(&tenant).await.unwrap();
    assert_eq!((late[0].attempts, late[0].next_try, late[0].handler.as_deref()), (50, None, Some("never")));
    assert_eq!(dispatcher.release(&tenant, &[uuid::Uuid::nil()]).await.unwrap(), 0, "another one");
    assert_eq!(dispatcher.release(&tenant, &[late[0].id]).await.unwrap(), 1);
    dispatcher.drain().await;
    assert_eq!(*tries.lock().await, 51);
    assert!(dispatcher.late(&tenant).await.unwrap()[0].next_try.is_some(), "it is tried again like a new one");
}

#[tokio::test]
async fn a_slow_handler_keeps_its_facts_out_of_the_sight_of_others() {
    let ground = Ground::new();
    let other = ground.dispatcher(Handlers::new().on("slow", |_: Ctx, _: CredentialIssued| async {
        panic!("another process took a fact that is being handled")
    }));
    let (clock, seen) = (ground.clock.clone(), Arc::new(AsyncMutex::new(0)));
    let counted = seen.clone();
    let dispatcher = ground.dispatcher(Handlers::new().on("slow", move |_: Ctx, _: CredentialIssued| {
        let (clock, other, counted) = (clock.clone(), other.clone(), counted.clone());
        async move {
            clock.advance(SignedDuration::from_secs(80));
            other.drain().await;
            *counted.lock().await += 1;
            Ok(())
        }
    }));
    ground.emit("aa", &["1", "2", "3"]).await;
    dispatcher.drain().await;
    assert_eq!((*seen.lock().await, dispatcher.waiting().await.unwrap()), (3, 0));
}

#[tokio::test]
async fn a_fact_that_commits_late_does_not_bring_again_what_another_replica_has() {
    let ground = Arc::new(Ground::new());
    let (here, there, none) = (Arc::<AsyncMutex<Vec<String>>>::default(), Arc::default(), Arc::default());
    let other = ground.restarted().dispatcher(keeping(Handlers::new(), "slow", &there, &none));
    let (seen, data) = (here.clone(), ground.clone());
    let dispatcher = ground.dispatcher(Handlers::new().on("slow", move |_: Ctx, fact: CredentialIssued| {
        let (seen, data, other) = (seen.clone(), data.clone(), other.clone());
        async move {
            if fact.team_id == "1" {
                // told before all others, and committed after they were taken
                let (id, body) = ("00".repeat(16), crate::blob::hex(&issued("0").encode_to_vec()));
                let columns = "trace, at, attempts, due_at";
                let late = format!("SELECT X'{id}', name, X'{body}', trace, at, 0, at FROM outbox LIMIT 1");
                data.sql("aa", &format!("INSERT INTO outbox (id, name, body, {columns}) {late}")).await;
                other.drain().await;
            }
            seen.lock().await.push(fact.team_id);
            Ok(())
        }
    }));
    ground.emit("aa", &["1", "2", "3"]).await;
    dispatcher.drain().await;
    assert_eq!(*there.lock().await, ["0"], "the others are being handled");
    assert_eq!(
        (here.lock().await.clone(), dispatcher.waiting().await.unwrap()),
        (["1", "2", "3"].map(str::to_owned).to_vec(), 0)
    );
}

#[tokio::test]
async fn a_country_whose_handler_hangs_holds_up_no_other() {
    let ground = Ground::new();
    let (begun, released) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (bell, gate) = (begun.clone(), released.clone());
    let dispatcher = ground.dispatcher(Handlers::new().on("hang", move |ctx: Ctx, _: CredentialIssued| {
        let (bell, gate) = (bell.clone(), gate.clone());
        async move {
            bell.notify_one();
            if ctx.tenant().id().as_str() == "aa" {
                gate.notified().await;
            }
            Ok(())
        }
    }));
    let stop = CancellationToken::new();
    let test = async {
        ground.emit("aa", &["1"]).await;
        begun.notified().await;
        ground.emit("bb", &["1"]).await;
        begun.notified().await;
        released.notify_one();
        stop.cancel();
    };
    let run = async { tokio::join!(dispatcher.clone().run(stop.clone()), test) };
    tokio::time::timeout(Duration::from_secs(20), run).await.expect("`bb` waits for `aa`");
    assert_eq!(dispatcher.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn a_call_that_waits_for_a_writer_holds_no_connection_and_is_refused_in_time() {
    let ground = Ground::with(2);
    let ctx = ground.ctx("aa");
    let writing = ground.store.change(&ctx).await.unwrap();
    let mut waiting = std::pin::pin!(ground.store.change(&ctx));
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(ground.store.read(&ctx).await.unwrap());
    // from here on, only the clock advances
    tokio::time::pause();
    let Err(error) = waiting.await else { panic!("two writers at once") };
    assert!(error.is(Shared::Overloaded), "{error:?}");
    drop(writing);
}

#[tokio::test]
async fn what_is_done_every_hour_is_done_in_every_tenant_though_it_fails_in_one() {
    let ground = Ground::new();
    let (done, mut told) = tokio::sync::mpsc::unbounded_channel();
    let dispatcher = ground.dispatcher(Handlers::new().every_hour("tidy up", move |ctx| {
        done.send((ctx.tenant().id().to_string(), ctx.actor())).unwrap();
        std::future::ready(if ctx.tenant().id().as_str() == "aa" { Err(Error::internal("no")) } else { Ok(()) })
    }));
    dispatcher.hour().await;
    let mut seen = Vec::new();
    while let Ok(one) = told.try_recv() {
        seen.push(one);
    }
    seen.sort();
    assert_eq!(seen, ["aa", "bb"].map(|tenant| (tenant.to_owned(), "job tidy up".to_owned())));
}

/// A handler that records the facts that it handles, and fails for some.
fn keeping(
    handlers: Handlers,
    name: &'static str,
    seen: &Arc<AsyncMutex<Vec<String>>>,
    failing: &Arc<AsyncMutex<Vec<&'static str>>>,
) -> Handlers {
    let (seen, failing) = (seen.clone(), failing.clone());
    handlers.on(name, move |_: Ctx, fact: CredentialIssued| {
        let (seen, failing) = (seen.clone(), failing.clone());
        async move {
            if failing.lock().await.contains(&fact.team_id.as_str()) {
                return Err(Error::unreachable("not now"));
            }
            seen.lock().await.push(fact.team_id);
            Ok(())
        }
    })
}

#[tokio::test]
async fn a_handler_that_fails_holds_up_no_other_and_keeps_its_own_order() {
    let ground = Ground::new();
    let (failing, none) = (Arc::new(AsyncMutex::new(vec!["2"])), Arc::default());
    let (first, second) = (Arc::default(), Arc::default());
    let handlers = keeping(keeping(Handlers::new(), "first", &first, &failing), "second", &second, &none);
    let dispatcher = ground.dispatcher(handlers);
    ground.emit("aa", &["1", "2", "3"]).await;
    dispatcher.drain().await;
    assert_eq!(*first.lock().await, ["1"]);
    assert_eq!(*second.lock().await, ["1", "2", "3"]);
    assert_eq!(dispatcher.waiting().await.unwrap(), 2, "the one that failed, and the one behind it");

    // other facts arrive meanwhile, and wait too
    ground.emit("aa", &["4"]).await;
    ground.emit("bb", &["5"]).await;
    dispatcher.drain().await;
    assert_eq!(*first.lock().await, ["1", "5"], "each tenant by itself");
    failing.lock().await.clear();
    ground.clock.advance(SignedDuration::from_secs(3));
    dispatcher.drain().await;
    assert_eq!(*first.lock().await, ["1", "5", "2", "3", "4"]);
    let mut second = second.lock().await.clone();
    second.sort();
    assert_eq!(second, ["1", "2", "3", "4", "5"]);
    assert_eq!(dispatcher.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn a_parked_fact_holds_up_nothing_any_more() {
    let ground = Ground::new();
    let (failing, seen) = (Arc::new(AsyncMutex::new(vec!["1"])), Arc::default());
    let dispatcher = ground.dispatcher(keeping(Handlers::new(), "keep", &seen, &failing));
    ground.emit("aa", &["1", "2"]).await;
    for _ in 0..60 {
        dispatcher.drain().await;
        ground.clock.advance(SignedDuration::from_mins(31));
    }
    assert_eq!(*seen.lock().await, ["2"]);
    assert_eq!(dispatcher.waiting().await.unwrap(), 1);
}

#[tokio::test]
async fn independent_facts_do_not_wait_for_one_that_fails() {
    let ground = Ground::new();
    let seen = Arc::new(AsyncMutex::new(Vec::new()));
    let kept = seen.clone();
    let dispatcher = ground.dispatcher(Handlers::new().on_each("letters", move |_: Ctx, fact: CredentialIssued| {
        let kept = kept.clone();
        async move {
            let mut kept = kept.lock().await;
            if fact.team_id == "1" && !kept.contains(&"2".to_owned()) {
                return Err(Error::unreachable("their mail server sleeps"));
            }
            kept.push(fact.team_id);
            Ok(())
        }
    }));
    ground.emit("aa", &["1", "2", "3"]).await;
    dispatcher.drain().await;
    assert_eq!(*seen.lock().await, ["2", "3"]);
    ground.clock.advance(SignedDuration::from_secs(3));
    dispatcher.drain().await;
    assert_eq!(*seen.lock().await, ["2", "3", "1"]);
}

#[tokio::test]
async fn kinds_of_facts_do_not_wait_for_each_other() {
    let ground = Ground::new();
    let done = Arc::new(Notify::new());
    let rung = done.clone();
    let handlers = Handlers::new()
        .on("waits", move |_: Ctx, _: CredentialIssued| {
            let done = done.clone();
            async move {
                done.notified().await;
                Ok(())
            }
        })
        .on("does not", move |_: Ctx, _: VerificationIssued| {
            rung.notify_one();
            std::future::ready(Ok(()))
        });
    let dispatcher = ground.dispatcher(handlers);
    let tx = ground.store.change(&ground.ctx("aa")).await.unwrap();
    tx.emit(&issued("1"));
    tx.emit(&VerificationIssued::default());
    tx.commit().await.unwrap();
    let drained = tokio::time::timeout(Duration::from_secs(20), dispatcher.drain());
    drained.await.expect("a fact of another kind waits for the one before it");
    assert_eq!(dispatcher.waiting().await.unwrap(), 0);
}
