//! Work that a caller who goes away must not leave half done.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// Runs a future to its end, also when its caller drops it: a task then runs the rest of it and drops the output.
pub(crate) struct ToItsEnd<T: Send + 'static> {
    rest: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T: Send + 'static> ToItsEnd<T> {
    /// Takes the future. Nothing of it runs before the first poll.
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self { rest: Some(Box::pin(future)) }
    }
}

impl<T: Send + 'static> Future for ToItsEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(rest) = &mut self.rest else { return Poll::Pending };
        let done = rest.as_mut().poll(context);
        if done.is_ready() {
            self.rest = None;
        }
        done
    }
}

impl<T: Send + 'static> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        // without a runtime the process ends, and its connections with it
        if let (Some(rest), Ok(runtime)) = (self.rest.take(), Handle::try_current()) {
            runtime.spawn(async move { drop(rest.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use futures::FutureExt;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn what_its_caller_drops_half_way_is_run_to_its_end() {
        let (go, done, ran) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let mut dropped = Box::pin(ToItsEnd::new({
            let (go, done, ran) = (go.clone(), done.clone(), ran.clone());
            async move {
                go.notified().await;
                ran.store(true, Ordering::SeqCst);
                done.notify_one();
            }
        }));
        assert_eq!(dropped.as_mut().now_or_never(), None);
        drop(dropped);
        go.notify_one();
        done.notified().await;
        assert!(ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn what_its_caller_waits_for_comes_back_to_it() {
        assert_eq!(ToItsEnd::new(async { 7 }).await, 7);
    }
}
