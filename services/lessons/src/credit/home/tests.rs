//! A credit comes home once, whatever happens on the way.

use std::{fs, path::PathBuf};

use jiff::SignedDuration;
use platform::{
    Caller, Clock, Ids, Tenants,
    event::{Bus, Dispatcher},
    secret::Keys,
    store::{Budget, Engine},
    testing,
};
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::*;

/// A programme and its two countries, with the outbox of lessons.
struct Way {
    tenants: Tenants,
    clock: Clock,
    ids: Ids,
    store: Store,
    folder: TempDir,
}

impl Way {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("tenants");
        fs::create_dir(&files).unwrap();
        for (name, head) in [
            ("it", "kind = 'country'"),
            ("hr", "kind = 'country'"),
            ("it-hr", "kind = 'programme'\ncountries = ['it', 'hr']"),
        ] {
            let text = format!("{head}\nname = 'Test'\nlocales = ['en']\nzone = 'Europe/Rome'\n");
            fs::write(files.join(format!("{name}.toml")), text).unwrap();
        }
        let (tenants, faults) = Tenants::load(&files, Vec::new());
        assert_eq!(faults, []);
        let clock = Clock::held("2023-02-24T09:00:00Z".parse().unwrap());
        let schema = |service, database| -> futures::future::BoxFuture<'static, _> {
            Box::pin(async move { migrations::up(service, &database).await })
        };
        let engine = Engine::Sqlite(folder.path().join("data"));
        let store = Store::new("lessons", engine, Budget::new(8), Keys::random().unwrap(), Some(schema));
        Self { tenants, ids: Ids::new(clock.clone()), clock, store, folder }
    }

    fn ctx(&self, tenant: &str) -> Ctx {
        testing::ctx(&self.tenants.get(tenant).unwrap(), Caller::Anonymous, &self.clock, &self.ids)
    }

    /// A delivery of an Italian class, `times` as a fact of its own.
    async fn publish(&self, team: Id<Team>, on_time: bool, times: usize) {
        let fact = Credit {
            programme: "it-hr".parse().unwrap(),
            team,
            lesson: 1,
            kind: Kind::MirrorReport,
            received_at: self.clock.now(),
            on_time,
            digest: "ab".repeat(32),
        };
        let tx = self.store.write(&self.ctx("it-hr")).await.unwrap();
        (0..times).for_each(|_| tx.emit(&fact.to_cross(&"it".parse().unwrap())));
        tx.commit().await.unwrap();
    }

    fn dispatcher(&self, handlers: Handlers) -> Dispatcher {
        let bus = Bus::new(vec![(self.store.clone(), handlers)], self.clock.clone(), self.ids.clone());
        Dispatcher::new(self.store.clone(), bus, self.tenants.clone(), self.clock.clone(), self.ids.clone())
    }

    fn real(&self) -> Dispatcher {
        self.dispatcher(handlers(Handlers::new(), self.store.clone(), testing::border(&self.tenants)))
    }

    async fn credits(&self, tenant: &str, team: Id<Team>) -> Vec<bool> {
        let db = self.store.read(&self.ctx(tenant)).await.unwrap();
        let credits = store::of_teams(&db, [team].into_iter()).await.unwrap();
        credits.into_iter().map(|credit| credit.on_time).collect()
    }

    /// How often the audit log of a tenant says that something was done.
    async fn noted(&self, tenant: &str, action: &str) -> usize {
        let db = self.store.read(&self.ctx(tenant)).await.unwrap();
        let sql = format!("SELECT action FROM audit WHERE action = '{action}'");
        let query = sea_orm::Statement::from_string(db.conn().get_database_backend(), sql);
        db.conn().query_all_raw(query).await.unwrap().len()
    }

    /// It counts once at home and nowhere else, and both sides have said once what crossed.
    async fn is_home_once(&self, team: Id<Team>) {
        assert_eq!(self.credits("it", team).await, [true]);
        assert_eq!(self.credits("hr", team).await, [false; 0]);
        assert_eq!(self.credits("it-hr", team).await, [false; 0]);
        assert_eq!(self.real().waiting().await.unwrap(), 0);
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("data/it")
    }
}

#[tokio::test]
async fn a_delivery_counts_at_home_and_both_sides_say_so() {
    let way = Way::new();
    let team = way.ids.next();
    way.publish(team, true, 1).await;
    way.real().drain().await;
    way.real().drain().await;
    way.is_home_once(team).await;
    assert_eq!([way.noted("it", "receive credit").await, way.noted("it-hr", "send credit home").await], [1, 1]);
    assert_eq!([way.noted("hr", "receive credit").await, way.noted("it", "send credit home").await], [0, 0]);
}

#[tokio::test]
async fn a_fact_that_comes_twice_counts_once() {
    let way = Way::new();
    let team = way.ids.next();
    way.publish(team, true, 2).await;
    way.real().drain().await;
    way.real().drain().await;
    way.is_home_once(team).await;
}

#[tokio::test]
async fn a_home_that_is_down_for_an_hour_is_told_when_it_is_back() {
    let way = Way::new();
    let team = way.ids.next();
    fs::create_dir_all(way.database().parent().unwrap()).unwrap();
    fs::write(way.database(), "a disk that is no folder").unwrap();
    way.publish(team, true, 1).await;
    way.real().drain().await;
    for _ in 0..6 {
        way.clock.set(way.clock.now() + SignedDuration::from_mins(10));
        way.real().drain().await;
    }
    assert_eq!(way.noted("it-hr", "send credit home").await, 0);
    fs::remove_file(way.database()).unwrap();
    way.clock.set(way.clock.now() + SignedDuration::from_mins(31));
    way.real().drain().await;
    way.real().drain().await;
    way.is_home_once(team).await;
    assert_eq!([way.noted("it", "receive credit").await, way.noted("it-hr", "send credit home").await], [1, 1]);
}

#[tokio::test]
async fn a_process_that_dies_between_the_two_sides_repeats_only_the_second() {
    let way = Way::new();
    let team = way.ids.next();
    way.publish(team, true, 1).await;
    let (store, border) = (way.store.clone(), testing::border(&way.tenants));
    let dies = Handlers::new().on("credit home", move |ctx: Ctx, fact: pb::DeliveryCrossed| {
        let (store, border) = (store.clone(), border.clone());
        async move {
            let credit = Credit::crossed(ctx.tenant().id(), fact)?;
            receive(&store, &border.home(&ctx, &"it".parse().unwrap())?, &credit).await?;
            Err(Error::internal("the process died"))
        }
    });
    way.dispatcher(dies).drain().await;
    assert_eq!([way.noted("it", "receive credit").await, way.noted("it-hr", "send credit home").await], [1, 0]);
    way.clock.set(way.clock.now() + SignedDuration::from_mins(1));
    way.real().drain().await;
    way.real().drain().await;
    way.is_home_once(team).await;
    assert_eq!([way.noted("it", "receive credit").await, way.noted("it-hr", "send credit home").await], [1, 1]);
}

#[tokio::test]
async fn what_was_late_can_become_in_time_and_never_the_other_way() {
    let way = Way::new();
    let team = way.ids.next();
    for (on_time, kept) in [(false, false), (true, true), (false, true)] {
        way.publish(team, on_time, 1).await;
        way.real().drain().await;
        assert_eq!(way.credits("it", team).await, [kept]);
    }
}
