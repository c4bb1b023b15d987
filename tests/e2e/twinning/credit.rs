//! Credits: what was delivered in a programme counts at home, once.

use serde_json::json;
use tests::{Twins, World, path::text};

#[tokio::test(crate = "::tests::limit")]
async fn a_delivery_stands_in_the_matrix_at_home_once_and_stays_when_the_class_leaves() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    twins.output().await;
    for has_left in [false, true] {
        if has_left {
            // what comes after changes nothing of it
            let leave = json!({ "reason": "no teacher any more" });
            twins.classes[0].tutor.post(&twins.path(":leave"), leave).await.ok();
        }
        for class in &twins.classes {
            let credits = twins.credits(class, 2).await;
            let kinds: Vec<_> = credits.iter().map(|credit| credit["kind"].as_str().unwrap()).collect();
            assert_eq!(kinds, ["CREDIT_KIND_JOINT_OUTPUT", "CREDIT_KIND_MIRROR_REPORT"], "{}", class.home);
            for credit in &credits {
                assert_eq!((&credit["programme"], &credit["onTime"]), (&json!("it-hr"), &json!(true)));
            }
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_lesson_delivered_in_one_programme_and_later_in_another_is_one_lesson_at_home() {
    let world = World::of(&["it", "hr", "it-hr", "euro-med"]).start().await;
    let mut twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    let leave = json!({ "reason": "no teacher any more" });
    twins.classes[0].tutor.post(&twins.path(":leave"), leave).await.ok();
    twins.go_to(&world, "euro-med").await;
    twins.pair_up().await;
    twins.begin_work().await;
    twins.mirror().await;
    for class in &twins.classes {
        let credits = twins.credits(class, 2).await;
        let from: Vec<_> = credits.iter().map(|credit| text(&credit["programme"])).collect();
        assert_eq!(from, ["euro-med", "it-hr"], "each is listed");
        let matrix = format!("/v1/editions/{}/deliveries", text(&class.edition["id"]));
        let matrix = class.coordinator.again().await.get(&matrix).await.ok();
        let cells = matrix["rows"][0]["deliveries"].as_array().expect("deliveries");
        let counted: Vec<_> = cells.iter().filter(|cell| !cell["credits"].is_null()).collect();
        assert_eq!(
            counted.iter().map(|cell| &cell["lesson"]).collect::<Vec<_>>(),
            [1],
            "{}: it counts once",
            class.home
        );
    }
    world.end().await;
}
