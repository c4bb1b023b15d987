//! The gateway: one port that serves every RPC of the descriptor as JSON over HTTP, as gRPC and as gRPC-Web. It names no service; a
//! new RPC is served as soon as it is in the `.proto`.
//!
//! The path of a request:
//!
//! 1. `cors` lets the pages of known origins in. `pages` answers what is for people: `/`, `/problems`, `/livez`; `doorway` leads to
//!    the pages of the crate `portal`, under the same bounds as calls.
//! 2. `headers` refuses what is too large for any protocol, `deadline` reads how long the caller waits. A content type
//!    `application/grpc…` goes to `grpc`, which passes messages on undecoded. All else is JSON:
//! 3. `table` finds the route: `path` cuts the path, `trie` walks it, the first segment is the tenant.
//! 4. `call` picks the headers that concern a service and stamps tenant and address; behind a proxy `proxy` finds the address.
//! 5. `body` reads JSON within limits, `transcode` makes the message, `bind` sets what path and query say, `mask` says
//!    what a PATCH changes. What does not fit is explained by `diagnose`, all of it at once.
//! 6. `call` sends it through `codec`, and the answer becomes JSON (`transcode`), events (`events`) or a file
//!    (`download`). A file on its way in is a stream of pieces (`upload`).
//! 7. Whatever goes wrong is a gRPC status with a `reason`, here as in a service, and leaves as a `problem`, in the language the
//!    caller names.
//!
//! What the descriptor says of a method is read once, by `rpc`; `openapi` tells it to programs and people, and `deprecated` to callers of
//! what will be taken away.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that meets the unexpected has failed"))]

mod bind;
mod body;
mod call;
mod codec;
mod comments;
mod cors;
mod deadline;
mod deprecated;
mod diagnose;
mod doorway;
mod download;
mod events;
mod field;
mod grpc;
mod headers;
mod health;
mod json;
mod mask;
mod openapi;
mod pages;
mod path;
mod problem;
mod proxy;
mod reason;
mod rpc;
mod service;
mod settings;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod transcode;
mod trie;
mod upload;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::header::ACCEPT_LANGUAGE;
use platform::{
    client::Lanes,
    intake::Intake,
    kept::Kept,
    shares::{Share, Shares},
};
use prost_reflect::DescriptorPool;
pub use proxy::Network;
pub use service::service;
pub use settings::Settings;
use tokio::sync::watch;
use tonic::Status;
use tower::ServiceExt;

use crate::{deadline::Deadline, grpc::Grpc, problem::Problem, table::Table};

/// The connections to each service, by its name: `identity` for `koine.identity.v1`.
pub type Channels = BTreeMap<String, Lanes>;

/// A reason why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The descriptor requires something that the gateway does not support.
    #[error("{method} cannot be served over HTTP: {fault}")]
    Rule {
        /// The method, or the option, by its full name.
        method: String,
        /// What is not supported.
        fault: String,
    },
    /// The descriptor has a service for which there is no channel.
    #[error("there is no channel to the service `{0}`; name its address among the peers")]
    Peer(String),
    /// A configured origin is invalid.
    #[error("gateway.cors_origins: `{0}` is not an origin such as `https://app.example.org`")]
    Origin(String),
    /// The embedded descriptor cannot be reflected.
    #[error("the descriptor cannot be reflected: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

struct Edge {
    settings: Settings,
    table: Table,
    grpc: Grpc,
    bounds: Bounds,
}

/// The bounds on what callers may have open.
#[derive(Clone, Debug)]
struct Bounds {
    /// Running requests.
    requests: Shares,
    /// Bytes of bodies in memory.
    intake: Intake,
    /// Files and watches.
    streams: Shares,
}

/// Makes the router of the gateway's port. `ready` is false while the process ends; `/readyz` and `grpc.health.v1` report it.
///
/// The caller's address is read from axum's `ConnectInfo<SocketAddr>`, which the listening process must provide. Error: a reason
/// why the gateway cannot start.
pub fn router(
    settings: Settings,
    channels: &Channels,
    intake: Intake,
    ready: watch::Receiver<bool>,
) -> Result<Router, Error> {
    routes(&proto::descriptor(), settings, channels, intake, ready)
}

/// The router for this descriptor.
fn routes(
    pool: &DescriptorPool,
    settings: Settings,
    channels: &Channels,
    intake: Intake,
    ready: watch::Receiver<bool>,
) -> Result<Router, Error> {
    let rpcs = rpc::all(pool)?;
    let cors = cors::layer(&settings.cors_origins)?;
    let pages = pages::router(openapi::document(pool, &rpcs)?, ready.clone());
    let bounds = Bounds {
        requests: Shares::new(settings.requests, settings.requests_per_address),
        intake,
        streams: Shares::new(usize::MAX, settings.streams_per_address),
    };
    let grpc = grpc::service(pool, channels, &bounds, ready)?;
    let edge = Arc::new(Edge { table: Table::new(&rpcs, channels)?, grpc, settings, bounds });
    let router = pages.fallback_service(axum::routing::any(serve).with_state(edge.clone()));
    let router = match cors {
        Some(cors) => router.layer(cors),
        None => router,
    };
    // what other origins may call is the API, and no page
    Ok(router.merge(doorway::router(&edge, channels)))
}

async fn serve(State(edge): State<Arc<Edge>>, mut request: Request) -> Response {
    let by_grpc = grpc::is_grpc(request.headers());
    let accept = request.headers().get(ACCEPT_LANGUAGE).cloned();
    let place = match edge.admit(&mut request) {
        Ok(place) => place,
        Err(status) if by_grpc => return grpc::refuse(request.headers(), status),
        Err(status) => return Problem::from(status).said_in(accept.as_ref()).into_response(),
    };
    let answer = if by_grpc {
        let answer = edge.grpc.clone().oneshot(request).await;
        answer.map_or_else(|never| match never {}, |answer| answer.map(axum::body::Body::new))
    } else {
        let answer = transcode::answer(&edge, request).await;
        answer.unwrap_or_else(|problem| problem.said_in(accept.as_ref()).into_response())
    };
    answer.map(|body| axum::body::Body::new(Kept::new(body, place)))
}

impl Edge {
    /// Adds the address of its origin and its deadline to a request, and takes a place for it. Error: `HEADERS_TOO_LARGE`,
    /// `FIELDS_INVALID`, `TOO_MUCH_AT_ONCE`, `OVERLOADED`.
    fn admit(&self, request: &mut Request) -> Result<Share, Status> {
        headers::check(request.headers())?;
        let deadline = Deadline::read(request.headers(), &self.settings)?;
        let origin = proxy::origin(request, &self.settings.trusted_proxies);
        request.extensions_mut().insert(deadline);
        if let Some(origin) = origin {
            request.extensions_mut().insert(origin);
        }
        let place = self.bounds.requests.take(origin.map(|origin| origin.0), 1);
        Ok(place.map_err(platform::Error::from)?)
    }
}
