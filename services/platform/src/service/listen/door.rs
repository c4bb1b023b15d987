//! The two kinds of callers an entrance can have, and their limits: strangers, or the other services of the installation.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::busy::Busy;
use crate::{
    client::STREAM_WINDOW,
    config::{Limits, seconds},
    intake::OfConnection,
    network::Network,
    pace::Pace,
    shares::{Full, Share, Shares},
    tls::Tls,
};

/// How many streams a peer may have open. What they do is bounded otherwise: calls by permits, bulk by what the peer allows itself.
/// All of them together cannot fill the window of the connection, so that one nobody reads holds up no other.
const STREAMS_OF_PEERS: u32 = 4096;

/// How much a stranger may send unread, in bytes: by one stream, and by all of a connection. Who fills it holds up themselves.
const WINDOW_OF_STRANGERS: u32 = 1 << 20;

/// How many connections are refused with an answer at the same time. More are closed without one.
const REFUSALS: usize = 64;

/// Longer than a process lives.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// An entrance. Cheap to clone.
#[derive(Clone)]
pub(in crate::service) struct Door {
    limits: Arc<Limits>,
    places: Shares,
    refusals: Arc<Semaphore>,
    tls: Option<Tls>,
    callers: Callers,
}

#[derive(Clone)]
enum Callers {
    /// The proxies stand before us and bring many callers by one connection.
    Strangers {
        proxies: Arc<[Network]>,
    },
    Peers,
}

impl Door {
    /// An entrance for everybody.
    pub(in crate::service) fn of_strangers(limits: Limits, places: Shares, proxies: &[Network]) -> Self {
        Self::new(limits, places, None, Callers::Strangers { proxies: proxies.into() })
    }

    /// An entrance for the services of the installation.
    pub(in crate::service) fn of_peers(limits: Limits, places: Shares, tls: Option<Tls>) -> Self {
        Self::new(limits, places, tls, Callers::Peers)
    }

    fn new(limits: Limits, places: Shares, tls: Option<Tls>, callers: Callers) -> Self {
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        Self { limits: Arc::new(limits), places, refusals, tls, callers }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn tls(&self) -> Option<Tls> {
        self.tls.clone()
    }

    /// Whether callers must be on this machine: there are no certificates to know them by.
    pub(super) fn needs_loopback(&self) -> bool {
        self.tls.is_none() && matches!(self.callers, Callers::Peers)
    }

    /// A place for a connection. Error: there is none.
    pub(super) fn place(&self, from: IpAddr) -> Result<Share, Full> {
        self.places.take(Some(from).filter(|from| self.is_one_caller(*from)), 1)
    }

    /// Permits to refuse a connection with an answer. None: it is only closed.
    pub(super) fn may_refuse(&self) -> Option<OwnedSemaphorePermit> {
        // over TLS there is no telling before a handshake, which is what there is no room for
        self.refusals.clone().try_acquire_owned().ok().filter(|_| self.tls.is_none())
    }

    /// The bound on the bodies of a connection. None: the connection carries many callers.
    pub(super) fn bytes_of_connection(&self, from: Option<SocketAddr>) -> Option<OfConnection> {
        from.filter(|from| self.is_one_caller(from.ip())).map(|_| OfConnection::new(&self.limits))
    }

    fn is_one_caller(&self, from: IpAddr) -> bool {
        match &self.callers {
            Callers::Strangers { proxies } => !proxies.iter().any(|network| network.holds(from.to_canonical())),
            Callers::Peers => false,
        }
    }

    /// Waits until a connection is to be closed because it asks nothing. That of a peer may be quiet once it has asked.
    pub(super) async fn idle(&self, busy: &Busy) {
        let Limits { header_seconds, idle_seconds, .. } = &*self.limits;
        match self.callers {
            Callers::Strangers { .. } => busy.idle(seconds(*header_seconds), seconds(*idle_seconds)).await,
            Callers::Peers => busy.idle(seconds(*header_seconds), FOR_EVER).await,
        }
    }

    pub(super) fn streams(&self) -> u32 {
        match self.callers {
            Callers::Strangers { .. } => self.limits.streams_per_connection.get(),
            Callers::Peers => STREAMS_OF_PEERS,
        }
    }

    pub(super) fn stream_window(&self) -> u32 {
        match self.callers {
            Callers::Strangers { .. } => WINDOW_OF_STRANGERS,
            Callers::Peers => STREAM_WINDOW,
        }
    }

    pub(super) fn connection_window(&self) -> u32 {
        match self.callers {
            Callers::Strangers { .. } => WINDOW_OF_STRANGERS,
            Callers::Peers => STREAM_WINDOW * STREAMS_OF_PEERS,
        }
    }

    /// How fast a body has to come in. A peer passes on what comes to it at this pace, a window at a time.
    pub(super) fn pace_in(&self) -> Pace {
        self.of_peers_slower(self.limits.pace_in())
    }

    /// How fast an answer has to be read. A peer reads it at the pace of its own reader, a window at a time.
    pub(super) fn pace_out(&self) -> Pace {
        self.of_peers_slower(self.limits.pace_out())
    }

    fn of_peers_slower(&self, pace: Pace) -> Pace {
        match self.callers {
            Callers::Strangers { .. } => pace,
            Callers::Peers => pace.by_windows_of(STREAM_WINDOW),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_ours_and_a_peer_bring_many_callers_by_their_connections() {
        let limits = Limits { connections_per_address: 1, ..Limits::default() };
        let places = || Shares::new(3, limits.connections_per_address);
        let (proxy, stranger): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [192, 0, 2, 1].into());
        let door = Door::of_strangers(limits.clone(), places(), &["10.0.0.0/8".parse().unwrap()]);
        let _taken = [door.place(stranger).unwrap(), door.place(proxy).unwrap(), door.place(proxy).unwrap()];
        assert_eq!(door.place(proxy).unwrap_err(), Full::InAll);
        let held = |from: IpAddr| door.bytes_of_connection(Some(SocketAddr::from((from, 4711)))).is_some();
        assert!(held(stranger) && !held(proxy));

        let door = Door::of_peers(limits.clone(), places(), None);
        let _taken = [door.place(stranger).unwrap(), door.place(stranger).unwrap()];
        let door = Door::of_strangers(limits.clone(), places(), &[]);
        let _one = door.place(stranger).unwrap();
        assert_eq!(door.place(stranger).unwrap_err(), Full::PerAddress);
    }

    #[test]
    fn all_streams_of_a_peer_together_cannot_fill_its_connection() {
        let door = Door::of_peers(Limits::default(), Shares::new(1, 1), None);
        assert!(door.connection_window() >= door.streams() * door.stream_window());
    }
}
