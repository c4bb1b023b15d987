//! A class that was moved at home to a track without twins can come to its pair no more.

use serde_json::{Value, json};
use tests::{Twins, World, path::text, twins};

/// The central team of a class moves it to the English track.
async fn move_away(world: &World, twins: &Twins<'_>, of: usize) {
    let class = &twins.classes[of];
    let tracks = class.edition["tracks"].as_array().expect("tracks");
    let english = tracks.iter().find(|track| track["code"] == "english").expect("an English track");
    let wanted = json!({ "trackId": english["id"], "reason": "the project was cut" });
    class.coordinator.post(&format!("/v1/teams/{}:move", class.team_id), wanted).await.ok();
    world.settle().await;
}

async fn pair(twins: &Twins<'_>) -> Value {
    twins.secretariat.get(&twins.path("")).await.ok()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_that_is_moved_away_leaves_its_pair_and_its_twin_goes_on() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    move_away(&world, &twins, 1).await;
    let [twin, moved] = &twins.classes;
    moved.tutor.get(&twins.path("")).await.refused("MEMBERSHIP_ENDED");
    let left = twin.tutor.get(&twins.path("")).await.ok();
    assert_eq!((&left["state"], &left["sides"][1]["side"]["teamName"]), (&json!("PAIR_STATE_ONE_SIDED"), &Value::Null));
    assert_eq!(left["waitingFor"][0]["home"], "hr", "it is the twin's turn: {left}");
    let compared = twin.class.get(&twins.path("/lessons/1/reports:compare")).await.ok();
    assert_eq!(compared["mirrors"][1]["gap"], "MIRROR_GAP_LEFT", "{compared}");
    let open = twin.tutor.get("/v1/offers").await.ok();
    assert_eq!(open["offers"].as_array().map(Vec::len), Some(1));
    assert_eq!(open["offers"][0]["id"], twin.offer["id"], "it looks for another twin");
    assert_eq!(twins.credits(moved, 1).await.len(), 1, "what was delivered counts at home");
    for (tenant, done) in [("it", "part moved class"), ("it-hr", "take class out"), ("hr", "release class")] {
        assert!(world.actions(tenant, "lessons").await.iter().any(|action| action == done), "{tenant}: {done}");
    }
    assert!(world.rows("hr", "lessons", "SELECT programme FROM engagement", &["programme"]).await.is_empty());
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn before_the_work_begins_the_pair_is_declined_and_the_twin_free() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    twins.pair_up().await;
    move_away(&world, &twins, 1).await;
    assert_eq!(pair(&twins).await["state"], "PAIR_STATE_DECLINED");
    let open = twins.classes[0].tutor.get("/v1/offers").await.ok();
    let open: Vec<_> = open["offers"].as_array().expect("offers").iter().map(|offer| text(&offer["id"])).collect();
    assert_eq!(open, [text(&twins.classes[0].offer["id"])], "nobody is proposed who cannot come");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_went_on_alone_and_is_moved_keeps_its_work() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    let [leaver, survivor] = &twins.classes;
    leaver.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
    let report = format!("/v1/teams/{}/lessons/1/report", survivor.team_id);
    let written = survivor.class.get(&report).await.ok();
    let open = async || twins.secretariat.get("/v1/offers").await.ok()["offers"].clone();
    assert_eq!(open().await[0]["id"], survivor.offer["id"], "it looks for another twin");
    move_away(&world, &twins, 1).await;
    assert_eq!(open().await, Value::Null, "nobody is offered a class that cannot come");
    survivor.class.get(&report).await.refused("MEMBERSHIP_ENDED");
    let kept = twins.secretariat.get(&report).await.ok();
    assert_eq!((&kept["values"], &kept["verdict"]), (&written["values"], &written["verdict"]));
    let alone = pair(&twins).await;
    assert_eq!(
        (&alone["state"], alone["sides"][1]["side"]["teamId"].as_str()),
        (&json!("PAIR_STATE_ONE_SIDED"), Some(survivor.team_id.as_str()))
    );
    assert_ne!(alone["sides"][1]["side"]["teamName"], Value::Null);
    assert_eq!(twins.credits(survivor, 1).await.len(), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn what_a_class_has_said_in_any_programme_comes_to_nothing_when_it_is_moved() {
    let world = World::of(&["it", "hr", "it-hr", "euro-med"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    twins.pair_up().await;
    twins.go_to(&world, "euro-med").await;
    let mut offers = Vec::new();
    for class in &twins.classes {
        let offer = twins::offer(&text(&twins.edition["tracks"][0]["id"]));
        offers.push(class.tutor.post("/v1/offers", offer).await.ok()["id"].clone());
    }
    let proposed = twins.classes[1].tutor.post("/v1/pairs", json!({ "offerIds": offers })).await.ok();
    move_away(&world, &twins, 1).await;
    let twin = &twins.classes[0].tutor;
    let open = twin.get("/v1/offers").await.ok();
    let open: Vec<_> = open["offers"].as_array().expect("offers").iter().map(|offer| &offer["id"]).collect();
    assert_eq!(open, [&offers[0]], "the offer of the class that was moved is gone");
    let path = format!("/v1/pairs/{}", text(&proposed["id"]));
    assert_eq!(twin.get(&path).await.ok()["state"], "PAIR_STATE_LAPSED");
    twin.post(&format!("{path}:accept"), json!({})).await.refused("PAIR_STATE");
    for (tenant, done) in [
        ("it", "part moved class"),
        ("euro-med", "withdraw offer"),
        ("it-hr", "take class out"),
        ("hr", "release class"),
    ] {
        assert!(world.actions(tenant, "lessons").await.iter().any(|action| action == done), "{tenant}: {done}");
    }
    world.end().await;
}
