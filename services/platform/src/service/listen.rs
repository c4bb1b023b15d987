//! Accepts calls over TCP, with TLS or without, and over pipes in memory. HTTP/1.1 and HTTP/2 share a port.
//!
//! Callers are not known here yet, so everything they can hold is bounded: connections are counted ([`Door`]), a connection without
//! a request is closed ([`busy`]), a body that arrives too slowly is given up ([`Arriving`]), and so is an answer that is read too
//! slowly ([`reader`], [`line`]).

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, rt::Executor};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tower::{Service, ServiceExt};

use crate::{
    Error, Result, Tasks,
    config::seconds,
    intake::OfConnection,
    pace::{Arriving, Pace},
    shares::Share,
};

mod busy;
mod door;
mod ended;
mod line;
mod reader;
mod refuse;

use busy::Busy;
pub(super) use door::Door;
use line::Line;
use reader::Given;

/// The size of the headers of one request, in bytes. The gateway accepts far less, and refuses more with a reason. Above this size
/// the library answers 431 itself. A service must accept what the gateway passes on, with the headers that the gateway adds.
const HEADERS: u32 = 128 * 1024;

/// The number of bytes of an answer that one HTTP/2 stream may have waiting to be sent.
const WAITING: usize = 64 * 1024;

/// How long the other side may take to notice that a connection is being closed. A request that is sent meanwhile is answered.
const LAST: Duration = Duration::from_secs(1);

/// A request whose caller is not known yet.
pub(super) type Asked = Request<Arriving<Incoming>>;

/// Answers a request.
pub(super) trait Answers<B>:
    Service<Asked, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}
impl<B, S> Answers<B> for S where
    S: Service<Asked, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// The body of an answer.
pub(super) trait Answer: Body<Data = Bytes, Error: Into<tower::BoxError>> + Send + Unpin + 'static {}
impl<B: Body<Data = Bytes, Error: Into<tower::BoxError>> + Send + Unpin + 'static> Answer for B {}

/// Listens on an address. Returns the bound address. Error: internal, where the address cannot be bound, or where the door is for
/// peers, has no certificates, and the address is not of this machine.
pub(super) async fn tcp<S, B>(address: SocketAddr, door: Door, service: S, tasks: &Tasks) -> Result<SocketAddr>
where
    S: Answers<B>,
    B: Answer,
{
    if door.needs_loopback() && !address.ip().is_loopback() {
        let text = format!(
            "{address} can be reached from other machines, where tokens could be read: set [tls] or use 127.0.0.1"
        );
        return Err(Error::internal(text));
    }
    let failed = |error: io::Error| Error::internal(format!("{address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let (stop, all) = (tasks.token(), tasks.clone());
    tasks.spawn("listener", async move {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, from)) => greet(stream, from, &door, service.clone(), &all),
                Err(error) => {
                    // most often there are too many open files: some will be closed
                    tracing::warn!(%error, "a connection cannot be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(bound)
}

/// Serves the pipes that services of this process open.
pub(super) fn memory<S, B>(mut pipes: mpsc::Receiver<DuplexStream>, door: Door, service: S, tasks: &Tasks)
where
    S: Answers<B>,
    B: Answer,
{
    let (stop, all) = (tasks.token(), tasks.clone());
    tasks.spawn("pipes", async move {
        while let Some(Some(pipe)) = stop.run_until_cancelled(pipes.recv()).await {
            all.spawn("pipe", converse(pipe, None, door.clone(), service.clone(), all.clone()));
        }
    });
}

fn greet<S, B>(stream: TcpStream, from: SocketAddr, door: &Door, service: S, tasks: &Tasks)
where
    S: Answers<B>,
    B: Answer,
{
    let place = match door.place(from.ip()) {
        Ok(place) => place,
        Err(full) => {
            ended::Reason::from(full).count();
            if let Some(permit) = door.may_refuse() {
                tasks.spawn("refusal", async move {
                    refuse::refuse(stream, full.into()).await;
                    drop(permit);
                });
            }
            return;
        }
    };
    let (all, door) = (tasks.clone(), door.clone());
    tasks.spawn("connection", async move {
        // a small answer is sent at once
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone at once");
            return;
        }
        let caller = Some((from, place));
        let stream = Line::new(stream, door.pace_out());
        let Some(tls) = door.tls() else { return converse(stream, caller, door, service, all).await };
        let shown = tls.accept(stream, seconds(door.limits().header_seconds));
        match all.token().run_until_cancelled(shown).await {
            Some(Ok(stream)) => converse(stream, caller, door, service, all).await,
            Some(Err(error)) => {
                ended::Reason::NoCertificate.count();
                tracing::warn!(%error, "a connection without a certificate of ours");
            }
            None => {}
        }
    });
}

/// Answers all requests of one connection, until it closes, is idle for too long, or the process ends.
async fn converse<S, B>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    caller: Option<(SocketAddr, Share)>,
    door: Door,
    service: S,
    tasks: Tasks,
) where
    S: Answers<B>,
    B: Answer,
{
    let (stop, busy) = (tasks.token(), Busy::new());
    let from = caller.as_ref().map(|(from, _)| *from);
    let service = answering(service, from, &door, busy.clone());
    let builder = builder(&door, Parts { tasks, pace: door.pace_out() });
    let mut connection =
        std::pin::pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = door.idle(&busy) => {
            ended::Reason::Idle.count();
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = busy.free_after(LAST) => Ok(()),
            }
        }
        () = stop.cancelled() => {
            // refuses new requests and answers those that have begun
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // the other side went away, or used another protocol: not a fault of ours
        tracing::debug!(%error, "a connection broke off");
    }
}

/// The service with the extensions of the connection added to its requests, and with a least pace for its callers.
fn answering<S, B>(
    service: S,
    from: Option<SocketAddr>,
    door: &Door,
    busy: Busy,
) -> impl Service<Request<Incoming>, Response = Response<Given<B>>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ use<S, B>
where
    S: Answers<B>,
    B: Answer,
{
    let (pace, held) = (door.pace_in(), door.bytes_of_connection(from));
    let told = service.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(|body| Arriving::new(body, pace));
        request.extensions_mut().extend(known(from, held.clone()));
        request
    });
    told.map_future(move |answer| {
        let under_way = busy.begin();
        async move { Ok(answer.await?.map(|body| Given::new(body, under_way))) }
    })
}

/// The extensions of a connection's requests: its address, and the bound on its bytes.
fn known(from: Option<SocketAddr>, held: Option<OfConnection>) -> http::Extensions {
    let mut known = http::Extensions::new();
    if let Some(from) = from {
        known.insert(ConnectInfo(from));
    }
    if let Some(held) = held {
        known.insert(held);
    }
    known
}

fn builder(door: &Door, parts: Parts) -> Builder<Parts> {
    let mut builder = Builder::new(parts);
    // before the first request a shorter time is allowed, see `Door::idle`
    builder.http1().timer(TokioTimer::new()).header_read_timeout(seconds(door.limits().idle_seconds));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(door.streams())
        .initial_stream_window_size(door.stream_window())
        .initial_connection_window_size(door.connection_window())
        .max_header_list_size(HEADERS)
        .max_send_buf_size(WAITING)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Runs the streams of a connection as parts of the process's tasks, until they end or are read too slowly.
#[derive(Clone)]
struct Parts {
    tasks: Tasks,
    pace: Pace,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Parts {
    fn execute(&self, part: F) {
        self.tasks.spawn_part(reader::watched(part, self.pace));
    }
}

/// Listens for the signals to end from now on. The future ends at the first of them.
pub(super) fn told_to_end() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
