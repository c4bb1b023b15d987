//! Ends answers that are not read. An HTTP/2 reader tells how many bytes it accepts, and may accept none: then the library waits
//! and does not poll the body of the answer, so a timer in the body would not fire. The task of the stream is therefore watched
//! from outside: it is dropped, which resets the stream, when a part of the answer has been ready for too long.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{busy::UnderWay, ended::Reason};
use crate::pace::{Pace, Patience};

/// The size of the largest part of an answer that is given at once, in bytes.
const PART: usize = 16 * 1024;
/// Answers with more bytes than this end with a part of one byte, see [`Given::part`].
const SHORT: usize = 1024;

tokio::task_local! {
    /// The reader of the stream that this task runs.
    static READER: Arc<Reader>;
}

/// Shared by the task of a stream and the body of its answer.
#[derive(Debug, Default)]
struct Reader {
    /// Whether a part was given and the next one was not asked for.
    has_part: AtomicBool,
    /// The number of bytes taken since the last check.
    took: AtomicUsize,
}

/// Runs the task of a stream, until it ends or its reader is too slow.
pub(super) async fn watched(stream: impl Future<Output = ()>, pace: Pace) {
    let reader = Arc::new(Reader::default());
    let mut stream = pin!(READER.scope(reader.clone(), stream));
    let mut patience = Patience::new(pace);
    let ended = std::future::poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        reader.poll_over(&mut patience, cx).map(|()| false)
    });
    if !ended.await {
        Reason::NotRead.count();
        tracing::debug!("an answer was not read, and is ended");
    }
}

impl Reader {
    /// Ready when the reader has been too slow. The time in which the service has nothing to send does not count.
    fn poll_over(&self, patience: &mut Patience, cx: &mut Context<'_>) -> Poll<()> {
        let (took, has_part) = (self.took.swap(0, Ordering::Relaxed), self.has_part.load(Ordering::Relaxed));
        if !has_part {
            patience.renew();
            return Poll::Pending;
        }
        if took > 0 {
            patience.moved(took);
        }
        patience.poll_over(cx)
    }
}

/// The body of an answer, given to its reader in parts.
pub(super) struct Given<B> {
    body: B,
    /// The bytes that were taken from the body and not given yet.
    rest: Bytes,
    /// The length of the last part that was given.
    last: usize,
    /// None over HTTP/1.1, where an unread answer delays no other one, and the connection is watched instead.
    reader: Option<Arc<Reader>>,
    _under_way: UnderWay,
}

impl<B> Given<B> {
    /// The body of an answer. It must be called in the task of the stream.
    pub(super) fn new(body: B, under_way: UnderWay) -> Self {
        let reader = READER.try_with(Arc::clone).ok();
        Self { body, rest: Bytes::new(), last: 0, reader, _under_way: under_way }
    }

    /// The next part of `rest`. The library buffers a whole part as soon as the reader takes one byte of it. After the last part it
    /// ends the task of the stream, and the buffered bytes are not watched any more, so the last part has one byte.
    fn part(&mut self) -> Bytes {
        let part = self.rest.split_to(PART.min(self.rest.len() - 1).max(1));
        self.last = part.len();
        part
    }

    fn give(&mut self, data: Bytes) -> Bytes {
        if self.reader.is_none() || data.len() <= SHORT {
            self.last = data.len();
            return data;
        }
        self.rest = data;
        self.part()
    }

    fn asked(&mut self) {
        if let Some(reader) = &self.reader {
            reader.took.fetch_add(std::mem::take(&mut self.last), Ordering::Relaxed);
            reader.has_part.store(false, Ordering::Relaxed);
        }
    }

    fn given(&self, data: Bytes) -> Frame<Bytes> {
        if let Some(reader) = &self.reader {
            reader.has_part.store(true, Ordering::Relaxed);
        }
        Frame::data(data)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Given<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.asked();
        if !self.rest.is_empty() {
            let part = self.part();
            return Poll::Ready(Some(Ok(self.given(part))));
        }
        Pin::new(&mut self.body).poll_frame(cx).map(|frame| {
            let frame = match frame? {
                Ok(frame) => frame,
                Err(fault) => return Some(Err(fault)),
            };
            Some(Ok(match frame.into_data() {
                Ok(data) => {
                    let part = self.give(data);
                    self.given(part)
                }
                Err(trailers) => trailers,
            }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, num::NonZeroU32, time::Duration};

    use futures::{StreamExt, stream};
    use http_body_util::{BodyExt, Full, StreamBody};
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::service::listen::busy::Busy;

    /// Ten seconds, or a hundred bytes a second.
    fn pace() -> Pace {
        Pace::new(Duration::from_secs(10), NonZeroU32::new(100).unwrap())
    }

    /// Reads like the library: takes a part, waits until the reader wants it, takes the next.
    async fn reads(body: impl Body<Data = Bytes, Error = Infallible> + Unpin, each: Duration) {
        let mut given = Given::new(body, Busy::new().begin());
        while given.frame().await.is_some() {
            sleep(each).await;
        }
    }

    async fn seconds(stream: impl Future<Output = ()>) -> u64 {
        let begun = Instant::now();
        watched(stream, pace()).await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_reader_takes_nothing_is_dropped() {
        assert_eq!(seconds(reads(Full::new(Bytes::from_static(b"word")), Duration::MAX)).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_reader_takes_little_is_dropped_and_one_at_the_least_rate_is_not() {
        let pieces = |size: usize| {
            StreamBody::new(stream::iter(0..100).map(move |_| Ok(Frame::data(Bytes::from(vec![0; size])))))
        };
        let slow = seconds(reads(pieces(100), Duration::from_secs(3))).await;
        assert!((10..20).contains(&slow), "{slow}");
        assert_eq!(seconds(reads(pieces(300), Duration::from_secs(3))).await, 300);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_with_nothing_to_say_yet_is_waited_for() {
        let words = stream::iter(0..5).then(async |_| {
            sleep(Duration::from_secs(3600)).await;
            Ok(Frame::data(Bytes::from_static(b"word")))
        });
        assert_eq!(seconds(reads(StreamBody::new(Box::pin(words)), Duration::from_secs(9))).await, 5 * 3609);
    }

    #[tokio::test]
    async fn a_long_answer_is_given_in_parts_the_last_of_one_byte() {
        let long = async {
            let mut given = Given::new(Full::new(Bytes::from(vec![7; 40_000])), Busy::new().begin());
            let mut parts = Vec::new();
            while let Some(frame) = given.frame().await {
                parts.push(frame.unwrap().into_data().unwrap().len());
                assert_eq!(given.is_end_stream(), parts.iter().sum::<usize>() == 40_000);
            }
            assert_eq!(parts, [PART, PART, 40_000 - 1 - 2 * PART, 1]);
        };
        watched(long, pace()).await;
        let whole = Given::new(Full::new(Bytes::from(vec![7; 40_000])), Busy::new().begin());
        assert_eq!(whole.into_data_stream().count().await, 1, "over HTTP/1.1 nothing is cut");
    }
}
