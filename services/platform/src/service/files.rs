//! Open files: each connection is one, and the system bounds their number for each process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{config::Limits, shares::Shares};

/// How many files a process needs beside the connections of its callers: databases, uploads, connections of its own, operators.
const OTHERS: usize = 256;

/// How many connections operators may have, in all and by one address. Callers cannot take them: a crowd at the door must not make a
/// process look dead to what watches over it.
const OF_OPERATORS: (usize, usize) = (64, 32);

/// Raises the limit of open files to the highest that the system allows. By default it is a thousand, which one caller could use up.
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

/// The places for connections.
pub(super) struct Places {
    callers: Shares,
    operators: Shares,
}

impl Places {
    /// As the settings say, as far as the system allows.
    pub(super) fn of(limits: &Limits) -> Self {
        let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
        let (in_all, per_address) = within(limits, files);
        if in_all < limits.connections {
            tracing::info!(
                in_all,
                wanted = limits.connections,
                "the system allows fewer open files than limits.connections"
            );
        }
        Self { callers: Shares::new(in_all, per_address), operators: Shares::new(OF_OPERATORS.0, OF_OPERATORS.1) }
    }

    /// The connections of callers: strangers and peers.
    pub(super) fn of_callers(&self) -> Shares {
        self.callers.clone()
    }

    /// The connections of probes and of who reads the metrics.
    pub(super) fn of_operators(&self) -> Shares {
        self.operators.clone()
    }
}

/// The number of connections in all and of one address. One address gets at most half of what the system allows.
fn within(limits: &Limits, files: Option<usize>) -> (usize, usize) {
    let allowed = files.map_or(usize::MAX, |files| files.saturating_sub(OTHERS).max(2));
    (limits.connections.min(allowed), limits.connections_per_address.min(allowed / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_all_else_and_one_address_cannot_take_them_all() {
        let limits = Limits { connections: 8192, connections_per_address: 1024, ..Limits::default() };
        assert_eq!(within(&limits, None), (8192, 1024));
        assert_eq!(within(&limits, Some(1_048_576)), (8192, 1024));
        assert_eq!(within(&limits, Some(1024)), (768, 384));
        assert_eq!(within(&limits, Some(10)), (2, 1));
    }
}
