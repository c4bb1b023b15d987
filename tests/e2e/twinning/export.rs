//! The space of a pair, taken home as an archive that is read without us.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use tests::{Answer, Caller, Twins, World, path::text, scene::PICTURE};

mod page;

/// What lies in an archive, by the names of its entries.
struct Taken(BTreeMap<String, Vec<u8>>);

impl Taken {
    /// The entries of an archive, each found from the list at its end, as a program that unpacks it does.
    fn from(archive: &Answer) -> Self {
        assert!(archive.status.is_success(), "{}: {}", archive.of, archive.text());
        assert_eq!(archive.headers["content-type"], "application/zip");
        let bytes = &archive.body[..];
        let number =
            |at: usize, size: usize| (0..size).rev().fold(0, |sum, byte| (sum << 8) | usize::from(bytes[at + byte]));
        let end = bytes.len() - 22;
        assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
        let (mut at, mut entries) = (number(end + 16, 4), BTreeMap::new());
        for _ in 0..number(end + 10, 2) {
            let (size, name, place) = (number(at + 24, 4), number(at + 28, 2), number(at + 42, 4));
            let begins = place + 30 + name;
            let name = String::from_utf8(bytes[at + 46..at + 46 + name].to_vec()).expect("UTF-8");
            at += 46 + name.len();
            assert!(entries.insert(name, bytes[begins..begins + size].to_vec()).is_none(), "twice");
        }
        Self(entries)
    }

    async fn by(caller: &Caller, twins: &Twins<'_>) -> Self {
        let taken = Self::from(&caller.get(&twins.path(":export")).await);
        taken.hold();
        taken
    }

    fn text(&self, name: &str) -> &str {
        std::str::from_utf8(self.0.get(name).unwrap_or_else(|| panic!("no {name}"))).expect("UTF-8")
    }

    fn data(&self) -> Value {
        serde_json::from_str(self.text("data.json")).expect("JSON")
    }

    /// The names of the files that lie in it.
    fn files(&self) -> Vec<&str> {
        self.0.keys().filter(|name| name.starts_with("files/")).map(String::as_str).collect()
    }

    /// Every page is well made, every link leads to an entry, every file is led to and is what its digest says.
    fn hold(&self) {
        let mut led = Vec::new();
        for (name, bytes) in self.0.iter().filter(|(name, _)| name.ends_with(".html")) {
            let links = page::links(name, std::str::from_utf8(bytes).expect("UTF-8"));
            for link in &links {
                assert!(self.0.contains_key(link), "{name} leads to {link}");
            }
            led.extend(links);
        }
        let data = self.data();
        let listed = data["files"].as_array().expect("files");
        let inside: Vec<_> = listed.iter().filter(|file| file["entry"].is_string()).collect();
        let entries: Vec<_> = inside.iter().map(|file| text(&file["entry"])).collect();
        assert_eq!(entries.iter().map(String::as_str).collect::<Vec<_>>(), self.files());
        for file in inside {
            let (entry, said) = (text(&file["entry"]), text(&file["digest"]));
            let found = platform::blob::hex(digest(&SHA256, &self.0[&entry]).as_ref());
            assert!(found == said && led.contains(&entry), "{entry}");
        }
        for file in listed.iter().filter(|file| file["entry"].is_null()) {
            assert!(file["gap"].is_string() && file["name"].is_null() && file["digest"].is_null(), "{file}");
        }
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn either_class_takes_the_whole_space_home_in_both_languages() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.talk().await;
    twins.mirror().await;
    twins.output().await;
    let [one, other] = &twins.classes;
    let taken = Taken::by(&one.class, &twins).await;
    let theirs = Taken::by(&other.tutor, &twins).await;
    for page in ["hr/conversation.html", "it/pair.html", "en/timeline.html"] {
        assert_eq!(taken.text(page), theirs.text(page), "both take the same");
    }
    for tag in ["en", "it", "hr"] {
        assert!(taken.text("index.html").contains(&format!("href=\"{tag}/index.html\"")), "{tag}");
        let page = taken.text(&format!("{tag}/project.html"));
        for side in [0, 1] {
            let looks_at = text(&twins.pair["sides"][side]["partner"]["name"]);
            assert!(page.contains(&looks_at) && taken.text(&format!("{tag}/pair.html")).contains(&looks_at), "{page}");
        }
    }
    let seen = twins.secretariat.get("/v1/sightings").await.ok().to_string();
    for kind in ["MIRROR", "OUTPUT", "MESSAGES", "EXPORT"] {
        assert!(seen.contains(&format!("SIGHTING_KIND_{kind}")), "{kind}: {seen}");
    }
    assert!(taken.text("hr/pair.html").contains("U radu") && taken.text("it/pair.html").contains("Al lavoro"));
    let [lesson, said] = ["hr/lesson-1.html", "it/conversation.html"].map(|name| taken.text(name));
    assert!(lesson.contains("<p>We asked on both shores, and heard two answers.</p>"), "{lesson}");
    assert!(lesson.contains("<th scope=\"col\">") && lesson.matches("Potpisano dana").count() == 2, "{lesson}");
    assert!(said.contains("<blockquote lang=\"en\">Which of your beaches"), "{said}");
    assert!(taken.text("en/timeline.html").contains("[Europe/Zagreb]"), "{}", taken.text("en/timeline.html"));
    let data = taken.data();
    let compared = one.class.get(&twins.path("/lessons/1/reports:compare")).await.ok();
    assert_eq!(data["lessons"][0]["mirrors"], compared, "as the API gives it");
    assert_eq!(data["pair"], one.class.get(&twins.path("")).await.ok(), "as the API gives it");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn the_bytes_of_every_file_a_class_may_see_go_along_and_of_others_the_gap() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    let [one, other] = &twins.classes;
    let private = twins.upload(0, "canvas", "Our%20%C5%A1ifra%20%26%20%3Cplan%3E.pdf", "%PDF-1.4 not shown yet").await;
    let draft = json!({ "title": "Ports", "text": "<p>Sea</p>", "language": "en" });
    let path = twins.path("/lessons/1/output");
    let mut shared = draft.clone();
    let picture = twins.upload(0, "cover", "port.png", PICTURE).await["id"].clone();
    shared["fileIds"] = json!([picture]);
    one.class.patch(&path, shared).await.ok();
    twins.mirror().await;

    let own = Taken::by(&one.class, &twins).await;
    let name = format!("files/{}-Our__ifra____plan_.pdf", text(&private["id"]));
    assert_eq!(own.0[&name], b"%PDF-1.4 not shown yet");
    assert!(own.text("it/files.html").contains("Our šifra &amp; &lt;plan&gt;.pdf"), "{}", own.text("it/files.html"));
    let shown = format!("files/{}-port.png", text(&picture));
    assert_eq!(own.0[&shown], PICTURE);
    let theirs = Taken::by(&other.class, &twins).await;
    assert!(!theirs.0.contains_key(&shown) && !theirs.0.contains_key(&name));
    for (page, bytes) in &theirs.0 {
        let secret = [text(&private["id"]), "port.png".to_owned()];
        let page_text = String::from_utf8_lossy(bytes);
        assert!(!secret.iter().any(|secret| page_text.contains(secret.as_str())), "{page}");
    }
    let lesson = theirs.text("en/lesson-1.html");
    assert!(lesson.contains("(a file that is not shown), HR, has not stated that it may be shown"), "{lesson}");

    let consents = [twins.consent(0, &picture).await, twins.consent(1, &picture).await];
    let both = Taken::by(&other.class, &twins).await;
    assert_eq!(both.0[&shown], PICTURE);
    let stated = both.text("en/consents.html");
    assert!(stated.contains("port.png") && stated.contains("to both classes") && stated.contains("2023-12-31"));
    assert_eq!(both.data()["consents"].as_array().map(Vec::len), Some(2));
    twins.withdraw(1, &consents[1]).await;
    for reader in [&one.class, &other.class, &twins.secretariat] {
        let after = Taken::by(reader, &twins).await;
        assert!(!after.0.contains_key(&shown), "on both sides, from the next call on");
        let lesson = after.text("hr/lesson-1.html");
        assert!(lesson.contains("(datoteka koja se ne prikazuje), IT, izjava je povučena"), "{lesson}");
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn of_a_pair_that_was_dissolved_each_takes_what_it_wrote_and_brought_itself() {
    let world = World::of(&["it", "hr", "it-hr"]).start().await;
    let twins = Twins::at_work(&world, "it-hr", ["hr", "it"]).await;
    twins.talk().await;
    let [one, other] = &twins.classes;
    let table = twins.upload(0, "canvas", "harbours.pdf", "%PDF-1.4 harbours").await["id"].clone();
    let shared = json!({ "title": "Ports", "text": "<p>Sea</p>", "language": "en", "fileIds": [table] });
    one.class.patch(&twins.path("/lessons/1/output"), shared).await.ok();
    twins.mirror().await;
    twins.consent(0, &table).await;
    assert!(Taken::by(&other.class, &twins).await.text("en/lesson-1.html").contains("harbours.pdf"));
    twins.secretariat.post(&twins.path(":dissolve"), json!({ "reason": "both schools moved" })).await.ok();
    for (class, own, gap) in [(one, 0, 1), (other, 1, 0)] {
        let taken = Taken::by(&class.class, &twins).await;
        let data = taken.data();
        let mirrors = &data["lessons"][0]["mirrors"]["mirrors"];
        assert!(mirrors[own]["digest"].is_string(), "{mirrors}");
        assert_eq!((&mirrors[gap]["gap"], &mirrors[gap]["digest"]), (&json!("MIRROR_GAP_ENDED"), &Value::Null));
        let lesson = taken.text("en/lesson-1.html");
        assert!(lesson.contains("its own again") && !lesson.contains("<p>Sea</p>"), "{lesson}");
        assert!(!taken.files().is_empty(), "its own files");
        let holds = |page: &str, what: &str| taken.text(page).contains(what);
        assert_eq!(holds("en/files.html", "harbours.pdf"), own == 0);
        assert_eq!(holds("en/conversation.html", "Which of your beaches"), own == 0);
        assert_eq!(data["consents"].as_array().map(Vec::len), Some(1 - own));
        assert_eq!(data["lessons"][0]["output"], Value::Null);
    }
    let all = Taken::by(&twins.secretariat, &twins).await.data();
    let lesson = &all["lessons"][0];
    assert!([0, 1].iter().all(|of| lesson["mirrors"]["mirrors"][*of]["digest"].is_string()), "{lesson}");
    assert_eq!(lesson["output"]["title"], "Ports", "the secretariat keeps it all");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
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
    let before = Taken::by(&other.class, &twins).await;
    assert!(brought.iter().all(|name| before.text("en/pair.html").contains(name)), "{brought:?}");

    one.tutor.post(&twins.path(":leave"), json!({ "reason": "Too few of us." })).await.ok();
    one.tutor.get(&twins.path(":export")).await.refused("NOT_FOUND");
    let after = Taken::by(&other.class, &twins).await;
    let school = &brought[1];
    assert!(after.0.values().all(|page| !String::from_utf8_lossy(page).contains(school)), "{school}");
    assert!(after.text("en/pair.html").contains("This class has left"), "{}", after.text("en/pair.html"));
    world.end().await;
}
