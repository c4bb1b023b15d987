//! Connections for calls, and others for bulk: files and watches. The answer to a call is read as soon as it arrives. A file or a
//! watch is read at its caller's pace, so unread bytes of one caller must not fill the connection that carries the answers of
//! others.
//!
//! The number of streams of a bulk connection is bounded, and its window holds all that they may leave unread. So a caller that
//! reads nothing delays no other answer.

use std::{
    future::ready,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{
    Status,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::{BoxError, Service, ServiceExt};

use crate::{Error, kept::Kept, shares::Full};

/// The number of bytes of one bulk stream that may be on their way unread.
pub(crate) const STREAM_WINDOW: u32 = 64 * 1024;
/// The number of streams that one bulk connection carries.
const STREAMS: u32 = 512;
/// The number of bulk connections. The next one is used when those before it are full.
const CONNECTIONS: usize = 16;

/// The two kinds of connections to a service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lanes {
    /// For calls with one answer.
    pub calls: Channel,
    /// For files, and for answers without an end.
    pub bulk: Bulk,
}

/// Connections for streams. Cheap to clone; all clones share them.
#[derive(Clone, Debug)]
pub struct Bulk(Arc<[Connection]>);

#[derive(Clone, Debug)]
struct Connection {
    channel: Channel,
    places: Arc<Semaphore>,
}

impl Lanes {
    /// Both kinds with one endpoint. They connect at their first use.
    pub(super) fn new(endpoint: &Endpoint, connect: impl Fn(Endpoint) -> Channel) -> Self {
        let bulk = endpoint
            .clone()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW * STREAMS);
        let bulk = (0..CONNECTIONS).map(|_| connect(bulk.clone()));
        Self { calls: connect(endpoint.clone()), bulk: Bulk::over(bulk) }
    }

    /// Uses one channel for both kinds, for tests.
    pub fn of(channel: Channel) -> Self {
        Self { bulk: Bulk::over([channel.clone()]), calls: channel }
    }
}

impl Bulk {
    fn over(channels: impl IntoIterator<Item = Channel>) -> Self {
        let connection = |channel| Connection { channel, places: Arc::new(Semaphore::new(STREAMS as usize)) };
        Self(channels.into_iter().map(connection).collect())
    }

    /// The first connection with a free place. None, where all are full.
    fn free(&self) -> Option<(Channel, OwnedSemaphorePermit)> {
        self.0.iter().find_map(|Connection { channel, places }| {
            Some((channel.clone(), places.clone().try_acquire_owned().ok()?))
        })
    }
}

impl Service<Request<Body>> for Bulk {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some((channel, place)) = self.free() else {
            return Box::pin(ready(Err(Status::from(Error::from(Full::InAll)).into())));
        };
        Box::pin(async move {
            let answer = channel.oneshot(request).await?;
            Ok(answer.map(|body| Body::new(Kept::new(body, place))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn streams_fill_one_connection_after_the_other_and_then_no_more() {
        let channel = || Endpoint::from_static("http://nowhere.invalid").connect_lazy();
        let bulk = Bulk::over([channel(), channel()]);
        let places: Vec<_> = (0..STREAMS * 2).map(|_| bulk.free().unwrap().1).collect();
        let free = || bulk.0.iter().map(|connection| connection.places.available_permits()).collect::<Vec<_>>();
        assert_eq!(free(), [0, 0]);
        let refused = bulk.clone().oneshot(Request::new(Body::empty())).await.unwrap_err();
        assert_eq!(refused.downcast::<Status>().unwrap().code(), tonic::Code::Unavailable);
        drop(places);
        let _one = bulk.free().unwrap();
        assert_eq!(free(), [STREAMS as usize - 1, STREAMS as usize], "the second is for when the first is full");
    }
}
