//! The section `gateway` of the configuration.

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
            max_json_depth: 32,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}
