//! Channels to other services: over TCP, with certificates on both sides, or over a pipe in memory where they run in the same
//! process. Calls behave alike over both, and the generated clients are the same.

use std::{collections::BTreeMap, io, net::IpAddr, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header::AUTHORIZATION};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use proto::Declared;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::TcpStream,
    sync::mpsc,
};
use tonic::{
    Code, Request, Status,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;
use tower::service_fn;

use crate::{
    Clock, Ctx, Error, Result, deadline,
    error::{Reason, Shared},
    telemetry,
    tls::Tls,
};

mod bulk;

pub(crate) use bulk::STREAM_WINDOW;
pub use bulk::{Bulk, Lanes};

/// The number of bytes that a pipe in memory holds.
const PIPE: usize = 256 * 1024;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The services this process can call, by name. Cheap to clone.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    clock: Clock,
    lanes: BTreeMap<String, Lanes>,
}

/// A channel that calls for a caller: it sends the token, the tenant, the trace and the remaining time of the caller's call.
pub type Peer = InterceptedService<Channel, Forward>;

impl Peers {
    /// A channel to a service. It connects at its first use and reconnects when needed. Error: internal, where the settings do not
    /// name the service.
    pub fn channel(&self, name: &str) -> Result<Channel> {
        Ok(self.lanes(name)?.calls)
    }

    /// The two kinds of connections to a service, for callers that forward calls. Error: as [`Peers::channel`].
    pub fn lanes(&self, name: &str) -> Result<Lanes> {
        self.0.lanes.get(name).cloned().ok_or_else(|| Error::internal(format!("peers.{name}: is missing")))
    }

    /// A channel to a service that calls for the caller of `ctx`. Error: as [`Peers::channel`].
    pub fn call(&self, name: &str, ctx: &Ctx) -> Result<Peer> {
        Ok(InterceptedService::new(self.channel(name)?, Forward::new(ctx, self.0.clock.clone())?))
    }

    /// Whether this process has the service or its address.
    pub fn knows(&self, name: &str) -> bool {
        self.0.lanes.contains_key(name)
    }
}

/// Collects the peers of a process before it starts.
pub(crate) struct Gathering {
    clock: Clock,
    lanes: BTreeMap<String, Lanes>,
}

impl Gathering {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, lanes: BTreeMap::new() }
    }

    /// Adds a service of this process. The receiver gives the service's ends of the pipes.
    pub(crate) fn here(&mut self, name: &str) -> mpsc::Receiver<DuplexStream> {
        let (ends, pipes) = mpsc::channel(16);
        let connector = service_fn(move |_: Uri| {
            let ends = ends.clone();
            async move {
                let (ours, theirs) = tokio::io::duplex(PIPE);
                ends.send(theirs).await.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
                Ok::<_, io::Error>(TokioIo::new(ours))
            }
        });
        let endpoint = Endpoint::from_static("http://in.memory");
        self.lanes.insert(
            name.to_owned(),
            Lanes::new(&endpoint, |endpoint| endpoint.connect_with_connector_lazy(connector.clone())),
        );
        pipes
    }

    /// Adds a service of another process. Error: internal, with the key, where the URL is invalid or would send tokens unencrypted
    /// to another machine.
    pub(crate) fn there(&mut self, name: &str, url: &str, tls: Option<&Tls>) -> Result<()> {
        let fault = |text: &str| Error::internal(format!("peers.{name}: {text}"));
        let uri: Uri = url.parse().map_err(|_| fault("is not a URL"))?;
        let host = uri.host().ok_or_else(|| fault("names no host"))?.trim_matches(['[', ']']).to_owned();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(fault("begins with `https://`, or with `http://` on this machine")),
        };
        let tls = match (secure, tls) {
            (true, Some(tls)) => Some(tls.clone()),
            (true, None) => return Err(fault("is `https://`, which needs the section [tls]")),
            (false, _) if is_here(&host) => None,
            (false, _) => {
                return Err(fault("is `http://` to another machine, where tokens could be read; use `https://`"));
            }
        };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        // the connector below makes the connection secure; tonic must not try to do so itself
        let endpoint =
            Endpoint::from_shared(format!("http://{}", uri.authority().map_or("", |authority| authority.as_str())));
        let endpoint = endpoint
            .map_err(|_| fault("is not a URL"))?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true);
        let connector = service_fn(move |_: Uri| connect(host.clone(), port, tls.clone()));
        self.lanes.insert(
            name.to_owned(),
            Lanes::new(&endpoint, |endpoint| endpoint.connect_with_connector_lazy(connector.clone())),
        );
        Ok(())
    }

    pub(crate) fn peers(self) -> Peers {
        Peers(Arc::new(Inner { clock: self.clock, lanes: self.lanes }))
    }
}

/// Whether a host is this machine, so that no network carries the bytes.
pub(crate) fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A TCP connection with or without TLS.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

async fn connect(host: String, port: u16, tls: Option<Tls>) -> io::Result<TokioIo<Box<dyn Connection>>> {
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    let stream: Box<dyn Connection> = match tls {
        Some(tls) => Box::new(tls.connect(host, stream).await?),
        None => Box::new(stream),
    };
    Ok(TokioIo::new(stream))
}

/// Adds the headers of the caller's call to a call to another service.
#[derive(Clone)]
pub struct Forward {
    headers: HeaderMap,
    deadline: Option<Timestamp>,
    clock: Clock,
}

impl Forward {
    fn new(ctx: &Ctx, clock: Clock) -> Result<Self> {
        let mut headers = HeaderMap::new();
        let tenant = HeaderValue::from_str(ctx.tenant().id().as_str()).map_err(Error::internal)?;
        headers.insert(HeaderName::from_static("koine-tenant"), tenant);
        if let Some(token) = &ctx.call().token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(Error::internal)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { headers, deadline: ctx.deadline(), clock })
    }
}

impl Interceptor for Forward {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let headers: &mut HeaderMap = request.metadata_mut().as_mut();
        headers.extend(self.headers.clone());
        telemetry::inject(headers);
        if let Some(end) = self.deadline {
            let left = end.duration_since(self.clock.now());
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => deadline::write(headers, left),
                _ => return Err(deadline::passed().into()),
            }
        }
        Ok(request)
    }
}

/// Converts another service's refusal to an error for our own caller. A shared reason for not found, not signed in, not allowed or
/// too many calls is passed on. A service that was late or could not be reached is unreachable. Any other refusal means that our
/// call was wrong, and is internal.
pub fn peer_error(status: Status) -> Error {
    let details = status.get_error_details();
    let info = details.error_info();
    let reason = info.filter(|info| info.domain == Shared::DOMAIN).and_then(|info| {
        let reason = Shared::from_str_name(&format!("REASON_{}", info.reason))?;
        Some((reason, info.metadata.get("kind")))
    });
    // a message is for the caller and may repeat the caller's input; without a reason it is the transport's and may be logged
    let source = match info {
        Some(info) => format!("peer: {:?}: {}/{}", status.code(), info.domain, info.reason),
        None => format!("peer: {:?}: {}", status.code(), status.message()),
    };
    match (status.code(), reason) {
        (Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled, _) => Error::unreachable(source),
        // our services always give a reason, so a status without one is a broken connection
        (Code::Unknown, None) => Error::unreachable(source),
        (
            Code::NotFound | Code::Unauthenticated | Code::PermissionDenied | Code::ResourceExhausted,
            Some((reason, kind)),
        ) => {
            let error = reason.error(status.message());
            let error = match kind {
                Some(kind) => error.with("kind", kind),
                None => error,
            };
            let wait = details.retry_info().and_then(|info| info.retry_delay);
            if let Some(wait) = wait { error.retry_after(wait) } else { error }
        }
        _ => Error::internal(source),
    }
}
