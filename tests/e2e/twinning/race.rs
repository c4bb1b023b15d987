//! What happens at the same time: one class goes, or somebody says no, while others read or say yes.

use std::cell::Cell;

use futures::future::join;
use serde_json::{Value, json};
use tests::{Answer, Twins, World, limit::wait, path::text};
use tokio::sync::Notify;

fn offered(offer: &Value) -> String {
    format!("/v1/offers/{}", text(&offer["id"]))
}

/// Of two at once each was done or refused, and never failed.
fn is_done(answer: &Answer) -> bool {
    assert!(!answer.status.is_server_error(), "{}: {}", answer.of, answer.text());
    answer.status.is_success()
}

fn holds(answer: &Answer, mark: &[u8]) -> bool {
    answer.body.windows(mark.len()).any(|part| part == mark)
}

#[tokio::test(crate = "::tests::limit")]
async fn from_the_answer_on_that_a_class_has_left_no_read_shows_anything_of_it() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [leaver, survivor] = &twins.classes;
    let bytes = [b"%PDF-1.4 what they brought ".as_slice(), &[b'.'; 200_000]].concat();
    let file = twins.upload(0, "canvas", "brought.pdf", bytes).await;
    let said = json!({ "text": "We have brought a whole harbour.", "language": "en" });
    let held = leaver.class.post(&twins.path("/messages"), said).await.ok();
    let release = twins.path(&format!("/messages/{}:release", text(&held["id"])));
    leaver.tutor.post(&release, json!({})).await.ok();
    twins.mirror().await;
    let draft = json!({ "title": "Ports", "text": "<p>Sea</p>", "language": "en", "fileIds": [file["id"]] });
    leaver.class.patch(&twins.path("/lessons/1/output"), draft).await.ok();
    let school = text(&twins.pair["sides"][0]["side"]["schoolName"]);
    let marks = [school.as_str(), "brought.pdf", "what they brought", "We have brought"];
    let paths = [
        twins.path(""),
        twins.path("/lessons/1/reports:compare"),
        twins.path("/messages"),
        twins.path("/lessons/1/output"),
        twins.path("/consents"),
        twins.path(":export"),
        twins.download(0, &file["id"]),
    ];
    let found = async |path: &String| {
        let (answer, is_whole) = survivor.class.get_some(path).await;
        assert!(!answer.status.is_server_error(), "{}: {}", answer.of, answer.text());
        assert!(is_whole || path.ends_with(":export") || path.ends_with(":download"), "{path}");
        marks.iter().filter(|mark| holds(&answer, mark.as_bytes())).count()
    };
    let mut before = 0;
    for path in &paths {
        before += found(path).await;
    }
    assert!(before >= 6, "there is something to lose: {before}");
    let (has_left, rounds) = (Cell::new(false), Cell::new(0));
    let reading = async {
        while rounds.get() < 2 {
            for path in &paths {
                let is_after = has_left.get();
                let found = found(path).await;
                assert!(!is_after || found == 0, "{path}");
            }
            rounds.set(rounds.get() + usize::from(has_left.get()));
        }
    };
    let leaving = async {
        leaver.tutor.post(&twins.path(":leave"), json!({ "reason": "no teacher any more" })).await.ok();
        has_left.set(true);
        world.settle().await;
    };
    join(reading, leaving).await;
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn from_the_answer_on_that_a_consent_is_withdrawn_nobody_reads_the_picture() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let picture = twins.upload(0, "cover", "port.png", tests::scene::PICTURE).await["id"].clone();
    let draft = json!({ "title": "Ports", "text": "<p>Sea</p>", "language": "en", "fileIds": [picture] });
    one.class.patch(&twins.path("/lessons/1/output"), draft).await.ok();
    twins.consent(0, &picture).await;
    let download = twins.download(0, &picture);
    for _ in 0..3 {
        let consent = twins.consent(1, &picture).await;
        let (is_withdrawn, shown) = (Cell::new(false), Notify::new());
        let reading = async {
            loop {
                let is_after = is_withdrawn.get();
                for reader in [&one.class, &other.class, &other.central] {
                    let is_shown = is_done(&reader.get(&download).await);
                    assert!(!(is_after && is_shown));
                    if is_shown {
                        shown.notify_one();
                    }
                }
                if is_after {
                    return;
                }
            }
        };
        let withdrawing = async {
            wait("the picture to be shown", shown.notified()).await;
            twins.withdraw(1, &consent).await;
            is_withdrawn.set(true);
        };
        join(reading, withdrawing).await;
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_an_approval_and_a_refusal_at_once_one_state_is_left_and_the_offers_stand_as_it_says() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let mut twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let track = text(&twins.edition["tracks"][0]["id"]);
    for class in &mut twins.classes {
        class.offer = class.tutor.post("/v1/offers", tests::twins::offer(&track)).await.ok();
    }
    let [one, other] = &twins.classes;
    for round in 0..4 {
        let proposal = json!({ "offerIds": [one.offer["id"], other.offer["id"]] });
        let pair = text(&one.tutor.post("/v1/pairs", proposal).await.ok()["id"]);
        let at = |rest: &str| format!("/v1/pairs/{pair}{rest}");
        other.tutor.post(&at(":accept"), json!({})).await.ok();
        one.central.post(&at(":approve"), json!({})).await.ok();
        let (yes, no) = (at(":approve"), at(":decline"));
        // each of them is sent first half of the times
        let (approved, declined) = if round % 2 == 0 {
            join(other.central.post(&yes, json!({})), one.tutor.post(&no, json!({}))).await
        } else {
            let (declined, approved) = join(one.tutor.post(&no, json!({})), other.central.post(&yes, json!({}))).await;
            (approved, declined)
        };
        let (approved, declined) = (is_done(&approved), is_done(&declined));
        assert!(approved || declined);
        let state = text(&twins.secretariat.get(&at("")).await.ok()["state"]);
        let offers = if declined { "OFFER_STATE_OPEN" } else { "OFFER_STATE_PAIRED" };
        assert_eq!(state, if declined { "PAIR_STATE_DECLINED" } else { "PAIR_STATE_APPROVED" });
        for class in [one, other] {
            assert_eq!(twins.secretariat.get(&offered(&class.offer)).await.ok()["state"], offers, "{state}");
        }
        if !declined {
            one.tutor.post(&no, json!({})).await.ok();
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_an_acceptance_and_an_offer_taken_back_at_once_one_holds() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let track = text(&twins.edition["tracks"][0]["id"]);
    let [one, other] = &twins.classes;
    for round in 0..4 {
        let mut offers = Vec::new();
        for class in [one, other] {
            offers.push(class.tutor.post("/v1/offers", tests::twins::offer(&track)).await.ok());
        }
        let proposal = json!({ "offerIds": [offers[0]["id"], offers[1]["id"]] });
        let pair = text(&one.tutor.post("/v1/pairs", proposal).await.ok()["id"]);
        let (accept, withdraw) = (format!("/v1/pairs/{pair}:accept"), format!("{}:withdraw", offered(&offers[0])));
        let (accepted, withdrawn) = if round % 2 == 0 {
            join(other.tutor.post(&accept, json!({})), one.tutor.post(&withdraw, json!({}))).await
        } else {
            let (withdrawn, accepted) =
                join(one.tutor.post(&withdraw, json!({})), other.tutor.post(&accept, json!({}))).await;
            (accepted, withdrawn)
        };
        let is_accepted = is_done(&accepted);
        assert_eq!(is_accepted, !is_done(&withdrawn), "{} {}", accepted.text(), withdrawn.text());
        let state = text(&twins.secretariat.get(&format!("/v1/pairs/{pair}")).await.ok()["state"]);
        assert_eq!(state, if is_accepted { "PAIR_STATE_ACCEPTED" } else { "PAIR_STATE_LAPSED" });
        let states = if is_accepted { ["PAIRED", "PAIRED"] } else { ["WITHDRAWN", "OPEN"] };
        for (offer, state) in offers.iter().zip(states) {
            let stands = twins.secretariat.get(&offered(offer)).await.ok()["state"].clone();
            assert_eq!(stands, format!("OFFER_STATE_{state}"));
        }
        assert_eq!(is_accepted, is_done(&one.tutor.post(&format!("/v1/pairs/{pair}:decline"), json!({})).await));
        for (class, offer) in [one, other].iter().zip(&offers) {
            // that of an accepted pair is open again; the one taken back stays so
            is_done(&class.tutor.post(&format!("{}:withdraw", offered(offer)), json!({})).await);
        }
    }
    world.end().await;
}
