//! The section `gateway` of the configuration.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::proxy::Network;

/// How much the gateway takes from one caller. Where it listens is the process's own setting, `process.address`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The largest JSON body, in bytes. It is held in memory whole.
    pub max_body_bytes: usize,
    /// The largest streamed upload, in bytes. Services have smaller limits of their own.
    pub max_upload_bytes: u64,
    /// How long a service may take to answer, in seconds, whatever the caller allows: a little more than services allow themselves,
    /// who say better what was wrong. Of an upload it is the time in which nothing moves.
    pub deadline_seconds: NonZeroU32,
    /// How many requests may be under way.
    pub requests: usize,
    /// How many of these may be from one address, or from one network of IPv6 with 64 bits.
    pub requests_per_address: usize,
    /// How many files and watches one address, or one network of IPv6 with 64 bits, may have open at once.
    pub streams_per_address: usize,
    /// How deep objects and lists of a JSON body may stand in each other. The parser itself ends at 128.
    pub max_json_depth: usize,
    /// The origins whose pages may call from a browser, such as `https://app.example.org`. Empty: none.
    pub cors_origins: Vec<String>,
    /// The networks of the proxies that stand before us, such as `10.0.0.0/8`. Their word in `forwarded` or
    /// `x-forwarded-for` is taken for the address of a caller; nobody else's is. A proxy has to add to the one it knows.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_body_bytes: 4 << 20,
            max_upload_bytes: 256 << 20,
            deadline_seconds: NonZeroU32::new(70).unwrap_or(NonZeroU32::MIN),
            requests: 16_384,
            requests_per_address: 2048,
            streams_per_address: 512,
            max_json_depth: 32,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}
