//! Networks: ranges of IP addresses.

use std::{net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

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
    /// Whether an address is in the network.
    pub fn holds(&self, address: IpAddr) -> bool {
        // a shift by all bits gives none: every address is in a network of prefix 0
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
