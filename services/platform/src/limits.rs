//! How much a process takes on, and how long others may keep it waiting. The defaults let some hundred people behind one address
//! work at once. Behind a proxy the callers are told apart by the address that the proxy names.

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use crate::pace::Pace;

/// The largest message a method takes, in bytes. Larger things are streamed.
pub const LARGEST_MESSAGE: usize = 4 << 20;

/// The `[limits]` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How many calls run at once. Those above are turned away at once, while they still cost nothing.
    pub in_flight: NonZeroU32,
    /// How long a call may take, in seconds, when its caller does not say, and at most.
    pub deadline_seconds: NonZeroU32,
    /// How many calls a second one tenant can make, so that it cannot take the room of the others.
    pub per_tenant_per_second: NonZeroU32,
    /// How many it can make at once, after a pause.
    pub per_tenant_burst: NonZeroU32,
    /// How many seconds a body on its way in may be silent. Who sends faster than the least rate gains this much again.
    pub body_seconds: NonZeroU32,
    /// How many seconds a reader may take nothing of an answer that is ready. Who reads faster than the least rate gains this
    /// much again. An answer with nothing to say yet may wait for ever.
    pub reader_seconds: NonZeroU32,
    /// The least rate of a body, in and out, in bytes a second.
    pub least_bytes_per_second: NonZeroU32,
    /// How many bytes of bodies a process keeps in memory until they are answered.
    pub bytes_in_flight: usize,
    /// How many of these may come from one address, or from one network of IPv6 with 64 bits.
    pub bytes_per_address: usize,
    /// How many of these may come by one connection. Not for peers and trusted proxies, whose connections carry many callers.
    pub bytes_per_connection: usize,
    /// How many connections there may be. Each is an open file: if the system allows fewer, there are fewer.
    pub connections: usize,
    /// How many of these may be from one address, or from one network of IPv6 with 64 bits. Not for trusted proxies.
    pub connections_per_address: usize,
    /// How many requests a caller may have open on one connection of HTTP/2.
    pub streams_per_connection: NonZeroU32,
    /// How many seconds the handshake of TLS may take, and then a request until its headers are there.
    pub header_seconds: NonZeroU32,
    /// How many seconds a connection without a request is kept.
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
    /// How fast a body has to come in.
    pub fn pace_in(&self) -> Pace {
        Pace::new(seconds(self.body_seconds), self.least_bytes_per_second)
    }

    /// How fast an answer has to be read.
    pub fn pace_out(&self) -> Pace {
        Pace::new(seconds(self.reader_seconds), self.least_bytes_per_second)
    }
}

/// A number of seconds.
pub(crate) fn seconds(number: NonZeroU32) -> Duration {
    Duration::from_secs(number.get().into())
}
