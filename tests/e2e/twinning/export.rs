//! The space of a pair, taken home as an archive that is read without us.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::{Answer, Twins, World, path::text};

/// The entries of an archive, each found from the list at its end, as a program that unpacks it does.
fn entries(archive: &Answer) -> BTreeMap<String, String> {
    assert!(archive.status.is_success(), "{}: {}", archive.of, archive.text());
    assert_eq!(archive.headers["content-type"], "application/zip");
    let bytes = &archive.body[..];
    let number =
        |at: usize, size: usize| (0..size).rev().fold(0, |sum, byte| (sum << 8) | usize::from(bytes[at + byte]));
    let end = bytes.len() - 22;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
    let string = |from: usize, size: usize| String::from_utf8(bytes[from..from + size].to_vec()).expect("UTF-8");
    let (mut at, mut entries) = (number(end + 16, 4), BTreeMap::new());
    for _ in 0..number(end + 10, 2) {
        let (size, name, place) = (number(at + 24, 4), number(at + 28, 2), number(at + 42, 4));
        entries.insert(string(at + 46, name), string(place + 30 + name, size));
        at += 46 + name;
    }
    entries
}

#[tokio::test]
async fn either_class_takes_the_whole_space_home_in_both_languages() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.talk().await;
    twins.mirror().await;
    twins.output().await;
    let [one, other] = &twins.classes;
    let taken = entries(&one.class.get(&twins.path(":export")).await);
    assert_eq!(taken, entries(&other.tutor.get(&twins.path(":export")).await), "both take the same");
    for tag in ["en", "it", "hr"] {
        assert!(taken["index.html"].contains(&format!("href=\"{tag}/index.html\"")), "{tag}");
        let page = &taken[&format!("{tag}/project.html")];
        assert!(page.contains(&format!("<html lang=\"{tag}\">")), "{page}");
        for side in [0, 1] {
            let looks_at = text(&twins.pair["sides"][side]["partner"]["name"]);
            assert!(page.contains(&looks_at) && taken[&format!("{tag}/pair.html")].contains(&looks_at), "{page}");
        }
    }
    let seen = twins.secretariat.get("/v1/sightings").await.ok().to_string();
    for kind in ["MIRROR", "OUTPUT", "MESSAGES", "EXPORT"] {
        assert!(seen.contains(&format!("SIGHTING_KIND_{kind}")), "{kind}: {seen}");
    }
    assert!(taken["hr/pair.html"].contains("U radu") && taken["it/pair.html"].contains("Al lavoro"));
    let [lesson, said] = ["hr/lesson-1.html", "it/conversation.html"].map(|name| &taken[name]);
    assert!(lesson.contains("<p>We asked on both shores, and heard two answers.</p>"), "{lesson}");
    assert!(lesson.contains("<th scope=\"col\">") && lesson.matches("Potpisano dana").count() == 2, "{lesson}");
    assert!(said.contains("<blockquote lang=\"en\">Which of your beaches"), "{said}");
    assert!(taken["en/timeline.html"].contains("[Europe/Zagreb]"), "{}", taken["en/timeline.html"]);
    let data: Value = serde_json::from_str(&taken["data.json"]).expect("JSON");
    let compared = one.class.get(&twins.path("/lessons/1/reports:compare")).await.ok();
    assert_eq!(data["lessons"][0]["mirrors"], compared, "as the API gives it");
    assert_eq!(data["pair"], one.class.get(&twins.path("")).await.ok(), "as the API gives it");
    world.end().await;
}

#[tokio::test]
async fn who_left_takes_nothing_more_and_leaves_a_gap_in_what_the_other_takes() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let others = Twins::crossed(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let hidden = others.classes[0].class.get(&twins.path(":export")).await;
    let missing = others.classes[0].class.get("/v1/pairs/0190b2c4-0000-7000-8000-000000000000:export").await;
    assert_eq!(hidden.refused("NOT_FOUND"), missing.refused("NOT_FOUND"));
    let side = &twins.pair["sides"][0]["side"];
    let brought = [text(&side["teamName"]), text(&side["schoolName"])];
    let before = entries(&other.class.get(&twins.path(":export")).await);
    assert!(brought.iter().all(|name| before["en/pair.html"].contains(name)), "{brought:?}");

    one.tutor.post(&twins.path(":leave"), serde_json::json!({ "reason": "Too few of us." })).await.ok();
    one.tutor.get(&twins.path(":export")).await.refused("NOT_FOUND");
    let after = entries(&other.class.get(&twins.path(":export")).await);
    let school = &brought[1];
    assert!(after.values().all(|page| !page.contains(school)), "{school}");
    assert!(after["en/pair.html"].contains("This class has left"), "{}", after["en/pair.html"]);
    world.end().await;
}
