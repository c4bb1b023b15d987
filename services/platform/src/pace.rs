//! Limits how long the other side of a connection may keep a body waiting. The other side has a budget of time: waiting spends it,
//! bytes refill it. A side that is silent is given up when the budget is empty, and one that sends or takes too little a little
//! later.

use std::{
    num::NonZeroU32,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tower::BoxError;

use crate::{
    Error,
    error::{Reason, Shared},
};

/// The longest silence, and the time that each byte refills.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    silence: Duration,
    each_byte: Duration,
}

impl Pace {
    /// The longest silence, and the least number of bytes per second.
    pub fn new(silence: Duration, least_per_second: NonZeroU32) -> Self {
        Self { silence, each_byte: Duration::from_secs(1) / least_per_second.get() }
    }

    /// The pace of a side that passes on bytes only when an HTTP/2 window is full: it may be silent for longer, by the time that a
    /// window takes to fill.
    pub(crate) fn by_windows_of(self, bytes: u32) -> Self {
        Self { silence: self.silence + self.each_byte.saturating_mul(bytes), ..self }
    }
}

/// The budget of the other side. Time counts from [`Patience::poll_over`] to [`Patience::moved`].
#[derive(Debug)]
pub(crate) struct Patience {
    pace: Pace,
    left: Duration,
    waiting: Option<Instant>,
    /// Created by the first wait, because most bodies arrive at once.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, left: pace.silence, waiting: None, timer: None }
    }

    /// Waits for the other side. Ready when the budget is empty.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = *self.waiting.get_or_insert_with(Instant::now) + self.left;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx)
    }

    /// Notes that the other side sent or took this many bytes.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if self.waiting.is_none() && self.left == self.pace.silence {
            return;
        }
        if let Some(since) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let gained = self.pace.each_byte.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.left = self.left.saturating_add(gained).min(self.pace.silence);
    }

    /// Refills the budget, where the other side has taken everything.
    pub(crate) fn renew(&mut self) {
        (self.waiting, self.left) = (None, self.pace.silence);
    }
}

/// The body of a request. It ends with the error `BODY_TOO_SLOW` where it is slower than its pace.
pub(crate) struct Arriving<B> {
    body: B,
    /// None: the body was given up.
    patience: Option<Patience>,
}

impl<B> Arriving<B> {
    pub(crate) fn new(body: B, pace: Pace) -> Self {
        Self { body, patience: Some(Patience::new(pace)) }
    }
}

impl<B> Body for Arriving<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, patience: waits } = &mut *self;
        let Some(patience) = waits else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                patience.moved(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => Poll::Ready(end.map(|fault| fault.map_err(Into::into))),
            Poll::Pending => {
                ready!(patience.poll_over(cx));
                let fault = Status::from(too_slow(patience.pace));
                *waits = None;
                Poll::Ready(Some(Err(fault.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.patience.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_slow(pace: Pace) -> Error {
    let silence = pace.silence.as_secs();
    Shared::BodyTooSlow
        .error(format!(
            "The body did not come: there was silence for {silence} seconds, or too little came for longer. Send it again."
        ))
        .with("limit_seconds", silence)
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};
    use tonic_types::StatusExt;

    use super::*;

    /// Ten seconds of silence, a hundred bytes a second.
    fn pace() -> Pace {
        Pace::new(Duration::from_secs(10), NonZeroU32::new(100).unwrap())
    }

    /// A body of pieces of this size, each after a pause of so many seconds, and then silence. Returns the number of pieces that
    /// arrived, the seconds until the end, and the reason.
    async fn sent(pieces: usize, size: usize, pause: u64) -> (usize, u64, String) {
        let begun = Instant::now();
        let each = stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            Ok::<_, BoxError>(Frame::data(Bytes::from(vec![0; size])))
        });
        let mut body = Arriving::new(StreamBody::new(Box::pin(each.chain(stream::pending()))), pace());
        let mut came = 0;
        loop {
            match body.frame().await.unwrap() {
                Ok(_) => came += 1,
                Err(fault) => {
                    let status = *fault.downcast::<Status>().unwrap();
                    assert!(body.frame().await.is_none(), "nothing comes after the end");
                    let reason = status.get_error_details().error_info().unwrap().reason.clone();
                    return (came, begun.elapsed().as_secs(), reason);
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_silent_is_given_up() {
        assert_eq!(sent(0, 0, 0).await, (0, 10, "BODY_TOO_SLOW".to_owned()));
        assert_eq!(sent(1, 5000, 3).await, (1, 13, "BODY_TOO_SLOW".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up_and_one_at_the_least_rate_is_not() {
        let (came, seconds, _) = sent(1000, 1, 3).await;
        assert!(came == 3 && seconds == 10, "{came} pieces in {seconds} seconds");
        assert_eq!(sent(1000, 300, 3).await, (1000, 3010, "BODY_TOO_SLOW".to_owned()));
        assert_eq!(sent(1000, 0, 1).await.1, 10, "empty pieces are worth nothing");
    }
}
