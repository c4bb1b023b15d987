//! Refuses calls at once where the process has more to do than it can do in time, instead of being late for all.
//!
//! A permit is held until the answer begins. A stream holds none while it runs, because it runs at the pace of its caller: a few
//! slow readers or uploads would otherwise keep all others out. A stream needs a free permit to begin, and the number of streams is
//! bounded for each connection.

use std::{num::NonZeroU32, time::Duration};

use http::Response;
use tokio::sync::Semaphore;
use tonic::body::Body;

use super::{Inbound, Layer, Next, refuse};
use crate::{
    Error,
    error::{Reason, Shared},
};

pub(super) struct Shed(Semaphore);

impl Shed {
    pub(super) fn new(in_flight: NonZeroU32) -> Self {
        Self(Semaphore::new(in_flight.get() as usize))
    }
}

impl Layer for Shed {
    async fn around(&self, call: Inbound, next: &impl Next) -> Response<Body> {
        let Ok(permit) = self.0.try_acquire() else { return refuse(overloaded()) };
        // for an upload the permit is filtered out, and so dropped at once
        let _held = Some(permit).filter(|_| !call.method.streams_in);
        next.run(call).await
    }
}

fn overloaded() -> Error {
    Shared::Overloaded
        .error("There is more to do now than can be done in time. Nothing was done; try again in a moment.")
        .retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use tokio::sync::Notify;

    use super::*;
    use crate::layer::{
        Method,
        testing::{Then, call, call_of, fine, reason},
    };

    fn waits(for_it: &Arc<Notify>) -> impl Next + use<> {
        let for_it = for_it.clone();
        Then(move |_| {
            let for_it = for_it.clone();
            async move {
                for_it.notified().await;
                Response::new(Body::empty())
            }
        })
    }

    #[tokio::test]
    async fn a_call_too_many_is_told_when_to_come_back() {
        let (shed, go) = (Shed::new(NonZeroU32::MIN), Arc::new(Notify::new()));
        let slow = waits(&go);
        let mut first = Box::pin(shed.around(call(&[]), &slow));
        assert!(first.as_mut().now_or_never().is_none());
        let refused = shed.around(call(&[]), &fine()).await;
        assert_eq!(reason(&refused), "OVERLOADED");
        go.notify_one();
        assert_eq!(reason(&first.await), "OK");
        assert_eq!(reason(&shed.around(call(&[]), &fine()).await), "OK", "there is room again");
    }

    #[tokio::test]
    async fn an_upload_takes_no_room_but_needs_some_to_begin() {
        let (shed, go) = (Shed::new(NonZeroU32::MIN), Arc::new(Notify::new()));
        let upload = || {
            Arc::new(Method {
                name: "test.v1.Test/Upload".into(),
                access: None,
                streams_in: true,
                streams_out: false,
                watches: false,
            })
        };
        let slow = waits(&go);
        let mut first = Box::pin(shed.around(call_of(upload(), &[]), &slow));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(shed.around(call(&[]), &slow));
        assert!(second.as_mut().now_or_never().is_none(), "a call finds room beside the upload");
        assert_eq!(reason(&shed.around(call_of(upload(), &[]), &fine()).await), "OVERLOADED");
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_gives_its_room_back() {
        let shed = Shed::new(NonZeroU32::MIN);
        let slow = waits(&Arc::default());
        assert!(shed.around(call(&[]), &slow).now_or_never().is_none());
        assert_eq!(reason(&shed.around(call(&[]), &fine()).await), "OK");
    }
}
