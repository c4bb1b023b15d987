//! The matcher brings together who waits.

use serde_json::{Value, json};
use tests::{Twin, Twins, World, path::text};

async fn publish(class: &mut Twin<'_>, track: &str, languages: &[&str]) {
    let mut offer = tests::twins::offer(track);
    let spoken = languages.iter().map(|tag| json!({ "tag": tag, "level": "LANGUAGE_LEVEL_B2" }));
    offer["languages"] = spoken.collect();
    class.offer = class.tutor.post("/v1/offers", offer).await.ok();
}

fn pairs(found: &Value) -> Vec<Value> {
    found["pairs"].as_array().cloned().unwrap_or_default()
}

/// The offers of a pair, in the order of their countries' names.
fn offers(pair: &Value) -> [Value; 2] {
    [0, 1].map(|side| pair["sides"][side]["offerId"].clone())
}

fn unmatched(found: &Value) -> Vec<(Value, String)> {
    let all = found["unmatched"].as_array().cloned().unwrap_or_default();
    let short = |reason: &Value| text(reason).trim_start_matches("UNMATCHED_REASON_").to_owned();
    all.into_iter().map(|one| (one["offerId"].clone(), short(&one["reason"]))).collect()
}

#[tokio::test(crate = "::tests::limit")]
async fn the_matcher_proposes_who_suits_whom_and_says_why_and_who_is_left() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut one = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let mut two = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let track = text(&one.edition["tracks"][0]["id"]);
    let path = format!("/v1/tracks/{track}/pairs:match");
    let secretariat = one.secretariat.clone();
    assert_eq!(secretariat.post(&path, json!({})).await.ok(), json!({}), "nobody waits");
    publish(&mut one.classes[0], &track, &["hr"]).await;
    let found = secretariat.post(&path, json!({})).await.ok();
    let hr = one.classes[0].offer["id"].clone();
    assert_eq!(unmatched(&found), [(hr.clone(), "NO_OTHER_COUNTRY".to_owned())]);
    publish(&mut two.classes[1], &track, &["it"]).await;
    let found = secretariat.post(&path, json!({})).await.ok();
    let it = two.classes[1].offer["id"].clone();
    let no_language = || "NO_COMMON_LANGUAGE".to_owned();
    assert_eq!((pairs(&found), unmatched(&found)), (vec![], vec![(hr, no_language()), (it.clone(), no_language())]));

    publish(&mut one.classes[1], &track, &["hr", "en"]).await;
    publish(&mut two.classes[0], &track, &["it"]).await;
    let asked = json!({ "requestId": "match" });
    let found = secretariat.post(&path, asked.clone()).await.ok();
    assert_eq!(unmatched(&found), []);
    let [first, second] = &pairs(&found)[..] else { panic!("two pairs: {found}") };
    assert_eq!(offers(first), [0, 1].map(|class: usize| one.classes[class].offer["id"].clone()));
    assert_eq!(offers(second), [0, 1].map(|class: usize| two.classes[class].offer["id"].clone()));
    assert_eq!(secretariat.post(&path, asked).await.ok(), found, "asked again with the same key");
    assert_eq!(secretariat.post(&path, json!({})).await.ok(), json!({}), "who stands in a proposal is left out");

    let seen = one.classes[1].tutor.get(&format!("/v1/pairs/{}", text(&first["id"]))).await.ok();
    assert_eq!((&seen["state"], &seen["proposedBy"]), (&json!("PAIR_STATE_PROPOSED"), &json!("PROPOSED_BY_MATCHER")));
    let why =
        ["COMMON_LANGUAGE", "COMMON_THEME", "COMMON_TIME", "SIMILAR_SIZE"].map(|why| format!("MATCH_REASON_{why}"));
    assert_eq!(seen["matchReasons"], json!(why));
    assert_eq!(seen["waitingFor"].as_array().map(Vec::len), Some(2), "nobody has accepted: {seen}");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_class_is_shown_no_class_of_its_own_country_as_a_twin() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut one = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let mut two = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let track = text(&one.edition["tracks"][0]["id"]);
    for class in one.classes.iter_mut().chain(two.classes.iter_mut().skip(1)) {
        publish(class, &track, &["en"]).await;
    }
    let seeker = &one.classes[1];
    let path = format!("/v1/offers/{}/matches", text(&seeker.offer["id"]));
    for reader in [&seeker.tutor, &one.secretariat] {
        let found = reader.get(&path).await.ok();
        let found: Vec<_> = found["matches"].as_array().unwrap().iter().map(|one| one["offer"]["id"].clone()).collect();
        assert_eq!(found, [one.classes[0].offer["id"].clone()]);
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn who_said_no_to_each_other_is_not_brought_together_again() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let track = text(&twins.edition["tracks"][0]["id"]);
    let path = format!("/v1/tracks/{track}/pairs:match");
    for class in &mut twins.classes {
        publish(class, &track, &["en"]).await;
    }
    let found = twins.secretariat.post(&path, json!({})).await.ok();
    let pair = format!("/v1/pairs/{}", text(&pairs(&found)[0]["id"]));
    twins.classes[0].tutor.post(&format!("{pair}:accept"), json!({})).await.ok();
    twins.classes[1].tutor.post(&format!("{pair}:decline"), json!({})).await.ok();
    let found = twins.secretariat.post(&path, json!({})).await.ok();
    let both = [0, 1].map(|class: usize| (twins.classes[class].offer["id"].clone(), "MET_BEFORE".to_owned()));
    assert_eq!((pairs(&found), unmatched(&found)), (vec![], both.to_vec()));

    let mut others = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    publish(&mut others.classes[0], &track, &["en"]).await;
    let found = twins.secretariat.post(&path, json!({})).await.ok();
    let newcomer = others.classes[0].offer["id"].clone();
    assert_eq!(offers(&pairs(&found)[0]), [newcomer, twins.classes[1].offer["id"].clone()]);
    assert_eq!(unmatched(&found), [(twins.classes[0].offer["id"].clone(), "MET_BEFORE".to_owned())]);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teacher_who_proposes_keeps_no_other_class_from_the_matcher() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut one = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let mut two = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let track = text(&one.edition["tracks"][0]["id"]);
    for class in one.classes.iter_mut().chain(two.classes.iter_mut().take(1)) {
        publish(class, &track, &["en"]).await;
    }
    let [suitor, wanted] = [0, 1].map(|class: usize| one.classes[class].offer["id"].clone());
    one.classes[0].tutor.post("/v1/pairs", json!({ "offerIds": [suitor, wanted] })).await.ok();
    let found = one.secretariat.post(&format!("/v1/tracks/{track}/pairs:match"), json!({})).await.ok();
    let [pair] = &pairs(&found)[..] else { panic!("one pair: {found}") };
    assert_eq!(offers(pair), [two.classes[0].offer["id"].clone(), wanted]);
    assert_eq!(unmatched(&found), [], "who has proposed waits for the answer");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_matcher_is_for_the_secretariat_of_a_programme() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let path = format!("/v1/tracks/{}/pairs:match", text(&twins.edition["tracks"][0]["id"]));
    for visitor in [&twins.classes[0].tutor, &twins.classes[0].central] {
        visitor.post(&path, json!({})).await.refused("ROLE_MISSING");
    }
    let home = &twins.classes[1];
    let track = text(&home.edition["tracks"][0]["id"]);
    home.coordinator.post(&format!("/v1/tracks/{track}/pairs:match"), json!({})).await.refused("PROGRAMME_ONLY");
    let nowhere = "/v1/tracks/0190b2c4-0000-7000-8000-000000000000/pairs:match";
    twins.secretariat.post(nowhere, json!({})).await.refused("NOT_FOUND");
    world.end().await;
}
