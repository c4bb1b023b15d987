//! A class is bound once over all programmes, whatever happens on the way.

use std::fs;

use jiff::SignedDuration;
use platform::{Error, TenantId, error::Shared, event::Dispatcher, testing};
use proto::options::v1::Role;
use sea_orm::ConnectionTrait;

use super::*;
use crate::{
    reason::Reason,
    testing::{twins::proposed, way::Way},
    twinning::side::Side,
};

impl Way {
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
        let tx = self.store.write(&self.ctx(programme)).await?;
        engagements.claim(&tx, pair).await?;
        tx.commit().await
    }

    /// Publishes that a pair has come to its end.
    async fn publish_end(&self, programme: &str, pair: &Pair) {
        let tx = self.store.write(&self.ctx(programme)).await.unwrap();
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
    let way = Way::new();
    let (italian, croatian, greek) = (way.class("it"), way.class("hr"), way.class("gr"));
    let pair = way.accepted("it-hr", [&croatian, &italian]);
    for _ in 0..2 {
        way.bind("it-hr", &pair).await.unwrap();
        assert_eq!((way.bound("it").await, way.bound("hr").await), (vec!["it-hr".into()], vec!["it-hr".into()]));
    }
    let rival = way.accepted("gr-it", [&greek, &italian]);
    let refused = way.bind("gr-it", &rival).await.unwrap_err();
    assert!(refused.is(Reason::OfferClosed), "{refused:?}");
    assert_eq!(tonic::Status::from(refused).message(), tonic::Status::from(pair::store::engaged()).message());
    assert_eq!((way.bound("gr").await, way.bound("it").await), (vec![], vec!["it-hr".to_owned()]));
    assert_eq!([way.noted("gr-it", "bind class").await, way.noted("it-hr", "bind class").await], [0, 4]);
    assert_eq!([way.noted("gr", "bind class").await, way.noted("gr", "release class").await], [1, 1]);
    way.bind("gr-it", &way.accepted("gr-it", [&greek, &way.class("it")])).await.unwrap();
    assert_eq!(way.bound("it").await, ["gr-it", "it-hr"]);
}

#[tokio::test]
async fn a_pair_that_has_ended_lets_both_go_and_both_sides_say_so_once() {
    let way = Way::new();
    let (italian, croatian) = (way.class("it"), way.class("hr"));
    let pair = way.accepted("it-hr", [&croatian, &italian]);
    way.bind("it-hr", &pair).await.unwrap();
    way.publish_end("it-hr", &pair).await;
    way.bring().await;
    assert_eq!((way.bound("it").await, way.bound("hr").await), (vec![], vec![]));
    for (tenant, times) in [("it", 1), ("hr", 1), ("it-hr", 2), ("gr-it", 0)] {
        assert_eq!(way.noted(tenant, "release class").await, times, "{tenant}");
    }
    way.bind("gr-it", &way.accepted("gr-it", [&way.class("gr"), &italian])).await.unwrap();
    assert_eq!(way.bound("it").await, ["gr-it"]);
}

#[tokio::test]
async fn news_of_an_end_that_come_late_or_twice_free_nobody_who_is_bound_anew() {
    let way = Way::new();
    let (italian, croatian) = (way.class("it"), way.class("hr"));
    let old = way.accepted("it-hr", [&croatian, &italian]);
    way.bind("it-hr", &old).await.unwrap();
    way.publish_end("it-hr", &old).await;
    // nobody at home knows of the end yet: the programme itself does, and binds the class to another twin
    let new = way.accepted("it-hr", [&way.class("hr"), &italian]);
    way.bind("it-hr", &new).await.unwrap();
    way.bring().await;
    assert_eq!((way.bound("it").await, way.bound("hr").await), (vec!["it-hr".into()], vec!["it-hr".into()]));
    way.publish_end("it-hr", &new).await;
    way.bring().await;
    way.bind("gr-it", &way.accepted("gr-it", [&way.class("gr"), &italian])).await.unwrap();
    for ended in [&old, &new, &new] {
        way.publish_end("it-hr", ended).await;
        way.bring().await;
        assert_eq!((way.bound("it").await, way.bound("hr").await), (vec!["gr-it".into()], vec![]));
    }
}

#[tokio::test]
async fn what_dies_before_its_programme_commits_is_taken_again_or_given_back() {
    let way = Way::new();
    let (italian, croatian) = (way.class("it"), way.class("hr"));
    let pair = way.accepted("it-hr", [&croatian, &italian]);
    let dies = async || {
        let engagements = Engagements::new(way.store.clone(), testing::border(&way.tenants));
        let tx = way.store.write(&way.ctx("it-hr")).await.unwrap();
        engagements.claim(&tx, &pair).await.unwrap();
        drop(tx);
    };
    dies().await;
    assert_eq!([way.noted("it", "bind class").await, way.noted("it-hr", "bind class").await], [1, 0]);
    way.bind("it-hr", &pair).await.unwrap();
    dies().await;
    way.publish_end("it-hr", &pair).await;
    way.bring().await;
    assert_eq!((way.bound("it").await, way.bound("hr").await), (vec![], vec![]));
}

/// Whose data cannot be reached.
fn away(way: &Way, country: &str) {
    fs::create_dir_all(way.database(country).join("lessons.db")).unwrap();
}

#[tokio::test]
async fn a_home_that_is_away_binds_nobody() {
    let way = Way::new();
    away(&way, "it");
    let pair = way.accepted("it-hr", [&way.class("hr"), &way.class("it")]);
    let refused: Error = way.bind("it-hr", &pair).await.unwrap_err();
    assert!(refused.is(Shared::Unreachable), "{refused:?}");
    assert_eq!(way.bound("hr").await, NONE);
    assert_eq!(way.noted("it-hr", "bind class").await, 0);
    fs::remove_dir(way.database("it").join("lessons.db")).unwrap();
    way.bind("it-hr", &pair).await.unwrap();
    assert_eq!((way.bound("it").await, way.bound("hr").await), (vec!["it-hr".into()], vec!["it-hr".into()]));
}

#[tokio::test]
async fn a_home_that_is_away_hears_of_an_end_when_it_is_back() {
    let way = Way::new();
    let pair = way.accepted("it-hr", [&way.class("hr"), &way.class("it")]);
    way.bind("it-hr", &pair).await.unwrap();
    way.store.close().await;
    let kept = way.database("kept");
    fs::rename(way.database("it"), &kept).unwrap();
    away(&way, "it");
    way.publish_end("it-hr", &pair).await;
    way.bring().await;
    assert_eq!(way.bound("hr").await, NONE);
    way.store.close().await;
    fs::remove_dir_all(way.database("it")).unwrap();
    fs::rename(&kept, way.database("it")).unwrap();
    assert_eq!(way.bound("it").await, ["it-hr"]);
    way.clock.set(way.clock.now() + SignedDuration::from_mins(1));
    way.bring().await;
    assert_eq!(way.bound("it").await, NONE);
    assert_eq!([way.noted("it", "release class").await, way.noted("it-hr", "release class").await], [1, 2]);
}

#[tokio::test]
async fn the_end_of_what_bound_nobody_is_no_release() {
    let way = Way::new();
    let pair = way.accepted("it-hr", [&way.class("hr"), &way.class("it")]);
    way.publish_end("it-hr", &pair).await;
    way.bring().await;
    for tenant in ["it", "hr", "it-hr"] {
        assert_eq!(way.noted(tenant, "release class").await, 0, "{tenant}");
    }
}

#[tokio::test]
async fn what_a_programme_has_taken_is_free_once_the_programme_is_gone() {
    let way = Way::new();
    let (italian, greek) = (way.class("it"), way.class("gr"));
    way.bind("it-hr", &way.accepted("it-hr", [&way.class("hr"), &italian])).await.unwrap();
    let rival = way.accepted("gr-it", [&greek, &italian]);
    assert!(way.bind("gr-it", &rival).await.unwrap_err().is(Reason::OfferClosed), "the programme is there");
    way.remove("it-hr");
    way.bind("gr-it", &rival).await.unwrap();
    assert_eq!((way.bound("it").await, way.bound("gr").await), (vec!["gr-it".into()], vec!["gr-it".into()]));
    assert_eq!([way.noted("it", "release class").await, way.noted("it", "bind class").await], [1, 2]);
}

#[tokio::test]
async fn the_news_of_an_end_are_done_with_where_the_country_is_gone() {
    let way = Way::new();
    let pair = way.accepted("it-hr", [&way.class("hr"), &way.class("it")]);
    way.bind("it-hr", &pair).await.unwrap();
    way.remove("hr");
    way.publish_end("it-hr", &pair).await;
    for _ in 0..2 {
        way.bring().await;
        way.clock.set(way.clock.now() + SignedDuration::from_mins(1));
    }
    assert_eq!(way.bound("it").await, NONE);
    assert_eq!([way.noted("it", "release class").await, way.noted("it-hr", "release class").await], [1, 2]);
}

#[test]
fn nobody_is_released_to_what_is_no_country() {
    let programme: TenantId = "it-hr".parse().unwrap();
    let fact = pb::ClassReleased { home: "Nowhere!".to_owned(), ..pb::ClassReleased::default() };
    assert!(Engagement::crossed(&programme, &fact).is_err());
}
