//! Closes a connection whose other side takes nothing. Over HTTP/1.1, answers that are not read end in this way.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ended::Reason;
use crate::pace::{Pace, Patience};

/// A connection. Writing fails when the other side takes bytes more slowly than the pace.
pub(super) struct Line<S> {
    stream: S,
    patience: Patience,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S, pace: Pace) -> Self {
        Self { stream, patience: Patience::new(pace) }
    }

    /// The outcome of a write. Error: `TimedOut`, where writing has been impossible for too long.
    fn tried<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        match outcome {
            Poll::Ready(Ok(done)) => {
                self.patience.moved(bytes(&done));
                Poll::Ready(Ok(done))
            }
            Poll::Ready(fault) => Poll::Ready(fault),
            Poll::Pending => {
                ready!(self.patience.poll_over(cx));
                Reason::NotRead.count();
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other side takes nothing")))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.tried(outcome, |written| *written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.tried(outcome, |written| *written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.tried(outcome, |()| 0, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.tried(outcome, |()| 0, cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::{Instant, sleep},
    };

    use super::*;

    fn pace() -> Pace {
        Pace::new(Duration::from_secs(10), NonZeroU32::new(100).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_takes_nothing_is_given_up() {
        let (near, _far) = tokio::io::duplex(64);
        let begun = Instant::now();
        let fault = Line::new(near, pace()).write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!((fault.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_reads_at_the_least_rate_is_kept() {
        let (near, mut far) = tokio::io::duplex(600);
        let mut line = Line::new(near, pace());
        let reads = async {
            let mut part = [0; 600];
            for _ in 0..20 {
                far.read_exact(&mut part).await.unwrap();
                sleep(Duration::from_secs(5)).await;
            }
        };
        let (written, ()) = tokio::join!(line.write_all(&[0; 600 * 20]), reads);
        written.unwrap();
    }
}
