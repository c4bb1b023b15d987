//! gRPC and gRPC-Web: messages are passed on without decoding them.
//!
//! A unary call is read whole before it is sent on, and so is its answer: neither a caller that sends nothing nor one that reads
//! nothing holds a stream to the service. Files and watches are passed on as they arrive, over connections of their own.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use futures::stream;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Uri, Version,
    header::{
        ACCEPT_LANGUAGE, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING,
        UPGRADE,
    },
    request::Parts,
};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full, StreamBody};
use platform::{
    client::Lanes,
    config::LARGEST_MESSAGE,
    intake::{PREFIX, broken, gather},
    kept::Kept,
    language::{Speaker, ending},
};
use prost_reflect::{DescriptorPool, ServiceDescriptor};
use proto::error::v1::Reason;
use tokio::sync::{oneshot, watch};
use tonic::{Code, Status, body::Body, service::Routes};
use tonic_types::StatusExt;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, ServiceExt};

use crate::{
    Bounds, Channels, Error,
    call::{TENANT, stamp_address, traced},
    deadline::{Deadline, Moves},
    deprecated::Notice,
    health::Health,
    proxy::Origin,
    reason::{self, explained},
    rpc::service_name,
};

/// The service for all gRPC and gRPC-Web calls.
pub(crate) type Grpc = GrpcWebService<Router>;

/// Headers that belong to a connection and not to the call. `te` is one too, and is set anew.
static HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Passes the calls of every service in the descriptor on to its channel, and answers health and reflection itself. Error: a
/// service without a channel; a descriptor that cannot be reflected.
pub(crate) fn service(
    pool: &DescriptorPool,
    channels: &Channels,
    bounds: &Bounds,
    ready: watch::Receiver<bool>,
) -> Result<Grpc, Error> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let local = Routes::new(Health::server(ready))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    let mut router = local.into_axum_router().fallback(unknown);
    for service in pool.services() {
        let name = service_name(service.package_name());
        let lanes = channels.get(name).ok_or_else(|| Error::Peer(name.to_owned()))?.clone();
        let path = format!("/{}/{{method}}", service.full_name());
        let upstream = Upstream { lanes, methods: Arc::new(Methods::of(&service)?), bounds: bounds.clone() };
        router = router.route(&path, post(forward).with_state(upstream));
    }
    Ok(GrpcWebLayer::new().layer(router))
}

/// Whether a request is gRPC or gRPC-Web.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(http::header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|content_type| content_type.starts_with(b"application/grpc"))
}

/// The connections to one service, and what is known of it.
#[derive(Clone)]
struct Upstream {
    lanes: Lanes,
    methods: Arc<Methods>,
    bounds: Bounds,
}

/// The methods of a service by their names without the service.
struct Methods {
    known: HashMap<String, Method>,
    unknown: Method,
}

struct Method {
    name: String,
    streams: bool,
    notice: Option<Notice>,
}

impl Methods {
    fn of(service: &ServiceDescriptor) -> Result<Self, Error> {
        let name = |method: &str| format!("{}/{method}", service.full_name());
        let known = service.methods().map(|method| {
            let streams = method.is_client_streaming() || method.is_server_streaming();
            let notice = Notice::of(&method)?;
            Ok((method.name().to_owned(), Method { name: name(method.name()), streams, notice }))
        });
        // a name that a stranger writes must not become the name of a span
        let unknown = Method { name: name("_OTHER"), streams: false, notice: None };
        Ok(Self { known: known.collect::<Result<_, Error>>()?, unknown })
    }

    fn find(&self, path: &str) -> &Method {
        self.known.get(path.rsplit('/').next().unwrap_or_default()).unwrap_or(&self.unknown)
    }
}

async fn forward(State(upstream): State<Upstream>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    cleanse(&mut head.headers);
    stamp_address(&mut head.headers, &head.extensions);
    let method = upstream.methods.find(head.uri.path());
    let headers = std::mem::take(&mut head.headers);
    let accept = headers.get(ACCEPT_LANGUAGE).cloned();
    let answer = if method.streams {
        traced(&method.name, headers, |headers| upstream.stream(head, headers, body), code).await
    } else {
        traced(&method.name, headers, |headers| upstream.call(head, headers, body), code).await
    };
    let mut answer = answer.unwrap_or_else(|status| refused(explained(status), accept.as_ref()));
    if let Some(notice) = method.notice {
        notice.tell(answer.headers_mut());
    }
    answer
}

impl Upstream {
    /// Passes on a call with one message and one answer.
    async fn call(&self, head: Parts, headers: HeaderMap, body: axum::body::Body) -> Result<Response, Status> {
        let mut held = self.bounds.intake.held(address(&head.extensions), &head.extensions);
        let deadline = deadline(&head)?;
        let asked = async {
            let message = gather(body, LARGEST_MESSAGE + PREFIX, &mut held).await?;
            let call = call(&head, headers, Body::new(Full::new(message)));
            let answer = self.lanes.calls.clone().oneshot(call).await;
            let (head, mut body) = answer.map_err(|fault| Status::from_error(Box::new(fault)))?.into_parts();
            let mut frames = Vec::with_capacity(2);
            while let Some(frame) = body.frame().await.transpose()? {
                held.add(frame.data_ref().map_or(0, Bytes::len));
                frames.push(Ok::<_, Infallible>(frame));
            }
            Ok((head, frames))
        };
        let (head, frames) = deadline.answer(asked).await?;
        if frames.is_empty() {
            return Ok(Response::from_parts(head, axum::body::Body::empty()));
        }
        let body = Kept::new(StreamBody::new(stream::iter(frames)), held);
        Ok(Response::from_parts(head, axum::body::Body::new(body)))
    }

    /// Passes on a call with a stream of messages, or of answers, or both.
    async fn stream(&self, head: Parts, headers: HeaderMap, body: axum::body::Body) -> Result<Response, Status> {
        let place = self.bounds.streams.take(address(&head.extensions), 1).map_err(platform::Error::from)?;
        let ((fault, broke), moves, deadline) = (oneshot::channel(), Moves::new(), deadline(&head)?);
        let pieces = Pieces { body, moves: moves.clone(), fault: Some(fault) };
        let accept = headers.get(ACCEPT_LANGUAGE).cloned();
        let call = call(&head, headers, Body::new(pieces));
        let sent = async { self.lanes.bulk.clone().oneshot(call).await.map_err(Status::from_error) };
        let answer = tokio::select! {
            // a fault of the caller's body explains the error that the service then returns
            biased;
            Ok(fault) = broke => return Err(fault),
            answer = deadline.answer_while(&moves, sent) => answer?,
        };
        let answer = answer.map(|body| match deadline.end() {
            Some(end) => said(platform::deadline::until(body, end), accept.as_ref()),
            None => body,
        });
        Ok(answer.map(|body| axum::body::Body::new(Kept::new(body, place))))
    }
}

/// A body whose end is said in the language its caller names.
fn said(body: Body, accept: Option<&HeaderValue>) -> Body {
    match accept.and_then(Speaker::shared_in) {
        Some(speaker) => ending(body, speaker),
        None => body,
    }
}

fn call(head: &Parts, headers: HeaderMap, body: Body) -> http::Request<Body> {
    let mut call = http::Request::new(body);
    *call.method_mut() = head.method.clone();
    *call.version_mut() = Version::HTTP_2;
    *call.uri_mut() = head.uri.path_and_query().cloned().map(Uri::from).unwrap_or_default();
    *call.headers_mut() = headers;
    call
}

fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Origin>().map(|origin| origin.0)
}

fn deadline(head: &Parts) -> Result<Deadline, Status> {
    let noted = head.extensions.get::<Deadline>().copied();
    noted.ok_or_else(|| Status::internal("a request came in without a deadline"))
}

/// The body of a call that streams, on its way to the service.
struct Pieces {
    body: axum::body::Body,
    moves: Moves,
    /// Sends the fault of the body to the task that waits for the answer. None, once it was sent.
    fault: Option<oneshot::Sender<Status>>,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.moves.on();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|fault| {
                // fails only where the caller is gone and nobody waits
                let _ = self.fault.take().map(|waiting| waiting.send(broken(&fault)));
                Status::internal("the upload broke off")
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The code in an answer's headers. Where the code comes at the end of the answer, this is OK.
fn code(answer: &Result<Response, Status>) -> Code {
    match answer {
        Ok(answer) => Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code()),
        Err(status) => status.code(),
    }
}

/// Removes the headers of the connection, and every `koine-` header that callers may not send.
fn cleanse(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    let forged: Vec<_> =
        headers.keys().filter(|name| name.as_str().starts_with("koine-") && **name != TENANT).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
    headers.insert(TE, HeaderValue::from_static("trailers"));
}

/// The answer to a refused gRPC or gRPC-Web call: the status is in the headers, and there is no body.
pub(crate) fn refuse(call: &HeaderMap, status: Status) -> Response {
    let mut answer = refused(status, call.get(ACCEPT_LANGUAGE));
    if let Some(kind) = call.get(CONTENT_TYPE) {
        answer.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    answer
}

async fn unknown(headers: HeaderMap) -> Response {
    let known = reason::refuse(Reason::RouteUnknown, "No service has this name. Reflection lists all there are.");
    let status = Status::with_error_details(Code::Unimplemented, known.message(), known.get_error_details());
    refused(status, headers.get(ACCEPT_LANGUAGE))
}

/// A status as an answer, with what is said of it in the language its caller names.
fn refused(status: Status, accept: Option<&HeaderValue>) -> Response {
    let status = match accept.and_then(Speaker::shared_in) {
        Some(speaker) => speaker.status(status),
        None => status,
    };
    status.into_http::<axum::body::Body>().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_our_own_headers_a_caller_can_send_only_the_tenant() {
        let mut headers = HeaderMap::new();
        for name in ["koine-tenant", "koine-address", "koine-service", "connection", "authorization", "grpc-timeout"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        cleanse(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "grpc-timeout", "koine-tenant", "te"]);
    }
}
