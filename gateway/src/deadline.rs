//! Limits the time of a call: to the time that its caller waits, and to the time that the gateway waits for a service. Without the
//! second, calls to a service that hangs would be held for ever.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use http::HeaderMap;
use platform::deadline;
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::Status;

use crate::settings::Settings;

/// The times of a request, counted from its arrival: an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// The instant at which the caller stops waiting.
    end: Option<Instant>,
    begun: Instant,
    /// How long a service may take.
    patience: Duration,
}

impl Deadline {
    /// Reads the caller's time. Error: `FIELDS_INVALID`, where it cannot be read.
    pub(crate) fn read(headers: &HeaderMap, settings: &Settings) -> Result<Self, Status> {
        let begun = Instant::now();
        let end = deadline::read(headers)?.and_then(|time| begun.checked_add(time));
        Ok(Self { end, begun, patience: Duration::from_secs(settings.deadline_seconds.get().into()) })
    }

    /// The instant at which the caller stops waiting. A stream must end by then too.
    pub(crate) fn end(self) -> Option<Instant> {
        self.end
    }

    /// Waits for the answer of a service, or the beginning of its stream. Error: `DEADLINE_PASSED`, and that of the service.
    pub(crate) async fn answer<T>(self, answer: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let patience = self.begun + self.patience;
        let until = self.end.map_or(patience, |end| end.min(patience));
        timeout_at(until, answer).await.unwrap_or_else(|_| Err(passed()))
    }

    /// Waits for the answer to an upload, which may take as long as bytes move. Error: `DEADLINE_PASSED`, and that of the service.
    pub(crate) async fn answer_while<T>(
        self,
        moves: &Moves,
        answer: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        tokio::select! {
            answer = answer => answer,
            () = moves.stopped(self.patience) => Err(passed()),
            () = over(self.end) => Err(passed()),
        }
    }

    /// The messages of a stream, which ends with `DEADLINE_PASSED` when the caller stops waiting.
    pub(crate) fn within<T>(
        self,
        messages: impl Stream<Item = Result<T, Status>> + Unpin,
    ) -> impl Stream<Item = Result<T, Status>> {
        let over = Box::pin(over(self.end));
        stream::unfold(Some((messages, over)), |going| async move {
            let (mut messages, mut over) = going?;
            tokio::select! {
                biased;
                () = over.as_mut() => Some((Err(passed()), None)),
                message = messages.next() => Some((message?, Some((messages, over)))),
            }
        })
    }
}

async fn over(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

fn passed() -> Status {
    deadline::passed().into()
}

/// The instant at which bytes of an upload last moved. Cheap to clone; all clones are of one upload.
#[derive(Clone, Debug)]
pub(crate) struct Moves(Arc<Mutex<Instant>>);

impl Moves {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Notes that bytes moved now.
    pub(crate) fn on(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits until no bytes have moved for so long.
    async fn stopped(&self, patience: Duration) {
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + patience;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, num::NonZeroU32};

    use platform::error::{Reason as _, Shared};
    use tokio::time::sleep;
    use tonic_types::StatusExt;

    use super::*;

    /// A service has ten seconds, the caller so many, or no limit.
    fn deadline(seconds: Option<u32>) -> Deadline {
        let settings = Settings { deadline_seconds: NonZeroU32::new(10).unwrap(), ..Settings::default() };
        let mut headers = HeaderMap::new();
        if let Some(seconds) = seconds {
            headers.insert("grpc-timeout", format!("{seconds}S").parse().unwrap());
        }
        Deadline::read(&headers, &settings).unwrap()
    }

    fn assert_passed<T: std::fmt::Debug>(outcome: Result<T, Status>) {
        let reason = outcome.unwrap_err().get_details_error_info().unwrap().reason;
        assert_eq!(reason, Shared::DeadlinePassed.name());
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_hangs_has_the_shorter_of_both_times() {
        for (said, seconds) in [(None, 10), (Some(3), 3), (Some(3600), 10)] {
            let begun = Instant::now();
            assert_passed(deadline(said).answer(pending::<Result<(), _>>()).await);
            assert_eq!(begun.elapsed().as_secs(), seconds);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_has_as_long_as_something_moves_and_its_caller_waits() {
        let moving = async |said, last: u64| {
            let (begun, moves) = (Instant::now(), Moves::new());
            let moved = async {
                for _ in 0..last {
                    sleep(Duration::from_secs(1)).await;
                    moves.on();
                }
                pending::<Result<(), Status>>().await
            };
            assert_passed(deadline(said).answer_while(&moves, moved).await);
            begun.elapsed().as_secs()
        };
        assert_eq!(moving(None, 0).await, 10);
        assert_eq!(moving(None, 300).await, 310);
        assert_eq!(moving(Some(100), 300).await, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_its_caller_waits_no_longer() {
        let each = || {
            Box::pin(stream::iter(0..20).then(async |number| {
                sleep(Duration::from_secs(1)).await;
                Ok(number)
            }))
        };
        let ended: Vec<_> = deadline(Some(5)).within(each()).collect().await;
        assert_eq!(ended.len(), 5, "{ended:?}");
        assert_passed(ended.into_iter().last().unwrap());
        assert_eq!(deadline(None).within(each()).count().await, 20);
    }
}
