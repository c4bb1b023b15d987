//! The limits of a process: how much it takes on, and how long others may keep it waiting. With the defaults, some hundred people
//! behind one address can work at once. Behind a proxy, callers are identified by the address that the proxy names.

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use crate::pace::Pace;

/// The largest message that a method accepts, in bytes. Larger data are streamed.
pub const LARGEST_MESSAGE: usize = 4 << 20;

/// The section `[limits]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The number of calls that run at once. Further calls are refused at once, before they cost anything.
    pub in_flight: NonZeroU32,
    /// How many seconds a call may take: the default where its caller gives no time, and the maximum.
    pub deadline_seconds: NonZeroU32,
    /// The number of calls per second of one tenant, so that it cannot use up the capacity of the others.
    pub per_tenant_per_second: NonZeroU32,
    /// The number of calls that a tenant can make at once, after a pause.
    pub per_tenant_burst: NonZeroU32,
    /// How many seconds a request body may be silent. Bytes above the least rate restore this time, up to its full length.
    pub body_seconds: NonZeroU32,
    /// How many seconds a reader may take nothing of an answer that is ready. Bytes above the least rate restore this time, up to
    /// its full length. An answer that has nothing to send yet may wait for ever.
    pub reader_seconds: NonZeroU32,
    /// The least rate of request and answer bodies, in bytes per second.
    pub least_bytes_per_second: NonZeroU32,
    /// The number of bytes of bodies that a process keeps in memory until they are answered.
    pub bytes_in_flight: usize,
    /// The number of these bytes from one address, or from one IPv6 network of 64 bits.
    pub bytes_per_address: usize,
    /// The number of these bytes from one connection. It does not hold for peers and trusted proxies, whose connections carry many
    /// callers.
    pub bytes_per_connection: usize,
    /// The number of connections. Each is an open file: where the system allows fewer files, there are fewer connections.
    pub connections: usize,
    /// The number of connections from one address, or from one IPv6 network of 64 bits. It does not hold for trusted proxies.
    pub connections_per_address: usize,
    /// The number of open requests on one HTTP/2 connection of a stranger.
    pub streams_per_connection: NonZeroU32,
    /// How many seconds the TLS handshake may take, and then the headers of a request.
    pub header_seconds: NonZeroU32,
    /// How many seconds a connection without a request is kept open.
    pub idle_seconds: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        let number = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            in_flight: number(1024),
            deadline_seconds: number(60),
            per_tenant_per_second: number(2000),
            per_tenant_burst: number(4000),
            body_seconds: number(15),
            reader_seconds: number(30),
            least_bytes_per_second: number(512),
            bytes_in_flight: 256 << 20,
            bytes_per_address: 64 << 20,
            bytes_per_connection: 16 << 20,
            connections: 8192,
            connections_per_address: 1024,
            streams_per_connection: number(256),
            header_seconds: number(10),
            idle_seconds: number(120),
        }
    }
}

impl Limits {
    /// The least pace of a request body.
    pub fn pace_in(&self) -> Pace {
        Pace::new(seconds(self.body_seconds), self.least_bytes_per_second)
    }

    /// The least pace at which an answer must be read.
    pub fn pace_out(&self) -> Pace {
        Pace::new(seconds(self.reader_seconds), self.least_bytes_per_second)
    }
}

/// A number of seconds.
pub(crate) fn seconds(number: NonZeroU32) -> Duration {
    Duration::from_secs(number.get().into())
}
