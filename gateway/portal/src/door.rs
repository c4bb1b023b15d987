//! Lets in only what a page of this site has sent, so that no other site can act in the name of a reader whose cookie it does not know
//! (cross-site request forgery). The cookie of a session is `SameSite=Strict` besides.

use http::{
    HeaderMap,
    header::{COOKIE, HOST, ORIGIN},
    request::Parts,
};

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a form was sent by a page of this site. The browser says so itself, by `sec-fetch-site` or, over plain HTTP, by the origin; a
/// request that says neither is not let in.
pub(crate) fn is_from_here(head: &Parts) -> bool {
    if let Some(site) = text(&head.headers, "sec-fetch-site") {
        return site == "same-origin";
    }
    let host = head.uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| text(&head.headers, HOST.as_str()));
    let origin = text(&head.headers, ORIGIN.as_str()).and_then(|origin| Some(origin.split_once("://")?.1));
    origin.is_some() && origin == host
}

/// Whether the reader came by plain HTTP, as the browser knows it: a proxy may have taken HTTPS off.
pub(crate) fn is_plain(head: &Parts) -> bool {
    text(&head.headers, ORIGIN.as_str()).is_some_and(|origin| origin.starts_with("http://"))
}

/// The value of a cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::post("/it/sign-in");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_form_of_this_site_comes_in_and_no_other() {
        for good in [
            &[("host", "koine.example"), ("origin", "https://koine.example")][..],
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")],
            &[("host", "behind.a.proxy"), ("origin", "https://koine.example"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(is_from_here(&head(good)), "{good:?}");
        }
        for bad in [
            &[("host", "koine.example")][..],
            &[("host", "koine.example"), ("origin", "null")],
            &[("host", "koine.example"), ("origin", "https://evil.example")],
            &[("host", "koine.example"), ("origin", "https://koine.example.evil.example")],
            &[("host", "koine.example"), ("origin", "https://koine.example"), ("sec-fetch-site", "same-site")],
            &[("host", "koine.example"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!is_from_here(&head(bad)), "{bad:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let head = head(&[("cookie", "a=1; session=x.y=z"), ("cookie", "language=hr")]);
        let find = |name| cookie(&head.headers, name);
        assert_eq!((find("session"), find("language"), find("ession")), (Some("x.y=z"), Some("hr"), None));
    }
}
