//! Calls to services: the metadata of a request's call, and the three kinds of calls.

use futures::Stream;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Uri, Version,
    header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, TE},
    request::Parts,
};
use platform::telemetry::{
    self,
    call::{Side, begin, end},
};
use prost_reflect::DynamicMessage;
use proto::error::v1::Reason;
use tonic::{
    Code, Request, Response, Status, Streaming,
    body::Body,
    client::{Grpc, GrpcService},
    codec::EncodeBody,
    metadata::MetadataMap,
};
use tower::{BoxError, ServiceExt};
use tracing::Instrument;

use crate::{
    codec::{AsJson, Dynamic, Encoding},
    proxy::Origin,
    reason::refuse,
    table::Route,
};

/// The tenant of a call, in its metadata.
pub(crate) const TENANT: HeaderName = HeaderName::from_static("koine-tenant");
/// The address of the caller. Only the gateway knows it, so a caller's own header is replaced.
pub(crate) const ADDRESS: HeaderName = HeaderName::from_static("koine-address");

/// The headers of a JSON request that are passed on to the service. All others are dropped.
static FORWARDED: [HeaderName; 5] = [
    AUTHORIZATION,
    ACCEPT_LANGUAGE,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("grpc-timeout"),
];

/// The metadata of the call for a JSON request. Error: `TENANT_UNKNOWN`, where a header names another tenant than the path.
pub(crate) fn metadata(request: &Parts, tenant: Option<&str>) -> Result<HeaderMap, Status> {
    let said_otherwise = |said: &HeaderValue| Some(said.as_bytes()) != tenant.map(str::as_bytes);
    if request.headers.get_all(TENANT).iter().any(said_otherwise) {
        let message =
            "The header `koine-tenant` does not name the tenant of the path. Leave it out: the path is enough.";
        return Err(refuse(Reason::TenantUnknown, message));
    }
    let mut metadata = HeaderMap::with_capacity(8);
    for name in &FORWARDED {
        metadata.extend(request.headers.get(name).map(|value| (name.clone(), value.clone())));
    }
    metadata.extend(tenant.and_then(|tenant| Some((TENANT, HeaderValue::from_str(tenant).ok()?))));
    stamp_address(&mut metadata, &request.extensions);
    Ok(metadata)
}

/// Sets the caller's address, and removes one that the caller has sent.
pub(crate) fn stamp_address(metadata: &mut HeaderMap, extensions: &Extensions) {
    metadata.remove(ADDRESS);
    let address = extensions.get::<Origin>().map(|origin| origin.0.to_string());
    metadata.extend(address.and_then(|address| Some((ADDRESS, HeaderValue::try_from(address).ok()?))));
}

/// Makes a call with a span in the trace that its headers name; the service continues the trace.
pub(crate) async fn traced<T, Answer>(
    method: &str,
    mut headers: HeaderMap,
    call: impl FnOnce(HeaderMap) -> Answer,
    code: impl FnOnce(&T) -> Code,
) -> T
where
    Answer: Future<Output = T>,
{
    let span = begin(Side::Client, method, &headers);
    span.in_scope(|| telemetry::inject(&mut headers));
    let answer = call(headers).instrument(span.clone()).await;
    end(&span, code(&answer));
    answer
}

fn code<T>(answer: &Result<T, Status>) -> Code {
    answer.as_ref().map_or_else(Status::code, |_| Code::Ok)
}

/// Sends one message and returns the answer as JSON.
pub(crate) async fn unary(route: &Route, metadata: HeaderMap, message: DynamicMessage) -> Result<Vec<u8>, Status> {
    let call = async |metadata| {
        let mut client = ready(route.lanes.calls.clone()).await?;
        let answer = client.unary(request(metadata, message), route.grpc.clone(), AsJson(route.output.clone())).await?;
        Ok(answer.into_inner())
    };
    traced(route.method(), metadata, call, code).await
}

/// Sends one message and returns a stream. On the wire, a method with a single answer looks alike.
pub(crate) async fn stream(
    route: &Route,
    metadata: HeaderMap,
    message: DynamicMessage,
) -> Result<Response<Streaming<DynamicMessage>>, Status> {
    let call = async |metadata| {
        let mut client = ready(route.lanes.bulk.clone()).await?;
        client.server_streaming(request(metadata, message), route.grpc.clone(), Dynamic(route.output.clone())).await
    };
    traced(route.method(), metadata, call, code).await
}

async fn ready<Way>(way: Way) -> Result<Grpc<Way>, Status>
where
    Way: GrpcService<Body, Error: Into<BoxError>>,
{
    // the service decides how large an answer may be, for gRPC callers too
    let mut client = Grpc::new(way).max_decoding_message_size(usize::MAX);
    client.ready().await.map_err(|fault| Status::from_error(fault.into()))?;
    Ok(client)
}

fn request(metadata: HeaderMap, message: DynamicMessage) -> Request<DynamicMessage> {
    Request::from_parts(MetadataMap::from_headers(metadata), Extensions::new(), message)
}

/// Sends a stream of pieces and returns one message, as JSON.
///
/// It does not use [`Grpc`], whose request streams cannot fail: where an upload breaks off, the service must see an error and not
/// the end of the stream.
pub(crate) async fn upload<S>(route: &Route, metadata: HeaderMap, pieces: S) -> Result<Vec<u8>, Status>
where
    S: Stream<Item = Result<DynamicMessage, Status>> + Send + 'static,
{
    traced(route.method(), metadata, |metadata| send(route, metadata, pieces), code).await
}

async fn send<S>(route: &Route, metadata: HeaderMap, pieces: S) -> Result<Vec<u8>, Status>
where
    S: Stream<Item = Result<DynamicMessage, Status>> + Send + 'static,
{
    let mut request = http::Request::new(Body::new(EncodeBody::new_client(Encoding, pieces, None, None)));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = Uri::from(route.grpc.clone());
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = metadata;
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let answer = route.lanes.bulk.clone().oneshot(request).await.map_err(Status::from_error)?;
    if let Some(refused) = Status::from_header_map(answer.headers()) {
        return Err(refused);
    }
    let (head, body) = answer.into_parts();
    let mut messages = Streaming::new_response(AsJson(route.output.clone()), body, head.status, None, Some(usize::MAX));
    let message = messages.message().await?;
    // an error may still follow the message
    messages.trailers().await?;
    message.ok_or_else(|| Status::internal("the service ended without an answer"))
}
