//! The section `[gateway]`.

use std::num::NonZeroU32;

use platform::config::not_zero;
use serde::{Deserialize, Serialize};

use crate::proxy::Network;

/// The gateway's limits. The address on which it listens is the process's setting `process.address`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The size of the largest JSON body, in bytes. It is held in memory as a whole.
    #[serde(deserialize_with = "not_zero")]
    pub max_body_bytes: usize,
    /// The size of the largest streamed upload, in bytes. Services have smaller limits of their own.
    pub max_upload_bytes: u64,
    /// How many seconds a service may take to answer, whatever the caller allows: a little more than services allow themselves,
    /// because their errors are more exact. For an upload it is the time in which no bytes move.
    pub deadline_seconds: NonZeroU32,
    /// The number of requests that may run.
    #[serde(deserialize_with = "not_zero")]
    pub requests: usize,
    /// The number of these from one address, or from one IPv6 network of 64 bits.
    #[serde(deserialize_with = "not_zero")]
    pub requests_per_address: usize,
    /// The number of files and watches that one address, or one IPv6 network of 64 bits, may have open.
    #[serde(deserialize_with = "not_zero")]
    pub streams_per_address: usize,
    /// How deep the objects and lists of a JSON body may be nested. The parser's own limit is 128.
    #[serde(deserialize_with = "not_zero")]
    pub max_json_depth: usize,
    /// The origins whose pages may call from a browser, such as `https://app.example.org`. Empty: no others.
    pub cors_origins: Vec<String>,
    /// The networks of the proxies before the gateway, such as `10.0.0.0/8`. Only their headers `forwarded` or `x-forwarded-for`
    /// are used for the address of a caller. A proxy must append to the header that it uses.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_by_which_nobody_could_come_in_is_refused() {
        for limit in ["max_body_bytes", "requests", "requests_per_address", "streams_per_address", "max_json_depth"] {
            let read = |number| serde_json::from_value::<Settings>(serde_json::json!({ limit: number }));
            assert!(read(0).is_err() && read(1).is_ok(), "{limit}");
        }
    }
}
