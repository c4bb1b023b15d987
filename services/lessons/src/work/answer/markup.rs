//! Rich text. What is kept holds no markup but the little a report needs, and nothing a browser would run.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use ammonia::{Builder, UrlRelative};

const INLINE: [&str; 3] = ["strong", "em", "a"];
const BLOCKS: [&str; 7] = ["p", "ul", "ol", "li", "h3", "h4", "blockquote"];
const BREAK: &str = "<br>";

/// Marks where a block begins or ends: Unicode's paragraph separator.
const PARTED: &str = "\u{2029}";

static KEPT: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut kept = Builder::default();
    kept.tags(INLINE.into_iter().chain(BLOCKS).chain(["br"]).collect())
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https"]))
        // a team does not mean to link to a page of ours
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener"));
    kept
});

static STRIPPED: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut stripped = Builder::default();
    stripped.tags(HashSet::new()).generic_attributes(HashSet::new()).link_rel(None);
    stripped
});

/// The most elements a text may have, and the deepest they may be nested: more than any report has. The time to clean a text grows with the
/// product of both, so it stays short.
const MOST: usize = 3_000;
const DEEPEST: usize = 30;

/// Whether a text has few enough elements to be cleaned quickly. Only its brackets are counted; nothing is parsed.
pub(super) fn is_sane(html: &str) -> bool {
    let (mut elements, mut depth) = (0, 0_usize);
    for piece in html.split('<').skip(1) {
        elements += 1;
        match piece.as_bytes().first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            // comments, and brackets that begin no element
            Some(b' ' | b'!') => {}
            _ if piece.starts_with("br>") || piece.starts_with("br/>") || piece.starts_with("br />") => {}
            _ => depth += 1,
        }
        if elements > MOST || depth > DEEPEST {
            return false;
        }
    }
    true
}

/// The markup that is kept.
pub(super) fn clean(html: &str) -> String {
    KEPT.clean(html).to_string()
}

/// The text of each paragraph, list item and heading, as a browser shows it. None that is empty.
pub(super) fn blocks(html: &str) -> Vec<String> {
    let mut parted = clean(html).replace(BREAK, PARTED);
    for name in BLOCKS {
        // no block keeps an attribute, so these are all the forms there are
        parted = parted.replace(&format!("<{name}>"), PARTED).replace(&format!("</{name}>"), PARTED);
    }
    let text = without_entities(&STRIPPED.clean(&parted).to_string());
    text.split(PARTED).map(shown).filter(|block| !block.trim().is_empty()).collect()
}

/// The entities a serializer writes; `&amp;` last, so that an entity that was itself written out stays so.
fn without_entities(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

/// A browser shows any run of these as one space, and none at the ends.
fn shown(block: &str) -> String {
    block.split([' ', '\t', '\n', '\r', '\u{c}']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_markup_that_reports_need_is_kept() {
        let html = "<h3>a</h3><p>b <strong>c</strong> <em>d</em><br>e</p><ul><li>f</li></ul><ol><li>g</li></ol><h4>h</h4><blockquote>i</blockquote>";
        assert_eq!(clean(html), html);
    }

    #[test]
    fn links_lead_to_pages_and_carry_no_opener() {
        assert_eq!(
            clean("<a href=\"https://opencoesione.gov.it/\" onclick=\"x()\" target=\"_blank\">p</a>"),
            "<a href=\"https://opencoesione.gov.it/\" rel=\"noopener\">p</a>"
        );
        for bad in ["javascript:alert(1)", "data:text/html,x", "/internal", "mailto:a@b.it"] {
            assert!(!clean(&format!("<a href=\"{bad}\">p</a>")).contains("href"), "{bad}");
        }
    }

    #[test]
    fn markup_that_would_take_long_to_clean_is_refused() {
        for bad in ["<ul><li>".repeat(1_000), "<blockquote>".repeat(8_000), "<b>".repeat(40), "<br>".repeat(4_000)] {
            assert!(!is_sane(&bad));
        }
        for good in ["<p>a<br>b</p>".repeat(500), "<ul><li>a</li></ul>".repeat(200), "1 < 2".to_owned()] {
            assert!(is_sane(&good));
        }
    }

    #[test]
    fn nothing_a_browser_would_run_is_kept() {
        for bad in [
            "<script>x</script>",
            "<img src=x onerror=y>",
            "<svg onload=y>",
            "<p style=\"z\">",
            "<iframe src=x></iframe>",
            "<!-- x -->",
        ] {
            let clean = clean(bad);
            assert!(!clean.contains(['=', '!']) && !clean.contains("script"), "{bad}: {clean}");
        }
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(html in "(<p>|</p>|<b|&lt;|<a href=\"https://x.it\">|</a>|<li>|[a-z<>&\"'= ]){0,20}") {
            prop_assert_eq!(clean(&clean(&html)), clean(&html));
        }
    }
}
