//! What the door ends by itself, counted by the reason and by nothing that tells of anybody.

use std::sync::LazyLock;

use opentelemetry::{KeyValue, global, metrics::Counter};

use crate::shares::Full;

/// How many connections and streams the door has ended since the process started.
static ENDED: LazyLock<Counter<u64>> = LazyLock::new(|| global::meter("koine").u64_counter("koine.door.ended").build());

/// Why the door ends something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    /// A connection: all places are taken.
    NoPlace,
    /// A connection: its address has its part of the places.
    NoPlaceForAddress,
    /// A connection: it shows no certificate of ours, or not in time.
    NoCertificate,
    /// A connection: it asks nothing.
    Idle,
    /// A stream, or over HTTP/1.1 a connection: its answer is not read.
    NotRead,
}

impl Reason {
    /// Counts one that is ended.
    pub(super) fn count(self) {
        let reason = match self {
            Self::NoPlace => "no_place",
            Self::NoPlaceForAddress => "no_place_for_address",
            Self::NoCertificate => "no_certificate",
            Self::Idle => "idle",
            Self::NotRead => "not_read",
        };
        ENDED.add(1, &[KeyValue::new("reason", reason)]);
    }
}

impl From<Full> for Reason {
    fn from(full: Full) -> Self {
        match full {
            Full::InAll => Self::NoPlace,
            Full::PerAddress => Self::NoPlaceForAddress,
        }
    }
}
