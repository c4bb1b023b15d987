//! A class is bound once over all programmes, whatever happens on the countries.

use std::fs;

use jiff::SignedDuration;
use platform::{Error, TenantId, error::Shared, event::Dispatcher, testing};
use proto::options::v1::Role;
use sea_orm::ConnectionTrait;

use super::*;
use crate::{
    reason::Reason,
    testing::{countries::Countries, twins::proposed},
    twinning::side::Side,
};

impl Countries {
    /// A class of a country.
    fn class(&self, home: &str) -> Side {
        Side {
            home: home.parse().unwrap(),
            team: self.ids.next(),
            team_name: "Fiume".to_owned(),
            school_name: "Liceo".to_owned(),
            territory: "ITF48".to_owned(),
        }
    }

    fn teacher(&self, programme: &str, class: &Side) -> Ctx {
        let caller = testing::visitor(Role::TwinTeacher, &class.home, Some(class.team.uuid()), &self.ids);
        testing::ctx(&self.tenants.get(programme).unwrap(), caller, &self.clock, &self.ids)
    }

    /// Two classes that both teachers have accepted for a pair, in a programme.
    fn accepted(&self, programme: &str, classes: [&Side; 2]) -> Pair {
        let [one, other] = classes.map(|class| self.teacher(programme, class));
        let mut pair = proposed(&one, self.ids.next(), classes.map(Side::clone));
        assert!(pair.accept(&other).unwrap());
        pair
    }

    /// The end of a pair, of which nobody has been told.
    fn declined(&self, programme: &str, pair: &Pair) -> Pair {
        let mut pair = pair.clone();
        pair.decline(&self.teacher(programme, &pair.sides()[0].side.clone())).unwrap();
        pair
    }

    /// Binds a pair, as the acceptance in its programme does.
    async fn bind(&self, programme: &str, pair: &Pair) -> Result<()> {
        let engagements = Engagements::new(self.store.clone(), testing::border(&self.tenants));
        let tx = self.store.change(&self.ctx(programme)).await?;
        engagements.claim(&tx, pair).await?;
        tx.commit().await
    }

    /// Publishes that a pair has come to its end.
    async fn publish_end(&self, programme: &str, pair: &Pair) {
        let tx = self.store.change(&self.ctx(programme)).await.unwrap();
        release(&tx, &self.declined(programme, pair));
        tx.commit().await.unwrap();
    }

    /// Brings home what was published.
    async fn bring(&self) {
        self.bringer().drain().await;
    }

    fn bringer(&self) -> Dispatcher {
        self.dispatcher(handlers(Handlers::new(), self.store.clone(), testing::border(&self.tenants)))
    }

    /// The programmes in which classes of a country are bound.
    async fn bound(&self, country: &str) -> Vec<String> {
        let db = self.store.read(&self.ctx(country)).await.unwrap();
        let sql = "SELECT programme FROM engagement ORDER BY programme";
        let query = sea_orm::Statement::from_string(db.conn().get_database_backend(), sql);
        let rows = db.conn().query_all_raw(query).await.unwrap();
        rows.iter().map(|row| row.try_get("", "programme").unwrap()).collect()
    }
}

const NONE: [&str; 0] = [];

#[tokio::test]
async fn a_class_is_bound_in_one_programme_and_the_twin_it_would_have_in_another_stays_free() {
    let countries = Countries::new();
    let (italian, croatian, greek) = (countries.class("it"), countries.class("hr"), countries.class("gr"));
    let pair = countries.accepted("it-hr", [&croatian, &italian]);
    for _ in 0..2 {
        countries.bind("it-hr", &pair).await.unwrap();
        assert_eq!(
            (countries.bound("it").await, countries.bound("hr").await),
            (vec!["it-hr".into()], vec!["it-hr".into()])
        );
    }
    let rival = countries.accepted("gr-it", [&greek, &italian]);
    let refused = countries.bind("gr-it", &rival).await.unwrap_err();
    assert!(refused.is(Reason::OfferClosed), "{refused:?}");
    assert_eq!(tonic::Status::from(refused).message(), tonic::Status::from(pair::store::engaged()).message());
    assert_eq!((countries.bound("gr").await, countries.bound("it").await), (vec![], vec!["it-hr".to_owned()]));
    assert_eq!([countries.noted("gr-it", "bind class").await, countries.noted("it-hr", "bind class").await], [0, 4]);
    assert_eq!([countries.noted("gr", "bind class").await, countries.noted("gr", "release class").await], [1, 1]);
    countries.bind("gr-it", &countries.accepted("gr-it", [&greek, &countries.class("it")])).await.unwrap();
    assert_eq!(countries.bound("it").await, ["gr-it", "it-hr"]);
}

#[tokio::test]
async fn a_pair_that_has_ended_lets_both_go_and_both_sides_say_so_once() {
    let countries = Countries::new();
    let (italian, croatian) = (countries.class("it"), countries.class("hr"));
    let pair = countries.accepted("it-hr", [&croatian, &italian]);
    countries.bind("it-hr", &pair).await.unwrap();
    countries.publish_end("it-hr", &pair).await;
    countries.bring().await;
    assert_eq!((countries.bound("it").await, countries.bound("hr").await), (vec![], vec![]));
    for (tenant, times) in [("it", 1), ("hr", 1), ("it-hr", 2), ("gr-it", 0)] {
        assert_eq!(countries.noted(tenant, "release class").await, times, "{tenant}");
    }
    countries.bind("gr-it", &countries.accepted("gr-it", [&countries.class("gr"), &italian])).await.unwrap();
    assert_eq!(countries.bound("it").await, ["gr-it"]);
}

#[tokio::test]
async fn late_or_repeated_news_of_an_end_release_no_class_that_is_bound_again() {
    let countries = Countries::new();
    let (italian, croatian) = (countries.class("it"), countries.class("hr"));
    let old = countries.accepted("it-hr", [&croatian, &italian]);
    countries.bind("it-hr", &old).await.unwrap();
    countries.publish_end("it-hr", &old).await;
    // nobody at home knows of the end yet: the programme itself does, and binds the class to another twin
    let new = countries.accepted("it-hr", [&countries.class("hr"), &italian]);
    countries.bind("it-hr", &new).await.unwrap();
    countries.bring().await;
    assert_eq!(
        (countries.bound("it").await, countries.bound("hr").await),
        (vec!["it-hr".into()], vec!["it-hr".into()])
    );
    countries.publish_end("it-hr", &new).await;
    countries.bring().await;
    countries.bind("gr-it", &countries.accepted("gr-it", [&countries.class("gr"), &italian])).await.unwrap();
    for ended in [&old, &new, &new] {
        countries.publish_end("it-hr", ended).await;
        countries.bring().await;
        assert_eq!((countries.bound("it").await, countries.bound("hr").await), (vec!["gr-it".into()], vec![]));
    }
}

#[tokio::test]
async fn an_engagement_whose_programme_did_not_commit_is_taken_again_or_given_back() {
    let countries = Countries::new();
    let (italian, croatian) = (countries.class("it"), countries.class("hr"));
    let pair = countries.accepted("it-hr", [&croatian, &italian]);
    let dies = async || {
        let engagements = Engagements::new(countries.store.clone(), testing::border(&countries.tenants));
        let tx = countries.store.change(&countries.ctx("it-hr")).await.unwrap();
        engagements.claim(&tx, &pair).await.unwrap();
        drop(tx);
    };
    dies().await;
    assert_eq!([countries.noted("it", "bind class").await, countries.noted("it-hr", "bind class").await], [1, 0]);
    countries.bind("it-hr", &pair).await.unwrap();
    dies().await;
    countries.publish_end("it-hr", &pair).await;
    countries.bring().await;
    assert_eq!((countries.bound("it").await, countries.bound("hr").await), (vec![], vec![]));
}

/// Whose data cannot be reached.
fn away(countries: &Countries, country: &str) {
    fs::create_dir_all(countries.database(country).join("lessons.db")).unwrap();
}

#[tokio::test]
async fn a_pair_is_not_bound_while_one_country_cannot_be_reached() {
    let countries = Countries::new();
    away(&countries, "it");
    let pair = countries.accepted("it-hr", [&countries.class("hr"), &countries.class("it")]);
    let refused: Error = countries.bind("it-hr", &pair).await.unwrap_err();
    assert!(refused.is(Shared::Unreachable), "{refused:?}");
    assert_eq!(countries.bound("hr").await, NONE);
    assert_eq!(countries.noted("it-hr", "bind class").await, 0);
    fs::remove_dir(countries.database("it").join("lessons.db")).unwrap();
    countries.bind("it-hr", &pair).await.unwrap();
    assert_eq!(
        (countries.bound("it").await, countries.bound("hr").await),
        (vec!["it-hr".into()], vec!["it-hr".into()])
    );
}

#[tokio::test]
async fn a_country_that_cannot_be_reached_is_told_of_an_end_later() {
    let countries = Countries::new();
    let pair = countries.accepted("it-hr", [&countries.class("hr"), &countries.class("it")]);
    countries.bind("it-hr", &pair).await.unwrap();
    countries.store.close().await;
    let kept = countries.database("kept");
    fs::rename(countries.database("it"), &kept).unwrap();
    away(&countries, "it");
    countries.publish_end("it-hr", &pair).await;
    countries.bring().await;
    assert_eq!(countries.bound("hr").await, NONE);
    countries.store.close().await;
    fs::remove_dir_all(countries.database("it")).unwrap();
    fs::rename(&kept, countries.database("it")).unwrap();
    assert_eq!(countries.bound("it").await, ["it-hr"]);
    countries.clock.set(countries.clock.now() + SignedDuration::from_mins(1));
    countries.bring().await;
    assert_eq!(countries.bound("it").await, NONE);
    assert_eq!([countries.noted("it", "release class").await, countries.noted("it-hr", "release class").await], [1, 2]);
}

#[tokio::test]
async fn the_end_of_a_proposal_that_bound_nobody_releases_nobody() {
    let countries = Countries::new();
    let pair = countries.accepted("it-hr", [&countries.class("hr"), &countries.class("it")]);
    countries.publish_end("it-hr", &pair).await;
    countries.bring().await;
    for tenant in ["it", "hr", "it-hr"] {
        assert_eq!(countries.noted(tenant, "release class").await, 0, "{tenant}");
    }
}

#[tokio::test]
async fn an_engagement_of_a_programme_without_a_file_can_be_taken() {
    let countries = Countries::new();
    let (italian, greek) = (countries.class("it"), countries.class("gr"));
    countries.bind("it-hr", &countries.accepted("it-hr", [&countries.class("hr"), &italian])).await.unwrap();
    let rival = countries.accepted("gr-it", [&greek, &italian]);
    assert!(countries.bind("gr-it", &rival).await.unwrap_err().is(Reason::OfferClosed), "the programme is there");
    countries.remove("it-hr");
    countries.bind("gr-it", &rival).await.unwrap();
    assert_eq!(
        (countries.bound("it").await, countries.bound("gr").await),
        (vec!["gr-it".into()], vec!["gr-it".into()])
    );
    assert_eq!([countries.noted("it", "release class").await, countries.noted("it", "bind class").await], [1, 2]);
}

#[tokio::test]
async fn news_of_an_end_for_a_country_without_a_file_are_handled_once() {
    let countries = Countries::new();
    let pair = countries.accepted("it-hr", [&countries.class("hr"), &countries.class("it")]);
    countries.bind("it-hr", &pair).await.unwrap();
    countries.remove("hr");
    countries.publish_end("it-hr", &pair).await;
    for _ in 0..2 {
        countries.bring().await;
        countries.clock.set(countries.clock.now() + SignedDuration::from_mins(1));
    }
    assert_eq!(countries.bound("it").await, NONE);
    assert_eq!([countries.noted("it", "release class").await, countries.noted("it-hr", "release class").await], [1, 1]);
}

#[tokio::test]
async fn news_of_an_end_that_released_nobody_and_come_again_say_nothing() {
    let countries = Countries::new();
    let pair = countries.accepted("it-hr", [&countries.class("hr"), &countries.class("it")]);
    countries.publish_end("it-hr", &pair).await;
    // the side of the programme is not recorded, as where a process dies in between
    let forget = "CREATE TRIGGER dies BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'it dies'); END";
    let sql = async |sql: &str| {
        let tx = countries.store.change(&countries.ctx("it-hr")).await.unwrap();
        tx.conn().execute_unprepared(sql).await.unwrap();
        tx.commit().await.unwrap();
    };
    sql(forget).await;
    countries.bring().await;
    sql("DROP TRIGGER dies").await;
    countries.clock.set(countries.clock.now() + SignedDuration::from_mins(1));
    countries.bring().await;
    for tenant in ["it", "hr", "it-hr"] {
        assert_eq!(countries.noted(tenant, "release class").await, 0, "{tenant}");
    }
}

#[test]
fn a_class_is_not_released_to_a_country_with_an_invalid_name() {
    let programme: TenantId = "it-hr".parse().unwrap();
    let fact = pb::ClassReleased { home: "Nowhere!".to_owned(), ..pb::ClassReleased::default() };
    assert!(Engagement::crossed(&programme, &fact).is_err());
}
