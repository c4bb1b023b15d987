//! Credits: what was delivered in a programme counts at home, once.

use serde_json::json;
use tests::{Twins, World};

#[tokio::test]
async fn a_delivery_stands_in_the_matrix_at_home_once_and_stays_when_the_class_leaves() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.mirror().await;
    twins.output().await;
    for _ in 0..2 {
        for class in &twins.classes {
            let credits = twins.credits(class, 2).await;
            let kinds: Vec<_> = credits.iter().map(|credit| credit["kind"].as_str().unwrap()).collect();
            assert_eq!(kinds, ["CREDIT_KIND_JOINT_OUTPUT", "CREDIT_KIND_MIRROR_REPORT"], "{}", class.home);
            for credit in &credits {
                assert_eq!((&credit["programme"], &credit["onTime"]), (&json!("it-hr"), &json!(true)));
            }
        }
        // what comes after changes nothing of it
        let leave = json!({ "reason": "no teacher any more" });
        twins.classes[0].tutor.post(&twins.path(":leave"), leave).await;
    }
    world.end().await;
}
