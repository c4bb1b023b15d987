//! The `[identity]` section of the settings.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What an operator decides for identity. (How long sessions and tokens live stands in `[tokens]`.)
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where people reach this installation: what links in mails begin with.
    pub public_url: String,
    /// How much hashing passwords may take.
    pub hashing: Hashing,
    /// How fast guesses and mails are let through.
    pub throttle: Throttling,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            hashing: Hashing::default(),
            throttle: Throttling::default(),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_has_its_default_and_what_nobody_knows_is_refused() {
        let settings: Settings = toml::from_str("throttle.login = { burst = 3, every_ms = 1000 }").unwrap();
        assert_eq!((settings.throttle.login.burst.get(), settings.throttle.address.burst.get()), (3, 50));
        assert_eq!((settings.hashing.threads.get(), settings.hashing.queue.get()), (2, 64));
        for text in ["colour = 1", "hashing.threads = 0", "throttle.login = { burst = 3 }"] {
            assert!(toml::from_str::<Settings>(text).is_err(), "{text}");
        }
    }
}
