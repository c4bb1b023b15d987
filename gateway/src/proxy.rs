//! From where a caller calls, also where a proxy of ours stands between.
//!
//! The other side of a connection is known; what a header says is only claimed. It is believed as far as proxies we trust
//! wrote it: each adds on the right the address that called it, so the list is read from the right.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderName, Request, header::FORWARDED};
use serde::{Deserialize, Serialize};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The address a request is from, as a note on the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin(pub(crate) IpAddr);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse().ok(), Some(prefix.parse().ok())),
            None => (text.parse().ok(), None),
        };
        let read = address.and_then(|address: IpAddr| {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.unwrap_or(Some(bits)).filter(|prefix| *prefix <= bits)?;
            Some(Self { address, prefix })
        });
        read.ok_or_else(|| format!("`{text}` is not a network such as `10.0.0.0/8` or `2001:db8::/32`"))
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(Network { address, prefix }: Network) -> Self {
        format!("{address}/{prefix}")
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        // a shift by all bits is no number: everything is in a network of prefix 0
        let same = |one: u128, other: u128, bits: u32| {
            (one ^ other).checked_shr(bits - u32::from(self.prefix)).is_none_or(|rest| rest == 0)
        };
        match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => same(one.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

/// From where a request is: the other side of its connection, or, where that is a proxy of ours, whom the proxy names.
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
        // a proxy writes one of them and may pass the other on as the caller wrote it: which is which cannot be known
        _ => peer,
    }
}

/// The first address from the right that is not of ours. What cannot be read ends the walk where it is.
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

/// The parts of a list, the last one first. Quotes are not minded: no address has a comma in it.
fn parts<'h>(headers: &'h HeaderMap, name: &'h HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',').map(str::trim))
}

/// `for=192.0.2.60;proto=https`, RFC 7239.
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
    fn a_network_is_an_address_and_a_prefix() {
        let holds = |network: &str, address: &str| network.parse::<Network>().unwrap().holds(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.1.2.3", "10.1.2.3") && !holds("10.1.2.3", "10.1.2.4"));
        assert!(holds("0.0.0.0/0", "203.0.113.7") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "2001:db8::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "example.org"] {
            assert!(bad.parse::<Network>().unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn a_stranger_cannot_say_from_where_it_calls() {
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
    fn what_cannot_be_read_is_not_passed_over() {
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[("forwarded", "for=192.0.2.60, for=_hidden, for=10.0.0.2")]), "10.0.0.2");
        assert_eq!(from("10.0.0.1", &[("x-forwarded-for", "192.0.2.60, unknown")]), "10.0.0.1");
        let both = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.60")];
        assert_eq!(from("10.0.0.1", &both), "10.0.0.1");
    }
}
