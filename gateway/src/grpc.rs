//! gRPC and gRPC-Web: frames go through as they are, undecoded and unbuffered.
//!
//! How large a message may be is left to the services, which know what each method takes.

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE},
};
use prost_reflect::{DescriptorPool, ServiceDescriptor};
use proto::error::v1::Reason;
use tokio::sync::watch;
use tonic::{Code, Status, body::Body, service::Routes, transport::Channel};
use tonic_types::StatusExt;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, ServiceExt};

use crate::{
    Channels, Error,
    call::{TENANT, stamp_address, traced},
    health::Health,
    reason::{self, explained},
    rpc::service_name,
};

/// Everything that is called by gRPC.
pub(crate) type Grpc = GrpcWebService<Router>;

/// Headers that concern one connection and not the call. `te` is one too, and is set anew.
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

/// Every service of the descriptor through its channel; health and reflection from here.
pub(crate) fn service(pool: &DescriptorPool, channels: &Channels, ready: watch::Receiver<bool>) -> Result<Grpc, Error> {
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
        let channel = channels.get(name).ok_or_else(|| Error::Peer(name.to_owned()))?;
        let path = format!("/{}/{{method}}", service.full_name());
        let upstream = Upstream { channel: channel.clone(), service };
        router = router.route(&path, post(forward).with_state(upstream));
    }
    Ok(GrpcWebLayer::new().layer(router))
}

/// Whether a request is gRPC of either kind.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(http::header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|content_type| content_type.starts_with(b"application/grpc"))
}

/// Where the calls of one service go.
#[derive(Clone)]
struct Upstream {
    channel: Channel,
    service: ServiceDescriptor,
}

impl Upstream {
    /// The method of a path, if there is one: what a stranger writes names no span.
    fn method(&self, path: &str) -> String {
        let asked = path.rsplit('/').next().unwrap_or_default();
        let known = self.service.methods().any(|method| method.name() == asked);
        format!("{}/{}", self.service.full_name(), if known { asked } else { "_OTHER" })
    }
}

async fn forward(State(upstream): State<Upstream>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    cleanse(&mut head.headers);
    stamp_address(&mut head.headers, &head.extensions);
    let mut call = http::Request::new(Body::new(body));
    *call.method_mut() = head.method;
    *call.version_mut() = Version::HTTP_2;
    *call.uri_mut() = head.uri.path_and_query().cloned().map(Uri::from).unwrap_or_default();
    let method = upstream.method(head.uri.path());
    let send = async |headers| {
        *call.headers_mut() = headers;
        upstream.channel.oneshot(call).await
    };
    match traced(&method, head.headers, send, code).await {
        Ok(answer) => answer.map(axum::body::Body::new),
        Err(fault) => refused(explained(Status::from_error(Box::new(fault)))),
    }
}

/// What an answer's headers say. Where its end says it, it began well.
fn code<Fault>(answer: &Result<http::Response<Body>, Fault>) -> Code {
    let Ok(answer) = answer else { return Code::Unavailable };
    Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code())
}

/// Takes off what concerns the connection only, and every word of ours that a caller may not say.
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

/// A refusal of a call that goes no further, to a caller of either kind: it stands in the headers, and there is no body.
pub(crate) fn refuse(call: &HeaderMap, status: Status) -> Response {
    let mut answer = refused(status);
    answer.headers_mut().extend(call.get(CONTENT_TYPE).map(|kind| (CONTENT_TYPE, kind.clone())));
    answer
}

async fn unknown() -> Response {
    let known = reason::refuse(Reason::RouteUnknown, "No service has this name. Reflection lists all there are.");
    refused(Status::with_error_details(Code::Unimplemented, known.message(), known.get_error_details()))
}

fn refused(status: Status) -> Response {
    status.into_http::<axum::body::Body>().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_says_the_tenant_and_no_other_word_of_ours() {
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
