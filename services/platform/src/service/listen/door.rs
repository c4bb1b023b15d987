//! The limits of a listener. They depend on its callers: strangers, or the other services of the installation.

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

/// The number of streams that a peer may have open. Their work is bounded elsewhere: calls by permits, bulk by the peer's own
/// bounds. All of them together cannot fill the window of the connection, so a stream that nobody reads does not delay the others.
const STREAMS_OF_PEERS: u32 = 4096;

/// The number of unread bytes that a stranger may send, on one stream and on all of a connection. A full window delays only the
/// sender.
const WINDOW_OF_STRANGERS: u32 = 1 << 20;

/// The number of connections that are refused with an answer at the same time. Further ones are closed without an answer.
const REFUSALS: usize = 64;

/// A duration longer than any process runs.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// The limits of a listener, and the counts of its connections. Cheap to clone.
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
    /// Everybody. A connection of one of the proxies carries many callers.
    Strangers {
        proxies: Arc<[Network]>,
    },
    Peers,
}

impl Door {
    /// The limits for everybody.
    pub(in crate::service) fn of_strangers(limits: Limits, places: Shares, proxies: &[Network]) -> Self {
        Self::new(limits, places, None, Callers::Strangers { proxies: proxies.into() })
    }

    /// The limits for the services of the installation.
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

    /// Whether callers must be on this machine, because no certificates identify them.
    pub(super) fn needs_loopback(&self) -> bool {
        self.tls.is_none() && matches!(self.callers, Callers::Peers)
    }

    /// A place for a connection. Error: the bound that was reached.
    pub(super) fn place(&self, from: IpAddr) -> Result<Share, Full> {
        self.places.take(Some(from).filter(|from| self.is_one_caller(*from)), 1)
    }

    /// A permit to refuse a connection with an answer. None: it is closed without an answer.
    pub(super) fn may_refuse(&self) -> Option<OwnedSemaphorePermit> {
        // over TLS an answer needs a handshake, which costs too much here
        self.refusals.clone().try_acquire_owned().ok().filter(|_| self.tls.is_none())
    }

    /// The bound on the bytes of a connection's bodies. None, where the connection carries many callers.
    pub(super) fn bytes_of_connection(&self, from: Option<SocketAddr>) -> Option<OfConnection> {
        from.filter(|from| self.is_one_caller(from.ip())).map(|_| OfConnection::new(&self.limits))
    }

    fn is_one_caller(&self, from: IpAddr) -> bool {
        match &self.callers {
            Callers::Strangers { proxies } => !proxies.iter().any(|network| network.holds(from.to_canonical())),
            Callers::Peers => false,
        }
    }

    /// Waits until a connection must be closed because it has no request. A peer's connection may be idle after its first request.
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

    /// The least pace of a request body. A peer forwards bytes that arrive at this pace only when a window is full.
    pub(super) fn pace_in(&self) -> Pace {
        self.of_peers_slower(self.limits.pace_in())
    }

    /// The least pace at which an answer must be read. A peer reads at the pace of its own reader, one window at a time.
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
