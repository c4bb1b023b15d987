//! The gRPC methods of one service.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use tonic::{body::Body, service::Routes};

use super::listen::Asked;
use crate::layer::Stack;

/// The methods of a service under all layers, and its health check under none, because its callers are not signed in and must be
/// answered under load.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) health: Routes,
    pub(super) stack: Stack,
}

impl tower::Service<Asked> for Entrance {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Asked) -> Self::Future {
        if request.uri().path().starts_with("/grpc.health.v1.Health/") {
            return Box::pin(self.health.call(request));
        }
        self.stack.call(request.map(Body::new))
    }
}
