//! A class is in one pair at a time, over all programmes.

use futures::future::join;
use serde_json::{Value, json};
use tests::{Answer, Caller, Twins, World, path::text, twins};

/// A class of Italy where two programmes overlap, and in each of them a class of the other country that proposes a pair to it.
struct Rivals {
    /// The teacher of the class, in each programme.
    wanted: [Caller; 2],
    /// The teacher of the twin it would have there.
    suitors: [Caller; 2],
    /// The pair that was proposed there, by its path.
    pairs: [String; 2],
    /// Its central team, its teacher and its shared account, at home.
    at_home: [Caller; 3],
}

impl Rivals {
    async fn meet(world: &World) -> Self {
        let mut adriatic = Twins::crossed(world, "it-hr", ["hr", "it"]).await;
        let mut ionian = Twins::crossed(world, "gr-it", ["gr", "it"]).await;
        adriatic.renew().await;
        ionian.renew().await;
        let class = &ionian.classes[1];
        let wanted = [class.teacher.cross("it-hr", &class.team_id).await, class.tutor.clone()];
        let suitors = [adriatic.classes[0].tutor.clone(), ionian.classes[0].tutor.clone()];
        let tracks = [&adriatic, &ionian].map(|twins| text(&twins.edition["tracks"][0]["id"]));
        let mut pairs = [String::new(), String::new()];
        for (at, pair) in pairs.iter_mut().enumerate() {
            *pair = propose(&suitors[at], &wanted[at], &tracks[at]).await;
        }
        let at_home = [class.coordinator.clone(), class.teacher.clone(), class.team.clone()];
        Self { wanted, suitors, pairs, at_home }
    }

    async fn accept(&self, at: usize) -> Answer {
        self.wanted[at].post(&format!("{}:accept", self.pairs[at]), json!({})).await
    }

    async fn decline(&self, at: usize) {
        self.suitors[at].post(&format!("{}:decline", self.pairs[at]), json!({})).await.ok();
    }

    async fn state(&self, at: usize) -> String {
        text(&self.suitors[at].get(&self.pairs[at]).await.ok()["state"])
    }

    /// What Italy is answered, byte for byte.
    async fn answers(&self) -> Vec<String> {
        let edition = text(&self.at_home[0].get("/v1/editions").await.ok()["editions"][0]["id"]);
        let deliveries = format!("/v1/editions/{edition}/deliveries");
        let paths = ["/v1/account", "/v1/teams", "/v1/editions", &deliveries, "/v1/crossings"];
        let mut answers = Vec::new();
        for who in &self.at_home {
            for path in paths {
                answers.push(who.get(path).await.text());
            }
        }
        answers
    }
}

/// Both publish offers, one proposes a pair. Gives its path.
async fn propose(suitor: &Caller, wanted: &Caller, track: &str) -> String {
    let mut ids: Vec<Value> = Vec::new();
    for tutor in [suitor, wanted] {
        ids.push(tutor.post("/v1/offers", twins::offer(track)).await.ok()["id"].clone());
    }
    format!("/v1/pairs/{}", text(&suitor.post("/v1/pairs", json!({ "offerIds": ids })).await.ok()["id"]))
}

/// How many classes of a country are bound.
async fn bound(world: &World, country: &str) -> usize {
    let rows = world.rows(country, "lessons", "SELECT programme FROM engagement", &["programme"]).await;
    rows.len()
}

const TENANTS: [&str; 5] = ["it", "hr", "gr", "it-hr", "gr-it"];

#[tokio::test(crate = "::tests::limit")]
async fn a_class_that_is_bound_in_one_programme_is_bound_in_no_other() {
    let world = World::of(&TENANTS).start().await;
    let rivals = Rivals::meet(&world).await;
    let alone = rivals.answers().await;
    rivals.accept(0).await.ok();
    assert_eq!(rivals.answers().await, alone, "of what a programme binds its countries are told nothing");

    let refused = rivals.accept(1).await;
    refused.refused("OFFER_CLOSED");
    for secret in ["it-hr", "Croatia", "hr"] {
        assert!(!refused.json()["detail"].as_str().expect("a text").contains(secret), "{}", refused.text());
    }
    assert_eq!([rivals.state(0).await, rivals.state(1).await], ["PAIR_STATE_ACCEPTED", "PAIR_STATE_PROPOSED"]);
    assert_eq!([bound(&world, "it").await, bound(&world, "hr").await, bound(&world, "gr").await], [1, 1, 0]);

    // its own programme offers the Greek class another twin, and both may
    let mut others = Twins::crossed(&world, "gr-it", ["gr", "it"]).await;
    others.pair_up().await;
    assert_eq!([bound(&world, "it").await, bound(&world, "gr").await], [2, 1]);

    rivals.decline(0).await;
    world.settle().await;
    assert_eq!([bound(&world, "it").await, bound(&world, "hr").await], [1, 0]);
    assert_eq!(text(&rivals.accept(1).await.ok()["state"]), "PAIR_STATE_ACCEPTED");
    assert_eq!([bound(&world, "it").await, bound(&world, "gr").await], [2, 2]);
    for (tenant, done) in
        [("it-hr", "bind class"), ("it-hr", "release class"), ("it", "bind class"), ("hr", "release class")]
    {
        assert!(world.actions(tenant, "lessons").await.iter().any(|action| action == done), "{tenant}: {done}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_two_programmes_that_bind_a_class_at_once_one_does_and_the_other_twin_is_free() {
    let world = World::of(&TENANTS).start().await;
    let rivals = Rivals::meet(&world).await;
    let answers = join(rivals.accept(0), rivals.accept(1)).await;
    let (won, lost) = if answers.0.status.is_success() { (0, 1) } else { (1, 0) };
    let refused = if lost == 0 { &answers.0 } else { &answers.1 };
    refused.refused("OFFER_CLOSED");
    assert_eq!([rivals.state(won).await, rivals.state(lost).await], ["PAIR_STATE_ACCEPTED", "PAIR_STATE_PROPOSED"]);
    let twins = ["hr", "gr"];
    assert_eq!(
        [bound(&world, "it").await, bound(&world, twins[won]).await, bound(&world, twins[lost]).await],
        [1, 1, 0]
    );
    rivals.decline(won).await;
    world.settle().await;
    rivals.accept(lost).await.ok();
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_has_left_and_who_was_left_are_free_for_another_programme() {
    let world = World::of(&["it", "hr", "it-hr", "euro-med"]).start().await;
    let mut twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let (leaver, old) = (twins.classes[0].tutor.clone(), twins.path(""));
    twins.go_to(&world, "euro-med").await;
    let [one, other] = &twins.classes;
    let pair = propose(&one.tutor, &other.tutor, &text(&twins.edition["tracks"][0]["id"])).await;
    let accept = async || other.tutor.post(&format!("{pair}:accept"), json!({})).await;
    accept().await.refused("OFFER_CLOSED");
    leaver.post(&format!("{old}:leave"), json!({ "reason": "no teacher any more" })).await.ok();
    world.settle().await;
    assert_eq!([bound(&world, "it").await, bound(&world, "hr").await], [0, 0]);
    assert_eq!(text(&accept().await.ok()["state"]), "PAIR_STATE_ACCEPTED");
    world.end().await;
}
