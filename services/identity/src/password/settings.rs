//! The sections `[identity.hashing]` and `[identity.throttle]` of the settings.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// The section `[identity.hashing]`. One hash takes about 20 ms of a processor and 19 MiB.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hashing {
    /// The number of hashes that are computed at once.
    pub threads: NonZeroU32,
    /// The most calls that wait for a hash. Further callers are asked to try again.
    pub queue: NonZeroU32,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { threads: number(2), queue: number(64) }
    }
}

/// The section `[identity.throttle]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttling {
    /// Wrong passwords for one login of a tenant from one network address.
    pub login: Rate,
    /// Wrong passwords for one login of a tenant from all addresses together.
    pub everywhere: Rate,
    /// Right passwords of one login of a tenant, and uses of one mailed code, from all addresses together: each costs a hash. A class shares a
    /// login.
    pub right: Rate,
    /// Mails to one address of a tenant that anybody can cause; those that strangers ask for, from one network.
    pub letter: Rate,
    /// Mails to one address of a tenant that strangers ask for, from all networks together.
    pub flood: Rate,
    /// Letters to schools that one teacher asks for.
    pub asked: Rate,
    /// Searches for people by one account.
    pub search: Rate,
    /// All guesses and mails from one network address, over all tenants. A whole school can share one address.
    pub address: Rate,
    /// The milliseconds after which, or after a multiple of which, an answer is given that must not show by its time who is known: more
    /// than a refused sign-in takes.
    pub even_ms: NonZeroU32,
}

impl Default for Throttling {
    fn default() -> Self {
        Self {
            login: Rate { burst: number(5), every_ms: number(10_000) },
            everywhere: Rate { burst: number(100), every_ms: number(1_000) },
            right: Rate { burst: number(200), every_ms: number(1_000) },
            letter: Rate { burst: number(5), every_ms: number(300_000) },
            flood: Rate { burst: number(20), every_ms: number(300_000) },
            asked: Rate { burst: number(2), every_ms: number(43_200_000) },
            search: Rate { burst: number(30), every_ms: number(60_000) },
            address: Rate { burst: number(50), every_ms: number(500) },
            even_ms: number(50),
        }
    }
}

/// A burst, and the interval after which one more is allowed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The number that is allowed at once.
    pub burst: NonZeroU32,
    /// The milliseconds after which one more is allowed.
    pub every_ms: NonZeroU32,
}

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}
