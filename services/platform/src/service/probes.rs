//! Pages for operators and for what watches over processes.

use axum::{Router, routing::get};
use http::StatusCode;

use super::{Host, Readiness};
use crate::telemetry;

impl Host {
    /// Pages for operators: `/metrics`, `/livez`, `/readyz`.
    pub fn probes(&self) -> Router {
        probes(&self.readiness)
    }
}

pub(super) fn probes(readiness: &Readiness) -> Router {
    let readiness = readiness.clone();
    let ready =
        move || async move { if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE } };
    Router::new()
        .route("/metrics", get(async || telemetry::metrics_page()))
        .route("/livez", get(async || StatusCode::OK))
        .route("/readyz", get(ready))
}
