//! Finds the address of a caller, also behind one of our proxies.
//!
//! The other side of a connection is known; a header may claim anything. A header is trusted as far as our proxies wrote it: each
//! proxy appends the address of its own caller, so the list is read from the right.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderName, Request, header::FORWARDED};
pub use platform::network::Network;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request comes from: an extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin(pub(crate) IpAddr);

/// The origin of a request: the other side of its connection, or, where that is one of our proxies, the address that the proxy
/// names.
pub(crate) fn origin<B>(request: &Request<B>, trusted: &[Network]) -> Option<Origin> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    Some(Origin(named(peer, request.headers(), trusted)))
}

fn named(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let ours = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
    if !ours(peer) {
        return peer;
    }
    match (headers.contains_key(&FORWARDED), headers.contains_key(&X_FORWARDED_FOR)) {
        (true, false) => walk(peer, parts(headers, &FORWARDED).map(forwarded), ours),
        (false, true) => walk(peer, parts(headers, &X_FORWARDED_FOR).map(address), ours),
        // a proxy writes one of the two and may pass on the other as the caller wrote it, so neither can be trusted
        _ => peer,
    }
}

/// The first address from the right that is not one of ours. An address that cannot be read ends the search.
fn walk(peer: IpAddr, said: impl Iterator<Item = Option<IpAddr>>, ours: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut last = peer;
    for address in said {
        let Some(address) = address else { return last };
        last = address;
        if !ours(address) {
            break;
        }
    }
    last
}

/// The elements of a list, the last one first. Quotes are ignored, because no address contains a comma.
fn parts<'h>(headers: &'h HeaderMap, name: &'h HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',').map(str::trim))
}

/// The address in an element of `forwarded`: `for=192.0.2.60;proto=https`, RFC 7239.
fn forwarded(part: &str) -> Option<IpAddr> {
    let pairs = part.split(';').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    address(named.next()?.1.trim().trim_matches('"'))
}

/// An address with or without a port: `192.0.2.60`, `192.0.2.60:4711`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let read = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|place| place.ip()));
    read.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn from(peer: &str, headers: &[(&str, &str)]) -> String {
        let trusted: Vec<Network> =
            ["10.0.0.0/8", "2001:db8::/32"].into_iter().map(|text| text.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        named(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn the_headers_of_a_stranger_do_not_change_its_address() {
        assert_eq!(from("203.0.113.7", &[("x-forwarded-for", "192.0.2.1")]), "203.0.113.7");
        assert_eq!(from("203.0.113.7", &[("forwarded", "for=192.0.2.1")]), "203.0.113.7");
    }

    #[test]
    fn behind_proxies_the_rightmost_address_that_is_not_theirs_is_the_caller() {
        for (name, list) in [
            ("x-forwarded-for", "198.51.100.1, 192.0.2.60, 10.0.0.2"),
            ("x-forwarded-for", "198.51.100.1,192.0.2.60:4711"),
            ("forwarded", "for=198.51.100.1, for=\"192.0.2.60:4711\";proto=https, For=10.0.0.2"),
            ("forwarded", "for=\"198.51.100.1, proto=https;for=192.0.2.60"),
            ("x-forwarded-for", "::ffff:192.0.2.60"),
        ] {
            assert_eq!(from("10.0.0.1", &[(name, list)]), "192.0.2.60", "{name}: {list}");
        }
        assert_eq!(from("2001:db8::1", &[("forwarded", "for=\"[2a00:1::9]:80\"")]), "2a00:1::9");
        let lines = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "192.0.2.60")];
        assert_eq!(from("10.0.0.1", &lines), "192.0.2.60");
    }

    #[test]
    fn an_address_that_cannot_be_read_ends_the_search() {
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[("forwarded", "for=192.0.2.60, for=_hidden, for=10.0.0.2")]), "10.0.0.2");
        assert_eq!(from("10.0.0.1", &[("x-forwarded-for", "192.0.2.60, unknown")]), "10.0.0.1");
        let both = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.60")];
        assert_eq!(from("10.0.0.1", &both), "10.0.0.1");
    }
}
