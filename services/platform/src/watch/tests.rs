//! Watchers of one store.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt};
use jiff::SignedDuration;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::*;
use crate::{
    Caller, Clock, Ids, Reads, Tenants,
    error::{Reason, Shared},
    secret::Keys,
    store::{Budget, Engine, Schema},
    testing,
};

struct Ground {
    store: Store,
    tenants: Tenants,
    clock: Clock,
    ids: Ids,
    readiness: Readiness,
    _folder: TempDir,
}

/// Shows the keys, except `hidden`; the key `end` is an error.
struct Mirror;

impl Shows for Mirror {
    type Shown = String;

    async fn show(&self, _: &Snapshot, keys: &[String]) -> Result<Vec<Option<String>>> {
        if keys.iter().any(|key| key == "end") {
            return Err(Error::not_found("thing"));
        }
        Ok(keys.iter().map(|key| (key != "hidden").then(|| key.clone())).collect())
    }

    fn lagged(&self) -> Error {
        Shared::EtagStale.error("Too much has changed.")
    }
}

impl Ground {
    fn new() -> Self {
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
        let schema: Schema = |service, database| async move { migrations::up(service, &database).await }.boxed();
        let engine = Engine::Sqlite(folder.path().join("data"));
        let store = Store::new("identity", engine, Budget::new(8), Keys::random().unwrap(), Some(schema));
        let readiness = Readiness::default();
        readiness.set(true);
        Self { store, tenants, ids: Ids::new(clock.clone()), clock, readiness, _folder: folder }
    }

    fn ctx(&self, tenant: &str) -> Ctx {
        testing::ctx(&self.tenants.get(tenant).unwrap(), Caller::Anonymous, &self.clock, &self.ids)
    }

    async fn change(&self, tenant: &str, changes: &[(&str, &str)]) {
        let tx = self.store.change(&self.ctx(tenant)).await.unwrap();
        changes.iter().for_each(|(topic, key)| tx.tell_watchers(topic, key));
        tx.commit().await.unwrap();
    }

    async fn watch(&self, topic: &str, after: &str) -> Result<Told> {
        let watch = Watch::new(self.store.clone(), self.readiness.clone());
        Ok(Told(Box::pin(watch.changes(&self.ctx("aa"), topic.to_owned(), after, Mirror).await?)))
    }

    /// Writes changes as PostgreSQL numbers them: all of a transaction by one number. A key may be what cannot be read.
    async fn numbered(&self, seq: i64, keys: &[String]) {
        let tx = self.store.change(&self.ctx("aa")).await.unwrap();
        for (nth, key) in keys.iter().enumerate() {
            let sql = format!("INSERT INTO change (seq, nth, topic, key, at) VALUES ({seq}, {nth}, 'doors', {key}, 0)");
            tx.conn().execute_unprepared(&sql).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    async fn rows(&self) -> usize {
        let db = self.store.read(&self.ctx("aa")).await.unwrap();
        let all = sea_orm::Statement::from_string(db.conn().get_database_backend(), "SELECT seq FROM change");
        db.conn().query_all_raw(all).await.unwrap().len()
    }
}

/// The stream of a watcher.
struct Told(std::pin::Pin<Box<dyn Stream<Item = Result<Seen<String>>> + Send>>);

impl Told {
    async fn next(&mut self) -> Option<Result<Seen<String>>> {
        let next = tokio::time::timeout(Duration::from_secs(10), self.0.next());
        next.await.expect("a watcher waited ten seconds for a change")
    }

    async fn seen(&mut self) -> Seen<String> {
        self.next().await.unwrap().unwrap()
    }

    fn nothing(&mut self) -> bool {
        self.0.next().now_or_never().is_none()
    }
}

#[tokio::test]
async fn a_watcher_sees_what_changes_under_its_topic_and_no_other() {
    let ground = Ground::new();
    ground.change("aa", &[("doors", "before")]).await;
    let mut told = ground.watch("doors", "").await.unwrap();
    ground.change("bb", &[("doors", "abroad")]).await;
    ground.change("aa", &[("windows", "another"), ("doors", "first"), ("doors", "hidden")]).await;
    assert_eq!(told.seen().await.what, "first");
    ground.change("aa", &[("doors", "second")]).await;
    assert_eq!(told.seen().await.what, "second");
    let undone = ground.store.change(&ground.ctx("aa")).await.unwrap();
    undone.tell_watchers("doors", "undone");
    drop(undone);
    assert!(told.nothing());
}

#[tokio::test]
async fn what_changes_several_times_before_it_is_read_is_shown_once() {
    let ground = Ground::new();
    let mut told = ground.watch("doors", "").await.unwrap();
    for key in ["a", "b", "a"] {
        ground.change("aa", &[("doors", key)]).await;
    }
    assert_eq!([told.seen().await.what, told.seen().await.what], ["a", "b"]);
    assert!(told.nothing());
}

#[tokio::test]
async fn a_watcher_that_returns_with_its_position_misses_nothing_and_sees_nothing_twice() {
    let ground = Ground::new();
    let mut told = ground.watch("doors", "").await.unwrap();
    ground.change("aa", &[("doors", "a"), ("doors", "b"), ("doors", "c")]).await;
    ground.change("aa", &[("doors", "d")]).await;
    for (read, rest) in [(1, vec!["b", "c", "d", "e"]), (3, vec!["d", "e"]), (4, vec!["e"])] {
        let mut told = ground.watch("doors", "0").await.unwrap();
        let mut last = told.seen().await;
        for _ in 1..read {
            last = told.seen().await;
        }
        drop(told);
        if read == 1 {
            ground.change("aa", &[("doors", "e")]).await;
        }
        let mut again = ground.watch("doors", &last.position).await.unwrap();
        let mut seen = Vec::new();
        for _ in &rest {
            seen.push(again.seen().await.what);
        }
        assert_eq!(seen, rest, "after {read}");
        assert!(again.nothing(), "after {read}");
    }
    assert_eq!(told.seen().await.what, "a", "who did not leave sees all of them too");
}

#[tokio::test]
async fn more_changes_than_are_read_at_once_are_all_shown() {
    let ground = Ground::new();
    let keys: Vec<String> = (0..600).map(|key| key.to_string()).collect();
    let changes: Vec<(&str, &str)> = keys.iter().map(|key| ("doors", key.as_str())).collect();
    let mut told = ground.watch("doors", "").await.unwrap();
    ground.change("aa", &changes).await;
    let mut position = String::new();
    for key in &keys[..300] {
        let seen = told.seen().await;
        assert_eq!(seen.what, *key);
        position = seen.position;
    }
    let mut again = ground.watch("doors", &position).await.unwrap();
    for key in &keys[300..] {
        assert_eq!(again.seen().await.what, *key);
    }
    assert!(again.nothing());
}

#[tokio::test]
async fn of_a_long_log_no_more_is_read_than_is_shown() {
    let ground = Ground::new();
    let mut keys: Vec<String> = (0..log::BATCH + 9).map(|key| format!("'{key}'")).collect();
    // who reads this one fails
    keys.push("x'ff'".to_owned());
    ground.numbered(7, &keys).await;
    let mut told = ground.watch("doors", "0").await.unwrap();
    for key in 0..log::BATCH {
        assert_eq!(told.seen().await.what, key.to_string());
    }
    assert!(told.next().await.unwrap().is_err(), "the next batch has it");
}

#[tokio::test]
async fn who_has_seen_a_part_of_a_large_transaction_comes_back_to_the_rest() {
    let ground = Ground::new();
    let keys: Vec<String> = (0..log::BATCH * 3).map(|key| format!("'{key}'")).collect();
    ground.numbered(7, &keys).await;
    let mut told = ground.watch("doors", "0").await.unwrap();
    let mut position = String::new();
    for key in 0..log::BATCH * 2 {
        let seen = told.seen().await;
        assert_eq!(seen.what, key.to_string());
        position = seen.position;
    }
    assert_eq!(position, format!("7.{}", log::BATCH * 2));
    let mut again = ground.watch("doors", &position).await.unwrap();
    for key in log::BATCH * 2..log::BATCH * 3 {
        assert_eq!(again.seen().await.what, key.to_string());
    }
    assert!(again.nothing());
}

#[tokio::test]
async fn old_changes_are_forgotten_and_who_may_have_missed_one_is_told_so() {
    let ground = Ground::new();
    let mut told = ground.watch("doors", "").await.unwrap();
    let mut positions = Vec::new();
    for key in ["a", "b", "c"] {
        ground.change("aa", &[("doors", key)]).await;
        positions.push(told.seen().await.position);
    }
    ground.clock.advance(SignedDuration::from_hours(25));
    let tx = ground.store.change(&ground.ctx("aa")).await.unwrap();
    sweep(&tx, ground.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ground.rows().await, 2, "the last one, and the line before it");
    ground.change("aa", &[("doors", "d")]).await;
    for strange in [positions[0].as_str(), "4711", "yesterday", "1-!"] {
        let lagged = ground.watch("doors", strange).await.err().unwrap();
        assert!(lagged.is(Shared::EtagStale), "{strange}");
    }
    for kept in [&positions[1], &positions[2]] {
        let mut again = ground.watch("doors", kept).await.unwrap();
        if kept == &positions[1] {
            assert_eq!(again.seen().await.what, "c");
        }
        assert_eq!(again.seen().await.what, "d");
    }
}

#[tokio::test]
async fn a_watch_ends_after_an_error_and_without_one_at_the_end_of_the_process() {
    let ground = Ground::new();
    let mut told = ground.watch("doors", "").await.unwrap();
    let mut others = ground.watch("windows", "").await.unwrap();
    ground.change("aa", &[("doors", "end")]).await;
    assert!(told.next().await.unwrap().is_err_and(|error| error.is(Shared::NotFound)));
    assert!(told.next().await.is_none());
    assert!(others.nothing());
    ground.readiness.set(false);
    assert!(others.next().await.is_none());
}

#[tokio::test]
async fn a_missed_bell_delays_a_change_and_does_not_lose_it() {
    let ground = Ground::new();
    let mut told = ground.watch("doors", "").await.unwrap();
    assert!(told.nothing());
    // as if another process wrote it, whose bell was missed
    let other = Arc::new(ground.store.clone());
    let tx = other.change(&ground.ctx("aa")).await.unwrap();
    write(&tx, &[("doors".to_owned(), "a".to_owned())]).await.unwrap();
    tx.commit().await.unwrap();
    ground.store.bells().all();
    assert_eq!(told.seen().await.what, "a");
}
