//! The sections `[identity.hashing]` and `[identity.throttle]` of the settings.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// The `[identity.hashing]` section. A hash takes some 20 ms of one processor and 19 MiB.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hashing {
    /// How many hashes are computed at once.
    pub threads: NonZeroU32,
    /// How many wait at most. Whoever comes then is told to try again.
    pub queue: NonZeroU32,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { threads: number(2), queue: number(64) }
    }
}

/// The `[identity.throttle]` section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttling {
    /// Wrong passwords for one login of a tenant.
    pub login: Rate,
    /// Mails to one address of a tenant that anybody can ask for.
    pub letter: Rate,
    /// All of these from one network address, over all tenants. A school can be behind one address.
    pub address: Rate,
}

impl Default for Throttling {
    fn default() -> Self {
        Self {
            login: Rate { burst: number(5), every_ms: number(10_000) },
            letter: Rate { burst: number(5), every_ms: number(300_000) },
            address: Rate { burst: number(50), every_ms: number(500) },
        }
    }
}

/// Some at once, then one by one.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many at once.
    pub burst: NonZeroU32,
    /// After how many milliseconds one more.
    pub every_ms: NonZeroU32,
}

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}
