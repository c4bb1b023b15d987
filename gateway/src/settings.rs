//! The section `gateway` of the configuration.

use serde::{Deserialize, Serialize};

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
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_body_bytes: 4 << 20, max_upload_bytes: 64 << 20, max_json_depth: 32, cors_origins: Vec::new() }
    }
}
