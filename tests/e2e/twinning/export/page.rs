//! The pages of an archive, looked at as strictly as a validator does: what is said of them is read, and nothing is guessed.

use std::sync::LazyLock;

use regex::Regex;

static TAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"<(/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"<>]*")*)>"#).expect("a pattern"));
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"([a-z-]+)="([^"]*)""#).expect("a pattern"));

/// What a page is made of. Nothing of it runs, and nothing of it is fetched.
const KNOWN: [&str; 32] = [
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "nav",
    "h1",
    "h2",
    "h3",
    "h4",
    "p",
    "ul",
    "ol",
    "li",
    "a",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "blockquote",
    "div",
    "strong",
    "em",
    "br",
    "b",
];
const WITHOUT_END: [&str; 2] = ["meta", "br"];

/// The entries a page leads to. Fails where the page is not well made.
pub fn links(name: &str, page: &str) -> Vec<String> {
    let after = page.strip_prefix("<!doctype html>\n").unwrap_or_else(|| panic!("{name}: {page}"));
    let bare = TAG.replace_all(after, "");
    assert!(!bare.contains(['<', '>']), "{name}: something that is no tag: {bare}");
    let folder = name.split_once('/').map_or("", |(folder, _)| folder);
    let (mut open, mut links, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for tag in TAG.captures_iter(after) {
        let (is_end, element, attributes) = (&tag[1] == "/", tag[2].to_owned(), tag[3].to_owned());
        assert!(KNOWN.contains(&element.as_str()), "{name}: <{element}>");
        if is_end {
            assert_eq!(open.pop().as_ref(), Some(&element), "{name}: what is opened is closed");
            continue;
        }
        for attribute in ATTRIBUTE.captures_iter(&attributes) {
            let (key, value) = (&attribute[1], &attribute[2]);
            assert!(!key.starts_with("on") && key != "src" && key != "style", "{name}: {key}");
            if key == "href" && !value.starts_with("https://") && !value.starts_with("http://") {
                links.push(match value.strip_prefix("../") {
                    Some(above) => above.to_owned(),
                    None if folder.is_empty() => value.to_owned(),
                    None => format!("{folder}/{value}"),
                });
            }
        }
        if open.last().is_some_and(|parent: &String| parent == "tr") {
            rows.push((element.clone(), attributes.clone()));
        }
        if !WITHOUT_END.contains(&element.as_str()) {
            open.push(element);
        }
    }
    assert!(open.is_empty(), "{name}: {open:?} are not closed");
    assert!(rows.iter().all(|(cell, said)| cell != "th" || said.contains("scope=")), "{name}: a header of nothing");
    assert_eq!(page.contains("<table>"), rows.iter().any(|(cell, _)| cell == "th"), "{name}: a table without headers");
    said_of(name, folder, page);
    links
}

/// The language, the title, the first heading, and what a browser may do with the page.
fn said_of(name: &str, folder: &str, page: &str) {
    let lang = if folder.is_empty() { "en" } else { folder };
    assert!(page.contains(&format!("<html lang=\"{lang}\">")), "{name}: in which language?");
    for once in ["title", "h1", "main"] {
        let held = page.split(&format!("<{once}>")).nth(1).and_then(|rest| rest.split("</").next());
        assert!(page.matches(&format!("<{once}>")).count() == 1, "{name}: one <{once}>");
        assert!(held.is_some_and(|held| !held.trim().is_empty()), "{name}: an empty <{once}>");
    }
    let rule =
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">";
    assert!(page.contains(rule), "{name}: nothing runs and nothing is fetched");
}
