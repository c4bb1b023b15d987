//! The limits of a process: how much it takes on, and how long others may keep it waiting. With the defaults, some hundred people
//! behind one address can work at once. Behind a proxy, callers are identified by the address that the proxy names.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize};

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
    #[serde(deserialize_with = "not_zero")]
    pub bytes_in_flight: usize,
    /// The number of these bytes from one address, or from one IPv6 network of 64 bits.
    #[serde(deserialize_with = "not_zero")]
    pub bytes_per_address: usize,
    /// The number of these bytes from one connection. It does not hold for peers and trusted proxies, whose connections carry many
    /// callers.
    #[serde(deserialize_with = "not_zero")]
    pub bytes_per_connection: usize,
    /// The number of connections. Each is an open file: where the system allows fewer files, there are fewer connections.
    #[serde(deserialize_with = "not_zero")]
    pub connections: usize,
    /// The number of connections from one address, or from one IPv6 network of 64 bits. It does not hold for trusted proxies.
    #[serde(deserialize_with = "not_zero")]
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

/// Reads a limit of a setting. Error: it is 0, by which nobody could come in.
pub fn not_zero<'de, D: Deserializer<'de>>(setting: D) -> Result<usize, D::Error> {
    NonZeroUsize::deserialize(setting).map(NonZeroUsize::get)
}

/// A number of seconds.
pub(crate) fn seconds(number: NonZeroU32) -> Duration {
    Duration::from_secs(number.get().into())
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, text_of};

    #[test]
    fn a_limit_by_which_nobody_could_come_in_is_refused_by_its_name() {
        for limit in [
            "bytes_in_flight",
            "bytes_per_address",
            "bytes_per_connection",
            "connections",
            "connections_per_address",
            "in_flight",
        ] {
            let read = |number| Config::parse(&format!("[limits]\n{limit} = {number}\n"), Vec::new());
            assert!(read(1).is_ok(), "{limit}");
            let refused = text_of(&read(0).err().unwrap());
            assert!(refused.contains(&format!("limits.{limit}: must be a whole number above 0")), "{refused}");
        }
    }
}
