//! Report forms, and values that do not fit them.

use serde_json::{Value, json};
use tests::{Class, Scene, World, path::text};

async fn form(class: &Class, lesson: u32) -> Value {
    let team = class.team.get(&class.path("")).await.ok();
    class.team.get(&format!("/v1/tracks/{}/lessons/{lesson}/form", text(&team["trackId"]))).await.ok()
}

fn sorted(answer: &tests::Answer) -> Vec<(String, String)> {
    let mut violations = answer.violations();
    violations.sort();
    violations
}

fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    expected.iter().map(|(key, reason)| (format!("values[{key}]"), (*reason).to_owned())).collect()
}

#[tokio::test(crate = "::tests::limit")]
async fn a_form_says_what_to_write_in_the_language_of_its_track() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let italian = form(&class, 1).await;
    let field = |form: &Value, key: &str| {
        form["fields"]
            .as_array()
            .unwrap()
            .iter()
            .find(|field| field["key"] == key)
            .cloned()
            .unwrap_or_else(|| panic!("{key}"))
    };
    let title = field(&italian, "research_title");
    assert_eq!((&title["label"], &title["maxWords"]), (&json!("Titolo della ricerca"), &json!(5)));
    let story = field(&italian, "research_story");
    assert_eq!((&story["maxChars"], &story["spacesCount"]), (&json!(8000), &json!(true)));
    assert_eq!(story["roles"], json!(["blogger", "storyteller"]));
    assert_eq!(field(&italian, "project")["hosts"], json!(["opencoesione.gov.it"]));

    let english = format!("/v1/tracks/{}/lessons/1/form", text(&scene.track("english")["id"]));
    let english = class.team.get(&english).await.ok();
    let story = field(&english, "research_story");
    assert_eq!((&story["maxChars"], &story["spacesCount"]), (&json!(5000), &Value::Null));
    assert_eq!(story["label"], "Tell your research");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn a_draft_takes_what_is_too_long_and_refuses_what_is_of_another_kind() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let long = json!({ "values": {
        "research_title": { "text": "one two three four five six seven" },
        "research_description": { "text": "x".repeat(281) },
        "project": { "text": "not a link yet" },
    } });
    let saved = class.team.patch(&class.report(1, ""), long).await.ok();
    assert_eq!(saved["values"]["research_description"]["text"], "x".repeat(281), "no work is lost");

    let wrong = json!({ "values": {
        "research_title": { "boolean": true },
        "research_story": { "date": { "year": 2022, "month": 12, "day": 1 } },
        "cover": { "text": "cover.png" },
        "nobody_knows": { "text": "x" },
    }, "cleared": ["nobody_knows_this"], "etag": saved["etag"] });
    let refused = class.team.patch(&class.report(1, ""), wrong).await;
    let mut expected = pairs([
        ("cover", "FIELD_KIND"),
        ("nobody_knows", "FIELD_UNKNOWN"),
        ("research_story", "FIELD_KIND"),
        ("research_title", "FIELD_KIND"),
    ]);
    expected.insert(0, ("cleared[0]".to_owned(), "FIELD_UNKNOWN".to_owned()));
    assert_eq!(sorted(&refused), expected);
    let empty = json!({ "values": { "theme": {} }, "etag": saved["etag"] });
    assert_eq!(class.team.patch(&class.report(1, ""), empty).await.violations(), pairs([("theme", "FIELD_KIND")]));
    let visit = json!({ "values": { "visit_place": { "point": { "latitude": 91.0, "longitude": 10.0 } } } });
    let refused = class.team.patch(&class.report(3, ""), visit).await;
    assert_eq!(refused.violations(), pairs([("visit_place", "POINT_OUTSIDE")]));
    assert_eq!(class.team.get(&class.report(1, "")).await.ok(), saved, "nothing was half-written");
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn everything_that_keeps_a_report_from_being_submitted_is_said_at_once() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let draft = json!({ "values": {
        "research_title": { "text": "one two three four five six" },
        "research_description": { "text": "x".repeat(281) },
        "project": { "text": "https://example.org/projects/1" },
        "theme": { "text": "No such theme" },
        "research_story": { "text": "<p> &nbsp; </p>" },
        "cover": { "files": { "items": [uuid::Uuid::now_v7().to_string()] } },
    } });
    let saved = class.team.patch(&class.report(1, ""), draft).await.ok();
    let refused = class.team.post(&class.report(1, ":submit"), json!({ "etag": saved["etag"] })).await;
    let expected = pairs([
        ("cover", "FILE_UNKNOWN"),
        ("project", "PROJECT_SOURCE"),
        ("research_description", "TEXT_TOO_LONG"),
        ("research_story", "FIELD_EMPTY"),
        ("research_title", "WORDS_TOO_MANY"),
        ("theme", "CHOICE_UNKNOWN"),
    ]);
    assert_eq!(sorted(&refused), expected);
    assert_eq!(class.team.get(&class.report(1, "")).await.ok(), saved);
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn characters_are_counted_as_a_reader_sees_them() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let mut etag = Value::Null;
    // 280 fit: letters with accents of their own, flags and families are one character each
    for (sign, fits) in [("a", 280), ("e\u{301}", 280), ("🇮🇹", 280), ("👩‍👩‍👧", 280), (" a", 140)] {
        for (times, is_too_long) in [(fits, false), (fits + 1, true)] {
            let draft = json!({ "values": { "research_description": { "text": sign.repeat(times) } }, "etag": etag });
            etag = class.team.patch(&class.report(1, ""), draft).await.ok()["etag"].clone();
            let refused = class.team.post(&class.report(1, ":submit"), json!({ "etag": etag })).await.violations();
            let told = refused.contains(&("values[research_description]".to_owned(), "TEXT_TOO_LONG".to_owned()));
            assert_eq!(told, is_too_long, "{sign} {times}: {refused:?}");
        }
    }
    world.end().await;
}

#[tokio::test(crate = "::tests::limit")]
async fn rich_text_keeps_its_shape_and_loses_what_could_run() {
    let world = World::of(&["it"]).start().await;
    let scene = Scene::open(&world, "it").await;
    let class = scene.class("Kos").await;
    let html = "<h3>Why</h3><p onclick=\"x()\">We <strong>asked</strong> <a href=\"javascript:x()\">them</a>, \
                <a href=\"https://example.org\">others</a>.</p><script>alert(1)</script><img src=x onerror=alert(1)><iframe></iframe>";
    let draft = json!({ "values": { "research_story": { "text": html } } });
    let saved = class.team.patch(&class.report(1, ""), draft).await.ok();
    let kept = text(&saved["values"]["research_story"]["text"]);
    for gone in ["script", "alert", "onclick", "onerror", "iframe", "img", "javascript"] {
        assert!(!kept.contains(gone), "{gone}: {kept}");
    }
    for stays in ["<h3>Why</h3>", "<strong>asked</strong>", "https://example.org", "noopener"] {
        assert!(kept.contains(stays), "{stays}: {kept}");
    }
    world.end().await;
}
