//! Amounts with a bound for the process and for each address: of connections, requests, streams or bytes.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    Error,
    error::{Reason, Shared},
};

/// A bounded amount. Cheap to clone; all clones share the count.
#[derive(Clone, Debug)]
pub struct Shares(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    in_all: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by: HashMap<IpAddr, usize>,
}

/// A part of the amount. Dropping it releases the part.
#[derive(Debug)]
pub struct Share {
    of: Shares,
    address: Option<IpAddr>,
    taken: usize,
}

/// The bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// That of the process.
    InAll,
    /// That of the address, or of the connection.
    PerAddress,
}

impl Shares {
    /// An amount with these bounds, for the process and for each address.
    pub fn new(in_all: usize, per_address: usize) -> Self {
        Self(Arc::new(Inner { in_all, per_address, taken: Mutex::default() }))
    }

    /// An empty share for an address. Without an address, only the bound of the process holds.
    pub fn share(&self, address: Option<IpAddr>) -> Share {
        Share { of: self.clone(), address: address.map(network), taken: 0 }
    }

    /// A share of this amount for an address. Error: the bound that would be exceeded.
    pub fn take(&self, address: Option<IpAddr>, amount: usize) -> Result<Share, Full> {
        let mut share = self.share(address);
        share.take(amount).map(|()| share)
    }
}

impl Share {
    /// Takes more. Error: the bound that would be exceeded; the share is unchanged.
    pub fn take(&mut self, amount: usize) -> Result<(), Full> {
        let Inner { in_all, per_address, taken } = &*self.of.0;
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let by = self.address.map(|address| taken.by.get(&address).copied().unwrap_or_default() + amount);
        if by.is_some_and(|by| by > *per_address) {
            return Err(Full::PerAddress);
        }
        if taken.in_all + amount > *in_all {
            return Err(Full::InAll);
        }
        taken.count(self.address, amount);
        self.taken += amount;
        Ok(())
    }

    /// Takes more without checking the bounds, for what exists already. Others can take less until the share is dropped.
    pub fn add(&mut self, amount: usize) {
        self.of.0.taken.lock().unwrap_or_else(PoisonError::into_inner).count(self.address, amount);
        self.taken += amount;
    }
}

impl Taken {
    fn count(&mut self, address: Option<IpAddr>, amount: usize) {
        self.in_all += amount;
        if let Some(address) = address {
            *self.by.entry(address).or_default() += amount;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.taken == 0 {
            return;
        }
        let mut taken = self.of.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.in_all -= self.taken;
        let Some(address) = self.address else { return };
        if let Some(by) = taken.by.get_mut(&address) {
            *by -= self.taken;
            if *by == 0 {
                taken.by.remove(&address);
            }
        }
    }
}

impl From<Full> for Error {
    fn from(full: Full) -> Self {
        let (reason, text) = match full {
            Full::InAll => (
                Shared::Overloaded,
                "There is more to do now than can be done in time. Nothing was done; try again in a moment.",
            ),
            Full::PerAddress => (
                Shared::TooMuchAtOnce,
                "Too much is under way from your address or by your connection. Let some of it end, and try again.",
            ),
        };
        reason.error(text).retry_after(Duration::from_secs(1))
    }
}

/// The address that is counted: for IPv6 its network of 64 bits, because whoever has one address of it has all.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((six.to_bits() & (u128::MAX << 64)).into()),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn one_address_cannot_take_the_part_of_the_others() {
        let shares = Shares::new(10, 6);
        let mut one = shares.take(address("192.0.2.1"), 4).unwrap();
        assert_eq!(one.take(3).unwrap_err(), Full::PerAddress);
        assert_eq!(shares.take(address("192.0.2.1"), 3).unwrap_err(), Full::PerAddress);
        let other = shares.take(address("192.0.2.2"), 6).unwrap();
        assert_eq!(one.take(1).unwrap_err(), Full::InAll);
        drop(other);
        one.take(2).unwrap();
        shares.take(None, 4).unwrap();
    }

    #[test]
    fn what_is_added_without_a_check_counts_beyond_the_bounds() {
        let shares = Shares::new(10, 6);
        let mut one = shares.share(address("192.0.2.1"));
        one.add(50);
        assert_eq!(shares.take(address("192.0.2.2"), 1).unwrap_err(), Full::InAll);
        drop(one);
        shares.take(address("192.0.2.2"), 6).unwrap();
    }

    #[test]
    fn a_dropped_share_is_released_and_its_address_is_forgotten() {
        let shares = Shares::new(10, 6);
        drop(shares.take(address("192.0.2.1"), 6).unwrap());
        drop(shares.share(address("192.0.2.1")));
        let taken = shares.0.taken.lock().unwrap();
        assert_eq!((taken.in_all, taken.by.len()), (0, 0));
    }

    #[test]
    fn the_addresses_of_one_network_of_ipv6_are_one() {
        let shares = Shares::new(10, 1);
        let _one = shares.take(address("2001:db8::1"), 1).unwrap();
        assert!(shares.take(address("2001:db8::ffff:1"), 1).is_err());
        assert!(shares.take(address("2001:db8:0:1::1"), 1).is_ok());
        let _four = shares.take(address("::ffff:192.0.2.1"), 1).unwrap();
        assert!(shares.take(address("192.0.2.1"), 1).is_err());
    }
}
