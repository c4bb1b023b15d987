//! The section `[events]`.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Code, Error, secret::Secret};

/// The section `[events]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The message broker that transports facts to services of other processes and wakes the watchers of other replicas: NATS with
    /// JetStream, `tls://nats.example.org:4222`, several servers separated by commas. Without it facts are transported in memory,
    /// and a process whose facts would have to leave it does not start. `nats://` is only for a server on this machine.
    pub nats: Option<String>,
    /// The name of this process's user at the broker, with `password`.
    pub user: Option<String>,
    /// The password of `user`.
    pub password: Option<Secret>,
    /// A token, instead of `user` and `password`.
    pub token: Option<Secret>,
    /// The seed of an NKEY, instead of `user` and `password`.
    pub nkey: Option<Secret>,
    /// The content of a `.creds` file, instead of `user` and `password`: `credentials = { file = "koine.creds" }`.
    pub credentials: Option<Secret>,
    /// The certificate of the authority of the broker's certificate: a PEM file. Without it the authority of `[tls]` is used. Where
    /// there is a section `[tls]`, its `cert` and `key` are shown to the broker.
    pub ca: Option<PathBuf>,
    /// The stream of all facts. It must be the same for all processes of an installation, like the three settings below.
    pub stream: String,
    /// The number of servers on which the broker stores each fact. A single server must write at once what it acknowledges:
    /// `sync_interval: always` in its section `jetstream`.
    pub replicas: usize,
    /// The number of bytes of facts that the broker stores. When it is full it refuses facts, which wait in their outboxes.
    pub max_bytes: i64,
    /// How many seconds the broker waits for the process that handles a fact to report progress, before it gives the fact to
    /// another replica.
    pub ack_wait_seconds: u64,
    /// The number of failures after which a fact is parked whose handler could not reach something, such as a mail server. The
    /// pauses double from two seconds to half an hour, so 50 failures take about twenty hours.
    pub tries: i32,
    /// The number of failures after which a fact is parked whose handler failed for any other reason: 12 take about an hour.
    pub tries_of_faulty: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nats: None,
            user: None,
            password: None,
            token: None,
            nkey: None,
            credentials: None,
            ca: None,
            stream: "koine".to_owned(),
            replicas: 1,
            max_bytes: 1 << 30,
            ack_wait_seconds: 30,
            tries: 50,
            tries_of_faulty: 12,
        }
    }
}

/// The instant at which a parked fact is due: in the year 9999. It stays in the backlog, where an operator can make it due.
pub(super) const NEVER: Timestamp = Timestamp::constant(253_370_764_800, 0);

impl Settings {
    /// The instant at which a fact is due again after the `attempts`th failure of its handler: the pause doubles with each failure,
    /// up to half an hour; [`NEVER`] after too many.
    pub(super) fn next_try(&self, now: Timestamp, attempts: i32, error: &Error) -> Timestamp {
        let may_pass = matches!(
            error.code(),
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted
        );
        let tries = if may_pass { self.tries } else { self.tries_of_faulty };
        if attempts >= tries { NEVER } else { pause(now, attempts) }
    }
}

/// The instant after the pause that follows the `attempts`th failure.
pub(super) fn pause(now: Timestamp, attempts: i32) -> Timestamp {
    let seconds = 1_i64 << attempts.clamp(0, 11);
    now + SignedDuration::from_secs(seconds.min(1800))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Reason, Shared};

    #[test]
    fn a_fact_that_nothing_will_help_is_parked_earlier_than_one_that_waits_for_somebody() {
        let (settings, now) = (Settings::default(), Timestamp::UNIX_EPOCH);
        let parked = |error: Error| (1..100).find(|attempts| settings.next_try(now, *attempts, &error) == NEVER);
        assert_eq!(parked(Error::unreachable("asleep")), Some(50));
        assert_eq!(parked(Shared::EtagStale.error("somebody was faster")), Some(50));
        assert_eq!(parked(Error::internal("cannot be read")), Some(12));
        assert_eq!(parked(Error::not_found("class")), Some(12));
    }

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        let seconds = |attempts| pause(Timestamp::UNIX_EPOCH, attempts).as_second();
        assert_eq!([1, 2, 3, 10, 11, 49].map(seconds), [2, 4, 8, 1024, 1800, 1800]);
    }
}
