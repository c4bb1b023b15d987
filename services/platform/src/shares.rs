//! Amounts that are bounded in a process and for one address: of connections, requests, streams, bytes.

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

/// A bounded amount. Cheap to clone; all clones count together.
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

/// What was taken of a bounded amount. It is given back when this is dropped.
#[derive(Debug)]
pub struct Share {
    of: Shares,
    address: Option<IpAddr>,
    taken: usize,
}

/// Why nothing more can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All of it is taken.
    InAll,
    /// The address, or the connection, has its part.
    PerAddress,
}

impl Shares {
    /// At most this much in all, and for one address.
    pub fn new(in_all: usize, per_address: usize) -> Self {
        Self(Arc::new(Inner { in_all, per_address, taken: Mutex::default() }))
    }

    /// An empty share of an address. Without an address it counts in all alone.
    pub fn share(&self, address: Option<IpAddr>) -> Share {
        Share { of: self.clone(), address: address.map(network), taken: 0 }
    }

    /// A share of this much for an address. Error: there is not enough left.
    pub fn take(&self, address: Option<IpAddr>, amount: usize) -> Result<Share, Full> {
        let mut share = self.share(address);
        share.take(amount).map(|()| share)
    }
}

impl Share {
    /// Takes more. Error: there is not enough left; what was taken before stays.
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

    /// Takes more, also beyond the bounds: for what is there already. Until it goes back, others find less.
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

/// An address of IPv6 stands for its network: who has one has all of them.
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
    fn what_is_there_already_counts_beyond_the_bounds() {
        let shares = Shares::new(10, 6);
        let mut one = shares.share(address("192.0.2.1"));
        one.add(50);
        assert_eq!(shares.take(address("192.0.2.2"), 1).unwrap_err(), Full::InAll);
        drop(one);
        shares.take(address("192.0.2.2"), 6).unwrap();
    }

    #[test]
    fn what_was_taken_goes_back_and_nothing_is_remembered_of_the_address() {
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
