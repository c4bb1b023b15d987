//! Links.

use http::Uri;

/// The host a link leads to, in lower case. None where the text is no link a browser would follow to a page.
pub(super) fn host(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let is_page = matches!(uri.scheme_str(), Some("https" | "http"));
    // a name before an `@` makes a link look as if it led elsewhere
    let authority = uri.authority().filter(|authority| is_page && !authority.as_str().contains('@'))?;
    Some(authority.host().trim_end_matches('.').to_ascii_lowercase()).filter(|host| !host.is_empty())
}

/// Whether a host is one of `hosts` or below one of them. An empty list allows every host.
pub(super) fn is_one_of(host: &str, hosts: &[String]) -> bool {
    hosts.is_empty()
        || hosts
            .iter()
            .any(|one| host.strip_suffix(one.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_page() {
        assert_eq!(host("https://OpenCoesione.gov.it/it/progetti/1mise/").as_deref(), Some("opencoesione.gov.it"));
        assert_eq!(host("http://keep.eu:8080/projects?id=1#a").as_deref(), Some("keep.eu"));
        assert_eq!(host("https://it.wikipedia.org/wiki/Città").as_deref(), Some("it.wikipedia.org"));
        for bad in [
            "opencoesione.gov.it",
            "ftp://x.it/",
            "javascript:alert(1)",
            "https://",
            "https://a.it@b.it/",
            "/x",
            "",
            "https://a b.it",
        ] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_source_includes_what_is_below_it_and_nothing_that_looks_like_it() {
        let sources = ["opencoesione.gov.it".to_owned(), "keep.eu".to_owned()];
        for good in ["opencoesione.gov.it", "www.opencoesione.gov.it", "keep.eu"] {
            assert!(is_one_of(good, &sources), "{good}");
        }
        for bad in ["notkeep.eu", "keep.eu.example.org", "gov.it", "eu"] {
            assert!(!is_one_of(bad, &sources), "{bad}");
        }
        assert!(is_one_of("anything.example", &[]));
    }
}
