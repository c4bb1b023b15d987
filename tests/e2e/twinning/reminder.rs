//! Who lets a pair wait is reminded.

use jiff::SignedDuration;
use serde_json::json;
use tests::{Caller, Twins, World, mailbox::Letter, path::text, twins::offer};

/// A week passes, and the hour strikes.
async fn week(world: &World) {
    world.passes_by(SignedDuration::from_hours(7 * 24)).await;
    world.hour_strikes().await;
}

/// The reminders of a programme somebody has got.
fn reminders(world: &World, of: &Caller, programme: &str) -> Vec<Letter> {
    let letters = world.mailbox(of.tenant()).to(of.login());
    letters.into_iter().filter(|letter| letter.text.contains(&format!("/{programme}/pairs/"))).collect()
}

/// How many the teachers and the central teams of both classes have got: teacher, teacher, central team, central team.
fn count(world: &World, twins: &Twins<'_>) -> [usize; 4] {
    let [one, other] = &twins.classes;
    [&one.teacher, &other.teacher, &one.coordinator, &other.coordinator].map(|who| reminders(world, who, "it-hr").len())
}

/// Two classes with open offers, one proposed by the teacher of the other.
async fn proposed(world: &World) -> Twins<'_> {
    let mut twins = Twins::crossed(world, "it-hr", ["hr", "it"]).await;
    let track = text(&twins.edition["tracks"][0]["id"]);
    for class in &mut twins.classes {
        class.offer = class.tutor.post("/v1/offers", offer(&track)).await.ok();
    }
    let ids = json!({ "offerIds": [twins.classes[0].offer["id"], twins.classes[1].offer["id"]] });
    twins.pair = twins.classes[0].tutor.post("/v1/pairs", ids).await.ok();
    twins
}

#[tokio::test(crate = "::tests::limit")]
async fn a_teacher_who_does_not_answer_is_reminded_every_week_three_times() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = proposed(&world).await;
    world.passes_by(SignedDuration::from_hours(7 * 24 - 1)).await;
    world.hour_strikes().await;
    assert_eq!(count(&world, &twins), [0; 4]);
    world.passes_by(SignedDuration::from_hours(1)).await;
    world.hour_strikes().await;
    world.hour_strikes().await;
    assert_eq!(count(&world, &twins), [0, 1, 0, 0], "not who proposed, not the central teams, and once");
    let letter = reminders(&world, &twins.classes[1].teacher, "it-hr").remove(0);
    assert!(letter.subject.contains("Interreg Italy–Croatia aspetta"), "{letter:?}");
    let path = format!("/it-hr/pairs/{}", text(&twins.pair["id"]));
    for said in [path.as_str(), "/it/sign-in", "Green Bridges", "lunedì 10 ottobre 2022", "accetta o rifiuta"] {
        assert!(letter.text.contains(said), "{said}: {letter:?}");
    }
    let stranger = text(&twins.pair["sides"][0]["side"]["schoolName"]);
    assert!(!stranger.is_empty() && !letter.text.contains(&stranger), "nothing of the other class: {letter:?}");

    for sent in [2, 3, 3] {
        week(&world).await;
        assert_eq!(count(&world, &twins), [0, sent, 0, 0]);
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_process_that_starts_anew_does_not_repeat_what_was_sent() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = proposed(&world).await;
    week(&world).await;
    let (late, programme) = (twins.classes[1].teacher.login().to_owned(), twins.programme.clone());
    drop(twins);
    let world = world.restart().await;
    world.hour_strikes().await;
    let letters = world.mailbox("it").to(&late);
    assert_eq!(letters.iter().filter(|letter| letter.text.contains(&format!("/{programme}/pairs/"))).count(), 1);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn central_teams_are_reminded_until_their_own_has_approved() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = proposed(&world).await;
    let colleague = world.coordinator("hr").await;
    twins.classes[1].tutor.post(&twins.path(":accept"), json!({})).await.ok();
    week(&world).await;
    assert_eq!(count(&world, &twins), [0, 0, 1, 1], "no teacher: both have accepted");
    let letters = reminders(&world, &colleague, "it-hr");
    assert_eq!(letters.len(), 1, "everybody of the central team");
    assert!(letters[0].text.contains("odobrite za svoju zemlju"), "{letters:?}");
    twins.renew().await;
    twins.classes[0].central.post(&twins.path(":approve"), json!({})).await.ok();
    week(&world).await;
    assert_eq!(count(&world, &twins), [0, 0, 1, 2], "the missing country alone");
    twins.renew().await;
    twins.classes[1].central.post(&twins.path(":approve"), json!({})).await.ok();
    world.passes_by(SignedDuration::from_hours(6 * 24)).await;
    world.hour_strikes().await;
    assert_eq!(count(&world, &twins), [0, 0, 1, 2], "another wait has begun");
    world.passes_by(SignedDuration::from_hours(24)).await;
    world.hour_strikes().await;
    assert_eq!(count(&world, &twins), [1, 1, 1, 2], "for the project");
    twins.renew().await;
    twins.secretariat.post(&twins.path(":decline"), json!({})).await.ok();
    week(&world).await;
    assert_eq!(count(&world, &twins), [1, 1, 1, 2], "an ended pair waits for nobody");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_secretariat_is_reminded_of_a_pair_that_rests() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    week(&world).await;
    assert_eq!(reminders(&world, &twins.secretariat, "it-hr"), [], "at work");
    twins.renew().await;
    twins.secretariat.post(&twins.path(":suspend"), json!({ "reason": "a strike" })).await.ok();
    week(&world).await;
    assert_eq!(reminders(&world, &twins.secretariat, "it-hr").len(), 1);
    assert_eq!(count(&world, &twins), [0; 4]);
    twins.renew().await;
    twins.secretariat.post(&twins.path(":resume"), json!({})).await.ok();
    week(&world).await;
    assert_eq!(reminders(&world, &twins.secretariat, "it-hr").len(), 1, "at work again");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_programme_says_when_and_how_often() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let file = std::fs::read_to_string(tests::world::tenant_files().join("it-hr.toml")).unwrap();
    let table = "[lessons]\nreminders = { first_after_days = 2, then_every_days = 1, at_most = 1 }\n";
    assert_eq!(world.write_tenant("it-hr", &file.replace("[lessons]\n", table)), []);
    let twins = proposed(&world).await;
    for (days, sent) in [(1, 0), (1, 1), (1, 1)] {
        world.passes_by(SignedDuration::from_hours(24 * days)).await;
        world.hour_strikes().await;
        assert_eq!(count(&world, &twins), [0, sent, 0, 0]);
    }
    world.end().await;
}
