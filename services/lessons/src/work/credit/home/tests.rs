//! A credit comes home once, whatever happens on the countries.

use std::fs;

use jiff::SignedDuration;
use platform::{event::Dispatcher, testing};

use super::*;
use crate::testing::countries::Countries;

impl Countries {
    /// A delivery of an Italian class, `times` as a fact of its own.
    async fn publish(&self, team: Id<Team>, on_time: bool, times: usize) {
        let fact = Credit {
            programme: "it-hr".parse().unwrap(),
            team,
            lesson: 1,
            kind: CreditKind::MirrorReport,
            received_at: self.clock.now(),
            on_time,
            digest: "ab".repeat(32),
        };
        let tx = self.store.change(&self.ctx("it-hr")).await.unwrap();
        (0..times).for_each(|_| tx.emit(&fact.to_cross(&"it".parse().unwrap())));
        tx.commit().await.unwrap();
    }

    fn real(&self) -> Dispatcher {
        self.dispatcher(handlers(Handlers::new(), self.store.clone(), testing::border(&self.tenants)))
    }

    async fn credits(&self, tenant: &str, team: Id<Team>) -> Vec<bool> {
        let db = self.store.read(&self.ctx(tenant)).await.unwrap();
        let credits = store::of_teams(&db, [team].into_iter()).await.unwrap();
        credits.into_iter().map(|credit| credit.on_time).collect()
    }

    /// It counts once at home and nowhere else, and both sides have said once what crossed.
    async fn is_home_once(&self, team: Id<Team>) {
        assert_eq!(self.credits("it", team).await, [true]);
        assert_eq!(self.credits("hr", team).await, [false; 0]);
        assert_eq!(self.credits("it-hr", team).await, [false; 0]);
        assert_eq!(self.real().waiting().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_delivery_counts_at_home_and_both_sides_say_so() {
    let countries = Countries::new();
    let team = countries.ids.next();
    countries.publish(team, true, 1).await;
    countries.real().drain().await;
    countries.real().drain().await;
    countries.is_home_once(team).await;
    assert_eq!(
        [countries.noted("it", "receive credit").await, countries.noted("it-hr", "send credit home").await],
        [1, 1]
    );
    assert_eq!(
        [countries.noted("hr", "receive credit").await, countries.noted("it", "send credit home").await],
        [0, 0]
    );
}

#[tokio::test]
async fn a_fact_that_comes_twice_counts_once() {
    let countries = Countries::new();
    let team = countries.ids.next();
    countries.publish(team, true, 2).await;
    countries.real().drain().await;
    countries.real().drain().await;
    countries.is_home_once(team).await;
}

#[tokio::test]
async fn a_home_that_is_down_for_an_hour_is_told_when_it_is_back() {
    let countries = Countries::new();
    let team = countries.ids.next();
    fs::create_dir_all(countries.database("it").parent().unwrap()).unwrap();
    fs::write(countries.database("it"), "a disk that is no folder").unwrap();
    countries.publish(team, true, 1).await;
    countries.real().drain().await;
    for _ in 0..6 {
        countries.clock.set(countries.clock.now() + SignedDuration::from_mins(10));
        countries.real().drain().await;
    }
    assert_eq!(countries.noted("it-hr", "send credit home").await, 0);
    fs::remove_file(countries.database("it")).unwrap();
    countries.clock.set(countries.clock.now() + SignedDuration::from_mins(31));
    countries.real().drain().await;
    countries.real().drain().await;
    countries.is_home_once(team).await;
    assert_eq!(
        [countries.noted("it", "receive credit").await, countries.noted("it-hr", "send credit home").await],
        [1, 1]
    );
}

#[tokio::test]
async fn a_process_that_dies_between_the_two_sides_repeats_only_the_second() {
    let countries = Countries::new();
    let team = countries.ids.next();
    countries.publish(team, true, 1).await;
    let (store, border) = (countries.store.clone(), testing::border(&countries.tenants));
    let dies = Handlers::new().on("credit home", move |ctx: Ctx, fact: pb::DeliveryCrossed| {
        let (store, border) = (store.clone(), border.clone());
        async move {
            let credit = Credit::crossed(ctx.tenant().id(), fact)?;
            receive(&store, &border.home(&ctx, &"it".parse().unwrap())?, &credit).await?;
            Err(Error::internal("the process died"))
        }
    });
    countries.dispatcher(dies).drain().await;
    assert_eq!(
        [countries.noted("it", "receive credit").await, countries.noted("it-hr", "send credit home").await],
        [1, 0]
    );
    countries.clock.set(countries.clock.now() + SignedDuration::from_mins(1));
    countries.real().drain().await;
    countries.real().drain().await;
    countries.is_home_once(team).await;
    assert_eq!(
        [countries.noted("it", "receive credit").await, countries.noted("it-hr", "send credit home").await],
        [1, 1]
    );
}

#[tokio::test]
async fn a_late_credit_can_become_one_in_time_and_never_the_other_way() {
    let countries = Countries::new();
    let team = countries.ids.next();
    for (on_time, kept) in [(false, false), (true, true), (false, true)] {
        countries.publish(team, on_time, 1).await;
        countries.real().drain().await;
        assert_eq!(countries.credits("it", team).await, [kept]);
    }
}

#[tokio::test]
async fn a_later_delivery_with_another_twin_improves_no_credit() {
    let countries = Countries::new();
    let team = countries.ids.next();
    countries.publish(team, false, 1).await;
    countries.real().drain().await;
    countries.clock.set(countries.clock.now() + SignedDuration::from_hours(24 * 90));
    countries.publish(team, true, 1).await;
    countries.real().drain().await;
    assert_eq!(
        countries.credits("it", team).await,
        [false],
        "the first delivery was late, and nothing makes it another"
    );
}
