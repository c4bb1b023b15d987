//! Where calls come in: over TCP, plain or with certificates, or over a pipe in memory. HTTP/1.1 and HTTP/2 on one port.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use axum::extract::ConnectInfo;
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

use crate::{Error, Result, Tasks, tls::Tls};

/// How many streams one connection may have open: between services one connection carries everything.
const STREAMS: u32 = 10_000;

/// How large the headers of one request may be, in bytes. The gateway takes far less and says so with a reason; beyond this the
/// library answers 431 by itself, and a service must take what the gateway passes on with some words of its own.
const HEADERS: u32 = 128 * 1024;

/// Answers a request.
pub(super) trait Answers<B>:
    Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}
impl<B, S> Answers<B> for S where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Listens on an address. Without certificates only this machine is let in, unless `open` says that somebody else cares for them.
pub(super) async fn tcp<S, B>(
    address: SocketAddr,
    tls: Option<Tls>,
    open: bool,
    service: S,
    tasks: &Tasks,
) -> Result<SocketAddr>
where
    S: Answers<B>,
    B: Body<Data: Send, Error: Into<tower::BoxError>> + Send + 'static,
{
    if tls.is_none() && !open && !address.ip().is_loopback() {
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
                Ok((stream, from)) => greet(stream, from, tls.clone(), service.clone(), &all),
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

/// Serves the pipes that peers of the same process open.
pub(super) fn memory<S, B>(mut pipes: mpsc::Receiver<DuplexStream>, service: S, tasks: &Tasks)
where
    S: Answers<B>,
    B: Body<Data: Send, Error: Into<tower::BoxError>> + Send + 'static,
{
    let (stop, all) = (tasks.token(), tasks.clone());
    tasks.spawn("pipes", async move {
        while let Some(Some(pipe)) = stop.run_until_cancelled(pipes.recv()).await {
            all.spawn("pipe", converse(pipe, service.clone(), all.clone()));
        }
    });
}

fn greet<S, B>(stream: TcpStream, from: SocketAddr, tls: Option<Tls>, service: S, tasks: &Tasks)
where
    S: Answers<B>,
    B: Body<Data: Send, Error: Into<tower::BoxError>> + Send + 'static,
{
    let all = tasks.clone();
    tasks.spawn("connection", async move {
        // small answers must not wait for more of them
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone at once");
            return;
        }
        let service = service.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(from));
            request
        });
        let Some(tls) = tls else { return converse(stream, service, all).await };
        match all.token().run_until_cancelled(tls.accept(stream)).await {
            Some(Ok(stream)) => converse(stream, service, all).await,
            Some(Err(error)) => tracing::warn!(%error, "a connection without a certificate of ours"),
            None => {}
        }
    });
}

/// Answers everything one connection asks, until it closes or the process ends.
async fn converse<S, B>(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, service: S, tasks: Tasks)
where
    S: Answers<B>,
    B: Body<Data: Send, Error: Into<tower::BoxError>> + Send + 'static,
{
    let stop = tasks.token();
    let mut builder = Builder::new(Parts(tasks));
    builder.http1().timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    let mut connection =
        std::pin::pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            // takes no new request and answers those it has
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // the other side went away, or spoke something else: nothing of ours
        tracing::debug!(%error, "a connection broke off");
    }
}

/// The streams of a connection run as parts of the process's tasks.
#[derive(Clone)]
struct Parts(Tasks);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Parts {
    fn execute(&self, part: F) {
        self.0.spawn_part(part);
    }
}

/// Listens to the system from here on, and ends when it asks the process to end, or has asked since.
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
